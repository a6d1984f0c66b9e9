"""gigatoken, measured as `benches/encode/main.rs` measures prep.

    python benches/peers/encode_gigatoken.py TOKENIZER.json DOCUMENTS.jsonl SAMPLE_DOCUMENTS IDS_OUT

DOCUMENTS has one JSON string a line. Its documents are handed over as one list of buffers, which are
borrowed, and encoded five times on the calling thread: the first pass has an empty cache, the best
of the four after it is the steady one. Writes the ids of the first SAMPLE_DOCUMENTS documents (u32,
little endian) to IDS_OUT and prints one JSON line.
"""

import json
import sys
import time
from importlib.metadata import version

import awkward
import gigatoken
import numpy


def main(tokenizer_path: str, documents_path: str, sample: int, out: str) -> None:
    with open(tokenizer_path, encoding="utf-8") as file:
        tokenizer = gigatoken.Tokenizer.from_json(file.read()).backend
    with open(documents_path, encoding="utf-8") as file:
        documents = [json.loads(line).encode() for line in file]
    size = sum(map(len, documents))
    source = gigatoken.BytesSource(documents)

    def speed() -> float:
        start = time.process_time()
        tokenizer.encode_batch(source, parallel=False)
        return size / 1e6 / (time.process_time() - start)

    first = speed()
    steady = max(speed() for _ in range(4))
    ids = tokenizer.encode_batch(gigatoken.BytesSource(documents[:sample]), parallel=False)
    numpy.asarray(awkward.flatten(ids)).astype("<u4").tofile(out)
    print(
        json.dumps(
            {"peer": f"gigatoken {version('gigatoken')}", "first": first, "steady": steady}
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
