"""Speed of datatrove's Gopher repetition, FineWeb quality and Gopher quality filters on one book.

    python benches/peers/filter.py BOOK CHARACTERS

Cuts the book as `benches/filter.rs` does, asks all three filters of every piece, whatever the others
say, and prints one JSON line. Words are cut by spaCy, as datatrove has it; making that ready is not timed.
"""

import json
import sys
import time

from datatrove.data import Document
from datatrove.pipeline.filters import (
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)


def pieces(text: str, characters: int) -> list[str]:
    found = [""]
    for line in text.splitlines(keepends=True):
        if len(found[-1]) >= characters:
            found.append("")
        found[-1] += line
    return found


def main(book: str, characters: int) -> None:
    with open(book, encoding="utf-8") as file:
        text = file.read()
    documents = [Document(text=piece, id=str(i)) for i, piece in enumerate(pieces(text, characters))]
    filters = [GopherRepetitionFilter(), FineWebQualityFilter(), GopherQualityFilter()]
    for one in filters:
        one.filter(documents[0])
    start = time.process_time()
    for document in documents:
        for one in filters:
            one.filter(document)
    seconds = time.process_time() - start
    size = len(text.encode("utf-8"))
    print(json.dumps({"mb_per_second": size / 1e6 / seconds, "documents": len(documents)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
