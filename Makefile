# The two commands of the README are `make demo` and `make test`; the rest is for those who work on
# prep. One profile (dev, optimised) builds the tests and the binary.

PREP := target/debug/prep
DEMO ?= demo

.PHONY: build demo test test-python test-python-heavy test-deepspeed accuracy lint check-cuda bench release clean

build:
	cargo build --locked

## The whole path on the fixtures: ingest, shard, train, generate. At most 5 minutes after the build.
demo: build
	@PREP=$(PREP) sh fixtures/demo.sh $(DEMO)

## Every test that needs neither Python nor data from outside the repository.
test:
	@command -v cargo-nextest >/dev/null || cargo install --locked cargo-nextest
	cargo nextest run --locked
	cargo test --locked --doc

## Shards and exports, read by numpy, pyarrow, polars, DuckDB and Hugging Face datasets; models, classifiers and
## adapters, loaded by transformers and PEFT; and an exported run trained by torchrun. The packages (with torch, gigabytes) are installed once, into ~/.cache/prep;
## PREP_PYTHON names an interpreter that has them.
test-python: build
	@PREP=$(PREP) sh tests/python/run.sh light
	@PREP=$(PREP) sh tests/python/run.sh torch

## The same, and by TRL's collator, Megatron's IndexedDataset and datatrove: gigabytes to install.
test-python-heavy: build
	@PREP=$(PREP) sh tests/python/run.sh heavy

## The exported run, trained by DeepSpeed with ZeRO 0 to 3 in 2 processes on the CPU: 5.6 GB to install.
test-deepspeed: build
	@PREP=$(PREP) sh tests/python/run.sh deepspeed

## Tables of what is measured against known truth: encodings told, mojibake repaired (PREP_DATA names the
## directory of real texts), logits and gradients beside those of transformers.
accuracy:
	cargo test --locked --lib accuracy -- --nocapture --test-threads 1
	cargo test --locked --test it parity_of -- --nocapture

lint:
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings

## The kernels for NVIDIA GPUs, candle's and ours, by NVIDIA's own compilers: no GPU and no toolkit is
## needed, they are installed once, into ~/.cache/prep. About 8 minutes of CPU.
check-cuda:
	.ci/cuda/build

## Speed and memory, beside the Python tools where PREP_BENCH_PYTHON names an interpreter that has them.
bench:
	cargo bench --locked

## The binary for hours of work: whole-program optimisation.
release:
	cargo build --locked --release

clean:
	rm -rf $(DEMO) target
