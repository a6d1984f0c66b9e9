//! Samples that favour nothing, and the rows of Parquet files that they are in.

use anyhow::{Context, Result};
use arrow::array::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection, RowSelector};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

/// Samples on a page, of all reasons together.
const MOST: usize = 240;
/// Fewest of a reason, where it has so many.
const LEAST: usize = 5;
/// Reasons that are shown; there are not so many rules.
const MOST_REASONS: usize = 60;
/// Characters of a sample that are shown.
pub const CHARACTERS: usize = 700;

/// The samples of each reason: those whose keys have the smallest hashes, whatever the order in which
/// they come.
pub struct Chosen<T> {
    each: usize,
    of: BTreeMap<String, BTreeMap<(u64, u64), T>>,
    number: u64,
}

impl<T> Chosen<T> {
    /// A choice among so many reasons.
    #[must_use]
    pub fn new(reasons: usize) -> Self {
        Self {
            each: (MOST / reasons.max(1)).clamp(LEAST, 60),
            of: BTreeMap::new(),
            number: 0,
        }
    }

    /// Offers a sample.
    pub fn offer(&mut self, reason: &str, key: &[u8], make: impl FnOnce() -> T) {
        let place = (xxh3_64(key), self.number);
        self.number += 1;
        if !self.of.contains_key(reason) {
            if self.of.len() >= MOST_REASONS {
                return;
            }
            self.of.insert(reason.to_owned(), BTreeMap::new());
        }
        let Some(chosen) = self.of.get_mut(reason) else {
            return;
        };
        if chosen.len() >= self.each {
            if chosen
                .last_key_value()
                .is_some_and(|(last, _)| *last < place)
            {
                return;
            }
            chosen.pop_last();
        }
        chosen.insert(place, make());
    }

    /// The samples by reason.
    pub fn finish(self) -> impl Iterator<Item = (String, T)> {
        let reasons = self.of.into_iter();
        reasons.flat_map(|(reason, all)| all.into_values().map(move |one| (reason.clone(), one)))
    }
}

/// Calls `each` with the batches of some columns of a Parquet file.
///
/// # Errors
/// That of `each`, or when the file is damaged.
pub fn columns(
    path: &Path,
    names: &[&str],
    each: &mut dyn FnMut(&RecordBatch) -> Result<()>,
) -> Result<()> {
    let damaged = || format!("{} is damaged; run the stage again", path.display());
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).with_context(damaged)?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), names.iter().copied());
    for batch in builder.with_projection(mask).build()? {
        each(&batch.with_context(damaged)?)?;
    }
    Ok(())
}

/// Calls `each` with all columns of the rows with these numbers, rising, a few at a time.
///
/// # Errors
/// That of `each`, or when the file is damaged.
pub fn rows(
    path: &PathBuf,
    numbers: &[usize],
    each: &mut dyn FnMut(&RecordBatch) -> Result<()>,
) -> Result<()> {
    let damaged = || format!("{} is damaged; run the stage again", path.display());
    let mut selectors = Vec::new();
    let mut next = 0;
    for &number in numbers {
        selectors.push(RowSelector::skip(number - next));
        selectors.push(RowSelector::select(1));
        next = number + 1;
    }
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .with_context(damaged)?
        .with_row_selection(RowSelection::from(selectors))
        .with_batch_size(16)
        .build()?;
    for batch in reader {
        each(&batch.with_context(damaged)?)?;
    }
    Ok(())
}

/// Counts by powers of two: place i has lengths of 2^i to below 2^(i+1); a length of 0 counts as 1.
#[derive(Default)]
pub struct Powers(Vec<u64>);

impl Powers {
    /// Counts a length.
    pub fn add(&mut self, length: u64) {
        let place = length.max(1).ilog2() as usize;
        if self.0.len() <= place {
            self.0.resize(place + 1, 0);
        }
        self.0[place] += 1;
    }

    /// The columns of a chart, from the first that has any.
    #[must_use]
    pub fn bars(&self) -> Vec<super::bars::Bar> {
        let first = self.0.iter().position(|&count| count > 0).unwrap_or(0);
        let all = self.0.iter().enumerate().skip(first);
        all.map(|(place, &count)| super::bars::Bar {
            name: match place {
                0..10 => format!("{}", 1_u64 << place),
                10..20 => format!("{}k", 1_u64 << (place - 10)),
                20..30 => format!("{}M", 1_u64 << (place - 20)),
                _ => format!("{}G", 1_u64 << (place - 30)),
            },
            value: count as f64,
            shown: crate::units::grouped(count),
            colour: 0,
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_do_not_depend_on_the_order() {
        let numbers: Vec<u64> = (0..10_000).collect();
        let choose = |numbers: &mut dyn Iterator<Item = &u64>| {
            let mut chosen = Chosen::new(24);
            for number in numbers {
                let reason = if number % 3 == 0 { "a" } else { "b" };
                chosen.offer(reason, &number.to_le_bytes(), || *number);
            }
            chosen.finish().collect::<Vec<_>>()
        };
        let forward = choose(&mut numbers.iter());
        assert_eq!(forward, choose(&mut numbers.iter().rev()));
        assert_eq!(forward.len(), 20);
        assert!(
            forward
                .iter()
                .all(|(reason, n)| (reason == "a") == (n % 3 == 0))
        );
    }

    #[test]
    fn lengths_are_counted_by_powers_of_two() {
        let mut powers = Powers::default();
        for length in [4, 7, 8, 1500, 2047] {
            powers.add(length);
        }
        let bars = powers.bars();
        let names: Vec<&str> = bars.iter().map(|bar| bar.name.as_str()).collect();
        assert_eq!((names[0], names[1], names[8]), ("4", "8", "1k"));
        assert_eq!(
            (bars[0].value, bars[1].value, bars[8].value),
            (2.0, 1.0, 2.0)
        );
        assert_eq!(bars.len(), 9);
    }
}
