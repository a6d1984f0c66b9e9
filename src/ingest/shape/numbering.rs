//! From which number the options of a file count, where neither labels nor columns say it; and whether its
//! answers are names of options or their texts, where one may be both.
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

/// What answers of a file are, where an answer is the text of one option and the name of another: "A" where
/// B is "A", 1 where the second number is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// Labels, letters or numbers of options.
    Names,
    /// Texts of options.
    Texts,
    /// Some are these and some those.
    Both,
    /// Nothing tells.
    #[default]
    Unknown,
}

/// What a file says of the answers to its questions with options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habits {
    /// From which number options count.
    pub numbering: Numbering,
    /// What answers are that are numbers.
    pub numbers: Naming,
    /// What the others are: letters and labels.
    pub others: Naming,
}

impl From<Numbering> for Habits {
    fn from(numbering: Numbering) -> Self {
        Self {
            numbering,
            numbers: Naming::Unknown,
            others: Naming::Unknown,
        }
    }
}

impl Default for Habits {
    fn default() -> Self {
        Self::from(Numbering::Unknown)
    }
}

impl Habits {
    /// These, where the user said from which number options count: then numbers name options, unless the
    /// answers are plainly texts.
    #[must_use]
    pub fn told(self, first: Option<Numbering>) -> Self {
        let numbers = match (first, self.numbers) {
            (Some(_), Naming::Unknown | Naming::Both) => Naming::Names,
            (_, numbers) => numbers,
        };
        Self {
            numbering: first.unwrap_or(self.numbering),
            numbers,
            ..self
        }
    }
}

/// What answers say of how options count, and of what answers are.
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
    /// Answers that are no texts of options but names: numbers, and others (letters, labels).
    number_names: u64,
    other_names: u64,
    /// Answers that are texts of options and no names of any.
    texts: u64,
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

    /// What the answers are, of which so many are names.
    fn naming(self, names: u64) -> Naming {
        match (names, self.texts) {
            (0, 0) => Naming::Unknown,
            (names, texts) if names > LEAD * texts => Naming::Names,
            (names, texts) if texts > LEAD * names => Naming::Texts,
            _ => Naming::Both,
        }
    }

    /// All that follows.
    #[must_use]
    pub fn habits(self) -> Habits {
        Habits {
            numbering: self.numbering(),
            numbers: self.naming(self.number_names),
            others: self.naming(self.other_names),
        }
    }
}

/// Whether the names of the fields say that options count from 0: that of the answer, and that of the
/// options beside an answer that `is_number`.
pub(super) fn names_say_0(answer: &str, options: Option<&str>, is_number: bool) -> bool {
    is_index(answer) || is_number && options.is_some_and(|options| is_same(options, "choices"))
}

/// Whether a field of this name holds the number or the label of an option.
pub(super) fn is_index(name: &str) -> bool {
    let name = name.to_lowercase();
    let mut ends = ["idx", "index", "indices"].iter();
    ends.any(|end| name.ends_with(end))
}

thread_local! {
    static HABITS: Cell<Habits> = const {
        Cell::new(Habits {
            numbering: Numbering::From0,
            numbers: Naming::Unknown,
            others: Naming::Unknown,
        })
    };
    static EVIDENCE: Cell<Evidence> = const {
        Cell::new(Evidence {
            numbers: 0,
            zeros: 0,
            lasts: 0,
            options: 0,
            number_names: 0,
            other_names: 0,
            texts: 0,
        })
    };
}

/// Takes a record of a file with these habits.
pub fn within<T>(habits: impl Into<Habits>, take: impl FnOnce() -> T) -> T {
    let around = HABITS.replace(habits.into());
    let taken = take();
    HABITS.set(around);
    taken
}

/// What `read` gives, and what the answers say that it resolves.
pub fn survey<T>(read: impl FnOnce() -> T) -> (T, Evidence) {
    EVIDENCE.set(Evidence::default());
    let read = read();
    (read, EVIDENCE.take())
}

/// Takes something of which nothing is noted: what an answer would be that is none.
pub(super) fn unnoted<T>(take: impl FnOnce() -> T) -> T {
    let before = EVIDENCE.get();
    let taken = take();
    EVIDENCE.set(before);
    taken
}

/// How the options of the record that is being taken count.
pub(super) fn now() -> Numbering {
    HABITS.get().numbering
}

/// What the answers of its file are that are such a name as `given`.
pub(super) fn naming(given: &str) -> Naming {
    if is_number(given) {
        HABITS.get().numbers
    } else {
        HABITS.get().others
    }
}

fn is_number(given: &str) -> bool {
    given.bytes().any(|byte| byte.is_ascii_digit())
}

/// Notes an answer that is the text of an option and no name.
pub(super) fn note_text() {
    let mut evidence = EVIDENCE.get();
    evidence.texts += 1;
    EVIDENCE.set(evidence);
}

/// Notes an answer that is a name of an option and no text.
pub(super) fn note_name(given: &str) {
    let mut evidence = EVIDENCE.get();
    if is_number(given) {
        evidence.number_names += 1;
    } else {
        evidence.other_names += 1;
    }
    EVIDENCE.set(evidence);
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
