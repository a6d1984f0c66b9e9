"""What both training scripts share: prep's batches, its learning rate, its optimizer groups, its loss.

settings.json has the numbers, data/ the sequences, model/ the model. Nothing here depends on what
distributes the work.
"""

import importlib.util
import json
import math
import os
from pathlib import Path

import datasets
import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
import transformers
from transformers import AutoConfig, AutoModelForCausalLM

HERE = Path(__file__).resolve().parent
SETTINGS = json.loads((HERE / "settings.json").read_text())
SEQ_LEN, STEPS = SETTINGS["seq_len"], SETTINGS["steps"]
NOT_COUNTED = -100  # the label that PyTorch's cross-entropy ignores
# Models whose flash attention keeps to documents by the position ids; that of GPT-Neo sees all, without window.
FLASH = {"llama", "qwen2", "qwen3", "mistral", "mixtral"}

# Documents of one sequence are told apart by positions that begin anew, which older versions ignore.
if int(transformers.__version__.split(".")[0]) < 5:
    raise SystemExit(f"transformers {transformers.__version__} is too old: pip install -r requirements.txt")


class Sequences(torch.utils.data.Dataset):
    """The packed sequences of a split, by their numbers.

    A row has the tokens of some pieces of documents, one after another, and their lengths. A piece of
    n tokens gives n - 1 pairs of an input and its label; what is left of the sequence is padding.
    """

    def __init__(self, split):
        self.rows = datasets.Dataset.from_file(str(HERE / "data" / f"{split}.arrow")).with_format("numpy")

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, number):
        row = self.rows[int(number)]
        tokens, counts = row["input_ids"].astype(np.int64), row["loss_mask"].astype(bool)
        ids = np.zeros(SEQ_LEN, np.int64)
        labels = np.full(SEQ_LEN, NOT_COUNTED, np.int64)
        positions = np.zeros(SEQ_LEN, np.int64)
        at = first = 0
        for length in row["lengths"]:
            pairs, end = int(length) - 1, first + int(length)
            ids[at : at + pairs] = tokens[first : end - 1]
            labels[at : at + pairs] = np.where(counts[first + 1 : end], tokens[first + 1 : end], NOT_COUNTED)
            positions[at : at + pairs] = np.arange(pairs)
            at, first = at + pairs, end
        positions[at:] = np.arange(SEQ_LEN - at)
        return {"input_ids": ids, "labels": labels, "position_ids": positions, "real": np.arange(SEQ_LEN) < at}


def accumulation(world):
    """Micro-batches of each process in a step."""
    together = SETTINGS["micro_batch"] * world
    if SETTINGS["sequences"] % together:
        raise SystemExit(
            f"a step has {SETTINGS['sequences']} sequences, which {world} processes of {SETTINGS['micro_batch']} "
            "sequences at a time do not divide: change micro_batch in settings.json, or export for other --gpus"
        )
    return SETTINGS["sequences"] // together


def steps(after, rank, world):
    """The number of each step after `after`, and the micro-batches of it that this process learns from."""
    order = np.load(HERE / "data" / "order.npy", mmap_mode="r")  # the sequence of every sample of the run
    each, size, count = SETTINGS["sequences"], SETTINGS["micro_batch"], accumulation(world)

    def numbers():
        for step in range(after, STEPS):
            own = order[step * each : (step + 1) * each].reshape(world, count, size)[rank]
            yield from own.tolist()

    workers = 2 if torch.cuda.is_available() else 0
    loader = torch.utils.data.DataLoader(Sequences("train"), batch_sampler=numbers(), num_workers=workers)
    batches = iter(loader)
    for step in range(after + 1, STEPS + 1):
        yield step, [next(batches) for _ in range(count)]


def learning_rate(step):
    """The rate of update number `step`, from 1: a linear warm-up, then the schedule."""
    s = SETTINGS["learning_rate"]
    if step <= s["warmup"]:
        return s["lr"] * step / s["warmup"]

    def done(since):
        return min((step - since) / max(s["steps"] - since, 1), 1.0)

    left = {
        "cosine": lambda: 0.5 * (1 + math.cos(math.pi * done(s["warmup"]))),
        "linear": lambda: 1 - done(s["warmup"]),
        "wsd": lambda: 1 - math.sqrt(max(done(max(s["steps"] - s["decay"], s["warmup"])), 0.0)),
        "constant": lambda: 1.0,
    }[s["schedule"]]()
    return s["lr"] * (s["final_share"] + (1 - s["final_share"]) * left)


def load_model():
    """The model in f32: with the weights of model/, or, where that has none, with random ones."""
    config = AutoConfig.from_pretrained(HERE / "model")
    for name in list(vars(config)):
        if name.endswith(("dropout", "pdrop")):
            setattr(config, name, 0.0)  # prep trains without
    how = {"config": config, "dtype": torch.float32}
    can_flash = torch.cuda.is_available() and SETTINGS["dtype"] == "bf16" and config.model_type in FLASH
    if can_flash and importlib.util.find_spec("flash_attn"):
        how["attn_implementation"] = "flash_attention_2"
    if any((HERE / "model").glob("*.safetensors")):
        model = AutoModelForCausalLM.from_pretrained(HERE / "model", **how)
    else:
        torch.manual_seed(SETTINGS["seed"])
        model = AutoModelForCausalLM.from_config(**how)
    if SETTINGS["gradient_checkpointing"]:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    return model.train()


def groups(model):
    """The optimizer's groups: matrices and tables decay, norms and biases do not."""

    def dimensions(parameter):
        return len(getattr(parameter, "ds_shape", parameter.shape))  # ds_shape: a part of ZeRO-3's

    parameters = list(model.parameters())
    matrices = [p for p in parameters if dimensions(p) >= 2]
    vectors = [p for p in parameters if dimensions(p) < 2]
    return [
        {"params": matrices, "weight_decay": SETTINGS["weight_decay"]},
        {"params": vectors, "weight_decay": 0.0},
    ]


def count_labels(micro_batches, device):
    """Labels that the loss counts in a step, over all processes: prep's loss is the mean over them."""
    own = sum(int((batch["labels"] != NOT_COUNTED).sum()) for batch in micro_batches)
    total = torch.tensor(own, device=device)
    dist.all_reduce(total)
    return int(total)


def losses(model, config, batch, device):
    """Summed cross-entropy over the counted labels in nats, and the sum that is learned from.

    The position ids begin anew with each document, by which transformers keeps attention inside of it.
    Its flash attention wants all sequences in one row for that (ONE_ROW=1 tries that with any other).
    """
    ids, labels, positions = (batch[key].to(device) for key in ("input_ids", "labels", "position_ids"))
    if config._attn_implementation == "flash_attention_2" or os.environ.get("ONE_ROW"):
        ids, positions = ids.view(1, -1), positions.view(1, -1)
    experts = getattr(config, "num_local_experts", None)
    more = {"output_router_logits": True} if experts else {}
    out = model(input_ids=ids, position_ids=positions, use_cache=False, **more)
    labels = labels.view(-1)
    logits = out.logits.view(len(labels), -1).float()
    nats = F.cross_entropy(logits, labels, ignore_index=NOT_COUNTED, reduction="sum")
    learned, counted = nats, labels != NOT_COUNTED
    if SETTINGS["z_loss"]:
        learned = learned + SETTINGS["z_loss"] * logits[counted].logsumexp(-1).square().sum()
    if experts:
        from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func

        real = batch["real"].to(device)
        balance = load_balancing_loss_func(out.router_logits, experts, config.num_experts_per_tok, real)
        learned = learned + config.router_aux_loss_coef * counted.sum() * balance
    return nats.detach().double(), learned


@torch.no_grad()
def validate(model, config, device, rank, world, whole):
    """Mean loss on the val split, or on a part of it at even distances; none without one."""
    if not SETTINGS["val_sequences"]:
        return None
    sequences, size = Sequences("val"), SETTINGS["micro_batch"]
    most = len(sequences) if whole else -(-SETTINGS["eval_tokens"] // SEQ_LEN)
    count = min(len(sequences), max(most, 1))
    sums = torch.zeros(2, dtype=torch.float64, device=device)
    model.eval()
    for first in range(0, count, size * world):
        own = range(first + rank * size, min(first + (rank + 1) * size, count))
        # Every process computes as often as the others, as ZeRO-3 needs; what it has too many does not count.
        rows = [sequences[i * len(sequences) // count] for i in own or [0]]
        batch = torch.utils.data.default_collate(rows)
        nats, _ = losses(model, config, batch, device)
        if own:
            sums += torch.stack([nats, (batch["labels"] != NOT_COUNTED).sum().to(device)])
    model.train()
    dist.all_reduce(sums)
    return (sums[0] / sums[1]).item()


class Metrics:
    """A line of JSON a step, with the names that prep's metrics.jsonl has."""

    def __init__(self, out, after):
        self.path = Path(out, "metrics.jsonl")
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        kept = [line for line in lines if json.loads(line)["step"] <= after]
        self.path.write_text("".join(line + "\n" for line in kept))

    def append(self, step, loss, norm, val_loss):
        line = {"step": step, "tokens": step * SETTINGS["sequences"] * SEQ_LEN, "loss": loss}
        line |= {"lr": learning_rate(step), "grad_norm": norm}
        if val_loss is not None:
            line["val_loss"] = val_loss
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        said = [f"{key} {value:.4g}" for key, value in line.items() if key not in ("step", "tokens") and value is not None]
        print(f"step {step}/{STEPS}: " + ", ".join(said), flush=True)


def due(every, step):
    return step == STEPS or (every and step % every == 0)
