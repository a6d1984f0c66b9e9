//! Exact duplicates and conflicting answers among documents with equal keys.
//!
//! The survivor is the longest text, then the smallest document id.

use crate::document::DocumentId;

/// What is known of a document when copies are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Equal for copies and for answers to the same question.
    pub group: u128,
    /// Equal for copies.
    pub content: u128,
    /// Whether other answers to the same question are conflicts: true of chats alone.
    pub answers: bool,
    /// Unicode scalar values of the content.
    pub characters: u64,
    /// The document.
    pub id: DocumentId,
    /// Part of the corpus that it is in.
    pub part: u32,
    /// Row in that part.
    pub row: u32,
}

/// What is done with a question that has several answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Conflicts {
    /// All answers stay, and are listed.
    Keep,
    /// The first in the order of the input stays.
    First,
    /// The longest answer stays, then the one with the smallest id.
    Longest,
    /// None stays.
    Drop,
}

impl Conflicts {
    /// The name in flags and configurations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::First => "first",
            Self::Longest => "longest",
            Self::Drop => "drop",
        }
    }
}

/// What the comparison found of one document; a document without an outcome is unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Part of the corpus that the document is in.
    pub part: u32,
    /// Row in that part.
    pub row: u32,
    /// What was found.
    pub found: Found,
}

/// What the comparison found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A copy of this document, which stays in its place.
    Copy(DocumentId),
    /// One of several answers to the same question; it stays.
    ConflictKept,
    /// One of several answers; dropped in favour of this one, or together with all (`None`).
    ConflictDropped(Option<DocumentId>),
}

/// Compares `candidates`, all those of some groups, and returns outcomes by part and row.
#[must_use]
pub fn compare(candidates: &mut [Candidate], conflicts: Conflicts) -> Vec<Outcome> {
    use rayon::slice::ParallelSliceMut;
    candidates
        .par_sort_unstable_by_key(|c| (c.group, c.content, std::cmp::Reverse(c.characters), c.id));
    let mut outcomes = Vec::new();
    for group in candidates.chunk_by(|a, b| a.group == b.group) {
        if group.len() > 1 {
            settle(group, conflicts, &mut outcomes);
        }
    }
    outcomes.par_sort_unstable_by_key(|outcome| (outcome.part, outcome.row));
    outcomes
}

/// Finds the outcomes of one group, the copies of which stand together, their survivor first.
fn settle(group: &[Candidate], conflicts: Conflicts, outcomes: &mut Vec<Outcome>) {
    let sets = || group.chunk_by(|a, b| a.content == b.content);
    let answers: Vec<&[Candidate]> = sets().filter(|copies| copies[0].answers).collect();
    let stays = match conflicts {
        Conflicts::Keep | Conflicts::Drop => None,
        Conflicts::First => answers.iter().min_by_key(|copies| {
            copies
                .iter()
                .map(|copy| (copy.part, copy.row))
                .min()
                .unwrap_or_default()
        }),
        Conflicts::Longest => answers
            .iter()
            .min_by_key(|copies| (std::cmp::Reverse(copies[0].characters), copies[0].id)),
    };
    let stays = stays.map(|copies| copies[0].id);
    for copies in sets() {
        let survivor = copies[0];
        let conflict = survivor.answers && answers.len() > 1;
        let dropped = conflict && conflicts != Conflicts::Keep && stays != Some(survivor.id);
        for copy in copies {
            let found = match (dropped, copy.id == survivor.id) {
                // Copies of a dropped answer go for the reason that it goes for.
                (true, _) => Found::ConflictDropped(stays),
                (false, true) if conflict => Found::ConflictKept,
                (false, true) => continue,
                (false, false) => Found::Copy(survivor.id),
            };
            outcomes.push(Outcome {
                part: copy.part,
                row: copy.row,
                found,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(group: u128, content: u128, characters: u64, row: u32) -> Candidate {
        Candidate {
            group,
            content,
            answers: true,
            characters,
            id: DocumentId::new("s", u64::from(row)),
            part: 0,
            row,
        }
    }

    #[test]
    fn the_longest_survives_in_any_order_of_input() {
        let mut candidates = vec![
            candidate(1, 1, 5, 0),
            candidate(1, 1, 9, 1),
            candidate(1, 1, 5, 2),
            candidate(2, 2, 1, 3),
        ];
        for turn in 0..4 {
            candidates.rotate_left(turn);
            let outcomes = compare(&mut candidates, Conflicts::Keep);
            let kept = Found::Copy(DocumentId::new("s", 1));
            assert_eq!(
                outcomes
                    .iter()
                    .map(|o| (o.row, o.found))
                    .collect::<Vec<_>>(),
                [(0, kept), (2, kept)]
            );
        }
    }

    #[test]
    fn conflicts_are_settled_as_asked() {
        let candidates = [
            candidate(1, 1, 5, 0),
            candidate(1, 2, 9, 1),
            candidate(1, 2, 9, 2),
        ];
        let outcome = |conflicts| {
            let outcomes = compare(&mut candidates.to_vec(), conflicts);
            outcomes
                .iter()
                .map(|o| (o.row, matches!(o.found, Found::ConflictKept)))
                .collect::<Vec<_>>()
        };
        // Rows 1 and 2 are copies; which stays follows from their ids.
        let copy = if DocumentId::new("s", 1) < DocumentId::new("s", 2) {
            2
        } else {
            1
        };
        let other = 3 - copy;
        let kept = |wanted: &[u32]| {
            let mut rows = vec![
                (0, wanted.contains(&0)),
                (copy, false),
                (other, wanted.contains(&other)),
            ];
            rows.sort_unstable();
            rows
        };
        assert_eq!(outcome(Conflicts::Keep), kept(&[0, other]));
        assert_eq!(outcome(Conflicts::First), kept(&[0]));
        assert_eq!(outcome(Conflicts::Longest), kept(&[other]));
        assert_eq!(outcome(Conflicts::Drop), kept(&[]));
    }

    #[test]
    fn copies_of_a_dropped_answer_are_dropped_in_favour_of_what_stays() {
        // The first answer of the input is a copy of row 2, which is longer.
        let mut candidates = [
            candidate(1, 2, 8, 0),
            candidate(1, 1, 5, 1),
            candidate(1, 2, 9, 2),
        ];
        let id = |row| DocumentId::new("s", row);
        let found = |candidates: &mut [Candidate], conflicts| -> Vec<Found> {
            let outcomes = compare(candidates, conflicts);
            outcomes.iter().map(|outcome| outcome.found).collect()
        };
        assert_eq!(
            found(&mut candidates, Conflicts::First),
            [
                Found::Copy(id(2)),
                Found::ConflictDropped(Some(id(2))),
                Found::ConflictKept
            ]
        );
        assert_eq!(
            found(&mut candidates, Conflicts::Drop),
            [Found::ConflictDropped(None); 3]
        );
    }
}
