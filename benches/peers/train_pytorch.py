"""The models of benches/train.rs in PyTorch: tokens a second and peak memory, eager, f32.

    python benches/peers/train_pytorch.py SIZES STEPS THREADS

SIZES is the JSON of a LlamaConfig's sizes. Needs torch and transformers. SDPA attention, fused AdamW,
gradient clipping at 1; then the loss alone, and greedy generation with a cache, for one prompt and for 8. Prints one JSON line.
"""

import json
import resource
import statistics
import sys
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM

SEQ, BATCH, PROMPT, GENERATED = 256, 8, 64, 128


def median(steps, step):
    seconds = []
    for _ in range(steps + 2):
        begin = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds[2:])


def main(sizes, steps, threads):
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    config = LlamaConfig(**sizes, attn_implementation="sdpa")
    model = LlamaForCausalLM(config)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True
    )

    def batch():
        return torch.randint(config.vocab_size, (BATCH, SEQ))

    def train():
        ids = batch()
        optimizer.zero_grad(set_to_none=False)
        loss = model(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss.item()

    cpu = time.process_time()
    train_seconds = median(steps, train)
    cpu = (time.process_time() - cpu) / (steps + 2)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    model.eval()
    with torch.inference_mode():

        def loss():
            ids = batch()
            model(input_ids=ids, labels=ids, use_cache=False).loss.item()

        loss_seconds = median(steps, loss)

        def generated(prompts):
            prompt = torch.randint(config.vocab_size, (prompts, PROMPT))

            def generate():
                model.generate(
                    prompt, attention_mask=torch.ones_like(prompt), do_sample=False, pad_token_id=0,
                    eos_token_id=None, min_new_tokens=GENERATED, max_new_tokens=GENERATED,
                )

            return prompts * GENERATED / median(3, generate)

        generate, generate_many = generated(1), generated(BATCH)
    print(json.dumps({
        "tool": f"torch {torch.__version__}",
        "threads": threads,
        "train": BATCH * SEQ / train_seconds,
        "cpu_seconds": cpu,
        "peak_mb": peak / 1e6,
        "loss": BATCH * SEQ / loss_seconds,
        "generate": generate,
        "generate_many": generate_many,
    }))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
