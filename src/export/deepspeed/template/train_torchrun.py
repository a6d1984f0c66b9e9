"""Trains the model with plain PyTorch: every process has all of it (DistributedDataParallel).

    torchrun --nproc_per_node GPUS train_torchrun.py

The same command continues after an interruption. GPUs use NCCL, CPUs gloo.
"""

import argparse
import os
from contextlib import nullcontext
from pathlib import Path

import torch
import torch.distributed as dist
from common import HERE, SETTINGS, Metrics, count_labels, due, groups, learning_rate, load_model, losses, steps, validate
from torch.nn.parallel import DistributedDataParallel
from transformers import AutoTokenizer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE / "out", help="directory of the trained model")
    args = parser.parse_args()
    cuda = torch.cuda.is_available()
    dist.init_process_group("nccl" if cuda else "gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)

    model = load_model().to(device)
    parallel = DistributedDataParallel(model, device_ids=[device.index] if cuda else None)
    s = SETTINGS
    optimizer = torch.optim.AdamW(groups(model), lr=1.0, betas=s["betas"], eps=s["eps"])
    saved, after = args.out / "checkpoint.pt", 0
    if saved.exists():
        state = torch.load(saved, map_location=device, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        after = state["step"]
    if rank == 0:
        args.out.mkdir(parents=True, exist_ok=True)
    metrics = Metrics(args.out, after) if rank == 0 else None
    bf16 = torch.autocast(device.type, torch.bfloat16, enabled=s["dtype"] == "bf16")

    for step, micro_batches in steps(after, rank, world):
        counted = count_labels(micro_batches, device)
        total = torch.zeros((), dtype=torch.float64, device=device)
        for i, batch in enumerate(micro_batches):
            last = i == len(micro_batches) - 1
            with nullcontext() if last else parallel.no_sync():
                with bf16:
                    nats, learned = losses(parallel, model.config, batch, device)
                # Gradients are averaged over the processes, and the loss is a mean over all labels.
                (learned * (world / max(counted, 1))).backward()
            total += nats
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), s["clip"] or float("inf"))
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step)
        if counted:  # padding and prompts alone teach nothing
            optimizer.step()
        optimizer.zero_grad()
        dist.all_reduce(total)
        val_loss = None
        if due(s["eval_every"], step):
            with bf16:
                val_loss = validate(model, model.config, device, rank, world, step == s["steps"])
        if rank == 0:
            metrics.append(step, (total / max(counted, 1)).item(), norm.item(), val_loss)
            if due(s["checkpoint_every"], step):
                state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
                torch.save(state, saved.with_suffix(".tmp"))
                saved.with_suffix(".tmp").rename(saved)
    if rank == 0:
        model.save_pretrained(args.out)
        AutoTokenizer.from_pretrained(HERE / "model").save_pretrained(args.out)
        print(f"{args.out} holds the model")
    dist.barrier()  # none leaves while another still works
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
