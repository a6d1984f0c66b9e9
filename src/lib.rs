//! `prep`: from raw text and Q&A to verified token shards, and a language model trained from them.
//!
//! The path: `ingest` reads records and writes documents (Parquet); `shard` filters, deduplicates
//! and tokenizes them into token shards (Arrow IPC); `train` trains from mmapped shards.

pub mod atomic;
pub mod chars;
pub mod classify;
pub mod cmd;
pub mod compare;
pub mod corpus;
pub mod decontaminate;
pub mod dedup;
pub mod document;
pub mod eight_bytes;
pub mod eval;
pub mod exit;
pub mod export;
pub mod filter;
pub mod generate;
pub mod ingest;
pub mod interrupt;
pub mod ledger;
pub mod lengths;
pub mod locate;
pub mod mapped;
pub mod model;
pub mod ops;
pub mod ordered;
pub mod output;
pub mod pii;
pub mod plan;
pub mod progress;
pub mod report;
pub mod resharding;
pub mod run_dir;
pub mod sample;
pub mod scratch;
pub mod settings;
pub mod shard;
pub mod sharding;
pub mod spill;
pub mod stats;
pub mod survey;
pub mod synth;
pub mod table;
pub mod tokenize;
pub mod train;
pub mod units;
pub mod verify;
pub mod view;
pub mod vocabulary;
pub mod workspace;
