//! The ledger: the account of every record, and the check that it balances.
//!
//! Readers count what they read, writers count what they wrote, and both meet here; a difference
//! is a bug of ours and fails the command loudly rather than losing a record quietly.

use crate::document::Kind;
use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::AddAssign;

/// Amounts of one entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Records (of `shard`: documents).
    pub records: u64,
    /// Unicode scalar values of the content.
    pub characters: u64,
    /// UTF-8 bytes of the content.
    pub bytes: u64,
    /// Tokens with special tokens, `None` before tokenizing.
    pub tokens: Option<u64>,
}

impl Count {
    /// One record of `characters` and `bytes` that was not tokenized.
    #[must_use]
    pub fn one(characters: u64, bytes: u64) -> Self {
        Self {
            records: 1,
            characters,
            bytes,
            tokens: None,
        }
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.records += other.records;
        self.characters += other.characters;
        self.bytes += other.bytes;
        self.tokens = match (self.tokens, other.tokens) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
    }
}

/// Where every record that was read went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// All records.
    pub read: Count,
    /// Records in the output.
    pub kept: Count,
    /// Records that a rule left out, by the rule's name.
    pub dropped: BTreeMap<String, Count>,
    /// Records that could not be read, by the error's name.
    pub rejected: BTreeMap<String, Count>,
}

impl Ledger {
    /// Kept, dropped and rejected together.
    #[must_use]
    pub fn accounted(&self) -> Count {
        let mut sum = self.kept;
        for count in self.dropped.values().chain(self.rejected.values()) {
            sum += *count;
        }
        sum
    }

    /// Sum of what the rules left out.
    #[must_use]
    pub fn dropped_total(&self) -> Count {
        total(&self.dropped)
    }

    /// Sum of what could not be read.
    #[must_use]
    pub fn rejected_total(&self) -> Count {
        total(&self.rejected)
    }

    fn check(&self, of: &str) -> Result<()> {
        let accounted = self.accounted();
        ensure!(
            self.read == accounted,
            "the ledger of {of} does not balance: read {:?}, accounted for {accounted:?}; this is a bug of prep, please report it",
            self.read
        );
        Ok(())
    }
}

fn total(counts: &BTreeMap<String, Count>) -> Count {
    let mut sum = Count::default();
    for count in counts.values() {
        sum += *count;
    }
    sum
}

impl AddAssign<&Ledger> for Ledger {
    fn add_assign(&mut self, other: &Ledger) {
        self.read += other.read;
        self.kept += other.kept;
        for (name, count) in &other.dropped {
            *self.dropped.entry(name.clone()).or_default() += *count;
        }
        for (name, count) in &other.rejected {
            *self.rejected.entry(name.clone()).or_default() += *count;
        }
    }
}

/// The ledger of a command: all together, and the same by source, language and kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledgers {
    /// All records.
    pub ledger: Ledger,
    /// The same for each source.
    pub by_source: BTreeMap<String, Ledger>,
    /// The same for each language; `und` where it was not or could not be told.
    pub by_language: BTreeMap<String, Ledger>,
    /// The same for each kind of document; `unknown` for records that could not be read.
    pub by_kind: BTreeMap<String, Ledger>,
}

/// What a record is booked under.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Name of its source.
    pub source: &'a str,
    /// Its language.
    pub language: &'a str,
    /// Its kind, `None` when it could not be read.
    pub kind: Option<Kind>,
}

impl Ledgers {
    /// Books `entry` at `place`.
    pub fn add(&mut self, place: Place<'_>, entry: Entry<'_>, count: Count) {
        let kind = place.kind.map_or("unknown", Kind::name);
        entry.book(&mut self.ledger, count);
        for (map, key) in [
            (&mut self.by_source, place.source),
            (&mut self.by_language, place.language),
            (&mut self.by_kind, kind),
        ] {
            // Looked up before inserting, so that the common case allocates nothing.
            if let Some(ledger) = map.get_mut(key) {
                entry.book(ledger, count);
            } else {
                entry.book(map.entry(key.to_owned()).or_default(), count);
            }
        }
    }

    /// Checks that every record that was read is kept, dropped or rejected, everywhere.
    ///
    /// # Errors
    /// Names the source, language or kind whose account does not balance.
    pub fn check(&self) -> Result<()> {
        self.ledger.check("all records")?;
        for (map, what) in [
            (&self.by_source, "source"),
            (&self.by_language, "language"),
            (&self.by_kind, "kind"),
        ] {
            let mut sum = Ledger::default();
            for (name, ledger) in map {
                ledger.check(&format!("{what} {name}"))?;
                sum += ledger;
            }
            ensure!(
                sum == self.ledger,
                "the ledgers by {what} do not add up to the whole; this is a bug of prep"
            );
        }
        Ok(())
    }
}

impl AddAssign<&Ledgers> for Ledgers {
    fn add_assign(&mut self, other: &Ledgers) {
        self.ledger += &other.ledger;
        for (mine, theirs) in [
            (&mut self.by_source, &other.by_source),
            (&mut self.by_language, &other.by_language),
            (&mut self.by_kind, &other.by_kind),
        ] {
            for (name, ledger) in theirs {
                *mine.entry(name.clone()).or_default() += ledger;
            }
        }
    }
}

/// A line of the ledger.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    /// A record was read.
    Read,
    /// It is in the output.
    Kept,
    /// The rule of this name left it out.
    Dropped(&'a str),
    /// It could not be read, for the error of this name.
    Rejected(&'a str),
}

impl Entry<'_> {
    fn book(self, ledger: &mut Ledger, count: Count) {
        match self {
            Self::Read => ledger.read += count,
            Self::Kept => ledger.kept += count,
            Self::Dropped(name) => *named(&mut ledger.dropped, name) += count,
            Self::Rejected(name) => *named(&mut ledger.rejected, name) += count,
        }
    }
}

fn named<'a>(counts: &'a mut BTreeMap<String, Count>, name: &str) -> &'a mut Count {
    if !counts.contains_key(name) {
        counts.insert(name.to_owned(), Count::default());
    }
    counts.entry(name.to_owned()).or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_record_is_noticed() {
        let mut ledgers = Ledgers::default();
        let place = Place {
            source: "a.txt",
            language: "ru",
            kind: Some(Kind::Text),
        };
        for entry in [
            Entry::Read,
            Entry::Kept,
            Entry::Read,
            Entry::Dropped("short"),
        ] {
            ledgers.add(place, entry, Count::one(10, 19));
        }
        ledgers.check().expect("balances");
        ledgers.add(place, Entry::Read, Count::one(1, 1));
        assert!(ledgers.check().is_err());
    }

    #[test]
    fn tokens_count_once_they_are_known() {
        let mut count = Count::one(3, 3);
        count += Count {
            tokens: Some(5),
            ..Count::one(1, 1)
        };
        assert_eq!(
            count,
            Count {
                records: 2,
                characters: 4,
                bytes: 4,
                tokens: Some(5)
            }
        );
    }
}
