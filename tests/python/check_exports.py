"""Reads every export of a shard directory with its own reader, and compares the tokens.

    make test-python                                       # or test-python-heavy, with all readers
    python tests/python/check_exports.py PREP SHARDS       # of another directory

PREP is the binary. A reader that is not installed is named as skipped. Prints a line a reader; stops at
the first difference.
"""

import json
import subprocess
import sys
import tempfile
import types
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def expect(what, found, wanted):
    if not np.array_equal(found, wanted):
        sys.exit(f"{what}: differs")
    print(f"ok: {what}")


def documents(shards, split):
    """Ids and masks of whole documents, from the Arrow shards themselves."""
    manifest = json.loads((shards / "manifest.json").read_text())
    ids, masks = [], []
    for entry in manifest[split]["shards"]:
        table = pa.ipc.open_stream(pa.memory_map(str(shards / entry["file"]))).read_all()
        for row, mask, more in zip(table["input_ids"], table["loss_mask"], table["continuation"]):
            row, mask = row.values.to_numpy(), np.array(mask.as_py(), dtype=bool)
            if more.as_py():
                ids[-1] = np.concatenate([ids[-1], row])
                masks[-1] = np.concatenate([masks[-1], mask])
            else:
                ids.append(row)
                masks.append(mask)
    return ids, masks, manifest


def export(prep, shards, out, name, *options):
    target = Path(out, name + "".join(options))
    subprocess.run([prep, "export", shards, "--format", name, "--out", target, "-q", *options], check=True, stdout=subprocess.DEVNULL)
    return target


def main():
    prep, shards = sys.argv[1], Path(sys.argv[2])
    ids, masks, manifest = documents(shards, "train")
    flat, flat_mask = np.concatenate(ids), np.concatenate(masks)
    lengths = np.array([len(document) for document in ids])
    dtype = np.uint16 if manifest["info"]["vocab_size"] <= 1 << 16 else np.uint32
    with tempfile.TemporaryDirectory() as out:
        if dtype == np.uint16:
            found = np.memmap(export(prep, shards, out, "nanogpt") / "train.bin", dtype=np.uint16, mode="r")
            expect("nanogpt with numpy", found, flat)
        path = export(prep, shards, out, "llmc") / "train.bin"
        header = np.fromfile(path, dtype=np.int32, count=256)
        found = np.fromfile(path, dtype=dtype, offset=1024)
        expect("llmc with numpy", np.append(found, header[2]), np.append(flat, len(flat)))

        parquet = export(prep, shards, out, "parquet")
        expect("parquet with pyarrow", pq.read_table(parquet / "train.parquet")["input_ids"].combine_chunks().values.to_numpy(), flat)
        light(parquet / "train.parquet", flat)
        arrow_as_it_is(shards, manifest, flat, flat_mask)

        packed = pq.read_table(export(prep, shards, out, "parquet", "--pack", "512") / "train.parquet")
        found = packed["input_ids"].combine_chunks().values.to_numpy()
        expect("packed parquet with pyarrow", found[: len(flat)], flat)
        expect("packed sequence lengths", [sum(row.as_py()) for row in packed["sequence_lengths"]], [512] * len(packed))

        lines = (export(prep, shards, out, "jsonl") / "train.jsonl").read_text().splitlines()
        expect("jsonl", np.concatenate([json.loads(line)["input_ids"] for line in lines]), flat)

        heavy(prep, shards, out, ids, masks, flat, flat_mask, lengths)


def light(path, flat):
    try:
        import polars

        found = polars.read_parquet(path)["input_ids"].explode().to_numpy()
        expect(f"parquet with polars {polars.__version__}", found, flat)
    except ImportError:
        print("skipped: polars is not installed")
    try:
        import duckdb

        found = duckdb.sql(f"select sum(len(input_ids)) from '{path}'").fetchall()[0][0]
        expect(f"parquet with duckdb {duckdb.__version__}", [found], [len(flat)])
    except ImportError:
        print("skipped: duckdb is not installed")
    try:
        import datasets

        found = datasets.Dataset.from_parquet(str(path))
        expect(f"parquet with datasets {datasets.__version__}", np.concatenate(found["input_ids"][:]), flat)
    except ImportError:
        print("skipped: datasets is not installed")


def arrow_as_it_is(shards, manifest, flat, flat_mask):
    """The shards themselves, without an export."""
    files = [str(shards / entry["file"]) for entry in manifest["train"]["shards"]]
    tables = [pa.ipc.open_stream(pa.memory_map(file)).read_all() for file in files]
    rows = pa.concat_tables(tables)
    try:
        import polars

        frame = polars.concat([polars.read_ipc_stream(file) for file in files])
        found = frame["input_ids"].drop_nulls().explode().drop_nulls()
        expect(f"shards with polars {polars.__version__}", np.asarray(found), flat)
    except ImportError:
        print("skipped: polars is not installed")
    try:
        import duckdb

        learned = "(select count(*) from (select unnest(loss_mask) as counts from rows) where counts)"
        found = duckdb.sql(f"select sum(len(input_ids)), {learned} from rows").fetchall()[0]
        expect(f"shards with duckdb {duckdb.__version__}", found, (len(flat), int(flat_mask.sum())))
    except ImportError:
        print("skipped: duckdb is not installed")
    try:
        import datasets

        parts = datasets.concatenate_datasets([datasets.Dataset.from_file(file) for file in files])
        expect(f"shards with datasets {datasets.__version__}", np.concatenate(parts["input_ids"][:]), flat)
        expect("their loss masks with datasets", np.concatenate(parts["loss_mask"][:]), flat_mask)
        torch_collator(parts, flat, flat_mask)
    except ImportError:
        print("skipped: datasets is not installed")


def torch_collator(dataset, flat, flat_mask):
    """Batches as TRL's SFTTrainer makes them, the loss mask as `assistant_masks`."""
    try:
        import torch
        from trl import SFTConfig, __version__
        from trl.trainer.sft_trainer import DataCollatorForLanguageModeling, SFTTrainer
    except (ImportError, RuntimeError) as error:
        print(f"skipped: TRL's collator ({error})")
        return
    dataset = dataset.rename_column("loss_mask", "assistant_masks").select_columns(["input_ids", "assistant_masks"])
    # The trainer's own preparation, without a model: newer versions make the labels here, older ones in the collator.
    trainer = types.SimpleNamespace(completion_only_loss=False)
    config = SFTConfig(output_dir=tempfile.gettempdir(), max_length=None, bf16=False, report_to=[])
    dataset = SFTTrainer._prepare_dataset(trainer, dataset, None, config, False, None, "train")
    collate = DataCollatorForLanguageModeling(pad_token_id=0)
    ids, learned = [], []
    for rows in torch.utils.data.DataLoader(dataset, batch_size=16, collate_fn=collate):
        there = rows["attention_mask"].bool()
        ids.append(rows["input_ids"][there])
        learned.append(rows["labels"][there] != -100)
    expect(f"batches of TRL {__version__}", torch.cat(ids).numpy(), flat)
    expect("labels of TRL where the loss counts", torch.cat(learned).numpy(), flat_mask)


def heavy(prep, shards, out, ids, masks, flat, flat_mask, lengths):
    target = export(prep, shards, out, "datatrove")
    try:
        from datatrove.utils.dataset import DatatroveFileDataset

        width = 2 if flat.dtype == np.uint16 else 4
        reader = DatatroveFileDataset(str(target / "train.ds"), seq_len=64, token_size=width)
        windows = [reader[i]["input_ids"] for i in range(min(50, len(reader)))]
        wanted = [flat[i * 65 : i * 65 + 65] for i in range(len(windows))]
        expect("datatrove with its DatatroveFileDataset", np.stack(windows), np.stack(wanted))
    except ImportError as error:
        print(f"skipped: datatrove's reader ({error})")
    expect("datatrove's index with numpy", np.fromfile(target / "train.ds.index", dtype=np.uint64), np.cumsum(lengths))
    expect("datatrove's loss with numpy", np.fromfile(target / "train.ds.loss", dtype=bool), flat_mask)

    target = export(prep, shards, out, "megatron")
    try:
        from megatron.core.datasets.indexed_dataset import IndexedDataset

        reader = IndexedDataset(str(target / "train"), mmap=True)
        expect("megatron: sequences of IndexedDataset", [len(reader)], [len(ids)])
        expect("megatron with its IndexedDataset", np.concatenate([reader[i] for i in range(len(reader))]), flat)
    except ImportError as error:
        print(f"skipped: Megatron's reader ({error})")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main()
