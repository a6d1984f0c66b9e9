//! The pieces by their symbols.

use super::Piece;

/// A node: the piece that ends here, and where its children are.
struct Node {
    symbol: u32,
    piece: Option<u32>,
    children: std::ops::Range<u32>,
}

/// Pieces in a tree whose children stand side by side, sorted.
pub(super) struct Trie {
    nodes: Vec<Node>,
    scores: Vec<f64>,
}

impl Trie {
    /// The tree of `pieces`; a piece keeps its number.
    pub(super) fn new(pieces: &[Piece]) -> Self {
        let mut order: Vec<u32> = (0..pieces.len() as u32).collect();
        order.sort_unstable_by(|a, b| pieces[*a as usize].0.cmp(&pieces[*b as usize].0));
        let mut trie = Self {
            nodes: vec![Node {
                symbol: 0,
                piece: None,
                children: 0..0,
            }],
            scores: pieces.iter().map(|piece| piece.1).collect(),
        };
        trie.grow(0, 0, &order, pieces);
        trie
    }

    /// Puts the children of `node`, below which are the pieces `order`, alike in `depth` symbols.
    fn grow(&mut self, node: usize, depth: usize, order: &[u32], pieces: &[Piece]) {
        let symbols = |number: u32| &pieces[number as usize].0[..];
        // A piece that ends here sorts before those that go on.
        let ends = order
            .first()
            .filter(|first| symbols(**first).len() == depth);
        self.nodes[node].piece = ends.copied();
        let order = &order[usize::from(ends.is_some())..];
        let groups: Vec<&[u32]> = order
            .chunk_by(|a, b| symbols(*a)[depth] == symbols(*b)[depth])
            .collect();
        let first = self.nodes.len();
        for group in &groups {
            self.nodes.push(Node {
                symbol: symbols(group[0])[depth],
                piece: None,
                children: 0..0,
            });
        }
        self.nodes[node].children = first as u32..self.nodes.len() as u32;
        for (child, group) in (first..).zip(groups) {
            self.grow(child, depth + 1, group, pieces);
        }
    }

    /// Number of pieces.
    pub(super) fn pieces(&self) -> usize {
        self.scores.len()
    }

    /// The logarithm of a piece's probability.
    pub(super) fn score(&self, piece: u32) -> f64 {
        self.scores[piece as usize]
    }

    /// Calls `each` with length and number of every piece that `symbols` begins with.
    pub(super) fn prefixes(&self, symbols: &[u32], mut each: impl FnMut(usize, u32)) {
        let mut node = &self.nodes[0];
        for (length, symbol) in (1..).zip(symbols) {
            let children = &self.nodes[node.children.start as usize..node.children.end as usize];
            let Ok(found) = children.binary_search_by_key(symbol, |child| child.symbol) else {
                return;
            };
            node = &children[found];
            if let Some(piece) = node.piece {
                each(length, piece);
            }
        }
    }
}
