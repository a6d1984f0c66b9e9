//! The exact similarity of candidates, and who survives.
//!
//! Documents are taken in the order of survival. One goes when a document that stays is similar
//! enough, measured on the sets of shingles themselves; the first such document is the one that is
//! kept for it. So nothing goes for the sake of a chain: where A~B~C but not A~C, B goes and C stays.
//!
//! Everything that is at least half alike, directly or over others, is related: related documents
//! fall to the same split. Pairs are measured in chunks on every core and judged in order; a pair
//! that cannot change anything any more (known when its chunk begins) is not measured.

use super::candidates::{MEMBERS, PAIRS};
use super::sets::{self, Sets};
use super::{Member, Pair};
use crate::dedup::shingles::Overlap;
use crate::record;
use crate::sharding::Job;
use crate::spill::{Reader, RecordWriter, Table};
use crate::{atomic, interrupt};
use anyhow::Result;
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use serde::{Deserialize, Serialize};

/// Texts of this similarity and more are related: they fall to the same split.
pub const RELATED: f64 = 0.5;
/// Pairs that are measured before they are judged. Part of no result.
const CHUNK_PAIRS: usize = 1 << 15;

/// Members that go, each with the one that is kept for it.
pub const GONE: &str = "near-gone";
/// Members that are related to an earlier one.
pub const RELATIONS: &str = "near-related";
/// [`Counts`], written last.
pub const COUNTS: &str = "near-verified.json";

/// What was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Pairs whose similarity was measured.
    pub measured_pairs: u64,
    /// Documents that stay and are at least half like another, directly or over others.
    pub related_documents: u64,
}

record! {
    /// Member `member` goes for `kept`.
    pub struct Gone {
        pub member: u32,
        pub kept: u32,
        pub common: u32,
        pub all: u32,
    }
}

record! {
    /// Member `member`, whether it stays or goes, is of the group of `root`.
    pub struct Relation {
        pub member: u32,
        pub root: u32,
    }
}

/// Measures and judges all pairs, if that is not done yet.
pub fn run(job: &Job) -> Result<()> {
    if job.work.file(COUNTS).exists() {
        return Ok(());
    }
    let threshold = job.options.threshold;
    let sets = Sets::open(job)?;
    let members = Table::<Member>::open(&job.work.file(MEMBERS))?;
    let mut state = State::new(members.len());
    let mut gone = RecordWriter::create(&job.work.file(GONE))?;
    let mut counts = Counts::default();
    let mut pairs = Reader::<Pair>::open(&job.work.file(PAIRS))?.peekable();
    while pairs.peek().is_some() {
        interrupt::check()?;
        let chunk = next_chunk(&mut pairs)?;
        let groups: Vec<&[Pair]> = chunk.chunk_by(|x, y| x.b == y.b).collect();
        let measured = groups
            .into_par_iter()
            .with_max_len(64)
            .map(|group| measure(&sets, &state, group, threshold))
            .collect::<Result<Vec<_>>>()?;
        for (count, found) in measured {
            counts.measured_pairs += count;
            for Measured { pair, overlap } in found {
                if state.judge(pair, overlap, threshold) {
                    gone.push(&Gone {
                        member: pair.b,
                        kept: pair.a,
                        common: overlap.common,
                        all: overlap.all,
                    })?;
                }
            }
        }
    }
    gone.commit()?;
    counts.related_documents = write_relations(job, &state, &members)?;
    atomic::write_json(&job.work.file(COUNTS), &counts)?;
    sets::clean_up(job);
    Ok(())
}

/// Pairs of whole documents `b`, at least one.
fn next_chunk(
    pairs: &mut std::iter::Peekable<impl Iterator<Item = Result<Pair>>>,
) -> Result<Vec<Pair>> {
    let mut chunk: Vec<Pair> = Vec::new();
    while let Some(next) = pairs.next_if(|next| {
        chunk.len() < CHUNK_PAIRS
            || next
                .as_ref()
                .is_ok_and(|next| chunk.last().is_some_and(|last| last.b == next.b))
    }) {
        chunk.push(next?);
    }
    Ok(chunk)
}

/// A pair that is at least related.
struct Measured {
    pair: Pair,
    overlap: Overlap,
}

/// Measures the pairs of one document `b` that may matter, in order; also says how many they were.
fn measure(
    sets: &Sets,
    state: &State,
    group: &[Pair],
    threshold: f64,
) -> Result<(u64, Vec<Measured>)> {
    let (mut count, mut found) = (0, Vec::new());
    let (mut mine, mut other) = (Vec::new(), Vec::new());
    // Roots that b is known to be related to by now, and whether it is known to go.
    let (mut roots, mut goes) = (vec![state.root(group[0].b)], false);
    for pair in group {
        let decides = !goes && !state.gone(pair.a);
        let root = state.root(pair.a);
        if !decides && roots.contains(&root) {
            continue;
        }
        if mine.is_empty() {
            sets.read(pair.b, &mut mine)?;
        }
        let length = sets.count(pair.a)? as usize;
        let (short, long) = (length.min(mine.len()), length.max(mine.len()));
        // More than this the similarity cannot be.
        if (short as f64) < RELATED.min(threshold) * long as f64 {
            continue;
        }
        sets.read(pair.a, &mut other)?;
        count += 1;
        let overlap = Overlap::of(&mine, &other);
        let similarity = overlap.jaccard();
        if similarity < RELATED.min(threshold) {
            continue;
        }
        found.push(Measured {
            pair: *pair,
            overlap,
        });
        if !roots.contains(&root) {
            roots.push(root);
        }
        // Those before this chunk are judged; of one in it, it is not known yet whether it stays.
        goes |= similarity >= threshold && pair.a < state.judged_below && !state.gone(pair.a);
    }
    Ok((count, found))
}

/// What is known of the members that have been judged.
struct State {
    gone: Vec<u64>,
    /// A related member of a smaller number, or itself.
    parents: Vec<u32>,
    /// All members below are judged.
    judged_below: u32,
}

impl State {
    fn new(members: u64) -> Self {
        Self {
            gone: vec![0; members.div_ceil(64) as usize],
            parents: (0..members as u32).collect(),
            judged_below: 0,
        }
    }

    fn gone(&self, member: u32) -> bool {
        self.gone[member as usize / 64] >> (member % 64) & 1 == 1
    }

    fn root(&self, mut member: u32) -> u32 {
        while self.parents[member as usize] != member {
            member = self.parents[member as usize];
        }
        member
    }

    /// The root, and the path to it is made shorter.
    fn root_of(&mut self, mut member: u32) -> u32 {
        while self.parents[member as usize] != member {
            let parent = self.parents[member as usize];
            self.parents[member as usize] = self.parents[parent as usize];
            member = parent;
        }
        member
    }

    /// Relates the pair; true when `b` goes for `a`.
    fn judge(&mut self, pair: Pair, overlap: Overlap, threshold: f64) -> bool {
        let (x, y) = (self.root_of(pair.a), self.root_of(pair.b));
        // The smallest number stays the root: it survives before all others.
        self.parents[x.max(y) as usize] = x.min(y);
        self.judged_below = self.judged_below.max(pair.b + 1);
        let goes = overlap.jaccard() >= threshold && !self.gone(pair.a) && !self.gone(pair.b);
        if goes {
            self.gone[pair.b as usize / 64] |= 1 << (pair.b % 64);
        }
        goes
    }
}

/// Writes what is related; returns how many of them stay.
fn write_relations(job: &Job, state: &State, members: &Table<Member>) -> Result<u64> {
    let mut writer = RecordWriter::create(&job.work.file(RELATIONS))?;
    let mut stay = 0;
    for member in 0..members.len() as u32 {
        let root = state.root(member);
        if root != member {
            stay += u64::from(!state.gone(member));
            writer.push(&Relation { member, root })?;
        }
    }
    writer.commit()?;
    Ok(stay)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Judges these similarities, given in percent, in the order of survival.
    fn judged(members: u64, pairs: &[(u32, u32, u32)]) -> (State, Vec<(u32, u32)>) {
        let mut state = State::new(members);
        let mut sorted = pairs.to_vec();
        sorted.sort_unstable_by_key(|(a, b, _)| (*b, *a));
        let mut gone = Vec::new();
        for (a, b, common) in sorted {
            let overlap = Overlap { common, all: 100 };
            if state.judge(Pair { b, a }, overlap, 0.8) {
                gone.push((b, a));
            }
        }
        (state, gone)
    }

    #[test]
    fn of_a_chain_the_ends_stay_and_are_related() {
        // 0 ~ 1 ~ 2, but 0 and 2 are too different: whichever is longest.
        for (pairs, wanted) in [
            ([(0, 1, 85), (1, 2, 85), (0, 2, 72)], vec![(1, 0)]),
            ([(0, 1, 85), (1, 2, 72), (0, 2, 85)], vec![(1, 0), (2, 0)]),
            ([(0, 1, 72), (1, 2, 85), (0, 2, 85)], vec![(2, 0)]),
        ] {
            let (state, gone) = judged(3, &pairs);
            assert_eq!(gone, wanted);
            assert!((0..3).all(|member| state.root(member) == 0));
        }
        // Without a direct relation they are related over the one that goes.
        let (state, gone) = judged(3, &[(0, 1, 85), (1, 2, 85)]);
        assert_eq!(gone, [(1, 0)]);
        assert_eq!(state.root(2), 0);
    }

    #[test]
    fn what_goes_keeps_nobody() {
        let (_, gone) = judged(4, &[(0, 1, 80), (1, 2, 99), (2, 3, 99), (1, 3, 99)]);
        assert_eq!(gone, [(1, 0), (3, 2)]);
    }

    #[test]
    fn less_than_the_threshold_is_related_only() {
        let (state, gone) = judged(3, &[(0, 1, 79), (1, 2, 50)]);
        assert!(gone.is_empty() && state.root(2) == 0);
    }
}
