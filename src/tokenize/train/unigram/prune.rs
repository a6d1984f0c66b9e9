//! Which pieces go: those that the likelihood of the words misses least.

use super::super::pieces::Symbols;
use super::lattice::Lattice;
use super::trie::Trie;
use super::{BLOCKS, Piece, add};
use rayon::prelude::*;

/// What would stand for a piece that went.
enum Without {
    /// It is a single symbol and stays.
    Stays,
    /// It is not the best segmentation of itself: nothing would change.
    Unused,
    /// The pieces that would stand for it.
    Pieces(Vec<u32>),
}

/// Leaves `target` pieces at most, all single symbols among them (`SentencePiece`'s `PruneSentencePieces`).
pub(super) fn thin(words: &[Symbols], pieces: Vec<Piece>, target: usize) -> Vec<Piece> {
    let trie = Trie::new(&pieces);
    let without: Vec<Without> = (pieces.par_iter().zip(0u32..pieces.len() as u32))
        .map_init(Lattice::default, |lattice, (piece, number)| {
            if piece.0.len() == 1 {
                return Without::Stays;
            }
            let mut out = Vec::new();
            let score = lattice.best(&trie, &piece.0, Some(number), &mut out);
            if score > piece.1 {
                Without::Unused
            } else {
                Without::Pieces(out)
            }
        })
        .collect();
    let used = used(words, &trie);
    let all: f64 = used.iter().sum();
    let log_all = all.ln();
    // The loss of likelihood if all that is written with the piece were written without it.
    let mut losses: Vec<(f64, usize)> = Vec::new();
    let mut stay: Vec<bool> = vec![false; pieces.len()];
    for (number, without) in without.iter().enumerate() {
        match without {
            Without::Stays => stay[number] = true,
            Without::Unused => {}
            Without::Pieces(_) if used[number] == 0.0 => {}
            Without::Pieces(others) => {
                let own = used[number].ln() - log_all;
                let log_others = (all + used[number] * (others.len() as f64 - 1.0)).ln();
                let other: f64 = (others.iter())
                    .map(|other| (used[*other as usize] + used[number]).ln() - log_others)
                    .sum();
                losses.push((used[number] / all * (own - other), number));
            }
        }
    }
    losses.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let single = stay.iter().filter(|stays| **stays).count();
    for (_, number) in losses.into_iter().take(target.saturating_sub(single)) {
        stay[number] = true;
    }
    let mut stay = stay.into_iter();
    let mut pieces = pieces;
    pieces.retain(|_| stay.next().unwrap_or(false));
    pieces
}

/// How often each piece stands in the most probable segmentations.
fn used(words: &[Symbols], trie: &Trie) -> Vec<f64> {
    let blocks: Vec<Vec<f64>> = (words.par_chunks(words.len().div_ceil(BLOCKS).max(1)))
        .map(|block| {
            let mut sums = vec![0.0; trie.pieces()];
            let (mut lattice, mut out) = (Lattice::default(), Vec::new());
            for (word, count) in block {
                lattice.best(trie, word, None, &mut out);
                for piece in &out {
                    sums[*piece as usize] += *count as f64;
                }
            }
            sums
        })
        .collect();
    add(blocks, trie.pieces())
}
