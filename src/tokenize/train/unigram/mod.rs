//! Unigram: a vocabulary of pieces with probabilities, thinned out from a large one.
//!
//! Kudo 2018 (<https://arxiv.org/abs/1804.10959>), in the steps of `SentencePiece`'s trainer: frequent
//! substrings are the first vocabulary; expectation maximisation over all segmentations gives their
//! probabilities; those whose loss would cost the likelihood least go, a quarter at a time, until the
//! wanted size is left. Single characters always stay.
//!
//! Words are distinct and counted. Sums of floating-point numbers are of fixed blocks of words, added
//! in their order, so that they are the same for any number of threads. Memory: 16 bytes a symbol of
//! the words, 40 a substring of which there are at most 8 million, 8 a piece and block.

mod lattice;
mod prune;
mod seed;
#[cfg(test)]
mod tests;
mod trie;

use super::pieces::Symbols;
use rayon::prelude::*;
use trie::Trie;

/// Symbols of a piece at most (`SentencePiece`'s `max_sentencepiece_length`).
const LONGEST: usize = 16;
/// Pieces of the first vocabulary for each wanted one, and at most.
const SEEDS: (usize, usize) = (10, 1_000_000);
/// Blocks of words whose sums are added in order.
const BLOCKS: usize = 32;
/// Rounds of expectation maximisation before each thinning.
const ROUNDS: usize = 2;
/// Share that each thinning leaves.
const SHRINK: f64 = 0.75;
/// From 1.1 times the wanted size on the least probable go at once.
const NEARLY: f64 = 1.1;
/// A piece that is expected less often than this goes.
const RAREST: f64 = 0.5;

/// A piece as symbols, and the logarithm of its probability.
pub(super) type Piece = (Vec<u32>, f64);

/// At most `size` pieces over `letters` symbols, the most probable first; every symbol is one.
pub(super) fn train(words: &[Symbols], letters: usize, size: usize) -> Vec<Piece> {
    let seeds = (SEEDS.0 * size).min(SEEDS.1).max(size);
    let mut pieces = seed::pieces(words, letters, seeds);
    let nearly = (size as f64 * NEARLY) as usize;
    loop {
        for _ in 0..ROUNDS {
            let expected = expect(words, &Trie::new(&pieces));
            pieces = maximise(pieces, &expected);
        }
        if pieces.len() <= nearly {
            break;
        }
        let target = ((pieces.len() as f64 * SHRINK) as usize).max(nearly);
        pieces = prune::thin(words, pieces, target);
    }
    finish(pieces, size)
}

/// How often each piece is expected over all segmentations of all words.
fn expect(words: &[Symbols], trie: &Trie) -> Vec<f64> {
    let blocks: Vec<Vec<f64>> = (words.par_chunks(words.len().div_ceil(BLOCKS).max(1)))
        .map(|block| {
            let mut sums = vec![0.0; trie.pieces()];
            let mut lattice = lattice::Lattice::default();
            for (word, count) in block {
                lattice.expect(trie, word, *count as f64, &mut sums);
            }
            sums
        })
        .collect();
    add(blocks, trie.pieces())
}

/// The sum of blocks, in their order.
fn add(blocks: Vec<Vec<f64>>, length: usize) -> Vec<f64> {
    let mut sums = vec![0.0; length];
    for block in blocks {
        for (sum, more) in sums.iter_mut().zip(block) {
            *sum += more;
        }
    }
    sums
}

/// Probabilities from expectations, with `SentencePiece`'s digamma, which holds rare pieces down.
fn maximise(pieces: Vec<Piece>, expected: &[f64]) -> Vec<Piece> {
    let stays = |piece: &Piece, expected: f64| piece.0.len() == 1 || expected >= RAREST;
    let kept: Vec<(Vec<u32>, f64)> = (pieces.into_iter().zip(expected))
        .filter(|(piece, expected)| stays(piece, **expected))
        .map(|(piece, expected)| (piece.0, expected.max(RAREST)))
        .collect();
    let all = digamma(kept.iter().map(|(_, expected)| expected).sum());
    (kept.into_iter())
        .map(|(piece, expected)| (piece, digamma(expected) - all))
        .collect()
}

/// The logarithmic derivative of the gamma function, for positive numbers.
fn digamma(mut x: f64) -> f64 {
    let mut sum = 0.0;
    while x < 7.0 {
        sum -= 1.0 / x;
        x += 1.0;
    }
    x -= 0.5;
    let square = 1.0 / (x * x);
    let series = square * (1.0 / 24.0 - square * (7.0 / 960.0 - square * (31.0 / 8064.0)));
    sum + x.ln() + series
}

/// Every symbol and the most probable pieces, `size` in all; ties go to the smaller piece.
fn finish(pieces: Vec<Piece>, size: usize) -> Vec<Piece> {
    let by_score = |a: &Piece, b: &Piece| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0));
    let (mut kept, mut longer): (Vec<Piece>, Vec<Piece>) =
        pieces.into_iter().partition(|piece| piece.0.len() == 1);
    longer.sort_by(by_score);
    longer.truncate(size.saturating_sub(kept.len()));
    kept.extend(longer);
    kept.sort_by(by_score);
    kept
}
