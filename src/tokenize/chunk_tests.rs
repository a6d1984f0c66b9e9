//! Long texts are encoded in chunks: whatever the chunks, the ids are those of the whole text.

use super::fast::Encode as _;
use super::tests::small;
use super::*;
use std::path::PathBuf;

/// Texts that are hard to cut: few places, places next to hard pieces, none at all.
fn hostile() -> Vec<String> {
    let pieces = [
        "слово",
        " word",
        " 'll",
        "\n",
        "\r\n",
        "  ",
        " \u{301}",
        "e\u{301}",
        " А\u{308}",
        "٣",
        "12",
        " 345",
        "\u{a0}",
        "\t",
        " _x",
        "▁",
        " ▁a",
        "👩\u{200d}👩",
        " Ǆ",
        "ſ",
        "don't",
        " I'Ve",
        "/",
        "...\n\n",
        " \u{2028}",
        "中文",
        " 中",
        "a b",
        "Z  z",
        "\u{ad}",
        " ﬁ",
        "①",
        " \u{200b}",
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |end: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as usize % end
    };
    let mut texts: Vec<String> = (0..30)
        .map(|_| (0..200).map(|_| pieces[random(pieces.len())]).collect())
        .collect();
    texts.extend([
        "а".repeat(3_000),
        " ".repeat(3_000),
        "a ".repeat(1_500),
        "ab\n".repeat(1_000),
        " a  b".repeat(700),
        "the fox's  den. Она's ".repeat(200),
    ]);
    texts
}

fn check(name: &str, tokenizer: &mut Tokenizer) {
    let whole: Vec<(String, Vec<u32>)> = hostile()
        .into_iter()
        .map(|text| {
            let mut ids = Vec::new();
            tokenizer
                .engine
                .text()
                .encode_into(&text, &mut ids)
                .unwrap();
            (text, ids)
        })
        .collect();
    for bytes in [1, 3, 40, 500] {
        tokenizer.engine.set_chunk_bytes(bytes);
        for (text, ids) in &whole {
            assert!(
                tokenizer.encode_text(text).unwrap() == *ids,
                "{name} in chunks of {bytes}: {text:?}"
            );
        }
    }
}

#[test]
fn chunks_have_the_ids_of_the_whole_text() {
    check("small", &mut small());
}

#[test]
fn chunks_have_the_ids_of_the_whole_text_for_real_tokenizers() {
    let Some(data) = std::env::var_os("PREP_DATA").filter(|data| !data.is_empty()) else {
        return;
    };
    let folder = PathBuf::from(data).join("tokenizers");
    let mut checked = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.contains(".json") || name.contains("config") {
            continue;
        }
        let mut tokenizer = Tokenizer::from_file(&path).unwrap();
        check(&name, &mut tokenizer);
        checked += 1;
    }
    assert!(checked >= 10, "{checked} tokenizers");
}
