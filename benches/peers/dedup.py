"""Near-duplicates of the JSONL files of a folder by datatrove 0.10 and by rensa, on one core.

    python benches/peers/dedup.py FOLDER datatrove|rensa

Both with 112 permutations of word 5-grams in 14 bands of 8. datatrove runs its four stages (signatures,
buckets, clusters, filter), rensa its own deduplicator with a threshold of 0.8 on what Python makes of
the texts (lower case, runs of letters and digits). Prints one JSON line with the ids that went and the
seconds of the work alone, without starting Python and importing.
"""

import json
import logging
import os
import re
import resource
import sys
import tempfile
import time
from importlib.metadata import version

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("DATATROVE_COLORIZE_LOGS", "0")


def records(folder: str):
    for name in sorted(os.listdir(folder)):
        if name.endswith(".jsonl"):
            with open(os.path.join(folder, name), encoding="utf-8") as lines:
                for line in lines:
                    yield json.loads(line)


def by_datatrove(folder: str, out: str) -> list[str]:
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import (
        MinhashConfig,
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
    )
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers.jsonl import JsonlWriter
    from datatrove.utils.logging import logger

    logger.remove()
    logging.disable(logging.WARNING)
    config = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8)
    reader = lambda: JsonlReader(folder, glob_pattern="*.jsonl")
    path = lambda name: os.path.join(out, name)
    stages = [
        ([reader(), MinhashDedupSignature(path("sig"), config=config, language="eng")], 1),
        ([MinhashDedupBuckets(path("sig"), path("buckets"), config=config)], 14),
        ([MinhashDedupCluster(path("buckets"), path("ids"), config=config)], 1),
        (
            [
                reader(),
                MinhashDedupFilter(path("ids"), exclusion_writer=JsonlWriter(path("gone"), compression=None)),
                JsonlWriter(path("kept"), compression=None),
            ],
            1,
        ),
    ]
    for number, (pipeline, tasks) in enumerate(stages):
        LocalPipelineExecutor(
            pipeline=pipeline, tasks=tasks, workers=1, logging_dir=path(f"logs{number}")
        ).run()
    return [record["id"] for record in records(path("gone"))]


def by_rensa(folder: str, out: str) -> list[str]:
    from rensa import RMinHash, RMinHashDeduplicator

    deduplicator = RMinHashDeduplicator(0.8, 112, True, 14, 42)
    words = re.compile(r"\w+")
    gone = []
    for record in records(folder):
        tokens = words.findall(record["text"].lower())
        grams = [" ".join(tokens[i : i + 5]) for i in range(max(len(tokens) - 4, 1))]
        sketch = RMinHash(112, 42)
        sketch.update(grams)
        if not deduplicator.add(record["id"], sketch):
            gone.append(record["id"])
    return gone


def main(folder: str, peer: str) -> None:
    work = {"datatrove": by_datatrove, "rensa": by_rensa}[peer]
    with tempfile.TemporaryDirectory() as out:
        if peer == "datatrove":
            import datatrove.pipeline.dedup  # noqa: F401 (imported before the clock starts)
        before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        gone = work(folder, out)
        seconds = time.perf_counter() - start
        cpu = 0.0
        for who, base in ((resource.RUSAGE_SELF, before), (resource.RUSAGE_CHILDREN, children)):
            now = resource.getrusage(who)
            cpu += now.ru_utime + now.ru_stime - base.ru_utime - base.ru_stime
    print(
        json.dumps(
            {
                "name": f"{peer} {version(peer)}",
                "seconds": seconds,
                "cpu_seconds": cpu,
                "removed": gone,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
