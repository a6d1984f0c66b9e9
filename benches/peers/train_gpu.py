"""The models of benches/gpu.rs by torch.compile on one GPU: bf16 autocast over f32 weights, SDPA, fused AdamW.

    python benches/peers/train_gpu.py SIZES SEQUENCES TOKENS STEPS

SIZES is the JSON of a LlamaConfig's sizes. Needs torch with CUDA, and transformers. Prints one JSON line.
"""

import json
import statistics
import sys
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM


def main(sizes, sequences, tokens, steps):
    torch.manual_seed(1)
    torch.set_float32_matmul_precision("high")
    model = LlamaForCausalLM(LlamaConfig(**sizes, attn_implementation="sdpa")).cuda()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True
    )

    def loss_of(ids, targets):
        logits = model(input_ids=ids, use_cache=False).logits
        return torch.nn.functional.cross_entropy(logits.float().view(-1, logits.shape[-1]), targets.view(-1))

    compiled = torch.compile(loss_of)
    seconds = []
    for _ in range(steps + 3):
        ids = torch.randint(sizes["vocab_size"], (sequences, tokens + 1), device="cuda")
        torch.cuda.synchronize()
        begin = time.perf_counter()
        with torch.autocast("cuda", dtype=torch.bfloat16):
            loss = compiled(ids[:, :-1].contiguous(), ids[:, 1:].contiguous())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        last = loss.item()
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - begin)
    print(json.dumps({
        "tool": f"torch.compile {torch.__version__}",
        "tokens_per_second": sequences * tokens / statistics.median(seconds[3:]),
        "memory_gb": torch.cuda.max_memory_reserved() / 1e9,
        "loss": last,
    }))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), *map(int, sys.argv[2:5]))
