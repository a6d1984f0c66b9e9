//! Megabytes a second and core of the filter profiles: `PREP_DATA=folder cargo bench --bench filter`.
//!
//! Each book is cut into pieces of about 4,000 characters, and judged ten times; the fastest counts.
//! `PREP_BENCH_PYTHON` names an interpreter that has datatrove 0.10 and spaCy: then its Gopher and
//! `FineWeb` filters judge the English books in the same run.

use prep::document::{Content, Document, DocumentId};
use prep::filter::Filters;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/filter.py");
const PIECE_CHARACTERS: usize = 4_000;

const BOOKS: [(&str, &str, &str); 4] = [
    ("text/ru/chekhov_duel.txt", "ru", "fineweb2-ru"),
    ("text/ru/pushkin_onegin_verse.txt", "ru", "fineweb2-ru"),
    ("text/en/stoker_dracula.txt", "en", "fineweb-en"),
    ("text/en/darwin_origin.txt", "en", "fineweb-en"),
];

#[allow(clippy::print_stdout, reason = "a benchmark prints its numbers")]
fn main() {
    let Some(data) = std::env::var_os("PREP_DATA") else {
        println!("skipped: PREP_DATA does not name the folder with the books");
        return;
    };
    for (book, lang, web) in BOOKS {
        let text = std::fs::read_to_string(Path::new(&data).join(book)).expect("a book in UTF-8");
        let documents = documents(&text, lang);
        for profile in ["prose", web] {
            let filters = Filters::new(profile, &[], &[]).expect("a known profile");
            let seconds = (0..10)
                .map(|_| judge(&filters, &documents))
                .fold(f64::MAX, f64::min);
            #[allow(clippy::cast_precision_loss)]
            let speed = text.len() as f64 / 1e6 / seconds;
            println!("{profile:12} {speed:6.1} MB/s  {book}");
            if profile == "fineweb-en"
                && let Some(peer) = peer(&Path::new(&data).join(book))
            {
                println!(
                    "datatrove    {peer:6.2} MB/s  {book}: {:.0} times",
                    speed / peer
                );
            }
        }
    }
}

/// Megabytes a second of datatrove's filters on the same pieces, where an interpreter has it.
fn peer(book: &Path) -> Option<f64> {
    let python = std::env::var_os("PREP_BENCH_PYTHON")?;
    let output = Command::new(python)
        .arg(PEER)
        .arg(book)
        .arg(PIECE_CHARACTERS.to_string())
        .output()
        .expect("the interpreter starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().last().expect("a line of JSON");
    let found: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
    found["mb_per_second"].as_f64()
}

fn judge(filters: &Filters, documents: &[Document]) -> f64 {
    let start = Instant::now();
    for document in documents {
        // Every rule measures, as for a document that is kept.
        black_box(filters.all_verdicts(document));
    }
    start.elapsed().as_secs_f64()
}

fn documents(text: &str, lang: &str) -> Vec<Document> {
    let mut pieces = vec![String::new()];
    for line in text.split_inclusive('\n') {
        if pieces
            .last()
            .is_none_or(|piece| piece.chars().count() >= PIECE_CHARACTERS)
        {
            pieces.push(String::new());
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push_str(line);
        }
    }
    let document = |text| Document {
        id: DocumentId::new("bench", 1),
        source: "bench".into(),
        record: 1,
        content: Content::Text(text),
        lang: lang.into(),
        lang_score: 1.0,
        languages: Vec::new(),
        meta: None,
    };
    pieces.into_iter().map(document).collect()
}
