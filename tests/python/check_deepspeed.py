"""Trains what `prep export deepspeed` writes, and compares batches and losses with those of `prep train`.

    make test-python                                            # with torchrun, 2 processes on the CPU
    make test-deepspeed                                         # with DeepSpeed, ZeRO 0 to 3
    python tests/python/check_deepspeed.py PREP SHARDS [deepspeed]

PREP is the binary, SHARDS has documents that are cut; short ones, of which several share a sequence, are
made here. Models are those of fixtures/golden, with random weights. A package that is not installed is
named as skipped. Prints a line a check; stops at the first difference.
"""

import importlib.util
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).resolve().parents[2] / "fixtures" / "golden"
# Architecture: tokens of a sequence. GPT-2 and GPT-Neo have 32 positions.
MODELS = {"llama-untied": 96, "qwen2": 64, "qwen3": 64, "mistral": 64, "mixtral": 64, "gpt2": 32, "gpt_neo": 32}
STEPS = 6
# The two sum in other orders, and AdamW's first steps turn small differences of gradients into larger ones.
LOSS, NORM = 1e-4, 2e-3


def quiet(command, **more):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout[-8000:]}")


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def short_shards(prep, out):
    """Shards of short texts and chats in both languages."""
    choice, words = random.Random(1), "one two three four five six один два три четыре пять шесть".split()
    say = lambda: " ".join(choice.choice(words) for _ in range(choice.randint(1, 6)))
    records = []
    for i in range(240):
        turns = [{"role": "user", "content": f"{say()} {i}?"}, {"role": "assistant", "content": say()}]
        records.append({"text": f"{say()} {i}."} if i % 3 else {"messages": turns})
    Path(out, "short.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    quiet([prep, "ingest", Path(out, "short.jsonl"), "--out", Path(out, "corpus"), "-q"])
    made = ["--tokenizer", GOLDEN / "tokenizer.json", "--chat-template", "chatml", "--profile", "none", "--val", "10%"]
    quiet([prep, "shard", Path(out, "corpus"), "--out", Path(out, "shards"), "-q", *made])
    return Path(out, "shards")


class Run:
    """One run of prep and its export: the same flags."""

    def __init__(self, prep, shards, out, model, *more):
        self.prep, self.shards, self.out = prep, shards, Path(out, model + "".join(more))
        self.model, self.seq = GOLDEN / model / "config.json", MODELS[model]
        self.flags = ["--seq-len", self.seq, "--batch-tokens", 8 * self.seq, "--micro-batch", 2, "--seed", 3]
        self.flags += ["--lr", "1e-3", "--warmup", 2, "--eval-every", 3, "--quiet", *more]

    def train(self, *more):
        command = [self.prep, "train", self.shards, "--model", self.model, "--device", "cpu", "--out", self.out / "prep"]
        quiet([*command, *self.flags, *more])

    def export(self, *more):
        target = self.out / ("export" + "".join(more))
        command = [self.prep, "export", "deepspeed", self.shards, self.model, "--gpus", 2, "--dtype", "f32", "--out", target]
        quiet([*command, *self.flags, *more])
        return target

    def start(self, script, export, env={}, **settings):
        """Starts a script with 2 processes; the lines of its metrics."""
        path = export / "settings.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | settings))
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", script]
        quiet(command, cwd=export, env=os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"} | env)
        return lines(export / "out" / "metrics.jsonl")


def same_batches(run):
    """Every batch of two epochs, token for token, whatever the number of processes."""
    run.train("--dry-run", "--batches", run.out.with_suffix(".jsonl"))
    wanted = lines(run.out.with_suffix(".jsonl"))
    export = run.export()
    spec = importlib.util.spec_from_file_location("common", export / "common.py")
    common = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(common)
    mixed = sum(0 in line["position_ids"][1:] for line in wanted)
    prompts = sum(-100 in line["labels"] for line in wanted)
    if not mixed or not prompts:
        sys.exit("the batches hold one document each, or no label that is not counted: they prove nothing")
    for world in (1, 2, 4):
        ranks = [list(common.steps(0, rank, world)) for rank in range(world)]
        found = []
        for step in zip(*ranks):
            for number, micro_batches in step:
                for batch in micro_batches:
                    for i in range(len(batch["input_ids"])):
                        found.append({"step": number} | {key: batch[key][i].tolist() for key in ("input_ids", "labels", "position_ids")})
        if found != wanted:
            at = next(i for i, (a, b) in enumerate(zip(found, wanted)) if a != b)
            sys.exit(f"{world} processes: sequence {at} of {len(wanted)} differs: {found[at]}, prep {wanted[at]}")
        print(f"ok: batches of 2 epochs in {world} processes: {len(wanted)} sequences, {mixed} of several documents or with padding")


def same_losses(what, found, wanted):
    """Loss, rate, gradient's norm and validation loss of every step."""
    if [line["step"] for line in found] != [line["step"] for line in wanted]:
        sys.exit(f"{what}: steps {[line['step'] for line in found]}")
    worst = {}
    for own, line in zip(found, wanted):
        if ("val_loss" in own) != ("val_loss" in line) and own["step"] != len(wanted):
            sys.exit(f"{what}: step {own['step']} was measured by one of the two alone")
        for key, most in {"loss": LOSS, "lr": 1e-12, "grad_norm": NORM, "val_loss": LOSS}.items():
            if own.get(key) is not None and line.get(key) is not None:
                error = abs(own[key] / line[key] - 1)
                worst[key] = max(worst.get(key, 0), error)
                if error > most:
                    sys.exit(f"{what}: step {own['step']} has {key} {own[key]}, prep {line[key]}")
    if wanted[0]["loss"] - wanted[-1]["loss"] < 10 * LOSS:
        sys.exit(f"{what}: the loss does not fall, which proves nothing")
    first = ", ".join(f"{line['loss']:.5f}" for line in found[:3])
    beside = ", ".join(f"{line['loss']:.5f}" for line in wanted[:3])
    # DeepSpeed without ZeRO does not tell the gradient's norm.
    norm = f", of gradients {worst['grad_norm']:.1e}" if "grad_norm" in worst else ""
    print(f"ok: {what}: losses {first}, … (prep {beside}, …); worst difference {worst['loss']:.1e}, of val loss {worst['val_loss']:.1e}{norm}")


def same_model(run, export, found):
    """prep measures the trained model as the script did at its end."""
    report = subprocess.run([run.prep, "eval", export / "out", run.shards, "--device", "cpu", "--seq-len", str(run.seq), "--json", "-q"], check=True, stdout=subprocess.PIPE)
    loss, wanted = json.loads(report.stdout)["loss"], found[-1]["val_loss"]
    if abs(loss / wanted - 1) > LOSS:
        sys.exit(f"prep eval finds {loss}, the script {wanted}")
    print(f"ok: prep eval of the trained model: {loss:.5f}")


def torchrun(prep, shards, out):
    short = short_shards(prep, out)
    for model, of, packing in [("llama-untied", shards, "bestfit"), ("llama-untied", short, "bestfit"), ("qwen3", short, "concat"), ("qwen2", short, "none")]:
        place = Path(out, f"{packing} {'cut' if of == shards else 'short'}")
        place.mkdir()
        same_batches(Run(prep, of, place, model, "--epochs", "2", "--packing", packing))
    for model in MODELS:
        run = Run(prep, short, out, model, "--steps", str(STEPS), *(["--z-loss", "1e-3"] if model == "qwen3" else []))
        run.train()
        wanted = lines(run.out / "prep" / "metrics.jsonl")
        export = run.export()
        if model == "llama-untied":
            # Half of the run, and the rest in another start.
            run.start("train_torchrun.py", export, steps=STEPS // 2, checkpoint_every=1)
        found = run.start("train_torchrun.py", export, steps=STEPS)
        same_losses(f"torchrun, {model}", found, wanted)
        if model == "llama-untied":
            same_model(run, export, found)
            subprocess.run(["rm", "-r", export / "out"], check=True)
            found = run.start("train_torchrun.py", export, {"ONE_ROW": "1"})
            same_losses("torchrun, sequences in one row, as flash attention wants them", found, wanted)


def deepspeed(prep, shards, out):
    if not importlib.util.find_spec("deepspeed"):
        sys.exit("deepspeed is not installed")
    run = Run(prep, short_shards(prep, out), out, "llama-untied", "--steps", str(STEPS))
    run.train()
    wanted = lines(run.out / "prep" / "metrics.jsonl")
    for stage in ("0", "1", "2", "3"):
        export = run.export("--zero", stage)
        # DeepSpeed compiles an operation of its own with ninja, which lies beside the interpreter.
        env = {"DS_ACCELERATOR": "cpu", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        if stage in "02":
            run.start("train_deepspeed.py", export, env, steps=STEPS // 2, checkpoint_every=3)
        found = run.start("train_deepspeed.py", export, env, steps=STEPS)
        same_losses(f"DeepSpeed, ZeRO {stage}", found, wanted)
        same_model(run, export, found)


def main():
    prep, shards = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    for package in ("torch", "transformers", "datasets"):
        if not importlib.util.find_spec(package):
            print(f"skipped: {package} is not installed")
            return
    with tempfile.TemporaryDirectory() as out:
        (deepspeed if sys.argv[3:] == ["deepspeed"] else torchrun)(prep, shards, out)


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main()
