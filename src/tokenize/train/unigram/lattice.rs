//! All segmentations of one word.

use super::trie::Trie;

/// A piece in a word.
#[derive(Clone, Copy)]
struct Edge {
    begin: usize,
    end: usize,
    piece: u32,
}

/// Room for one word after the other.
#[derive(Default)]
pub(super) struct Lattice {
    edges: Vec<Edge>,
    /// Logarithm of the sum over all segmentations before, and behind, each place.
    before: Vec<f64>,
    behind: Vec<f64>,
    /// Best score up to each place, and the piece that ends there.
    best: Vec<(f64, u32, usize)>,
}

impl Lattice {
    /// Finds all pieces of `word`, in the order of their beginnings.
    fn fill(&mut self, trie: &Trie, word: &[u32]) {
        self.edges.clear();
        for begin in 0..word.len() {
            let edges = &mut self.edges;
            trie.prefixes(&word[begin..], |length, piece| {
                edges.push(Edge {
                    begin,
                    end: begin + length,
                    piece,
                });
            });
        }
    }

    /// Adds to `sums` how often each piece is expected in `count` times `word`.
    pub(super) fn expect(&mut self, trie: &Trie, word: &[u32], count: f64, sums: &mut [f64]) {
        self.fill(trie, word);
        for side in [&mut self.before, &mut self.behind] {
            side.clear();
            side.resize(word.len() + 1, f64::NEG_INFINITY);
        }
        self.before[0] = 0.0;
        for edge in &self.edges {
            let path = self.before[edge.begin] + trie.score(edge.piece);
            self.before[edge.end] = log_sum(self.before[edge.end], path);
        }
        self.behind[word.len()] = 0.0;
        for edge in self.edges.iter().rev() {
            let path = self.behind[edge.end] + trie.score(edge.piece);
            self.behind[edge.begin] = log_sum(self.behind[edge.begin], path);
        }
        let all = self.before[word.len()];
        for edge in &self.edges {
            let path =
                self.before[edge.begin] + trie.score(edge.piece) + self.behind[edge.end] - all;
            sums[edge.piece as usize] += count * path.exp();
        }
    }

    /// The most probable segmentation of `word`, without the piece `but`, from its end; its score.
    pub(super) fn best(
        &mut self,
        trie: &Trie,
        word: &[u32],
        but: Option<u32>,
        out: &mut Vec<u32>,
    ) -> f64 {
        self.fill(trie, word);
        self.best.clear();
        self.best.resize(word.len() + 1, (f64::NEG_INFINITY, 0, 0));
        self.best[0].0 = 0.0;
        for edge in &self.edges {
            let score = self.best[edge.begin].0 + trie.score(edge.piece);
            if Some(edge.piece) != but && score > self.best[edge.end].0 {
                self.best[edge.end] = (score, edge.piece, edge.begin);
            }
        }
        out.clear();
        let mut at = word.len();
        // Single symbols are always pieces, so there is a way back.
        while at > 0 {
            let (_, piece, begin) = self.best[at];
            out.push(piece);
            at = begin;
        }
        self.best[word.len()].0
    }
}

/// ln(e^a + e^b)
fn log_sum(a: f64, b: f64) -> f64 {
    let (most, least) = if a > b { (a, b) } else { (b, a) };
    if least == f64::NEG_INFINITY {
        return most;
    }
    most + (least - most).exp().ln_1p()
}
