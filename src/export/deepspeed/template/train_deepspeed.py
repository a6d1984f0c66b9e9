"""Trains the model with DeepSpeed as ds_config.json says: ZeRO divides what every process holds.

    deepspeed --num_gpus GPUS train_deepspeed.py
    torchrun --nproc_per_node GPUS train_deepspeed.py        # the same

The same command continues after an interruption. On CPUs (DS_ACCELERATOR=cpu) it uses gloo.
"""

import argparse
import json
import os
from pathlib import Path

import deepspeed
import torch
import torch.distributed as dist
from common import HERE, SETTINGS, Metrics, accumulation, count_labels, due, groups, learning_rate, load_model, losses, steps, validate
from transformers import AutoTokenizer
from transformers.integrations import HfDeepSpeedConfig


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE / "out", help="directory of the trained model")
    parser.add_argument("--config", type=Path, default=HERE / "ds_config.json", help="DeepSpeed's configuration")
    parser.add_argument("--local_rank", type=int, help="the launcher sets it")
    args = parser.parse_args()
    cuda = torch.cuda.is_available()
    deepspeed.init_distributed("nccl" if cuda else "gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)

    config = json.loads(args.config.read_text())
    config["train_micro_batch_size_per_gpu"] = SETTINGS["micro_batch"]
    config["gradient_accumulation_steps"] = accumulation(world)  # of as many processes as there are
    config["train_batch_size"] = SETTINGS["sequences"]
    zero3 = HfDeepSpeedConfig(config)  # while it lives, ZeRO-3 divides the weights as they are loaded
    model = load_model()
    engine, optimizer, _, _ = deepspeed.initialize(model=model, model_parameters=groups(model), config=config)
    del zero3
    where, state = engine.load_checkpoint(args.out / "checkpoints") if (args.out / "checkpoints/latest").exists() else (None, {})
    after = state["step"] if where else 0
    if rank == 0:
        args.out.mkdir(parents=True, exist_ok=True)
    metrics = Metrics(args.out, after) if rank == 0 else None

    for step, micro_batches in steps(after, rank, world):
        counted = count_labels(micro_batches, device)
        total = torch.zeros((), dtype=torch.float64, device=device)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step)
        for batch in micro_batches:
            nats, learned = losses(engine, model.config, batch, device)
            # DeepSpeed divides by micro-batches and processes; the loss is a mean over all labels.
            engine.backward(learned * (len(micro_batches) * world / max(counted, 1)))
            engine.step()
            total += nats
        dist.all_reduce(total)
        norm = engine.get_global_grad_norm()  # none where DeepSpeed leaves clipping to PyTorch
        val_loss = None
        if due(SETTINGS["eval_every"], step):
            val_loss = validate(engine, model.config, device, rank, world, step == SETTINGS["steps"])
        if rank == 0:
            metrics.append(step, (total / max(counted, 1)).item(), norm and float(norm), val_loss)
        if due(SETTINGS["checkpoint_every"], step):
            engine.save_checkpoint(args.out / "checkpoints", client_state={"step": step})
    save(engine, model, args.out, rank)
    dist.barrier()  # none leaves while another still works
    dist.destroy_process_group()


def save(engine, model, out, rank):
    """Writes the model as a Hugging Face folder; with ZeRO-3 its weights are gathered."""
    if engine.zero_optimization_stage() == 3:
        weights = engine._zero3_consolidated_16bit_state_dict()
    else:
        weights = engine.module.state_dict()
    if rank == 0:
        model.save_pretrained(out, state_dict=weights)
        AutoTokenizer.from_pretrained(HERE / "model").save_pretrained(out)
        print(f"{out} holds the model")


if __name__ == "__main__":
    main()
