//! From which number the options of a file count, where neither labels nor columns say it.
//!
//! Programs count from 0, people from 1, and a wrong guess teaches a wrong answer to every question. A
//! file tells by its numbers: a 0 is an option's only where they count from 0, as many as there are
//! options only where they count from 1. Where its first records have neither, a number between is
//! refused ([`Numbering::Unknown`]), never guessed.
//!
//! Names tell, too, where the numbers do not: an `answer_idx` counts from 0, and so does the number beside
//! `choices`, as MMLU has it.
//!
//! What a file says is known where its records come from, and needed where an answer is resolved, deep
//! in any shape: in between it is held by the thread for the time of one record ([`within`]).

use super::fields::is_same;
use std::cell::Cell;

/// From which number options without labels count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// From 0, as in programs.
    From0,
    /// From 1, as people count.
    From1,
    /// From 0 as it seems, but with so few of them that they may stand for no answer: enough where nothing
    /// else tells, not against columns with numbers of their own.
    FewZeros,
    /// Nothing tells.
    Unknown,
}

impl Numbering {
    /// The number of the first option, as `--first-option` has it.
    #[must_use]
    pub fn of_first(number: u8) -> Self {
        if number == 0 {
            Self::From0
        } else {
            Self::From1
        }
    }

    /// What it is called in the configuration of a run.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::From0 => "0",
            Self::From1 => "1",
            Self::FewZeros => "few zeros",
            Self::Unknown => "unknown",
        }
    }

    /// The number of the first option; programs' where nothing tells.
    pub(super) fn first(self) -> usize {
        usize::from(self == Self::From1)
    }
}

/// What the numbers of answers say of their counting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Answers that name an option by a number.
    pub numbers: u64,
    /// Those of them that are 0.
    zeros: u64,
    /// Those that are the number of options.
    lasts: u64,
    /// Options that each could have named, together.
    options: u64,
}

/// How many times as many witnesses one counting needs against those of the other.
const LEAD: u64 = 10;

/// Of how many numbers one is 0 at least, where they count from 0: of more than there are letters.
const FEWEST_ZEROS: u64 = 50;

/// From so large a part of its share on, if all options were right equally often, a 0 is one of them.
const ENOUGH_ZEROS: f64 = 0.5;

/// The share of an option from which it is telling that nobody names it.
const MANY: f64 = 10.0;

impl Evidence {
    /// What follows.
    #[must_use]
    pub fn numbering(self) -> Numbering {
        // A 0 now and then stands for no answer.
        if self.zeros > LEAD * self.lasts && self.zeros * FEWEST_ZEROS >= self.numbers {
            let numbers = self.numbers as f64;
            let share = numbers * numbers / self.options.max(1) as f64;
            // Of many, the number of the options would be one of them if they counted from 1.
            if self.zeros as f64 >= ENOUGH_ZEROS * share || self.lasts == 0 && share >= MANY {
                Numbering::From0
            } else {
                Numbering::FewZeros
            }
        } else if self.lasts > LEAD * self.zeros {
            Numbering::From1
        } else {
            Numbering::Unknown
        }
    }
}

/// Whether the names of the fields say that options count from 0: that of the answer, and that of the
/// options beside an answer that `is_number`.
pub(super) fn names_say_0(answer: &str, options: Option<&str>, is_number: bool) -> bool {
    let answer = answer.to_lowercase();
    let is_index = ["idx", "index", "indices"]
        .iter()
        .any(|end| answer.ends_with(end));
    is_index || is_number && options.is_some_and(|options| is_same(options, "choices"))
}

thread_local! {
    static NUMBERING: Cell<Numbering> = const { Cell::new(Numbering::From0) };
    static EVIDENCE: Cell<Evidence> = const { Cell::new(Evidence { numbers: 0, zeros: 0, lasts: 0, options: 0 }) };
}

/// Takes a record of a file whose options count so.
pub fn within<T>(numbering: Numbering, take: impl FnOnce() -> T) -> T {
    let around = NUMBERING.replace(numbering);
    let taken = take();
    NUMBERING.set(around);
    taken
}

/// What `read` gives, and what the answers say that it resolves.
pub fn survey<T>(read: impl FnOnce() -> T) -> (T, Evidence) {
    EVIDENCE.set(Evidence::default());
    let read = read();
    (read, EVIDENCE.take())
}

/// How the options of the record that is being taken count.
pub(super) fn now() -> Numbering {
    NUMBERING.get()
}

/// Notes the numbers by which an answer names options, of which there are `options`.
pub(super) fn note(numbers: &[usize], options: usize) {
    let mut evidence = EVIDENCE.get();
    evidence.numbers += 1;
    evidence.options += options as u64;
    evidence.zeros += u64::from(numbers.contains(&0));
    evidence.lasts += u64::from(numbers.contains(&options));
    EVIDENCE.set(evidence);
}
