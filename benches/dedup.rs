//! The search for copies: `PREP_DATA=folder cargo bench --bench dedup`.

use prep::dedup::minhash::{self, Recall};
use prep::dedup::shingles;
use prep::document::comparison_key::comparison_key;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

const BOOKS: [&str; 4] = [
    "text/ru/chekhov_duel.txt",
    "text/ru/pushkin_onegin_verse.txt",
    "text/en/stoker_dracula.txt",
    "text/en/darwin_origin.txt",
];

#[allow(clippy::print_stdout, reason = "a benchmark prints its numbers")]
fn main() {
    let Some(data) = std::env::var_os("PREP_DATA") else {
        println!("skipped: PREP_DATA does not name the folder with the books");
        return;
    };
    println!("one core     key  shingles  key+112  key+224  MB/s of text, pieces of 4,000 bytes");
    for book in BOOKS {
        let text = std::fs::read_to_string(Path::new(&data).join(book)).expect("a book in UTF-8");
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
        let [default, high] = [Recall::Default, Recall::High].map(|recall| {
            speed(&text, || {
                for piece in &pieces {
                    black_box(minhash::bands(&comparison_key(piece), recall));
                }
            })
        });
        println!("         {key:7.0} {shingle:9.0} {default:8.0} {high:8.0}  {book}");
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
