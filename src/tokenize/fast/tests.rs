//! Classes, spans and merges against the crate's own, one at a time.

use super::classes::{
    COMPOSES, LETTER, LOWER, MARK, NUMBER, SPACE, UNICODE_VERSION, UPPER, classes,
};
use super::masks::Masks;
use super::merge::{Alphabet, Merges, Scratch};
use super::patterns::{PATTERNS, Pattern, Shape};
use super::simd::Any;
use super::spans::{self, Scan, View};
use super::starts::Starts;
use tokenizers::Normalizer;
use tokenizers::pattern::Pattern as _;
use tokenizers::utils::SysRegex;

/// Ends of the spans of `text`, at once where that can be.
fn ours(text: &str, pattern: &Pattern) -> Vec<usize> {
    let mut masks = Masks::default();
    masks.fill::<Any>(text.as_bytes(), classes().unwrap(), pattern.wanted);
    let (bytes, masks) = (text.as_bytes(), &mut masks);
    let mut starts = Starts::default();
    let places = match pattern.shape {
        Shape::Gpt2 => starts.of::<spans::Gpt2, Any>(bytes, masks),
        Shape::Cl100k { digits: 1 } => starts.of::<spans::Cl100k<1>, Any>(bytes, masks),
        Shape::Cl100k { digits: 3 } => starts.of::<spans::Cl100k<3>, Any>(bytes, masks),
        Shape::Cl100k { .. } => starts.of::<spans::Cl100k<{ usize::MAX }>, Any>(bytes, masks),
        Shape::O200k => starts.of::<spans::O200k, Any>(bytes, masks),
    };
    assert_eq!(places[0], 0);
    places[1..].iter().map(|end| *end as usize).collect()
}

/// Ends of the spans of `text` by the scanner.
fn scanned(text: &str, pattern: &Pattern) -> Vec<usize> {
    let mut masks = Masks::default();
    masks.fill::<Any>(text.as_bytes(), classes().unwrap(), pattern.wanted);
    let view = View::new(text.as_bytes(), &masks);
    let next = match pattern.shape {
        Shape::Gpt2 => spans::Gpt2::next,
        Shape::Cl100k { digits: 1 } => spans::Cl100k::<1>::next,
        Shape::Cl100k { digits: 3 } => spans::Cl100k::<3>::next,
        Shape::Cl100k { .. } => spans::Cl100k::<{ usize::MAX }>::next,
        Shape::O200k => spans::O200k::next,
    };
    let (mut ends, mut at) = (Vec::new(), 0);
    while at < text.len() {
        at = next(&view, at);
        ends.push(at);
    }
    ends
}

/// Ends of the spans of `text` by the oracle's regex engine.
fn theirs(text: &str, regex: &SysRegex) -> Vec<usize> {
    let matches = regex.find_matches(text).unwrap();
    matches.into_iter().map(|((_, end), _)| end).collect()
}

#[test]
fn classes_are_those_of_the_regex_engine_for_all_code_points() {
    let all: String = ('\0'..=char::MAX).collect();
    for (bit, pattern) in [
        (LETTER, r"\p{L}"),
        (NUMBER, r"\p{N}"),
        (SPACE, r"\s"),
        (MARK, r"\p{M}"),
        (UPPER, r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"),
        (LOWER, r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"),
    ] {
        let regex = SysRegex::new(pattern).unwrap();
        let mut differ = Vec::new();
        for ((begin, end), found) in (&regex).find_matches(&all).unwrap() {
            let wrong =
                |character: &char| (classes().unwrap()[*character as usize] & bit != 0) != found;
            differ.extend(all[begin..end].chars().filter(wrong));
        }
        assert_eq!(
            differ,
            [],
            "code points that {pattern} and the table class differently"
        );
    }
}

/// `UNICODE_VERSION` is what the tables are: they have what came with it and nothing that came later.
#[test]
fn the_tables_are_of_the_version_that_fingerprints_record() {
    assert_eq!(UNICODE_VERSION, "16.0.0");
    let classes = classes().unwrap();
    let new: [(char, u8); 4] = [
        ('\u{1c89}', LETTER | UPPER),
        ('\u{a7cd}', LETTER | LOWER),
        ('\u{10d40}', NUMBER),
        ('\u{10d4a}', LETTER | UPPER | LOWER),
    ];
    for (character, class) in new {
        assert_eq!(classes[character as usize], class, "{character:?} of 16.0");
    }
    for later in ['\u{a7ce}', '\u{11de0}', '\u{16ea0}'] {
        assert_eq!(classes[later as usize], 0, "{later:?} of 17.0");
    }
}

/// Every code point in several surroundings; those of planes without differences in one pattern only.
#[test]
fn spans_are_those_of_the_regex_engine_for_all_code_points() {
    for pattern in &PATTERNS {
        let regex = SysRegex::new(pattern.regex).unwrap();
        let last = if pattern.name == "prep" {
            char::MAX
        } else {
            '\u{323FF}'
        };
        let mut characters = '\0'..=last;
        loop {
            let chunk: Vec<char> = characters.by_ref().take(512).collect();
            if chunk.is_empty() {
                break;
            }
            let mut text = String::new();
            for c in chunk {
                text.extend(format!("a{c}A{c}{c}b {c}1{c}.'{c}\n{c} \u{301}{c}").chars());
            }
            assert_eq!(
                ours(&text, pattern),
                theirs(&text, &regex),
                "{}: {text:?}",
                pattern.name
            );
        }
    }
}

/// All texts of up to five characters of an alphabet that has one of each kind.
#[test]
fn spans_of_all_short_texts() {
    let alphabet = [
        'a', 'A', 's', '\'', ' ', '\n', '\t', '1', '.', '/', '\u{301}', 'ы', '—', 'ſ', '\u{a0}',
    ];
    for pattern in &PATTERNS {
        let regex = SysRegex::new(pattern.regex).unwrap();
        for len in 1..=5_u32 {
            let count = alphabet.len().pow(len);
            for number in 0..count {
                let text: String = (0..len)
                    .map(|place| alphabet[number / alphabet.len().pow(place) % alphabet.len()])
                    .collect();
                assert_eq!(
                    ours(&text, pattern),
                    theirs(&text, &regex),
                    "{}: {text:?}",
                    pattern.name
                );
            }
        }
    }
}

/// Over the ends of the words of bits, and with what the rules leave to the scanner.
#[test]
fn starts_at_once_are_those_of_the_scanner() {
    let alphabet: Vec<char> = "aAsdлlv'  \n\r\t1230.,«—²\u{a0}\u{301}中😀ſ\u{3000}"
        .chars()
        .collect();
    let mut state = 1_u64;
    let mut below = |end: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % end
    };
    for pattern in &PATTERNS {
        for _ in 0..4_000 {
            // A few kinds at a time make runs.
            let kinds: Vec<char> = (0..=below(7))
                .map(|_| alphabet[below(alphabet.len())])
                .collect();
            let text: String = (0..below(300)).map(|_| kinds[below(kinds.len())]).collect();
            if !text.is_empty() {
                assert_eq!(
                    ours(&text, pattern),
                    scanned(&text, pattern),
                    "{}: {text:?}",
                    pattern.name
                );
            }
        }
    }
}

#[test]
fn what_nfc_does_not_change_is_inert() {
    let classes = classes().unwrap();
    let normalize = |text: &str| {
        let mut normalized = tokenizers::NormalizedString::from(text);
        tokenizers::normalizers::unicode::NFC
            .normalize(&mut normalized)
            .unwrap();
        normalized.get() == text
    };
    let inert = |character: &char| classes[*character as usize] & COMPOSES == 0;
    // Not looked up, so never refused.
    assert!(
        ('\0'..'\u{80}')
            .chain('\u{400}'..'\u{480}')
            .all(|character| inert(&character))
    );
    for before in ["a", "Е", "\u{1100}", "\u{ac00}", "\u{9c7}", "\u{11131}"] {
        let text: String = ('\0'..=char::MAX)
            .filter(inert)
            .flat_map(|character| [before.chars().next().unwrap(), character])
            .collect();
        assert!(normalize(&text), "after {before:?}");
    }
}

#[test]
fn a_long_word_is_merged_as_a_short_one() {
    let mut bytes = Box::new([0; 256]);
    for (id, byte) in (0..).zip(bytes.iter_mut()) {
        *byte = id;
    }
    // aa, aaaa, ab, aab: ranks that make the order matter.
    let (a, b) = (u32::from(b'a'), u32::from(b'b'));
    let merges = Merges::new(
        Alphabet::Bytes(bytes),
        &[[a, a, 300], [a, b, 301], [300, 300, 302], [300, b, 303]],
    );
    let mut scratch = Scratch::default();
    let mut merge = |word: &str| {
        let mut ids = Vec::new();
        merges.merge(word.as_bytes(), &mut scratch, &mut ids);
        ids
    };
    assert!(merge("").is_empty());
    assert_eq!(merge("a"), [a]);
    assert_eq!(merge("aaaaaaab"), [302, 300, 301]);
    assert_eq!(merge("aab"), [303]);
    for len in [31, 32, 33, 40] {
        let mut expected = vec![302; len / 4];
        let rest: [&[u32]; 4] = [&[], &[a], &[300], &[300, a]];
        expected.extend(rest[len % 4]);
        assert_eq!(merge(&"a".repeat(len)), expected, "{len}");
    }
    // A merge that looks at all pairs each time would take hours.
    assert_eq!(merge(&"a".repeat(1 << 20)).len(), 1 << 18);
}
