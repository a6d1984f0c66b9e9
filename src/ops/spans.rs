//! New tokens of several sequences at once, against a cache that holds them all.

/// New tokens of one sequence; those of the next one follow it in the rows of queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The row of the cache at which the sequence begins.
    pub first: usize,
    /// Tokens of it that the cache holds already.
    pub past: usize,
    /// New tokens, a row of queries each.
    pub rows: usize,
}

impl Span {
    /// The row of the cache that the first new token takes.
    #[must_use]
    pub fn at(&self) -> usize {
        self.first + self.past
    }
}

/// Positions of the rows in a form that rotation takes: every row is a sequence of one token that
/// stands at `latest`, in a document that begins at its `start`.
pub struct Turns {
    /// The highest position.
    pub latest: usize,
    /// `latest` less the position, for each row.
    pub starts: Vec<u32>,
}

impl Turns {
    /// Of the rows of `spans`.
    #[must_use]
    pub fn of(spans: &[Span]) -> Self {
        let latest = spans.iter().map(|span| span.past + span.rows).max();
        let latest = latest.unwrap_or(1).max(1) - 1;
        let starts = positions(spans).map(|position| latest as u32 - position);
        Self {
            latest,
            starts: starts.collect(),
        }
    }
}

/// The position of each row in its sequence.
pub fn positions(spans: &[Span]) -> impl Iterator<Item = u32> {
    let of = |span: &Span| span.past as u32..(span.past + span.rows) as u32;
    spans.iter().flat_map(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_where_their_sequences_are() {
        let spans = [
            Span {
                first: 0,
                past: 7,
                rows: 1,
            },
            Span {
                first: 20,
                past: 0,
                rows: 3,
            },
        ];
        assert_eq!(positions(&spans).collect::<Vec<_>>(), [7, 0, 1, 2]);
        let turns = Turns::of(&spans);
        assert_eq!(turns.latest, 7);
        let places = turns.starts.iter().map(|start| 7 - start);
        assert!(places.eq(positions(&spans)));
        assert_eq!((spans[0].at(), spans[1].at()), (7, 20));
    }
}
