#!/bin/sh
# Reads shards and exports of the fixtures with the readers of other tools: `make test-python`, and with
# `heavy` as argument those that take gigabytes to install (torch with TRL, Megatron, datatrove).
# The packages are installed once, into ~/.cache/prep. PREP_PYTHON names an interpreter that has them
# already. Where the package index cannot be reached, what is missing is named and nothing fails: the
# tests of `make test` read every format, too.
set -eu

prep=${PREP:-target/debug/prep}
kind=${1:-light}
light="numpy pyarrow polars duckdb datasets"
heavy="$light torch transformers trl megatron-core datatrove"
eval "packages=\$$kind"
here=$(dirname "$0")

python=${PREP_PYTHON:-}
if [ -z "$python" ]; then
    venv="$HOME/.cache/prep/python-$kind"
    python="$venv/bin/python"
    if [ ! -e "$venv/done" ]; then
        log="$HOME/.cache/prep/python-$kind.log"
        mkdir -p "$HOME/.cache/prep"
        # shellcheck disable=SC2086 # a list of packages
        if python3 -m venv "$venv" >"$log" 2>&1 && "$python" -m pip install --quiet $packages >>"$log" 2>&1; then
            touch "$venv/done"
        else
            echo "skipped: the readers ($packages) could not be installed: $(tail -n 1 "$log")" >&2
            echo "         the whole message is in $log; PREP_PYTHON names an interpreter that has them" >&2
            exit 0
        fi
    fi
fi

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
"$prep" ingest fixtures/text fixtures/qa --out "$out/corpus" --quiet >/dev/null
"$prep" shard "$out/corpus" --out "$out/shards" --tokenizer fixtures/golden/tokenizer.json \
    --chat-template chatml --val 10% --shard-size 100kB --order shuffle --quiet >/dev/null
"$prep" reshard "$out/shards" --out "$out/resharded" --shard-size 60kB --quiet >/dev/null
for shards in shards resharded; do
    "$python" "$here/check_shards.py" "$out/$shards"
    "$python" "$here/check_exports.py" "$prep" "$out/$shards"
done
