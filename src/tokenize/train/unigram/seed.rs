//! The first vocabulary: frequent substrings of words.

use super::super::pieces::Symbols;
use super::{LONGEST, Piece};
use std::collections::HashMap;
use xxhash_rust::xxh3::xxh3_64;

/// Substrings that are counted at most; beyond it the rarest go.
const MAX_SUBSTRINGS: usize = 8_000_000;

/// A substring: how often it occurs, and where it was first seen.
#[derive(Clone, Copy)]
struct Seen {
    count: u64,
    word: u32,
    begin: u32,
    length: u32,
}

/// All symbols and the `size` longer substrings of the greatest count times length. Frequent words
/// come first, so that what is dropped for room was rare.
pub(super) fn pieces(words: &[Symbols], letters: usize, size: usize) -> Vec<Piece> {
    let mut order: Vec<u32> = (0..words.len() as u32).collect();
    order.sort_by_key(|word| (std::cmp::Reverse(words[*word as usize].1), *word));
    let mut single = vec![0_u64; letters];
    let mut seen: HashMap<u64, Seen> = HashMap::new();
    let mut rarest = 1;
    for word in order {
        let (symbols, count) = &words[word as usize];
        let bytes: Vec<u8> = symbols
            .iter()
            .flat_map(|symbol| symbol.to_le_bytes())
            .collect();
        for (begin, symbol) in symbols.iter().enumerate() {
            single[*symbol as usize] += count;
            for length in 2..=LONGEST.min(symbols.len() - begin) {
                let hash = xxh3_64(&bytes[4 * begin..4 * (begin + length)]);
                let new = Seen {
                    count: 0,
                    word,
                    begin: begin as u32,
                    length: length as u32,
                };
                seen.entry(hash).or_insert(new).count += count;
            }
        }
        while seen.len() > MAX_SUBSTRINGS {
            seen.retain(|_, seen| seen.count > rarest);
            rarest += 1;
        }
    }
    let mut scored: Vec<(u64, &[u32])> = (seen.values().filter(|seen| seen.count > 1))
        .map(|seen| {
            let symbols = &words[seen.word as usize].0;
            let (begin, length) = (seen.begin as usize, seen.length as usize);
            (seen.count * length as u64, &symbols[begin..begin + length])
        })
        .collect();
    scored.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    scored.truncate(size);
    let single = single
        .iter()
        .enumerate()
        .map(|(symbol, count)| ((*count).max(1), vec![symbol as u32]));
    let longer = scored.iter().map(|(score, piece)| (*score, piece.to_vec()));
    let all: Vec<(u64, Vec<u32>)> = single.chain(longer).collect();
    let sum = all.iter().map(|(score, _)| *score as f64).sum::<f64>().ln();
    (all.into_iter())
        .map(|(score, piece)| (piece, (score as f64).ln() - sum))
        .collect()
}
