use super::*;

/// Words over the letters a, b, c.
fn words(of: &[(&str, u64)]) -> Vec<Symbols> {
    let symbols = |word: &str| word.bytes().map(|byte| u32::from(byte - b'a')).collect();
    of.iter()
        .map(|(word, count)| (symbols(word), *count))
        .collect()
}

fn spelt(piece: &[u32]) -> String {
    piece
        .iter()
        .map(|symbol| char::from(b'a' + *symbol as u8))
        .collect()
}

#[test]
fn expectations_are_those_of_all_segmentations() {
    // "ab" is a+b or ab: with p(a) = p(b) = 1/2 and p(ab) = 1/4 both have the probability 1/4.
    let pieces: Vec<Piece> = vec![
        (vec![0], 0.5_f64.ln()),
        (vec![1], 0.5_f64.ln()),
        (vec![0, 1], 0.25_f64.ln()),
    ];
    let expected = expect(&words(&[("ab", 10), ("a", 3)]), &Trie::new(&pieces));
    for (found, wanted) in expected.iter().zip([8.0, 5.0, 5.0]) {
        assert!((found - wanted).abs() < 1e-9, "{expected:?}");
    }
}

#[test]
fn the_best_segmentation_without_a_piece_is_found() {
    let pieces: Vec<Piece> = vec![
        (vec![0], -3.0),
        (vec![1], -3.0),
        (vec![0, 1], -2.0),
        (vec![0, 1, 0], -3.5),
    ];
    let trie = Trie::new(&pieces);
    let (mut lattice, mut out) = (lattice::Lattice::default(), Vec::new());
    assert_eq!(lattice.best(&trie, &[0, 1, 0], None, &mut out), -3.5);
    assert_eq!(out, [3]);
    assert_eq!(lattice.best(&trie, &[0, 1, 0], Some(3), &mut out), -5.0);
    assert_eq!(out, [0, 2], "from the end");
}

#[test]
fn digamma_is_that_of_the_tables() {
    // -γ, ψ(2) = 1 - γ, ψ(10).
    for (x, wanted) in [
        (1.0, -0.577_215_664_9),
        (2.0, 0.422_784_335_1),
        (10.0, 2.251_752_589_1),
    ] {
        assert!((digamma(x) - wanted).abs() < 1e-7, "{x}: {}", digamma(x));
    }
}

#[test]
fn frequent_words_become_pieces_and_symbols_stay() {
    let words = words(&[("abcabc", 50), ("abc", 100), ("cba", 3), ("a", 5)]);
    let pieces = train(&words, 3, 5);
    let names: Vec<String> = pieces.iter().map(|(piece, _)| spelt(piece)).collect();
    assert_eq!(pieces.len(), 5);
    assert_eq!(names[0], "abc");
    for letter in ["a", "b", "c"] {
        assert!(names.iter().any(|name| name == letter), "{names:?}");
    }
    let probabilities: f64 = pieces.iter().map(|(_, score)| score.exp()).sum();
    assert!(probabilities < 1.0 + 1e-9, "{probabilities}");
}

#[test]
fn pieces_are_the_same_for_any_number_of_threads() {
    let all: Vec<Symbols> = (0_u32..400)
        .map(|n| {
            let symbols = (0..3 + n % 9)
                .map(|i| (n * 7 + i * i * (n % 5 + 1)) % 11)
                .collect();
            (symbols, u64::from(1 + n % 13))
        })
        .collect();
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| train(&all, 11, 60))
    };
    let one = with(1);
    assert_eq!(one.len(), 60);
    assert!(one == with(2) && one == with(5));
}
