//! Megabytes a second and core of detection and validation alone: `PREP_DATA=folder cargo bench --bench
//! detect`.
//!
//! What `prep ingest` asks of every text beside reading and writing it: its encoding (of the samples that
//! stand for a file, here of a megabyte of text each), whether it is valid, and its languages, for documents
//! of 4,000 and of 400 characters. The fastest of ten counts.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its numbers and ends at the first surprise"
)]

use prep::ingest::encoding;
use prep::ingest::language;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

const BOOKS: [&str; 4] = [
    "text/ru/chekhov_duel.txt",
    "text/ru/pushkin_onegin_verse.txt",
    "text/en/stoker_dracula.txt",
    "text/en/darwin_origin.txt",
];
/// Bytes of a file that its encoding is told from.
const SAMPLE: usize = 64 << 10;
const ROUNDS: usize = 10;

fn main() {
    let Some(data) = std::env::var_os("PREP_DATA") else {
        println!("skipped: PREP_DATA does not name the folder with the books");
        return;
    };
    println!(
        "{:34} {:>10} {:>10} {:>14} {:>14} {:>8}  (MB/s a core)",
        "", "encoding", "valid", "languages 4000", "languages 400", "all"
    );
    for book in BOOKS {
        let text = std::fs::read_to_string(Path::new(&data).join(book)).unwrap();
        let bytes = text.as_bytes();
        let told = seconds(|| {
            black_box(encoding::detect(&bytes[..SAMPLE]));
        });
        // One sample for each megabyte.
        let told = told * bytes.len() as f64 / 1e6;
        let valid = seconds(|| {
            assert!(simdutf8::basic::from_utf8(black_box(bytes)).is_ok());
        });
        let [long, short] = [4_000, 400].map(|characters| {
            let pieces = pieces(&text, characters);
            seconds(|| {
                for piece in &pieces {
                    black_box(language::detect(std::iter::once(*piece)));
                }
            })
        });
        let speed = |seconds: f64| bytes.len() as f64 / 1e6 / seconds;
        println!(
            "{book:34} {:10.0} {:10.0} {:14.0} {:14.0} {:8.0}",
            speed(told),
            speed(valid),
            speed(long),
            speed(short),
            speed(told + valid + long)
        );
    }
}

fn seconds(run: impl Fn()) -> f64 {
    let once = || {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    };
    (0..ROUNDS).map(|_| once()).fold(f64::MAX, f64::min)
}

/// The text in pieces of so many characters.
fn pieces(text: &str, characters: usize) -> Vec<&str> {
    let mut starts: Vec<usize> = (text.char_indices().step_by(characters))
        .map(|(at, _)| at)
        .collect();
    starts.push(text.len());
    starts
        .windows(2)
        .map(|pair| &text[pair[0]..pair[1]])
        .collect()
}
