use super::*;

fn train(texts: impl Iterator<Item = String> + Send, vocab_size: u32) -> Result<Vec<u8>> {
    super::train(
        texts.map(|text| (text, 1)),
        &Training::byte_level(vocab_size),
    )
}

fn texts() -> Vec<String> {
    let lines = [
        "Мама мыла раму, мыла раму мама. The cat sat on the mat; the cat sat.",
        "В 2024 году было 1234567 строк.\n\n    отступ\r\nи конец",
        "aaaa aaa aaaaa за\u{301}мок 你好 🙂🙂",
    ];
    lines
        .iter()
        .cycle()
        .take(300)
        .enumerate()
        .map(|(n, line)| format!("{line} {n}"))
        .collect()
}

fn counted(options: &Training) -> Vec<(Box<[u8]>, u64)> {
    let split = byte_level::ByPattern::new(options).unwrap();
    words::count(
        texts().into_iter().map(|text| (text, 1)),
        &split,
        words::MAX_WORDS,
    )
}

#[test]
fn memory_decides_how_many_words_are_kept() {
    let training = || Training::byte_level(1_000);
    let plenty = training().within(4 << 30).unwrap();
    assert_eq!(plenty, training(), "the default changes nothing");
    let little = training().within(300 << 20).unwrap();
    assert!(little.most_words.is_some_and(|words| words < 500_000));
    let error = training().within(100 << 20).unwrap_err().to_string();
    assert!(error.contains("takes at least"), "{error}");
}

#[test]
fn policies_decide_which_words_are_merged() {
    let has = |options: &Training, word: &str| {
        counted(options)
            .iter()
            .any(|(found, _)| **found == *word.as_bytes())
    };
    let with = |digits, spaces| Training {
        digits,
        spaces,
        ..Training::default()
    };
    let usual = with(Digits::Triples, Spaces::Runs);
    assert!(has(&usual, "123") && has(&usual, "   ") && !has(&usual, "1234567"));
    let any = with(Digits::Any, Spaces::Runs);
    assert!(has(&any, "1234567"));
    let single = with(Digits::Single, Spaces::Single);
    assert!(has(&single, "7") && !has(&single, "12") && !has(&single, "   "));
}

#[test]
fn a_text_counts_as_often_as_is_said() {
    let split = byte_level::ByPattern::new(&Training::default()).unwrap();
    let texts = [("раз два".to_owned(), 3), ("раз".to_owned(), 1)];
    let words = words::count(texts.into_iter(), &split, words::MAX_WORDS);
    let found: Vec<_> = (words.iter())
        .map(|(word, count)| (std::str::from_utf8(word).unwrap(), *count))
        .collect();
    assert_eq!(found, [(" два", 3), ("раз", 4)]);
}

#[test]
fn bytes_are_the_same_for_any_number_of_threads() {
    let train_with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| train(texts().into_iter(), 500).unwrap())
    };
    let one = train_with(1);
    assert!(one == train_with(2) && one == train_with(5));
}

#[test]
fn the_most_frequent_pair_is_merged_first_and_ties_go_to_the_smaller_one() {
    let words: Vec<(Box<[u8]>, u64)> = vec![
        (b"ab"[..].into(), 5),
        (b"cd"[..].into(), 9),
        (b"xy"[..].into(), 5),
    ];
    let pairs: Vec<_> = merge::merges(&words, 10)
        .iter()
        .map(|merge| (merge.left, merge.right))
        .collect();
    let pair = |a: u8, b: u8| (u32::from(a), u32::from(b));
    assert_eq!(
        pairs,
        [pair(b'c', b'd'), pair(b'a', b'b'), pair(b'x', b'y')]
    );
}

#[test]
fn runs_of_one_letter_are_merged_from_the_left() {
    let words: Vec<(Box<[u8]>, u64)> = vec![(b"aaaaa"[..].into(), 7)];
    let merges = merge::merges(&words, 2);
    // aa aa a, then aaaa a.
    assert_eq!(
        merges[0],
        merge::Merge {
            left: 97,
            right: 97,
            into: 256
        }
    );
    assert_eq!(
        merges[1],
        merge::Merge {
            left: 256,
            right: 97,
            into: 257
        }
    );
}

#[test]
fn a_small_text_gives_a_smaller_vocabulary() {
    let json: Value =
        serde_json::from_slice(&train(["ab ab".to_owned()].into_iter(), 1000).unwrap()).unwrap();
    assert_eq!(json["model"]["merges"], json!([["a", "b"]]));
    assert_eq!(
        json["model"]["vocab"].as_object().unwrap().len(),
        8 + 256 + 1
    );
    assert!(
        train(std::iter::empty(), 263)
            .unwrap_err()
            .to_string()
            .contains("at least 264")
    );
}

#[test]
fn merges_equal_those_of_counting_everything_anew_each_time() {
    let words = counted(&Training::default());
    let mut plain: Vec<(Vec<u32>, u64)> = (words.iter())
        .map(|(word, count)| (word.iter().map(|byte| u32::from(*byte)).collect(), *count))
        .collect();
    let merges = merge::merges(&words, 120);
    assert!(merges.len() > 100, "the texts have enough pairs");
    for merge in &merges {
        let mut counts = std::collections::BTreeMap::new();
        for (tokens, count) in &plain {
            tokens
                .windows(2)
                .for_each(|pair| *counts.entry((pair[0], pair[1])).or_insert(0) += count);
        }
        let best = counts.values().max().unwrap();
        let first = counts.iter().find(|(_, count)| *count == best).unwrap().0;
        assert_eq!(*first, (merge.left, merge.right));
        for (tokens, _) in &mut plain {
            let mut at = 0;
            while at + 1 < tokens.len() {
                if (tokens[at], tokens[at + 1]) == *first {
                    tokens.splice(at..at + 2, [merge.into]);
                }
                at += 1;
            }
        }
    }
}
