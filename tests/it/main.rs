//! Tests of the `prep` binary as a user runs it: one test binary, a module for each feature.

mod filter_golden;
mod ingest_bad;
mod ingest_fixtures;
mod ingest_forms;
mod ingest_large;
mod ingest_options;
mod ingest_runs;
mod interrupted;
mod no_room;
mod real_data;
mod real_data_table;
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
mod where_from;
