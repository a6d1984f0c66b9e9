//! Megabytes a second and core of text to ids, beside other exact tokenizers in the same run:
//! `PREP_DATA=folder cargo bench --bench encode [TOKENIZER|en|ru...]`.
//!
//! Text: the Russian and English files of the data folder, their paragraphs repeated in shuffled order to
//! 40 MB (`PREP_BENCH_MB`) a language, in documents of about 8 kB, so that words come as often as they do.
//! Speeds are of the thread's time on a core (Unix; elsewhere of the clock), so that other work on the
//! machine disturbs less; two threads are timed by the clock, and say little on a busy machine.
//! "first" is a pass with an empty cache of words, "steady" and "two threads" the best of four after it.
//!
//! Peers: the `tokenizers` crate that prep is built with gets the first 4 MB (`PREP_BENCH_CRATE_MB`)
//! twice in this process and its better pass counts. `tokenizers` 1.0.0-rc.3 (with `PREP_BENCH_PEERS`,
//! which builds it) and gigatoken (with `PREP_BENCH_PYTHON`) encode the same documents, each in a
//! process of its own. Ids are compared on the first 4 MB, with prep's.

mod peers;

use peers::Peers;
use prep::tokenize::{EncodePath, Tokenizer};
use serde_json::{Value, json};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

const TOKENIZERS: [&str; 6] = [
    "mistral_v1_spm_bpe",
    "cl100k_base",
    "gpt2",
    "o200k_base",
    "qwen3",
    "ruen_bytebpe_16k",
];

const TEXTS: [(&str, &[&str]); 2] = [
    (
        "en",
        &[
            "stoker_dracula.txt",
            "darwin_origin.txt",
            "doyle_hound.md",
            "tolstoy_war_and_peace.txt.gz",
            "rust_books.jsonl",
            "postgres_manual.jsonl.zst",
        ],
    ),
    (
        "ru",
        &[
            "chekhov_duel.txt",
            "chekhov_drama_na_ohote.txt",
            "pushkin_kapitanskaya_dochka.txt",
            "pushkin_onegin_verse.txt",
            "tolstoy_anna_karenina.txt.gz",
            "rusdracor_plays.jsonl",
            "ms_docs_markdown.jsonl.zst",
        ],
    ),
];

#[allow(clippy::print_stdout, reason = "a benchmark prints its numbers")]
fn main() {
    let Some(data) = std::env::var_os("PREP_DATA").map(PathBuf::from) else {
        println!("skipped: PREP_DATA does not name the data folder");
        return;
    };
    let chosen: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let size = megabytes("PREP_BENCH_MB", 40);
    let crate_size = megabytes("PREP_BENCH_CRATE_MB", 4);
    let peers = Peers::find();
    // All tokenizers if none is named, and all languages.
    let wanted = |name: &str, among: &[&str]| {
        let any = chosen.iter().any(|chosen| among.contains(&&**chosen));
        !any || chosen.iter().any(|chosen| chosen == name)
    };
    let mut rows = Vec::new();
    println!(
        "tokenizer            text  tool                     first  steady  two threads  prep is (first, steady)  ids equal"
    );
    let langs = TEXTS.map(|(lang, _)| lang);
    for (lang, files) in TEXTS {
        if !wanted(lang, &langs) {
            continue;
        }
        let documents = documents(&data.join("text").join(lang), files, size);
        for name in TOKENIZERS {
            if !wanted(name, &TOKENIZERS) {
                continue;
            }
            let path = data.join("tokenizers").join(format!("{name}.json.zst"));
            for mut row in measure(&path, &documents, crate_size, &peers) {
                print(name, lang, &row);
                row["tokenizer"] = name.into();
                row["text"] = lang.into();
                rows.push(row);
            }
        }
    }
    println!(
        "{}",
        json!({"unit": "MB/s", "megabytes": size / 1_000_000, "rows": rows})
    );
}

#[allow(clippy::print_stdout, reason = "a benchmark prints its numbers")]
fn print(tokenizer: &str, lang: &str, row: &Value) {
    let number = |value: &Value, digits: usize| {
        value
            .as_f64()
            .map_or_else(String::new, |value| format!("{value:.digits$}"))
    };
    println!(
        "{tokenizer:20} {lang:4}  {:23} {:>6} {:>7} {:>12}  {:>10} {:>12}  {}",
        row["tool"].as_str().unwrap_or_default(),
        number(&row["first"], 1),
        number(&row["steady"], 1),
        number(&row["two_threads"], 1),
        number(&row["ratio_first"], 2),
        number(&row["ratio_steady"], 2),
        row["ids_equal"],
    );
}

/// One row a tool, prep's first.
#[allow(clippy::cast_precision_loss)]
fn measure(path: &Path, documents: &[String], crate_size: usize, peers: &Peers) -> Vec<Value> {
    let tokenizer = Tokenizer::from_file(path).expect("a tokenizer");
    let bytes: usize = documents.iter().map(String::len).sum();
    let pass = || {
        let mut ids = Vec::new();
        for document in documents {
            ids.clear();
            tokenizer.encode_text_into(document, &mut ids).expect("ids");
        }
    };
    let first = speed(bytes, pass);
    let steady = (0..4).map(|_| speed(bytes, pass)).fold(0.0, f64::max);
    let threads = || {
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(pass);
            }
        });
    };
    threads();
    let both = || {
        let start = Instant::now();
        threads();
        2.0 * bytes as f64 / 1e6 / start.elapsed().as_secs_f64()
    };
    let two_threads = (0..4).map(|_| both()).fold(0.0, f64::max);
    let path = match tokenizer.encode_path() {
        EncodePath::Fast(pattern) => pattern,
        EncodePath::Crate(reason) => reason,
        EncodePath::Differs => "differs",
    };
    let mut left = crate_size;
    let sample: Vec<&String> = documents
        .iter()
        .take_while(|document| {
            let more = left > 0;
            left = left.saturating_sub(document.len());
            more
        })
        .collect();
    let ours: Vec<u32> = sample
        .iter()
        .flat_map(|document| tokenizer.encode_text(document).expect("ids"))
        .collect();
    let mut rows = vec![json!({
        "tool": "prep", "first": first, "steady": steady, "two_threads": two_threads, "path": path,
    })];
    let mut others = vec![the_crate(&tokenizer, &sample)];
    others.extend(peers.measure(tokenizer.json(), documents, sample.len()));
    for peer in others {
        rows.push(json!({
            "tool": peer.name, "first": peer.first, "steady": peer.steady,
            "ratio_first": first / peer.first, "ratio_steady": steady / peer.steady,
            "ids_equal": peer.ids == ours,
        }));
    }
    rows
}

/// The crate that is the oracle, in this process; it keeps no cache worth a first pass.
fn the_crate(tokenizer: &Tokenizer, sample: &[&String]) -> peers::Said {
    let mut oracle =
        tokenizers::Tokenizer::from_bytes(tokenizer.json()).expect("the same tokenizer");
    oracle.set_encode_special_tokens(true);
    let bytes = sample.iter().map(|document| document.len()).sum();
    let mut ids = Vec::new();
    let mut pass = || {
        ids.clear();
        for document in sample {
            let encoding = oracle.encode_fast(document.as_str(), false).expect("ids");
            ids.extend_from_slice(encoding.get_ids());
        }
    };
    let best = speed(bytes, &mut pass).max(speed(bytes, &mut pass));
    peers::Said {
        name: "tokenizers 0.23".to_owned(),
        first: best,
        steady: best,
        ids,
    }
}

#[allow(clippy::cast_precision_loss)]
fn speed(bytes: usize, mut pass: impl FnMut()) -> f64 {
    let (start, cpu) = (Instant::now(), on_core());
    pass();
    let clock = start.elapsed().as_secs_f64();
    let seconds = cpu
        .zip(on_core())
        .map_or(clock, |(before, after)| after - before);
    bytes as f64 / 1e6 / seconds
}

/// Seconds that this thread has run on a core.
#[cfg(unix)]
fn on_core() -> Option<f64> {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid timespec that the call fills.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    (failed == 0).then(|| time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}

#[cfg(not(unix))]
fn on_core() -> Option<f64> {
    None
}

/// Documents of 8 kB, `size` bytes in all, of the files' paragraphs in a new order each time.
fn documents(folder: &Path, files: &[&str], size: usize) -> Vec<String> {
    let texts: Vec<String> = files
        .iter()
        .flat_map(|file| texts(&folder.join(file)))
        .collect();
    let mut paragraphs: Vec<&str> = texts
        .iter()
        .flat_map(|text| text.split_inclusive('\n'))
        .collect();
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let (mut documents, mut document, mut total) = (Vec::new(), String::new(), 0);
    while total < size {
        for index in (1..paragraphs.len()).rev() {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            paragraphs.swap(index, (seed % (index as u64 + 1)) as usize);
        }
        for paragraph in &paragraphs {
            document.push_str(paragraph);
            if document.len() >= 8_000 {
                total += document.len();
                documents.push(std::mem::take(&mut document));
            }
            if total >= size {
                break;
            }
        }
    }
    documents
}

/// The texts of a file: the whole of it, or the field "text" of each line of JSON.
fn texts(path: &Path) -> Vec<String> {
    let bytes = std::fs::read(path).expect("a file of the data folder");
    let name = path.to_string_lossy();
    let mut plain = Vec::new();
    if name.ends_with(".zst") {
        zstd::stream::copy_decode(&bytes[..], &mut plain).expect("zstd");
    } else if name.ends_with(".gz") {
        flate2::read::GzDecoder::new(&bytes[..])
            .read_to_end(&mut plain)
            .expect("gzip");
    } else {
        plain = bytes;
    }
    let text = String::from_utf8(plain).expect("UTF-8");
    if !name.contains(".jsonl") {
        return vec![text];
    }
    text.lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).expect("JSON");
            line["text"].as_str().unwrap_or_default().to_owned()
        })
        .collect()
}

fn megabytes(name: &str, default: usize) -> usize {
    let set = std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok());
    set.unwrap_or(default) * 1_000_000
}
