//! The fast path against the crate on texts made to be hard, and on all real data.
//!
//! Each tokenizer gets 200 kB a run; `PREP_FUZZ_BYTES=100000000` makes it a long one. `PREP_FUZZ_SEED`
//! begins elsewhere.

use super::super::engine::Pipeline;
use super::super::{EncodePath, Tokenizer, TokenizerConfig, tests::small};
use super::patterns::PATTERNS;
use super::probes::PROBES;
use serde_json::{Value, json};
use std::io::Read;
use std::path::{Path, PathBuf};
use tokenizers::AddedToken;

/// Xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) as usize % end
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn character(&mut self) -> char {
        let ranges = [
            (0, 0x80),
            (0x20, 0x7F),
            (0x80, 0x250),
            (0x250, 0x400),
            (0x400, 0x530),
            (0x530, 0x3100),
            (0x3000, 0xD800),
            (0xAC00, 0xD7A4),
            (0xE000, 0x1_0000),
            (0x1_0000, 0x2_0000),
            (0x1_F000, 0x1_FB00),
            (0x2_0000, 0x11_0000),
        ];
        let (first, end) = self.pick(&ranges);
        char::from_u32((first + self.below(end - first)) as u32).unwrap_or('\u{FFFD}')
    }
}

const PIECES: [&str; 40] = [
    " ",
    "  ",
    "\n",
    "\r\n",
    "\t",
    "\u{a0}",
    "\u{2028}",
    "\u{3000}",
    "'s",
    "'S",
    "'ſ",
    "'ll",
    "'Re",
    "'",
    "''",
    "'d",
    "a",
    "Ab",
    "ABC",
    "word",
    " the",
    " слово",
    "Ёлка",
    "Я",
    "ДОМ",
    "1",
    "23",
    "4567",
    "½",
    "\u{301}",
    "\u{308}",
    "\u{200d}",
    "\u{fe0f}",
    "👩",
    "🙂",
    "中文",
    "한",
    "-",
    "/",
    "...",
];

/// A text of up to a few hundred bytes, of real words, hard pieces and characters of all kinds.
fn text(random: &mut Random, words: &[&str], specials: &[String]) -> String {
    let mut text = String::new();
    let kind = random.below(5);
    for _ in 0..=random.below(40) {
        match if random.below(3) == 0 {
            random.below(5)
        } else {
            kind
        } {
            0 => text.push_str(random.pick(&PIECES)),
            1 => text.push(random.character()),
            2 => {
                text.push_str(random.pick(words));
                text.push(' ');
            }
            3 => {
                let piece = random.pick(&PIECES);
                let most = if random.below(20) == 0 { 300 } else { 6 };
                text.extend(std::iter::repeat_n(piece, 1 + random.below(most)));
            }
            _ => {
                if let Some(special) = specials.get(random.below(specials.len() * 4 + 1)) {
                    text.push_str(special);
                }
                text.push_str(random.pick(words));
            }
        }
    }
    if random.below(4) == 0 {
        mutate(random, &mut text);
    }
    text
}

fn mutate(random: &mut Random, text: &mut String) {
    for _ in 0..=random.below(4) {
        let at = text.floor_char_boundary(random.below(text.len() + 1));
        if at < text.len() && random.below(2) == 0 {
            text.remove(at);
        } else {
            text.insert(at, random.character());
        }
    }
}

fn number(name: &str, default: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.map_or(default, |set| set.parse().expect("a number"))
}

/// The crate's pipeline, the letters of special tokens being text.
fn oracle(tokenizer: &Tokenizer) -> &Pipeline {
    tokenizer.engine.text()
}

pub(super) fn compare(tokenizer: &Tokenizer, text: &str, name: &str) {
    let theirs = oracle(tokenizer).encode_fast(text, false).unwrap();
    assert_eq!(
        tokenizer.encode_text(text).unwrap(),
        theirs.get_ids(),
        "{name}: {text:?}"
    );
}

pub(super) fn fuzz(tokenizer: &Tokenizer, name: &str) {
    let path = tokenizer.encode_path();
    assert!(matches!(path, EncodePath::Fast(_)), "{name}: {path:?}");
    let prose = PROBES.join(" ");
    let words: Vec<&str> = prose.split(' ').collect();
    let added = tokenizer.engine.added().get_added_tokens_decoder();
    let mut specials: Vec<String> = added.values().map(|token| token.content.clone()).collect();
    specials.sort();
    let mut random = Random(
        0x9E37_79B9_7F4A_7C15_u64
            .wrapping_mul(number("PREP_FUZZ_SEED", 1) << 8 | name.len() as u64),
    );
    let mut left = number("PREP_FUZZ_BYTES", 200_000) as usize;
    while left > 0 {
        let text = text(&mut random, &words, &specials);
        compare(tokenizer, &text, name);
        left = left.saturating_sub(text.len().max(1));
    }
    assert_eq!(tokenizer.encode_path(), path, "{name}");
}

/// A small tokenizer with each pattern, and each with another of the variants that are known.
fn variants() -> Vec<(String, Tokenizer)> {
    let json: Value = serde_json::from_slice(small().json()).unwrap();
    let mut variants = Vec::new();
    for pattern in &PATTERNS {
        for variant in ["plain", "nfc", "ignore_merges", "removed"] {
            let mut json = json.clone();
            let split = &mut json["pre_tokenizer"]["pretokenizers"][0];
            split["pattern"]["Regex"] = pattern.regex.into();
            match variant {
                "nfc" => json["normalizer"] = json!({"type": "NFC"}),
                "ignore_merges" => {
                    json["model"]["ignore_merges"] = true.into();
                    let vocab = json["model"]["vocab"].as_object_mut().unwrap();
                    // Words that no merges make.
                    for word in [
                        "word",
                        "Ġthe",
                        "ABC",
                        "'ll",
                        "4567",
                        "ĊĊ",
                        "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq",
                    ] {
                        let id = vocab.len();
                        vocab.entry(word).or_insert(id.into());
                    }
                }
                "removed" => {
                    split["behavior"] = "Removed".into();
                    split["invert"] = true.into();
                }
                _ => {}
            }
            let json = serde_json::to_vec(&json).unwrap();
            let tokenizer = Tokenizer::new(json, TokenizerConfig::default()).unwrap();
            variants.push((format!("{} {variant}", pattern.name), tokenizer));
        }
    }
    variants
}

#[test]
fn fuzzed_texts_have_the_ids_of_the_crate() {
    for (name, tokenizer) in variants() {
        fuzz(&tokenizer, &name);
        for text in [
            "q".repeat(36),
            "q".repeat(37),
            "а".repeat(70_000),
            " ".repeat(40_000),
        ] {
            compare(&tokenizer, &text, &name);
        }
    }
}

/// Makes a tokenizer.json another.
pub(super) type Change = fn(&mut Value);

#[test]
fn other_tokenizers_go_to_the_crate_and_say_why() {
    let json: Value = serde_json::from_slice(small().json()).unwrap();
    let changes: [(&str, Change); 8] = [
        ("normaliser", |json| {
            json["normalizer"] = json!({"type": "Lowercase"});
        }),
        ("pattern", |json| {
            json["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = r"\s+|\S+".into();
        }),
        ("pattern", |json| {
            json["pre_tokenizer"]["pretokenizers"][0]["invert"] = true.into();
        }),
        ("pattern", |json| {
            json["pre_tokenizer"]["pretokenizers"][1]["add_prefix_space"] = true.into();
        }),
        ("pattern", |json| json["pre_tokenizer"] = Value::Null),
        ("suffix", |json| {
            json["model"]["end_of_word_suffix"] = "</w>".into();
        }),
        ("byte", |json| {
            json["model"]["vocab"]
                .as_object_mut()
                .unwrap()
                .remove("Ā")
                .unwrap();
        }),
        ("one id", |json| {
            json["model"]["vocab"]["double"] = 300.into();
        }),
    ];
    for (reason, change) in changes {
        let mut json = json.clone();
        change(&mut json);
        let json = serde_json::to_vec(&json).unwrap();
        let tokenizer = Tokenizer::new(json, TokenizerConfig::default()).unwrap();
        match tokenizer.encode_path() {
            EncodePath::Crate(why) => assert!(why.contains(reason), "{why}"),
            path => panic!("{reason}: {path:?}"),
        }
        compare(&tokenizer, "слово and word  ", reason);
    }
}

#[test]
fn texts_with_added_tokens_are_the_crates() {
    let json: Value = serde_json::from_slice(small().json()).unwrap();
    for (normalizer, flags) in [
        (Value::Null, [false; 4]),
        (json!({"type": "NFC"}), [false, false, false, true]),
        (json!({"type": "NFC"}), [true, true, true, false]),
    ] {
        let mut json = json.clone();
        let id = json["model"]["vocab"].as_object().unwrap().len();
        json["normalizer"] = normalizer;
        let tokens = json["added_tokens"].as_array_mut().unwrap();
        for (index, content) in ["<think>", "cafe\u{301}", "<|eos|>x", "the"]
            .into_iter()
            .enumerate()
        {
            tokens.push(json!({
                "id": id + index, "content": content, "single_word": flags[0], "lstrip": flags[1],
                "rstrip": flags[2], "normalized": flags[3], "special": false,
            }));
        }
        let json = serde_json::to_vec(&json).unwrap();
        let tokenizer = Tokenizer::new(json, TokenizerConfig::default()).unwrap();
        fuzz(&tokenizer, "added tokens");
        for text in [
            "caf\u{e9}",
            "cafe\u{301} <think> x",
            "<|eos|>x",
            "a<|eos|><think>  then",
        ] {
            compare(&tokenizer, text, "added tokens");
        }
    }
}

#[test]
fn a_difference_turns_the_fast_path_off_for_good() {
    let mut tokenizer = small();
    let text = "Мама мыла раму.";
    let ids = tokenizer.encode_text(text).unwrap();
    // An oracle that disagrees: the same pipeline with a token more.
    tokenizer
        .engine
        .text_mut()
        .add_tokens([AddedToken::from("раму", false)])
        .unwrap();
    let theirs = oracle(&tokenizer)
        .encode_fast(text, false)
        .unwrap()
        .get_ids()
        .to_vec();
    assert_ne!(ids, theirs);
    assert_eq!(tokenizer.encode_text(text).unwrap(), ids, "not judged");
    let judged = (0..100_000)
        .map(|number| format!("раму {number} раму"))
        .find(|text| {
            tokenizer.encode_text(text).unwrap();
            tokenizer.encode_path() == EncodePath::Differs
        });
    let judged = judged.expect("one text in a thousand is judged");
    compare(&tokenizer, &judged, "after the difference");
    compare(&tokenizer, text, "after the difference");
}

#[test]
fn threads_share_a_tokenizer() {
    let tokenizer = small();
    let texts: Vec<String> = (0..200)
        .map(|number| format!("раму {number} fox {}", PROBES[number % 14]))
        .collect();
    let expected: Vec<_> = texts
        .iter()
        .map(|text| tokenizer.encode_text(text).unwrap())
        .collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for (text, ids) in texts.iter().zip(&expected) {
                    assert_eq!(tokenizer.encode_text(text).unwrap(), *ids);
                }
            });
        }
    });
}

/// The fast tokenizers of the data folder that `PREP_DATA` names.
const REAL: [&str; 7] = [
    "cl100k_base",
    "gpt2",
    "llama3_style_cl100k",
    "o200k_base",
    "qwen3",
    "ruen_bytebpe_16k",
    "mistral_v1_spm_bpe",
];

#[allow(
    clippy::print_stderr,
    reason = "a test that is skipped says so to who runs it"
)]
fn data() -> Option<PathBuf> {
    let data = std::env::var_os("PREP_DATA")
        .filter(|data| !data.is_empty())
        .map(PathBuf::from);
    if data.is_none() {
        eprintln!("skipped: PREP_DATA does not name the data folder");
    }
    data
}

fn load(data: &Path, name: &str) -> Tokenizer {
    Tokenizer::from_file(&data.join(format!("tokenizers/{name}.json.zst"))).unwrap()
}

#[test]
fn fuzzed_texts_have_the_ids_of_the_crate_for_real_tokenizers() {
    let Some(data) = data() else { return };
    for name in REAL {
        fuzz(&load(&data, name), name);
    }
}

/// Every file of the folder, whatever it holds, as text: each tokenizer gets each 24th piece of
/// 20 kB, or all of them with `PREP_FUZZ_BYTES`.
#[test]
fn real_texts_have_the_ids_of_the_crate() {
    let Some(data) = data() else { return };
    let mut files = Vec::new();
    for folder in ["text", "qa"] {
        walk(&data.join(folder), &mut files);
    }
    files.sort();
    let all = std::env::var_os("PREP_FUZZ_BYTES").is_some();
    let tokenizers: Vec<_> = REAL.iter().map(|name| (name, load(&data, name))).collect();
    let mut pieces = 0;
    for file in files {
        let text = read(&file);
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.floor_char_boundary(20_000));
            rest = after;
            for (index, (name, tokenizer)) in tokenizers.iter().enumerate() {
                if all || (pieces + 4 * index) % 24 == 0 {
                    compare(tokenizer, piece, name);
                }
            }
            pieces += 1;
        }
    }
    for (name, tokenizer) in tokenizers {
        let path = tokenizer.encode_path();
        assert!(matches!(path, EncodePath::Fast(_)), "{name}: {path:?}");
    }
    assert!(pieces > 1000, "{pieces}");
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else if path
            .extension()
            .is_some_and(|extension| extension != "parquet")
        {
            files.push(path);
        }
    }
}

fn read(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap();
    let mut plain = Vec::new();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("zst") => zstd::stream::copy_decode(&bytes[..], &mut plain).unwrap(),
        Some("gz") => {
            flate2::read::MultiGzDecoder::new(&bytes[..])
                .read_to_end(&mut plain)
                .unwrap();
        }
        _ => plain = bytes,
    }
    String::from_utf8_lossy(&plain).into_owned()
}
