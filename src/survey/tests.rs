use super::ngrams::Finder;
use super::packing::best_fit;
use super::*;
use std::collections::BTreeMap;

#[test]
fn shares_are_those_worked_out_by_hand() {
    let token = |kind, bytes: &[u8]| Spelt {
        kind,
        bytes: bytes.to_vec(),
    };
    let spelt = [
        token(TokenKind::Special, b"<|eos|>"),
        token(TokenKind::Text, b"a"),
        token(TokenKind::Text, &[0xD0]),
        token(TokenKind::Text, "мама".as_bytes()),
        token(TokenKind::Text, b"unused"),
        token(TokenKind::Hole, b""),
    ];
    let survey = of_counts(&[2, 4, 1, 3, 0, 0], &spelt);
    assert_eq!((survey.tokens, survey.special_share), (10, 0.2));
    assert_eq!(survey.single_byte_share, 5.0 / 8.0);
    assert_eq!(survey.byte_fallback_share, 1.0 / 8.0);
    assert_eq!((survey.vocabulary, survey.unused_vocabulary), (4, 1));
    let frequent: Vec<(u32, u64)> = (survey.most_frequent.iter())
        .map(|token| (token.id, token.count))
        .collect();
    assert_eq!(frequent, [(1, 4), (3, 3), (0, 2), (2, 1)]);
}

#[test]
fn frequent_ngrams_are_exact_even_where_places_are_shared() {
    let runs: Vec<Vec<u32>> = (0..50_u32)
        .map(|n| vec![1, 2, 3, 100 + n, 1, 2, 3, 1, 2])
        .collect();
    let found = |mut finder: Finder| {
        for run in &runs {
            finder.bound(run);
        }
        finder.turn();
        for run in &runs {
            finder.count(run);
        }
        finder.finish(3)
    };
    let few = found(Finder::with(2, (16, 4)));
    let found = found(Finder::new(2));
    let counts: Vec<(&[u32], u64)> = found.iter().map(|row| (&row.ids[..], row.count)).collect();
    assert_eq!(
        counts,
        [(&[1, 2][..], 150), (&[2, 3][..], 100), (&[3, 1][..], 50)]
    );
    // With few places the counts are still right, or the n-gram is not reported.
    assert_eq!(few[0].ids, [1, 2]);
    for row in &few {
        assert!(found.contains(row), "{row:?}");
    }
}

/// Best-fit decreasing, one piece after the other.
fn one_by_one(documents: &[u64], seq_len: u64) -> u64 {
    let mut whole = 0;
    let mut pieces = Vec::new();
    for length in documents {
        whole += length / seq_len;
        pieces.extend(Some(length % seq_len).filter(|rest| *rest > 0));
    }
    pieces.sort_unstable_by(|a, b| b.cmp(a));
    let mut rooms: Vec<u64> = Vec::new();
    for piece in pieces {
        let fitting = (0..rooms.len()).filter(|at| rooms[*at] >= piece);
        match fitting.min_by_key(|at| rooms[*at]) {
            Some(at) => rooms[at] -= piece,
            None => rooms.push(seq_len - piece),
        }
    }
    whole + rooms.len() as u64
}

#[test]
fn packing_by_length_is_packing_one_by_one() {
    // 6+4, 5+5, 3+3+3 of 10: three sequences, and two whole ones of 20.
    let by_hand = BTreeMap::from([(6, 1), (4, 1), (5, 2), (3, 3), (20, 1)]);
    assert_eq!(best_fit(&by_hand, 10), 5);
    for seed in 0..200_u64 {
        let seq_len = 7 + seed % 60;
        let documents: Vec<u64> = (0..80)
            .map(|n: u64| {
                1 + n.wrapping_mul(seed + 3).wrapping_mul(2_654_435_761) % (seq_len * 3 / 2)
            })
            .collect();
        let mut counts = BTreeMap::new();
        for length in &documents {
            *counts.entry(*length).or_default() += 1;
        }
        assert_eq!(
            best_fit(&counts, seq_len),
            one_by_one(&documents, seq_len),
            "{seed}"
        );
    }
}

#[test]
fn cuts_of_the_concatenation_tear_what_lies_over_them() {
    let mut lengths = Lengths::default();
    // Cuts at 512 and 1024: the second document lies over one, the third ends at the other.
    for length in [500, 24, 500, 10] {
        lengths.add(length);
    }
    let packing = lengths.packings()[0];
    assert_eq!(packing.seq_len, 512);
    assert_eq!(
        (packing.concat_sequences, packing.concat_torn_share),
        (2, 0.25)
    );
    assert_eq!(packing.longer_share, 0.0);
    // 500+10 and 500, where the 24 does not fit any more.
    assert_eq!(packing.best_fit_sequences, 3);
}
