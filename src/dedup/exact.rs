//! Exact duplicates and conflicting answers among documents with equal keys.
//!
//! The survivor is what an earlier set holds, then the longest text, then the smallest document id.

use crate::document::DocumentId;
use crate::record;
use anyhow::Result;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

record! {
    /// What is known of a document when copies are searched; in this order they are compared.
    pub struct Candidate {
        /// Equal for copies and for answers to the same question.
        pub group: u128,
        /// Equal for copies.
        pub content: u128,
        /// 0 for a document of an earlier set, which stays whatever is found, 1 for one of this corpus.
        pub own: u8,
        /// `u64::MAX` less the Unicode scalar values of the content.
        pub shortness: u64,
        /// The document.
        pub id: DocumentId,
        /// 1 where other answers to the same question are conflicts: of chats alone.
        pub answers: u8,
        /// Equal for conversations under the same system prompt: only such answers are conflicts.
        pub system: u64,
        /// Part of the corpus that it is in.
        pub part: u32,
        /// Row in that part.
        pub row: u32,
        /// Hash of the name of its source.
        pub source: u64,
    }
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

/// What the comparison found of one document; a document of which nothing is found is unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A copy of this document, which stays in its place.
    Copy(Candidate),
    /// One of several answers to the same question; it stays, or is found to be a copy as well: of a
    /// document under another system prompt, so that under its own it contradicts what is left there.
    ConflictKept,
    /// One of several answers; dropped in favour of this one, or together with all (`None`).
    ConflictDropped(Option<Candidate>),
}

/// Compares sorted candidates and calls `each` with what was found of those of this corpus.
///
/// Copies are told while they pass by. Only where answers go for another ([`Conflicts::First`] and the
/// like) all answers to a question are in memory at once, about 130 bytes each.
///
/// # Errors
/// That of `candidates` or of `each`.
pub fn compare(
    candidates: impl Iterator<Item = Result<Candidate>>,
    conflicts: Conflicts,
    mut each: impl FnMut(&Candidate, Found) -> Result<()>,
) -> Result<()> {
    if conflicts == Conflicts::Keep {
        return compare_in_passing(candidates, each);
    }
    let mut group: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        let candidate = candidate?;
        if group
            .first()
            .is_some_and(|first| first.group != candidate.group)
        {
            settle(&group, conflicts, &mut each)?;
            group.clear();
        }
        // The first of its copies that stands in the group is their survivor.
        match group.last() {
            Some(last) if last.content == candidate.content && last.answers == 0 => {
                if candidate.own == 1 {
                    each(&candidate, Found::Copy(*last))?;
                }
            }
            _ => group.push(candidate),
        }
    }
    settle(&group, conflicts, &mut each)
}

/// The same where every answer stays: an answer is a conflict as soon as another one is seen.
fn compare_in_passing(
    candidates: impl Iterator<Item = Result<Candidate>>,
    mut each: impl FnMut(&Candidate, Found) -> Result<()>,
) -> Result<()> {
    let mut survivor: Option<Candidate> = None;
    // By system prompt: the last answer's key, and the only answer so far, or nothing once there were more.
    let mut only = BTreeMap::<u64, (u128, Option<Candidate>)>::new();
    for candidate in candidates {
        let candidate = candidate?;
        let group = survivor.filter(|survivor| survivor.group == candidate.group);
        if group.is_none() {
            only.clear();
        }
        let of = group.filter(|survivor| survivor.content == candidate.content);
        if let Some(survivor) = of {
            if candidate.own == 1 {
                each(&candidate, Found::Copy(survivor))?;
            }
        } else {
            survivor = Some(candidate);
        }
        // Answers that an earlier set has are no conflict of this corpus.
        if candidate.answers == 0 || of.unwrap_or(candidate).own == 0 {
            continue;
        }
        match only.entry(candidate.system) {
            Entry::Vacant(entry) => {
                entry.insert((candidate.content, Some(candidate)));
            }
            // Of copies under one system prompt the first is the answer.
            Entry::Occupied(entry) if entry.get().0 == candidate.content => {}
            Entry::Occupied(mut entry) => {
                let (last, first) = entry.get_mut();
                *last = candidate.content;
                if let Some(first) = first.take() {
                    each(&first, Found::ConflictKept)?;
                }
                each(&candidate, Found::ConflictKept)?;
            }
        }
    }
    Ok(())
}

/// Finds the outcomes of one group, the copies of which stand together, their survivor first.
fn settle(
    group: &[Candidate],
    conflicts: Conflicts,
    each: &mut impl FnMut(&Candidate, Found) -> Result<()>,
) -> Result<()> {
    if group.len() < 2 {
        return Ok(());
    }
    let sets = || group.chunk_by(|a, b| a.content == b.content);
    // Answers that an earlier set has are no conflict of this corpus.
    let answers = sets().filter(|copies| copies[0].answers == 1 && copies[0].own == 1);
    let mut questions = BTreeMap::<u64, Question>::new();
    for copies in answers {
        questions
            .entry(copies[0].system)
            .or_default()
            .add(copies, conflicts);
    }
    let said = said(sets());
    for copies in sets() {
        let survivor = copies[0];
        let is_answer = survivor.answers == 1 && survivor.own == 1;
        let contradicts =
            |system: u64| is_answer && said.get(&system).is_some_and(|said| *said > 1);
        let mut systems = BTreeSet::new();
        let question = questions
            .get(&survivor.system)
            .filter(|question| is_answer && question.answers > 1);
        let conflict = question.is_some();
        let stays = question.and_then(|question| question.stays);
        let dropped = conflict && conflicts != Conflicts::Keep && stays != Some(survivor);
        for copy in copies.iter().filter(|copy| copy.own == 1) {
            // Of copies under one system prompt the first is the answer.
            let is_said = systems.insert(copy.system) && contradicts(copy.system);
            let found = match (dropped, *copy == survivor) {
                // Copies of a dropped answer go for the reason that it goes for.
                (true, _) => Found::ConflictDropped(stays),
                (false, true) if is_said => Found::ConflictKept,
                (false, true) => continue,
                (false, false) => Found::Copy(survivor),
            };
            if is_said && matches!(found, Found::Copy(_)) {
                each(copy, Found::ConflictKept)?;
            }
            each(copy, found)?;
        }
    }
    Ok(())
}

/// How many different answers each system prompt has, those that go as copies among them.
fn said<'a>(sets: impl Iterator<Item = &'a [Candidate]>) -> BTreeMap<u64, u64> {
    let mut said = BTreeMap::new();
    for copies in sets.filter(|copies| copies[0].answers == 1 && copies[0].own == 1) {
        let systems: BTreeSet<u64> = copies.iter().map(|copy| copy.system).collect();
        for system in systems {
            *said.entry(system).or_default() += 1;
        }
    }
    said
}

/// A question under one system prompt.
#[derive(Default)]
struct Question {
    /// Different answers to it.
    answers: u64,
    /// The one that stays for the others, if one does, and what ranks it.
    stays: Option<Candidate>,
    rank: Option<(u64, u64, DocumentId)>,
}

impl Question {
    /// Adds an answer with its copies.
    fn add(&mut self, copies: &[Candidate], conflicts: Conflicts) {
        self.answers += 1;
        let survivor = copies[0];
        let rank = match conflicts {
            Conflicts::Keep | Conflicts::Drop => return,
            Conflicts::First => copies
                .iter()
                .map(|copy| (u64::from(copy.part), u64::from(copy.row)))
                .min()
                .map(|(part, row)| (part, row, survivor.id)),
            Conflicts::Longest => Some((survivor.shortness, 0, survivor.id)),
        };
        if self
            .rank
            .is_none_or(|best| rank.is_some_and(|rank| rank < best))
        {
            (self.stays, self.rank) = (Some(survivor), rank);
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
            own: 1,
            shortness: u64::MAX - characters,
            id: DocumentId::new("s", u64::from(row)),
            answers: 1,
            system: 0,
            part: 0,
            row,
            source: 0,
        }
    }

    /// What is found, by row: the kind, and the row that stays.
    fn found(
        candidates: &[Candidate],
        conflicts: Conflicts,
    ) -> Vec<(u32, &'static str, Option<u32>)> {
        let mut sorted = candidates.to_vec();
        sorted.sort_unstable();
        let mut all = Vec::new();
        compare(sorted.into_iter().map(Ok), conflicts, |candidate, found| {
            let (kind, kept) = match found {
                Found::Copy(kept) => ("copy", Some(kept.row)),
                Found::ConflictKept => ("kept", None),
                Found::ConflictDropped(kept) => ("dropped", kept.map(|kept| kept.row)),
            };
            all.push((candidate.row, kind, kept));
            Ok(())
        })
        .expect("no error");
        all.sort_unstable();
        all
    }

    #[test]
    fn the_longest_survives() {
        let mut candidates = vec![
            candidate(1, 1, 5, 0),
            candidate(1, 1, 9, 1),
            candidate(1, 1, 5, 2),
            candidate(2, 2, 1, 3),
        ];
        let wanted = [(0, "copy", Some(1)), (2, "copy", Some(1))];
        assert_eq!(found(&candidates, Conflicts::Keep), wanted);
        // The same of texts, which are told one by one.
        for candidate in &mut candidates {
            candidate.answers = 0;
        }
        assert_eq!(found(&candidates, Conflicts::Keep), wanted);
    }

    #[test]
    fn what_an_earlier_set_has_stays_and_is_no_conflict() {
        for answers in [0, 1] {
            let mut candidates = [
                candidate(1, 1, 9, 0),
                candidate(1, 1, 5, 1),
                candidate(1, 2, 7, 2),
                candidate(1, 2, 7, 3),
            ];
            for candidate in &mut candidates {
                candidate.answers = answers;
            }
            candidates[1].own = 0;
            let copy = if candidates[2].id < candidates[3].id {
                3
            } else {
                2
            };
            assert_eq!(
                found(&candidates, Conflicts::Drop),
                [(0, "copy", Some(1)), (copy, "copy", Some(5 - copy))]
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
        // Rows 1 and 2 are copies; which stays follows from their ids.
        let copy = if candidates[1].id < candidates[2].id {
            2
        } else {
            1
        };
        let other = 3 - copy;
        let sorted = |mut wanted: [(u32, &'static str, Option<u32>); 3]| {
            wanted.sort_unstable();
            wanted
        };
        for (conflicts, wanted) in [
            (
                Conflicts::Keep,
                [
                    (0, "kept", None),
                    (copy, "copy", Some(other)),
                    (other, "kept", None),
                ],
            ),
            (
                Conflicts::First,
                [
                    (0, "kept", None),
                    (copy, "dropped", Some(0)),
                    (other, "dropped", Some(0)),
                ],
            ),
            (
                Conflicts::Longest,
                [
                    (0, "dropped", Some(other)),
                    (copy, "copy", Some(other)),
                    (other, "kept", None),
                ],
            ),
            (
                Conflicts::Drop,
                [
                    (0, "dropped", None),
                    (copy, "dropped", None),
                    (other, "dropped", None),
                ],
            ),
        ] {
            assert_eq!(
                found(&candidates, conflicts),
                sorted(wanted),
                "{conflicts:?}"
            );
        }
    }

    #[test]
    fn copies_of_a_dropped_answer_are_dropped_in_favour_of_what_stays() {
        // The first answer of the input is a copy of row 2, which is longer.
        let candidates = [
            candidate(1, 2, 8, 0),
            candidate(1, 1, 5, 1),
            candidate(1, 2, 9, 2),
        ];
        assert_eq!(
            found(&candidates, Conflicts::First),
            [
                (0, "copy", Some(2)),
                (1, "dropped", Some(2)),
                (2, "kept", None)
            ]
        );
        assert_eq!(
            found(&candidates, Conflicts::Drop),
            [
                (0, "dropped", None),
                (1, "dropped", None),
                (2, "dropped", None)
            ]
        );
    }

    #[test]
    fn a_copy_under_another_system_prompt_contradicts_under_its_own() {
        let under = |system: u64, one: Candidate| Candidate { system, ..one };
        let candidates = [
            under(1, candidate(1, 1, 9, 0)),
            // A copy of row 0, and what contradicts it under its own prompt.
            under(2, candidate(1, 1, 5, 1)),
            under(2, candidate(1, 1, 4, 2)),
            under(2, candidate(1, 2, 5, 3)),
            // A copy that nothing contradicts.
            under(3, candidate(1, 2, 4, 4)),
        ];
        for conflicts in [
            Conflicts::Keep,
            Conflicts::First,
            Conflicts::Longest,
            Conflicts::Drop,
        ] {
            assert_eq!(
                found(&candidates, conflicts),
                [
                    (1, "copy", Some(0)),
                    (1, "kept", None),
                    (2, "copy", Some(0)),
                    (3, "kept", None),
                    (4, "copy", Some(3)),
                ],
                "{conflicts:?}"
            );
        }
        // What an earlier set says is no conflict here.
        let mut earlier = candidates;
        earlier[0].own = 0;
        assert_eq!(
            found(&earlier, Conflicts::Keep),
            [
                (1, "copy", Some(0)),
                (2, "copy", Some(0)),
                (4, "copy", Some(3)),
            ]
        );
    }
}
