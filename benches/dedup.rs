//! The search for copies: speed of the kernels, of the whole stage, and quality on planted truth.
//!
//! `cargo bench --bench dedup`, with these variables:
//!
//! - `PREP_DATA`: folder with real text, for the kernels
//! - `PREP_BENCH_BYTES`: bytes of synthetic text for the whole stage (default 200000000); three
//!   times as much is written
//! - `PREP_BENCH_PYTHON`: interpreter that has datatrove 0.10 and rensa, to be compared with on the
//!   planted truth (8 MB of English)
//!
//! Seconds are those of the processor (user and system), of one thread: other work on the machine
//! does not count. The stage is `prep shard --dedup near` less `--dedup off`, which leaves out
//! reading, rules and tokenizing, and the comparison key, which both make.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its numbers and ends at the first surprise"
)]

use prep::dedup::minhash::{self, Recall};
use prep::dedup::shingles;
use prep::document::Content;
use prep::document::comparison_key::comparison_key;
use prep::synth::jaccard;
use prep::synth::truth::Truth;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

const PREP: &str = env!("CARGO_BIN_EXE_prep");
const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/dedup.py");
const TOKENIZER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/fixtures/golden/tokenizer.json"
);
const BOOKS: [&str; 4] = [
    "text/ru/chekhov_duel.txt",
    "text/ru/pushkin_onegin_verse.txt",
    "text/en/stoker_dracula.txt",
    "text/en/darwin_origin.txt",
];
const QUALITY_BYTES: u64 = 8_000_000;

fn main() {
    kernels();
    let dir = tempfile::tempdir().unwrap();
    let bytes = std::env::var("PREP_BENCH_BYTES").map_or(200_000_000, |bytes| {
        bytes
            .parse()
            .expect("PREP_BENCH_BYTES is a number of bytes")
    });
    stage(dir.path(), bytes);
    quality(dir.path());
}

fn kernels() {
    let Some(data) = std::env::var_os("PREP_DATA") else {
        println!("no kernels: PREP_DATA does not name the folder with the books");
        return;
    };
    println!(
        "one core     key  shingles  112 of a key  key+112  key+224  MB/s of text, pieces of 4,000 bytes"
    );
    for book in BOOKS {
        let text = std::fs::read_to_string(Path::new(&data).join(book)).unwrap();
        let pieces = pieces(&text);
        let keys: Vec<String> = pieces.iter().map(|piece| comparison_key(piece)).collect();
        let key = speed(&text, || {
            for piece in &pieces {
                black_box(comparison_key(piece));
            }
        });
        let shingle = speed(&text, || {
            for key in &keys {
                let mut sum = 0;
                shingles::for_each(key, |shingle| sum ^= shingle);
                black_box(sum);
            }
        });
        let signature = speed(&text, || {
            for key in &keys {
                black_box(minhash::bands(key, Recall::Default));
            }
        });
        let [default, high] = [Recall::Default, Recall::High].map(|recall| {
            speed(&text, || {
                for piece in &pieces {
                    black_box(minhash::bands(&comparison_key(piece), recall));
                }
            })
        });
        println!(
            "         {key:7.0} {shingle:9.0} {signature:13.0} {default:8.0} {high:8.0}  {book}"
        );
    }
}

/// Processor seconds and peak memory of `prep` with these arguments and one thread.
fn prep(arguments: &[&str]) -> (f64, u64) {
    let child = Command::new(PREP)
        .args(arguments)
        .args(["--threads", "1", "--quiet"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let (succeeded, cpu, peak) = wait(child);
    assert!(succeeded, "prep {arguments:?} failed");
    (cpu, peak)
}

/// Waits for `child` and asks the kernel what it used.
fn wait(child: Child) -> (bool, f64, u64) {
    let mut status = 0;
    // SAFETY: `rusage` is plain numbers, for which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the id is of a child of ours that was not waited for, both pointers are valid.
    let waited = unsafe { libc::wait4(child.id() as i32, &raw mut status, 0, &raw mut usage) };
    assert_eq!(waited, child.id() as i32);
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    let cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    // Linux counts kilobytes.
    (status == 0, cpu, usage.ru_maxrss as u64 * 1024)
}

/// Makes and ingests a corpus; returns it.
fn corpus(dir: &Path, name: &str, bytes: u64, options: &[&str]) -> PathBuf {
    let [raw, corpus] = ["raw", "corpus"].map(|part| dir.join(format!("{name} {part}")));
    let bytes = bytes.to_string();
    let mut arguments = vec!["synth", "--bytes", &bytes, "--out", raw.to_str().unwrap()];
    arguments.extend(options);
    prep(&arguments);
    let data = raw.join("data");
    let arguments = [
        "ingest",
        data.to_str().unwrap(),
        "--out",
        corpus.to_str().unwrap(),
    ];
    prep(&arguments);
    corpus
}

fn shard(corpus: &Path, mode: &[&str], memory: &str) -> (f64, u64, PathBuf) {
    let out = corpus.with_file_name(format!("shards {}", mode.join(" ")));
    let _ = std::fs::remove_dir_all(&out);
    let mut arguments = vec![
        "shard",
        corpus.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ];
    arguments.extend([
        "--tokenizer",
        TOKENIZER,
        "--profile",
        "none",
        "--memory",
        memory,
    ]);
    arguments.extend(mode);
    let (cpu, peak) = prep(&arguments);
    (cpu, peak, out)
}

fn stage(dir: &Path, bytes: u64) {
    let corpus = corpus(dir, "stage", bytes, &[]);
    let bytes = bytes as f64 / 1e6;
    // The least of three: what disturbs adds.
    let run = |mode: &[&str]| {
        let (mut least, mut most) = (f64::MAX, 0);
        for _ in 0..3 {
            let (cpu, peak, out) = shard(&corpus, mode, "512MiB");
            (least, most) = (least.min(cpu), most.max(peak));
            std::fs::remove_dir_all(out).unwrap();
        }
        (least, most)
    };
    let (off, _) = run(&["--dedup", "off"]);
    println!("\nwhole stage, {bytes:.0} MB ru and en, one thread, --memory 512MiB");
    println!("off: {off:.2} s for all of prep shard");
    for mode in [
        &["--dedup", "exact"][..],
        &["--dedup", "near"],
        &["--dedup", "near", "--dedup-recall", "high"],
    ] {
        let (cpu, peak) = run(mode);
        println!(
            "{}: {:+.2} s, {:.0} MB/s of the stage, {:.1} MB/s of prep shard, peak {} MB",
            mode.join(" "),
            cpu - off,
            bytes / (cpu - off).max(0.01),
            bytes / cpu,
            peak / 1_000_000
        );
    }
    std::fs::remove_dir_all(corpus).unwrap();
}

/// Texts and truth of a synthetic corpus, and what a tool makes of it.
struct Judge {
    truth: Vec<Truth>,
    sets: BTreeMap<String, Vec<u64>>,
    /// The first document of those that were made from each other.
    family: BTreeMap<String, String>,
}

impl Judge {
    fn new(raw: &Path) -> Self {
        let lines = |path: &Path| {
            let text = std::fs::read_to_string(path).unwrap();
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        };
        let truth: Vec<Truth> = lines(&raw.join("truth.jsonl"))
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let mut sets = BTreeMap::new();
        for entry in std::fs::read_dir(raw.join("data")).unwrap() {
            for line in lines(&entry.unwrap().path()) {
                let record: Value = serde_json::from_str(&line).unwrap();
                let text = Content::Text(record["text"].as_str().unwrap().to_owned());
                let id = record["id"].as_str().unwrap().to_owned();
                sets.insert(id, jaccard::shingles(&text));
            }
        }
        let mut family = BTreeMap::<String, String>::new();
        for row in &truth {
            let head = row.of.as_ref().and_then(|of| family.get(of).cloned());
            family.insert(row.id.clone(), head.unwrap_or_else(|| row.id.clone()));
        }
        Self {
            truth,
            sets,
            family,
        }
    }

    fn print(&self, name: &str, cpu: f64, removed: &BTreeSet<String>) {
        let recall = |from: f64, below: f64| {
            let (mut found, mut all) = (0_u32, 0_u32);
            for row in &self.truth {
                let planted = row.plant == "near" || row.plant.starts_with("chain");
                let similar = row.jaccard.is_some_and(|j| j >= from && j < below);
                let Some(of) = row.of.as_ref().filter(|_| planted && similar) else {
                    continue;
                };
                all += 1;
                found += u32::from(removed.contains(&row.id) || removed.contains(of));
            }
            f64::from(found) / f64::from(all.max(1))
        };
        // Every relative of a document that goes, by family.
        let mut kept = BTreeMap::<&str, Vec<&str>>::new();
        for (id, head) in &self.family {
            if !removed.contains(id) {
                kept.entry(head).or_default().push(id);
            }
        }
        let wrong = removed.iter().filter(|id| {
            let relatives = kept.get(self.family[*id].as_str());
            !relatives
                .into_iter()
                .flatten()
                .any(|other| jaccard::jaccard(&self.sets[*id], &self.sets[*other]) >= 0.8)
        });
        let (wrong, all) = (wrong.count(), removed.len());
        println!(
            "{name:24} {cpu:7.2} {:8.1} {:9.4} {:9.4} {:9.4} {:9.4} {:9.4} {wrong:6} of {all}",
            QUALITY_BYTES as f64 / 1e6 / cpu,
            recall(0.9, 1.1),
            recall(0.8, 1.1),
            recall(0.8, 0.9),
            recall(0.65, 0.8),
            recall(0.0, 0.65),
        );
    }
}

/// Ids by the user's names of what `prep shard` removed.
fn removed_by_prep(out: &Path) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for entry in std::fs::read_dir(out.join("removed")).unwrap() {
        let file = prep::document::parquet::DocumentFile::open(&entry.unwrap().path()).unwrap();
        for group in 0..file.row_groups() {
            for document in file.read(group, 1_000).unwrap().flat_map(Result::unwrap) {
                let meta: Value = serde_json::from_str(document.meta.as_deref().unwrap()).unwrap();
                ids.insert(meta["id"].as_str().unwrap().to_owned());
            }
        }
    }
    ids
}

fn quality(dir: &Path) {
    let options = [
        "--languages",
        "en",
        "--near",
        "15%",
        "--chains",
        "6%",
        "--templates",
        "3%",
    ];
    let corpus = corpus(dir, "quality", QUALITY_BYTES, &options);
    let raw = dir.join("quality raw");
    let judge = Judge::new(&raw);
    println!(
        "\nplanted truth, {} texts                                         pairs of which one went, by true similarity",
        judge.truth.len()
    );
    println!(
        "tool                       cpu s     MB/s   >= 0.90   >= 0.80  .80-.90  .65-.80    < 0.65  went wrongly"
    );
    let (off, ..) = shard(&corpus, &["--dedup", "off"], "4GiB");
    for mode in [
        &["--dedup", "near"][..],
        &["--dedup", "near", "--dedup-recall", "high"],
    ] {
        let (cpu, _, out) = shard(&corpus, mode, "4GiB");
        let name = format!("prep {}", mode.last().unwrap());
        judge.print(
            &format!("{name}, all of shard"),
            cpu,
            &removed_by_prep(&out),
        );
        judge.print(
            &format!("{name}, the stage"),
            (cpu - off).max(0.01),
            &removed_by_prep(&out),
        );
    }
    let Some(python) = std::env::var_os("PREP_BENCH_PYTHON") else {
        println!("no peers: PREP_BENCH_PYTHON names no interpreter that has them");
        return;
    };
    for peer in ["rensa", "datatrove"] {
        let output = Command::new(&python)
            .args([PEER.as_ref(), raw.join("data").as_os_str(), peer.as_ref()])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let line = String::from_utf8(output.stdout).unwrap();
        let row: Value = serde_json::from_str(line.lines().last().unwrap()).unwrap();
        let ids = row["removed"].as_array().unwrap();
        let removed = ids
            .iter()
            .map(|id| id.as_str().unwrap().to_owned())
            .collect();
        let cpu = row["cpu_seconds"].as_f64().unwrap();
        judge.print(row["name"].as_str().unwrap(), cpu, &removed);
    }
}

/// The fastest of 15 runs, in MB/s.
fn speed(text: &str, run: impl Fn()) -> f64 {
    let seconds = |_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    };
    text.len() as f64 / 1e6 / (0..15).map(seconds).fold(f64::MAX, f64::min)
}

fn pieces(text: &str) -> Vec<&str> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while rest.len() > 4_000 {
        let mut at = 4_000;
        while !rest.is_char_boundary(at) {
            at += 1;
        }
        let (piece, next) = rest.split_at(at);
        pieces.push(piece);
        rest = next;
    }
    pieces.push(rest);
    pieces
}
