#!/usr/bin/env sh
# The pages of all stages in a real headless Chromium: made from the fixtures with the binary in PREP,
# one document among them full of what must not become part of a page. Without Chromium or node the
# check is skipped, and says so.
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
prep="${PREP:?the prep binary}"
chromium="$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)"
node="$(command -v node || true)"
if [ -z "$chromium" ] || [ -z "$node" ]; then
    echo "tests/pages: skipped: chromium (${chromium:-missing}) and node (${node:-missing}) are needed"
    exit 0
fi
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mkdir "$work/raw"
cp -r "$here/../../fixtures/qa" "$here/../../fixtures/text" "$here/../../fixtures/bad" "$work/raw/"
# A document, its near copy, and one that is too short to stay, all of them hostile.
words="$(seq -s ' ' 1 120)"
hostile='<script>document.title=1;console.error(2)</script><img src=x onerror=alert(1)>\u202e\u0007</div>'
for tail in one two; do
    printf '{"text": "%s %s %s"}\n' "$hostile" "$words" "$tail"
done >"$work/raw/<b>hostile&.jsonl"
printf '{"text": "%s"}\n{"text": 7}\n%s\n' "$hostile" "$hostile" >>"$work/raw/<b>hostile&.jsonl"

quiet() { "$prep" "$@" --quiet >/dev/null || [ $? -eq 1 ]; }
quiet ingest "$work/raw" --out "$work/corpus"
quiet shard "$work/corpus" --out "$work/shards" --tokenizer "$here/../../fixtures/golden/tokenizer.json" --val 10%
printf 'Привет\n<b>Hello</b>\n' >"$work/prompts"
quiet train "$work/shards" --out "$work/model" --model llama-1m --steps 6 --eval-every 2 --seq-len 64 \
    --batch-tokens 128 --prompts "$work/prompts" --device cpu
set --
for dir in corpus shards model; do
    "$prep" report "$work/$dir" --lang ru >/dev/null
    mv "$work/$dir/report.html" "$work/$dir/ru.html"
    "$prep" report "$work/$dir" >/dev/null
    set -- "$@" "$work/$dir/report.html" "$work/$dir/report.json" "$work/$dir/ru.html" "$work/$dir/report.json"
done
if [ -n "${PICTURES:-}" ]; then
    mkdir -p "$PICTURES"
    "$node" "$here/check.mjs" "$chromium" --pictures "$PICTURES" "$@"
else
    "$node" "$here/check.mjs" "$chromium" "$@"
fi
