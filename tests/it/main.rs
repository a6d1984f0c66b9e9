//! Tests of the `prep` binary as a user runs it: one test binary, a module for each feature.

mod filter_golden;
mod ingest_archives;
mod ingest_bad;
mod ingest_fixtures;
mod ingest_forms;
mod ingest_inputs;
mod ingest_pages;
mod ingest_runs;
mod ingest_tables;
mod interrupted;
mod no_room;
mod real_data;
mod schemas;
mod shard_duplicates;
mod shard_edits;
mod shard_errors;
mod shard_files;
mod shard_near;
mod shard_tokens;
mod shard_tools;
mod support;
mod train_cli;
mod train_golden;
mod train_shards;
