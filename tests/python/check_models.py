"""Trains small models with prep and loads them with transformers and PEFT: the same logits, the same labels.

    make test-python
    python tests/python/check_models.py PREP SHARDS

PREP is the binary, SHARDS are texts and chats; documents with labels are made here. Every architecture of
fixtures/golden is a classifier once; language models of all of them are compared in `make test`. Prints a line
a check; stops at the first difference. A package that is not installed is named as skipped.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[2] / "fixtures" / "golden"
ARCHITECTURES = ["llama-untied", "qwen2", "qwen3", "mistral", "mixtral", "gpt2", "gpt_neo"]
TEXTS = ["The anchor, the wave and the deck of today.", "Масло, мёд и чайник на столе.", "Bread and butter."]


def run(*command):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout[-4000:]}")


def labelled(prep, out):
    """Shards of short texts about three topics."""
    topics = {"sea": "anchor wave deck sailor", "kitchen": "bread butter honey kettle", "кухня": "хлеб масло мёд чайник"}
    records = []
    for i in range(120):
        topic = list(topics)[i % 3]
        words = topics[topic].split()
        records.append({"text": f"Note {i}: the {words[i % 4]}, the {words[i // 3 % 4]} and the {words[i // 5 % 4]}.", "topic": topic})
    Path(out, "notes.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    run(prep, "ingest", Path(out, "notes.jsonl"), "--out", Path(out, "corpus"), "-q")
    made = ["--tokenizer", GOLDEN / "tokenizer.json", "--profile", "none", "--dedup", "off", "--val", "10%"]
    run(prep, "shard", Path(out, "corpus"), "--out", Path(out, "labelled"), "--label-field", "topic", "-q", *made)
    return Path(out, "labelled")


def saved_by_transformers(name, tokenizer, out):
    """A classifier of random weights and two labels without names, as transformers saves it."""
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification

    torch.manual_seed(1)
    own = json.loads(Path(tokenizer, "config.json").read_text())
    of_tokenizer = {key: own[key] for key in ("vocab_size", "pad_token_id")}
    config = AutoConfig.from_pretrained(GOLDEN / name, num_labels=2, **of_tokenizer)
    AutoModelForSequenceClassification.from_config(config).save_pretrained(out)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        Path(out, file).write_bytes(Path(tokenizer, file).read_bytes())
    return out


def checks(prep, shards, out):
    sys.path.insert(0, str(GOLDEN))
    import check_classifier
    import check_transformers
    import transformers

    transformers.utils.logging.disable_progress_bar()

    prompts = Path(out, "prompts.json")
    prompts.write_text(json.dumps(TEXTS))
    notes = labelled(prep, out)
    flags = ["--seq-len", "32", "--batch-tokens", "256", "--micro-batch", "4", "--device", "cpu", "-q"]

    def train(name, shards, *more):
        run(prep, "train", shards, "--out", Path(out, name), *flags, *more)
        return Path(out, name)

    def say(what, check, folder):
        print(f"ok: {what}: {check(prep, folder, prompts)}", flush=True)

    base = train("base", shards, "--model", GOLDEN / "llama-untied" / "config.json", "--steps", "6", "--lr", "3e-3")
    say("model, by transformers", check_transformers.check, base)
    for name in ARCHITECTURES:
        config = GOLDEN / name / "config.json"
        folder = train(f"classifier-{name}", notes, "--objective", "classify", "--model", config, "--steps", "6", "--lr", "3e-3")
        say(f"classifier {name}, by transformers", check_classifier.check, folder)
    foreign = saved_by_transformers("qwen2", base, Path(out, "foreign"))
    say("classifier that transformers saved", check_classifier.check, foreign)
    adapters = ["--base", base, "--lora", "4", "--lr", "1e-2", "--steps", "6", "--merge"]
    train("labels", notes, "--objective", "classify", *adapters)
    say("classifier of merged adapters, by transformers", check_classifier.check, Path(out, "labels", "merged"))
    train("adapters", shards, *adapters)
    say("merged adapters, by transformers", check_transformers.check, Path(out, "adapters", "merged"))
    if not importlib.util.find_spec("peft"):
        print("skipped: peft is not installed")
        return
    import check_peft

    say("adapters, by PEFT", check_peft.check, Path(out, "adapters"))
    say("adapters and head of a classifier, by PEFT", check_classifier.check, Path(out, "labels"))


def main():
    prep, shards = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    for package in ("torch", "transformers"):
        if not importlib.util.find_spec(package):
            print(f"skipped: {package} is not installed")
            return
    with tempfile.TemporaryDirectory() as out:
        checks(prep, shards, out)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main()
