"""Speed of datatrove's JsonlReader and ParquetWriter on the JSONL files of a folder.

    python benches/peers/datatrove_jsonl.py FOLDER WORKERS TEXT_KEY

Does what `prep ingest` does with the same files, less normalising, language and content checks:
parse, one document a record, zstd Parquet. Prints one JSON line. One task a worker; files are
divided among tasks, so a single file uses one core. The time is that of the executor alone,
without starting Python and importing.
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

from importlib.metadata import version

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import ParquetWriter
from datatrove.utils.logging import logger


def main(folder: str, workers: int, text_key: str) -> None:
    logger.remove()
    logging.disable(logging.WARNING)
    names = [name for name in os.listdir(folder) if name.endswith(".jsonl")]
    size = sum(os.path.getsize(os.path.join(folder, name)) for name in names)
    with tempfile.TemporaryDirectory() as out:
        executor = LocalPipelineExecutor(
            pipeline=[
                JsonlReader(folder, glob_pattern="*.jsonl", text_key=text_key),
                ParquetWriter(out, compression="zstd"),
            ],
            tasks=workers,
            workers=workers,
            logging_dir=os.path.join(out, "logs"),
        )
        start = time.perf_counter()
        stats = executor.run()
        seconds = time.perf_counter() - start
        documents = sum(
            value.total
            for step in stats.stats
            for key, value in step.stats.items()
            if "WRITER" in step.name.upper() and key == "total"
        )
    peak = max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(
        json.dumps(
            {
                "peer": f"datatrove {version('datatrove')}",
                "workers": workers,
                "bytes": size,
                "documents": documents,
                "seconds": round(seconds, 3),
                "mb_per_second": round(size / 1e6 / seconds, 2),
                "peak_rss_mb": round(peak / 1e3, 1),
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
