#!/bin/sh
# Reads shards and exports of the fixtures with the readers of other tools: `light`. `torch` loads models,
# classifiers and adapters with transformers and PEFT, and trains what `prep export deepspeed` writes with
# torchrun; `make test-python` does both. `heavy` reads with those, too, that take more to install (TRL,
# Megatron, datatrove); `deepspeed` trains by DeepSpeed.
# The packages are installed once, into ~/.cache/prep. PREP_PYTHON names an interpreter that has them
# already. Where the package index cannot be reached, what is missing is named and nothing fails: the
# tests of `make test` read every format, too.
set -eu

prep=${PREP:-target/debug/prep}
kind=${1:-light}
light="numpy pyarrow polars duckdb datasets"
torch="torch transformers datasets numpy peft"
heavy="$light torch transformers trl megatron-core datatrove"
# Its setup.py wants torch and wheel first; nothing is compiled.
deepspeed="torch transformers datasets numpy ninja wheel setuptools"
eval "packages=\$$kind"
here=$(dirname "$0")

python=${PREP_PYTHON:-}
if [ -z "$python" ]; then
    venv="$HOME/.cache/prep/python-$kind"
    python="$venv/bin/python"
    # An environment of another list of packages is brought up to date.
    if [ "$(cat "$venv/done" 2>/dev/null)" != "$packages" ]; then
        log="$HOME/.cache/prep/python-$kind.log"
        mkdir -p "$HOME/.cache/prep"
        # shellcheck disable=SC2086 # a list of packages
        if python3 -m venv "$venv" >"$log" 2>&1 && "$python" -m pip install --quiet $packages >>"$log" 2>&1 &&
            { [ "$kind" != deepspeed ] ||
                DS_BUILD_OPS=0 "$python" -m pip install --quiet --no-build-isolation deepspeed >>"$log" 2>&1; }; then
            echo "$packages" >"$venv/done"
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
if [ "$kind" = deepspeed ]; then
    "$python" "$here/check_deepspeed.py" "$prep" "$out/shards" deepspeed
    exit
fi
if [ "$kind" = torch ]; then
    "$python" "$here/check_models.py" "$prep" "$out/shards"
    "$python" "$here/check_deepspeed.py" "$prep" "$out/shards"
    exit
fi
"$prep" reshard "$out/shards" --out "$out/resharded" --shard-size 60kB --quiet >/dev/null
for shards in shards resharded; do
    "$python" "$here/check_shards.py" "$out/$shards"
    "$python" "$here/check_exports.py" "$prep" "$out/$shards"
done
