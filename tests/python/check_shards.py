"""Opens a shard directory with Hugging Face `datasets` and pyarrow, as other tools will.

    make test-python
    python tests/python/check_shards.py SHARDS      # of another directory, with datasets and pyarrow

Checks each shard against manifest.json: size, hash, rows, tokens, the type of the ids, that masks
are as long as ids, and that pyarrow maps the ids without a copy. Prints one line at the end, or the
first shard that is wrong.
"""

import json
import sys
import time
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import xxhash  # comes with datasets


def expect(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: found {found}, expected {wanted}")


def mapped_ids(path):
    """The table of a mapped shard, and its ids as one numpy array that lies in the map."""
    size = path.stat().st_size
    file = pa.memory_map(str(path))
    allocated = pa.total_allocated_bytes()
    base = file.read_buffer(size).address
    file.seek(0)
    reader = pa.ipc.open_stream(file)
    batches = [batch for batch in reader]
    expect(f"{path.name}: record batches", len(batches), 1)
    values = batches[0].column("input_ids").values
    address = values.buffers()[1].address
    if not base <= address < base + size:
        sys.exit(f"{path.name}: pyarrow copied the ids instead of mapping them")
    expect(f"{path.name}: alignment of the ids within the file, in bytes", (address - base) % 64, 0)
    array = values.to_numpy(zero_copy_only=True)
    expect(f"{path.name}: address of the numpy array", array.ctypes.data, address)
    expect(f"{path.name}: bytes that reading allocated", pa.total_allocated_bytes() - allocated, 0)
    return batches[0], array


def check_shard(path, entry, info):
    raw = path.read_bytes()
    expect(f"{path.name}: bytes", len(raw), entry["bytes"])
    expect(f"{path.name}: xxh3-128", xxhash.xxh3_128_hexdigest(raw), entry["xxh3"])
    del raw

    batch, ids = mapped_ids(path)
    wanted = np.dtype(np.uint16 if info["vocab_size"] <= 1 << 16 else np.uint32)
    expect(f"{path.name}: type of the ids", ids.dtype, wanted)
    expect(f"{path.name}: rows", batch.num_rows, entry["rows"])
    expect(f"{path.name}: tokens", len(ids), entry["tokens"])
    if len(ids) and int(ids.max()) >= info["vocab_size"]:
        sys.exit(f"{path.name}: id {ids.max()} is outside the vocabulary of {info['vocab_size']}")
    mask = batch.column("loss_mask")
    if not mask.offsets.equals(batch.column("input_ids").offsets):
        sys.exit(f"{path.name}: masks are not as long as ids")
    expect(f"{path.name}: mask bits", len(mask.values), entry["tokens"])
    expect(f"{path.name}: nulls", sum(column.null_count for column in batch.columns), 0)
    metadata = {key.decode(): value.decode() for key, value in batch.schema.metadata.items()}
    for key in ["tokenizer_fingerprint", "chat_template_hash", "vocab_size", "eos_id"]:
        expect(f"{path.name}: metadata prep.{key}", metadata[f"prep.{key}"], str(info[key]))

    start = time.perf_counter()
    dataset = datasets.Dataset.from_file(str(path))
    opened = time.perf_counter() - start
    expect(f"{path.name}: rows of datasets", dataset.num_rows, entry["rows"])
    feature = dataset.features["input_ids"].feature.dtype
    expect(f"{path.name}: type of the ids in datasets", feature, str(wanted))
    for row in {0, dataset.num_rows // 2, dataset.num_rows - 1}:
        item = dataset[row]
        expect(f"{path.name}: ids of row {row}", item["input_ids"], batch.column("input_ids")[row].as_py())
        expect(f"{path.name}: mask of row {row}", len(item["loss_mask"]), len(item["input_ids"]))
        expect(f"{path.name}: bytes of the id of row {row}", len(item["document_id"]), 16)
    starts = batch.num_rows - batch.column("continuation").true_count
    return starts, mask.values.true_count, opened


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    shards = Path(sys.argv[1])
    manifest = json.loads((shards / "manifest.json").read_text())
    limit = manifest["config"]["shard_bytes"]
    files, tokens, rows, slowest = 0, 0, 0, 0.0
    for split in ["train", "val"]:
        documents, learned = 0, 0
        for entry in manifest[split]["shards"]:
            if entry["bytes"] > limit:
                sys.exit(f"{entry['file']} has {entry['bytes']} bytes, more than {limit}")
            starts, counted, opened = check_shard(shards / entry["file"], entry, manifest["info"])
            documents += starts
            learned += counted
            files += 1
            tokens += entry["tokens"]
            rows += entry["rows"]
            slowest = max(slowest, opened)
        expect(f"{split}: documents", documents, manifest[split]["documents"])
        expect(f"{split}: tokens in the loss", learned, manifest[split]["tokens_loss"])
    print(
        f"ok: {files} shards, {rows} rows, {tokens} tokens; datasets {datasets.__version__}, "
        f"pyarrow {pa.__version__}, opened in at most {slowest * 1000:.0f} ms, ids mapped without a copy"
    )


if __name__ == "__main__":
    main()
