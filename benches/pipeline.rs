//! Speed and peak memory of `prep ingest` and `prep shard`, beside datatrove in the same run.
//!
//! `cargo bench --bench pipeline`, with these variables:
//!
//! - `PREP_BENCH_BYTES`: bytes of synthetic text, of txt and of jsonl each (default 300000000)
//! - `PREP_DATA`: folder with real text, which is measured too; each file also by itself, over and over
//! - `PREP_BENCH_PYTHON`: interpreter that has datatrove 0.10, for the ratio to it
//! - `PREP_BENCH_DIR`: where the data is written (default: the temporary directory); twice
//!   `PREP_BENCH_BYTES` and as much again for the results
//!
//! Every command is a process of its own, so that its peak memory is its own. The stages of `shard`
//! are told by the lines that it prints; `rest` is what no stage prints (deciding on copies,
//! loading, fsync). Prints a table, and one JSON object on the last line.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its numbers and ends at the first surprise"
)]

use serde_json::{Value, json};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

const PREP: &str = env!("CARGO_BIN_EXE_prep");
const PEER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/benches/peers/datatrove_jsonl.py"
);

/// Least bytes of a passage of a book.
const PASSAGE_BYTES: usize = 600;
/// Small files, and least bytes of each.
const SMALL_FILES: usize = 20_000;
const SMALL_FILE_BYTES: usize = 2_500;

fn main() {
    let bytes = std::env::var("PREP_BENCH_BYTES").map_or(300_000_000, |bytes| {
        bytes
            .parse()
            .expect("PREP_BENCH_BYTES is a number of bytes")
    });
    let parent = std::env::var_os("PREP_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = tempfile::tempdir_in(parent).unwrap();
    let mut bench = Bench {
        dir: dir.path().to_owned(),
        rows: Vec::new(),
    };
    println!("load before: {}", load());
    bench.synthetic(bytes);
    if let Some(data) = std::env::var_os("PREP_DATA") {
        bench.real(&Path::new(&data).join("text"));
        bench.questions(&Path::new(&data).join("qa/gsm8k_test.jsonl"), bytes);
        bench.passages(&Path::new(&data).join("text/en"), bytes / 3);
        for folder in ["text/en", "text/ru", "qa"] {
            bench.files(&Path::new(&data).join(folder), bytes / 5);
        }
    }
    bench.table();
    let mut result = json!({ "bytes": bytes, "load_after": load(), "rows": bench.rows });
    result["ratios"] = bench.ratios();
    println!("{result}");
}

/// The mean number of running processes in the last minutes: other work makes numbers worthless.
fn load() -> String {
    std::fs::read_to_string("/proc/loadavg")
        .map_or_else(|_| "unknown".to_owned(), |load| load.trim().to_owned())
}

struct Bench {
    dir: PathBuf,
    rows: Vec<Value>,
}

impl Bench {
    fn synthetic(&mut self, bytes: u64) {
        for format in ["txt", "jsonl"] {
            let out = self.dir.join(format);
            let run = Self::prep(&format!("synth {format}"), 1, bytes, |command| {
                let size = bytes.to_string();
                command.args(["synth", "--bytes", &size, "--format", format, "--out"]);
                command.arg(&out);
            });
            self.rows.push(run);
        }
        for format in ["txt", "jsonl"] {
            let data = self.dir.join(format).join("data");
            self.ingest(&format!("ingest {format}"), &data);
        }
        self.peer("peer jsonl", &self.dir.join("jsonl/data"), "text");
        self.small_files();
        let corpus = self.dir.join("ingest jsonl 2");
        self.shard("shard, trains its tokenizer", &corpus, 2, None);
        let tokenizer = self.dir.join("shard, trains its tokenizer 2");
        for threads in [1, 2] {
            self.shard("shard", &corpus, threads, Some(&tokenizer));
        }
        for threads in [1, 2] {
            let exact = ["--dedup", "exact"];
            self.shard_with(
                "shard, exact copies",
                &corpus,
                threads,
                Some(&tokenizer),
                &exact,
            );
        }
        self.tokens(&corpus, &tokenizer);
    }

    /// `prep shard` and datatrove's tokenization on one corpus of lines of JSON.
    fn tokens(&mut self, corpus: &Path, shards: &Path) {
        let Some(python) = std::env::var_os("PREP_BENCH_PYTHON") else {
            return;
        };
        // What datatrove does: neither rules nor a search for copies, nor documents for validation.
        let bare = ["--dedup", "off", "--profile", "none", "--val", "0"];
        self.shard_with("shard, tokens alone", corpus, 1, Some(shards), &bare);
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/benches/peers/datatrove_tokens.py"
        );
        let mut row = peer(
            Command::new(python)
                .arg(script)
                .arg(corpus)
                .arg(shards.join("tokenizer.json")),
        );
        row["name"] = "peer tokens".into();
        row["threads"] = 1.into();
        self.rows.push(row);
    }

    fn real(&mut self, data: &Path) {
        self.ingest("ingest real", data);
        let corpus = self.dir.join("ingest real 2");
        self.shard("shard real, trains its tokenizer", &corpus, 2, None);
    }

    /// Each real file of lines in `folder` by itself, over and over, until it has `bytes`.
    fn files(&mut self, folder: &Path, bytes: u64) {
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                let ending = path.extension().and_then(OsStr::to_str);
                ["txt", "md", "jsonl", "csv", "tsv"].contains(&ending.unwrap_or_default())
            })
            .collect();
        files.sort();
        for path in files {
            let name = path.file_name().unwrap();
            let mut once = std::fs::read(&path).unwrap();
            if once.last() != Some(&b'\n') {
                once.push(b'\n');
            }
            // The header of a table stands once.
            let is_table =
                path.extension().is_some_and(|ending| ending != "jsonl") && folder.ends_with("qa");
            let head = match once.iter().position(|byte| *byte == b'\n') {
                Some(end) if is_table => end + 1,
                _ => 0,
            };
            let dir = self.dir.join("file");
            std::fs::create_dir(&dir).unwrap();
            let mut file = std::fs::File::create(dir.join(name)).unwrap();
            file.write_all(&once[..head]).unwrap();
            for _ in 0..bytes.div_ceil((once.len() - head) as u64) {
                file.write_all(&once[head..]).unwrap();
            }
            drop((file, once));
            let name = format!("ingest {}", name.display());
            self.ingest(&name, &dir);
            std::fs::remove_dir_all(dir).unwrap();
            for threads in [1, 2] {
                std::fs::remove_dir_all(self.dir.join(format!("{name} {threads}"))).unwrap();
            }
        }
    }

    /// Short records: real questions and answers, over and over.
    fn questions(&mut self, data: &Path, bytes: u64) {
        let once = std::fs::read(data).unwrap();
        let dir = self.dir.join("questions");
        std::fs::create_dir(&dir).unwrap();
        let mut file = std::fs::File::create(dir.join("questions.jsonl")).unwrap();
        for _ in 0..bytes.div_ceil(once.len() as u64) {
            file.write_all(&once).unwrap();
        }
        drop((file, once));
        self.ingest("ingest questions", &dir);
        self.peer("peer questions", &dir, "question");
    }

    /// Passages of about a kilobyte of real books, one a line, over and over.
    fn passages(&mut self, folder: &Path, bytes: u64) {
        let mut once = Vec::new();
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|ending| ending == "txt" || ending == "md")
            })
            .collect();
        files.sort();
        for path in files {
            let text = std::fs::read_to_string(path).unwrap();
            let mut passage = String::new();
            for paragraph in text.split('\n').filter(|line| !line.trim().is_empty()) {
                passage = passage + paragraph + "\n";
                if passage.len() >= PASSAGE_BYTES {
                    writeln!(once, "{}", json!({ "text": passage })).unwrap();
                    passage.clear();
                }
            }
        }
        let dir = self.dir.join("passages");
        std::fs::create_dir(&dir).unwrap();
        let mut file = std::fs::File::create(dir.join("passages.jsonl")).unwrap();
        for _ in 0..bytes.div_ceil(once.len() as u64) {
            file.write_all(&once).unwrap();
        }
        drop(file);
        self.ingest("ingest passages", &dir);
        self.peer("peer passages", &dir, "text");
    }

    /// The first of the synthetic text as many small files.
    fn small_files(&mut self) {
        let text = std::fs::File::open(self.dir.join("txt/data/text-00000.txt")).unwrap();
        let dir = self.dir.join("small");
        let mut lines = BufReader::new(text).lines().map(Result::unwrap);
        for number in 0..SMALL_FILES {
            let folder = dir.join(format!("{:03}", number / 100));
            std::fs::create_dir_all(&folder).unwrap();
            let mut text = String::new();
            while text.len() < SMALL_FILE_BYTES
                && let Some(line) = lines.next()
            {
                text = text + &line + "\n";
            }
            std::fs::write(folder.join(format!("{number:05}.txt")), text).unwrap();
        }
        self.ingest("ingest small files", &dir);
    }

    /// Ingests `data` with one thread and with two.
    fn ingest(&mut self, name: &str, data: &Path) {
        let bytes = size(data);
        for threads in [1, 2] {
            let out = self.dir.join(format!("{name} {threads}"));
            let run = Self::prep(name, threads, bytes, |command| {
                command.arg("ingest").arg(data).arg("--out").arg(&out);
            });
            self.rows.push(run);
        }
    }

    fn shard(&mut self, name: &str, corpus: &Path, threads: u32, tokenizer: Option<&Path>) {
        self.shard_with(name, corpus, threads, tokenizer, &[]);
    }

    fn shard_with(
        &mut self,
        name: &str,
        corpus: &Path,
        threads: u32,
        tokenizer: Option<&Path>,
        options: &[&str],
    ) {
        let out = self.dir.join(format!("{name} {threads}"));
        let report = std::fs::read(corpus.join("report.json")).unwrap();
        let report: Value = serde_json::from_slice(&report).unwrap();
        let bytes = report["ledger"]["kept"]["bytes"].as_u64().unwrap();
        let run = Self::prep(name, threads, bytes, |command| {
            command.arg("shard").arg(corpus).arg("--out").arg(&out);
            command.args(options);
            if let Some(tokenizer) = tokenizer {
                command.arg("--tokenizer").arg(tokenizer);
            }
        });
        self.rows.push(run);
    }

    /// datatrove on the same files, where an interpreter that has it is named.
    fn peer(&mut self, name: &str, data: &Path, text_key: &str) {
        let Some(python) = std::env::var_os("PREP_BENCH_PYTHON") else {
            println!("no peer: PREP_BENCH_PYTHON names no interpreter that has datatrove");
            return;
        };
        for workers in ["1", "2"] {
            let mut row = peer(Command::new(&python).args([
                OsStr::new(PEER),
                data.as_os_str(),
                OsStr::new(workers),
                OsStr::new(text_key),
            ]));
            row["name"] = name.into();
            row["threads"] = row["workers"].clone();
            self.rows.push(row);
        }
    }

    /// Runs `prep` and measures it; `bytes` are what it reads or makes.
    fn prep(name: &str, threads: u32, bytes: u64, arguments: impl Fn(&mut Command)) -> Value {
        let mut command = Command::new(PREP);
        arguments(&mut command);
        command.args(["--threads", &threads.to_string()]);
        let start = Instant::now();
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (mut stages, mut staged, mut said) = (Vec::new(), 0.0, Vec::new());
        for line in stderr.lines().map(Result::unwrap) {
            if let Some((stage, seconds)) = stage(&line) {
                staged += seconds;
                stages.push(json!({ "stage": stage, "seconds": seconds, "line": line }));
            }
            said.push(line);
        }
        let end = wait(child);
        let seconds = start.elapsed().as_secs_f64();
        assert!(end.succeeded, "{name} failed: {}", said.join("\n"));
        json!({
            "name": name, "threads": threads, "bytes": bytes, "seconds": seconds,
            "mb_per_second": bytes as f64 / 1e6 / seconds, "peak_rss_mb": end.peak_rss as f64 / 1e6,
            "cpu_seconds": end.cpu_seconds, "stages": stages, "rest_seconds": seconds - staged,
        })
    }

    fn table(&self) {
        println!(
            "{:34} {:>7} {:>8} {:>8} {:>8} {:>9}",
            "", "threads", "seconds", "MB/s", "cpu s", "peak MB"
        );
        for row in &self.rows {
            println!(
                "{:34} {:>7} {:>8.2} {:>8.1} {:>8.2} {:>9.0}",
                row["name"].as_str().unwrap(),
                row["threads"],
                row["seconds"].as_f64().unwrap(),
                row["mb_per_second"].as_f64().unwrap(),
                row["cpu_seconds"].as_f64().unwrap_or(f64::NAN),
                row["peak_rss_mb"].as_f64().unwrap(),
            );
            let stages = row["stages"].as_array().into_iter().flatten();
            let bytes = row["bytes"].as_f64().unwrap();
            for stage in stages.filter(|_| row["name"].as_str().unwrap().starts_with("shard")) {
                let seconds = stage["seconds"].as_f64().unwrap();
                println!(
                    "    {:30} {:>7} {:>8.2} {:>8.1}",
                    stage["stage"].as_str().unwrap(),
                    "",
                    seconds,
                    bytes / 1e6 / seconds
                );
            }
        }
        for (name, ratio) in self.ratios().as_object().unwrap() {
            println!("{name}: {:.2}", ratio.as_f64().unwrap_or(f64::NAN));
        }
    }

    fn speed(&self, name: &str, threads: u64) -> Option<f64> {
        self.rows
            .iter()
            .find(|row| row["name"] == name && row["threads"] == threads)
            .and_then(|row| row["mb_per_second"].as_f64())
    }

    fn ratios(&self) -> Value {
        let ratio = |a: Option<f64>, b: Option<f64>| Some(a? / b?);
        let two_threads = |name: &str| ratio(self.speed(name, 2), self.speed(name, 1));
        // One thread is more than a core: another writes beside it.
        let to_one_core = |name: &str| {
            let one = self.rows.iter().find(|row| row["name"] == name)?;
            let two = self.speed(name, 2)? / one["bytes"].as_f64()? * 1e6;
            Some(one["cpu_seconds"].as_f64()? * two)
        };
        let to_peer = |what: &str, threads| {
            ratio(
                self.speed(&format!("ingest {what}"), threads),
                self.speed(&format!("peer {what}"), threads),
            )
        };
        json!({
            "ingest txt, 2 threads to 1": two_threads("ingest txt"),
            "ingest jsonl, 2 threads to 1": two_threads("ingest jsonl"),
            "shard, 2 threads to 1": two_threads("shard"),
            "ingest questions, 2 threads to 1": two_threads("ingest questions"),
            "ingest txt, 2 threads to one core": to_one_core("ingest txt"),
            "ingest jsonl, 2 threads to one core": to_one_core("ingest jsonl"),
            "ingest questions, 2 threads to one core": to_one_core("ingest questions"),
            "ingest jsonl to datatrove, 1 thread": to_peer("jsonl", 1),
            "ingest jsonl to datatrove, 2 threads": to_peer("jsonl", 2),
            "ingest questions to datatrove, 1 thread": to_peer("questions", 1),
            "ingest questions to datatrove, 2 threads": to_peer("questions", 2),
            "ingest small files, 2 threads to 1": two_threads("ingest small files"),
            "ingest passages to datatrove, 1 thread": to_peer("passages", 1),
            "ingest passages to datatrove, 2 threads": to_peer("passages", 2),
            "shard, exact copies, 2 threads to 1": two_threads("shard, exact copies"),
            "shard to datatrove's tokenization": ratio(
                self.speed("shard", 1),
                self.speed("peer tokens", 1),
            ),
            "shard, exact copies, to datatrove's tokenization": ratio(
                self.speed("shard, exact copies", 1),
                self.speed("peer tokens", 1),
            ),
            "tokens alone to datatrove's tokenization": ratio(
                self.speed("shard, tokens alone", 1),
                self.speed("peer tokens", 1),
            ),
        })
    }
}

/// The JSON that a peer prints last.
fn peer(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

/// Label and seconds of a line that ends a stage: `filter: 300.0 MB in 3.2 s, 93.4 MB/s`.
fn stage(line: &str) -> Option<(String, f64)> {
    let (label, rest) = line.split_once(": ")?;
    let (_, rest) = rest.split_once(" in ")?;
    let (clock, _) = rest.split_once(", ")?;
    let words: Vec<&str> = clock.split(' ').collect();
    let number = |text: &str| text.parse::<f64>().ok();
    let seconds = match words.as_slice() {
        [seconds, "s"] => number(seconds)?,
        [minutes, "min", seconds, "s"] => number(minutes)? * 60.0 + number(seconds)?,
        [hours, "h", minutes, "min"] => number(hours)? * 3600.0 + number(minutes)? * 60.0,
        _ => return None,
    };
    Some((label.to_owned(), seconds))
}

/// Bytes of all files below `path`.
fn size(path: &Path) -> u64 {
    if path.is_file() {
        return path.metadata().unwrap().len();
    }
    std::fs::read_dir(path)
        .unwrap()
        .map(|entry| size(&entry.unwrap().path()))
        .sum()
}

struct End {
    succeeded: bool,
    cpu_seconds: f64,
    peak_rss: u64,
}

/// Waits for `child` and asks the kernel what it used. A child is charged at least with the memory
/// of the process that starts it, which is why this one holds no data.
fn wait(child: Child) -> End {
    let mut status = 0;
    // SAFETY: `rusage` is plain numbers, for which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the id is of a child of ours that was not waited for, both pointers are valid.
    let waited = unsafe { libc::wait4(child.id() as i32, &raw mut status, 0, &raw mut usage) };
    assert_eq!(waited, child.id() as i32);
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    End {
        // 1 is done as well: some records were rejected.
        succeeded: libc::WIFEXITED(status) && libc::WEXITSTATUS(status) <= 1,
        cpu_seconds: seconds(usage.ru_utime) + seconds(usage.ru_stime),
        // Linux counts kilobytes.
        peak_rss: usage.ru_maxrss as u64 * 1024,
    }
}
