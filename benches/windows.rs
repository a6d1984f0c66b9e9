//! Shards as a trainer opens and reads them: opening 1,000 files, and windows on one core.
//!
//! `cargo bench --bench windows`; `PREP_BENCH_DIR` says where 450 MB of shards are made (default: the
//! temporary directory). Bytes are those of the shards that a window lies on: 2.125 a token (a 16-bit id
//! and a bit of the mask). Every measurement is the best of five, in seconds of CPU, with the files in
//! memory. Prints a table, and one JSON object on the last line.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its numbers and ends at the first surprise"
)]

use prep::atomic;
use prep::document::DocumentId;
use prep::shard::manifest::{SplitEntry, VERSION};
use prep::shard::writer::SplitWriter;
use prep::shard::{Dataset, ShardInfo, ShardManifest, Split};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const BYTES_PER_TOKEN: f64 = 2.125;

fn main() {
    let parent = std::env::var_os("PREP_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = tempfile::tempdir_in(parent).unwrap();
    let many = dir.path().join("many");
    let files = make(&many, 50_000, 23_500_000);
    let opening = best(|| Dataset::open(&many, Split::Train).unwrap().tokens());
    println!("opening {files} shards: {:.1} ms", opening * 1e3);
    let large = dir.path().join("large");
    make(&large, 50_000_000, 188_000_000);
    let data = Dataset::open(&large, Split::Train).unwrap();
    let mut rows = Vec::new();
    for (order, length) in [
        ("in order", 2_049),
        ("at random", 2_049),
        ("at random", 257),
    ] {
        let rate = read(&data, order == "at random", length);
        println!(
            "windows of {length} tokens {order}: {:.2} GB/s, {:.0} million tokens/s",
            rate / 1e9,
            rate / BYTES_PER_TOKEN / 1e6
        );
        rows.push(json!({ "order": order, "window_tokens": length, "bytes_per_second": rate }));
    }
    let result: Value = json!({ "shards": files, "open_seconds": opening, "windows": rows });
    println!("{result}");
}

/// Shards of at most `limit` bytes with about `tokens` tokens; returns how many.
fn make(dir: &Path, limit: u64, tokens: u64) -> usize {
    std::fs::create_dir(dir).unwrap();
    let info = ShardInfo {
        vocab_size: 50_000,
        bos_id: None,
        eos_id: 0,
        pad_id: None,
        tokenizer_fingerprint: "0".repeat(32),
        chat_template_hash: "0".repeat(32),
    };
    let mut writer = SplitWriter::new(dir, Split::Train, &info, limit).unwrap();
    let ids: Vec<u32> = (0..1_000_u32).map(|id| id * 7_919 % 50_000).collect();
    let mask: Vec<bool> = ids.iter().map(|id| id % 3 > 0).collect();
    for document in 0..tokens / 1_000 {
        let id = DocumentId::new("bench", document);
        writer.push(id, &ids, &mask, 4_000).unwrap();
    }
    let manifest = ShardManifest {
        format: "prep-shards".to_owned(),
        version: VERSION,
        prep_version: "bench".to_owned(),
        config: Value::Null,
        info,
        train: writer.finish().unwrap(),
        val: SplitEntry::default(),
        keys: Vec::new(),
        origins: Vec::new(),
        pairs: Vec::new(),
        labels: None,
        removed: Vec::new(),
        conflicts: Vec::new(),
    };
    atomic::write_json(&dir.join("manifest.json"), &manifest).unwrap();
    manifest.train.shards.len()
}

/// Bytes a second of windows that cover the split about once.
fn read(data: &Dataset, random: bool, length: usize) -> f64 {
    let (mut ids, mut mask) = (vec![0; length], vec![false; length]);
    let windows = data.tokens() / length as u64;
    let seconds = best(|| {
        let mut sum = 0;
        for window in 0..windows {
            // An odd factor visits each window once.
            let window = if random {
                window.wrapping_mul(0x9E37_79B1) % windows
            } else {
                window
            };
            data.window(window * length as u64, &mut ids, &mut mask);
            sum += u64::from(ids[length / 2]) + u64::from(mask[length / 3]);
        }
        sum
    });
    windows as f64 * length as f64 * BYTES_PER_TOKEN / seconds
}

/// Seconds that the processor was busy with this thread in the best of five runs: other work on the
/// machine does not count.
fn best(mut run: impl FnMut() -> u64) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = busy();
        std::hint::black_box(run());
        best = best.min(busy() - start);
    }
    best
}

/// Seconds that this thread has run.
fn busy() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanoseconds: u64 = text.split(' ').next().unwrap().parse().unwrap();
    nanoseconds as f64 * 1e-9
}
