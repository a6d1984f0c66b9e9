"""Speed of datatrove's tokenization of a corpus that `prep ingest` wrote.

    python benches/peers/datatrove_tokens.py CORPUS TOKENIZER.json

Reads the very Parquet files that `prep shard` reads, in one task on one core, and writes token files:
no filters and no search for copies, which `prep shard` has in its time. Prints one JSON line. The time
is that of the executor alone, without starting Python and importing.
"""

import json
import logging
import os
import resource
import sys
import tempfile
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("DATATROVE_COLORIZE_LOGS", "0")
# One task is one core: the batches of `tokenizers` would take them all.
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from importlib.metadata import version

import pyarrow.parquet
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.tokens import DocumentTokenizer
from datatrove.utils.logging import logger


def main(corpus: str, tokenizer: str) -> None:
    logger.remove()
    logging.disable(logging.WARNING)
    documents = os.path.join(corpus, "documents")
    size = sum(
        len(text.as_py().encode())
        for name in sorted(os.listdir(documents))
        for text in pyarrow.parquet.read_table(os.path.join(documents, name), columns=["text"])["text"]
        if text.as_py()
    )
    with tempfile.TemporaryDirectory() as out:
        executor = LocalPipelineExecutor(
            pipeline=[
                ParquetReader(documents, glob_pattern="*.parquet", read_metadata=False),
                DocumentTokenizer(out, tokenizer, shuffle_documents=False),
            ],
            tasks=1,
            workers=1,
            logging_dir=os.path.join(out, "logs"),
        )
        start, cpu = time.perf_counter(), time.process_time()
        executor.run()
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    print(
        json.dumps(
            {
                "peer": f"datatrove {version('datatrove')}",
                "bytes": size,
                "seconds": round(seconds, 3),
                "cpu_seconds": round(cpu_seconds, 3),
                "mb_per_second": round(size / 1e6 / seconds, 3),
                "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3, 1),
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
