//! The release candidate of the `tokenizers` crate, measured as `benches/encode/main.rs` measures prep.
//!
//!     tokenizers-rc-peer TOKENIZER.json DOCUMENTS.jsonl SAMPLE_DOCUMENTS IDS_OUT
//!
//! DOCUMENTS has one JSON string a line. Encodes all of them five times on one thread with
//! `encode_into`, the entry point that allocates nothing a call; the first pass has empty caches, the
//! best of the four after it is the steady one. Writes the ids of the first SAMPLE_DOCUMENTS
//! documents to IDS_OUT (u32, little endian) and prints one JSON line.

use anyhow::{Context, Result, anyhow};
use std::io::Write;
use tokenizers::pipeline::{EncodeOptions, PipelineTokenizer};

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [tokenizer, documents, sample, out] = args.as_slice() else {
        return Err(anyhow!("four arguments are expected, see the head of main.rs"));
    };
    let json = tokenizers::canonicalize_str(&std::fs::read_to_string(tokenizer)?)?;
    let tokenizer = tokenizers::from_json(&json).map_err(|error| anyhow!("{error}"))?;
    let documents: Vec<String> = std::fs::read_to_string(documents)?
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()
        .context("documents are one JSON string a line")?;
    let bytes: usize = documents.iter().map(String::len).sum();

    let first = speed(bytes, || pass(&tokenizer, &documents))?;
    let mut steady: f64 = 0.0;
    for _ in 0..4 {
        steady = steady.max(speed(bytes, || pass(&tokenizer, &documents))?);
    }

    let mut file = std::io::BufWriter::new(std::fs::File::create(out)?);
    for document in documents.iter().take(sample.parse()?) {
        for id in encode(&tokenizer, document)? {
            file.write_all(&id.to_le_bytes())?;
        }
    }
    file.flush()?;
    println!(
        "{}",
        serde_json::json!({"peer": "tokenizers 1.0.0-rc.3", "first": first, "steady": steady})
    );
    Ok(())
}

fn options() -> EncodeOptions {
    EncodeOptions {
        encode_special_tokens: true,
        ..EncodeOptions::no_specials()
    }
}

fn pass(tokenizer: &PipelineTokenizer, documents: &[String]) -> Result<()> {
    let options = options();
    let mut tokens = Vec::new();
    for document in documents {
        tokens.clear();
        tokenizer
            .encode_into(document, &options, &mut tokens)
            .map_err(|error| anyhow!("{error}"))?;
        std::hint::black_box(&tokens);
    }
    Ok(())
}

fn encode(tokenizer: &PipelineTokenizer, document: &str) -> Result<Vec<u32>> {
    let mut tokens = Vec::new();
    tokenizer
        .encode_into(document, &options(), &mut tokens)
        .map_err(|error| anyhow!("{error}"))?;
    Ok(tokens.iter().map(|token| u32::from(*token)).collect())
}

/// Megabytes a second of this process' time on a core.
fn speed(bytes: usize, mut pass: impl FnMut() -> Result<()>) -> Result<f64> {
    let before = on_core();
    pass()?;
    Ok(bytes as f64 / 1e6 / (on_core() - before))
}

fn on_core() -> f64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid timespec that the call fills.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
