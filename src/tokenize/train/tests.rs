use super::*;

fn texts() -> Vec<String> {
    let lines = [
        "Мама мыла раму, мыла раму мама. The cat sat on the mat; the cat sat.",
        "В 2024 году было 1234567 строк.\n\n    отступ\r\nи конец",
        "aaaa aaa aaaaa за\u{301}мок 你好 🙂🙂",
    ];
    lines.iter().cycle().take(300).enumerate().map(|(n, line)| format!("{line} {n}")).collect()
}

#[test]
fn bytes_are_the_same_for_any_number_of_threads() {
    let train_with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| train(texts().into_iter(), 500).unwrap())
    };
    let one = train_with(1);
    assert!(one == train_with(2) && one == train_with(5));
}

#[test]
fn the_most_frequent_pair_is_merged_first_and_ties_go_to_the_smaller_one() {
    let words: Vec<(Box<[u8]>, u64)> = vec![(b"ab"[..].into(), 5), (b"cd"[..].into(), 9), (b"xy"[..].into(), 5)];
    let pairs: Vec<_> = merge::merges(&words, 10).iter().map(|merge| (merge.left, merge.right)).collect();
    let pair = |a: u8, b: u8| (u32::from(a), u32::from(b));
    assert_eq!(pairs, [pair(b'c', b'd'), pair(b'a', b'b'), pair(b'x', b'y')]);
}

#[test]
fn runs_of_one_letter_are_merged_from_the_left() {
    let words: Vec<(Box<[u8]>, u64)> = vec![(b"aaaaa"[..].into(), 7)];
    let merges = merge::merges(&words, 2);
    // aa aa a, then aaaa a.
    assert_eq!(merges[0], merge::Merge { left: 97, right: 97, into: 256 });
    assert_eq!(merges[1], merge::Merge { left: 256, right: 97, into: 257 });
}

#[test]
fn a_small_text_gives_a_smaller_vocabulary() {
    let json: Value = serde_json::from_slice(&train(["ab ab".to_owned()].into_iter(), 1000).unwrap()).unwrap();
    assert_eq!(json["model"]["merges"], json!([["a", "b"]]));
    assert_eq!(json["model"]["vocab"].as_object().unwrap().len(), 8 + 256 + 1);
    assert!(train(std::iter::empty(), 263).unwrap_err().to_string().contains("at least 264"));
}

#[test]
fn merges_equal_those_of_the_crate_where_it_has_no_ties() {
    use tokenizers::models::bpe::{BPE, BpeTrainerBuilder};
    use tokenizers::Trainer;
    // Counts of distinct powers leave no two pairs with one count.
    let words = [("привет", 40_000), ("приехал", 9_000), ("мир", 2_100), ("миру", 470), ("hello", 101), ("help", 23)];
    let ours: Vec<(Box<[u8]>, u64)> =
        words.iter().map(|(word, count)| (word.as_bytes().into(), *count)).collect();
    let merges = merge::merges(&ours, 20);
    let letters: Vec<char> = alphabet().collect();
    let mut trainer = BpeTrainerBuilder::new()
        .show_progress(false)
        .vocab_size(256 + 20)
        .initial_alphabet(letters.iter().copied().collect())
        .build();
    let corpus: Vec<String> = (words.iter())
        .flat_map(|(word, count)| {
            let spelt: String = word.bytes().map(|byte| letters[usize::from(byte)]).collect();
            std::iter::repeat_n(spelt, usize::try_from(*count).unwrap())
        })
        .collect();
    trainer.feed(corpus.iter(), |word| Ok(vec![word.to_owned()])).unwrap();
    let mut theirs = BPE::default();
    trainer.train(&mut theirs).unwrap();
    let vocab = theirs.get_vocab();
    let mut spelt: Vec<String> = letters.iter().map(ToString::to_string).collect();
    for merge in &merges {
        let token = format!("{}{}", spelt[merge.left as usize], spelt[merge.right as usize]);
        assert!(vocab.contains_key(&token), "{token} is not the crate's");
        spelt.push(token);
    }
}
