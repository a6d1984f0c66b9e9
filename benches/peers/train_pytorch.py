"""The model of benches/train.rs in PyTorch: tokens a second and peak memory, eager, f32.

    python benches/peers/train_pytorch.py [STEPS] [--threads N]

Needs torch and transformers. SDPA attention, fused AdamW, gradient clipping at 1.
"""

import argparse
import resource
import statistics
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM

VOCAB, SEQ, BATCH = 8192, 256, 8


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("steps", type=int, nargs="?", default=10)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=VOCAB, hidden_size=384, intermediate_size=1024, num_hidden_layers=8,
        num_attention_heads=6, num_key_value_heads=2, tie_word_embeddings=True,
        attn_implementation="sdpa", use_cache=False,
    )
    model = LlamaForCausalLM(config)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True
    )
    count = sum(p.numel() for p in model.parameters())
    print(f"llama-15m, {count / 1e6:.1f} M parameters, {BATCH} x {SEQ} tokens a step, "
          f"{args.threads} threads, torch {torch.__version__}")
    seconds = []
    cpu = time.process_time()
    for step in range(args.steps + 2):
        ids = torch.randint(VOCAB, (BATCH, SEQ))
        begin = time.perf_counter()
        optimizer.zero_grad(set_to_none=False)
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        seconds.append(time.perf_counter() - begin)
        print(f"step {step + 1}: loss {loss.item():.4f}, {seconds[-1]:.2f} s")
    cpu = (time.process_time() - cpu) / (args.steps + 2)
    median = statistics.median(seconds[2:])
    print(f"{BATCH * SEQ / median:.0f} tokens/s (median step {median:.2f} s)")
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6:.0f} MB peak memory")
    print(f"{cpu:.2f} CPU seconds a step")


if __name__ == "__main__":
    main()
