//! External sort: runs of records sorted in memory, written to disk, merged.

use super::{Reader, Record};
use crate::atomic::cannot_write;
use crate::interrupt;
use anyhow::{Context, Result};
use rayon::slice::ParallelSliceMut;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Runs that are merged at once.
const FAN_IN: usize = 64;
/// The fewest bytes that a run is read by.
const LEAST_READ_BYTES: usize = 1 << 12;

/// Collects records and gives them back sorted.
pub struct Sorter<R> {
    /// Path of its runs, without their numbers.
    path: PathBuf,
    memory: usize,
    waiting: Vec<R>,
    runs: Vec<PathBuf>,
    made: usize,
}

impl<R: Record> Sorter<R> {
    /// A sorter that takes about `memory` bytes and writes runs beside `path`, which are gone when
    /// the records have been read.
    #[must_use]
    pub fn new(path: &Path, memory: u64) -> Self {
        Self {
            path: path.to_owned(),
            memory: memory as usize,
            waiting: Vec::new(),
            runs: Vec::new(),
            made: 0,
        }
    }

    /// Adds a record.
    ///
    /// # Errors
    /// When a run cannot be written.
    pub fn push(&mut self, record: R) -> Result<()> {
        let limit = (self.memory / size_of::<R>()).max(2);
        if self.waiting.len() >= limit {
            self.spill()?;
        }
        if self.waiting.len() == self.waiting.capacity() {
            // Doubled, but never beyond the limit.
            let more = self.waiting.len().clamp(64, limit.max(64));
            let room = limit.saturating_sub(self.waiting.len()).max(1);
            self.waiting.reserve_exact(more.min(room));
        }
        self.waiting.push(record);
        Ok(())
    }

    fn spill(&mut self) -> Result<()> {
        interrupt::check()?;
        self.waiting.par_sort_unstable();
        let path = self.next_run();
        write(&path, self.waiting.drain(..).map(Ok))?;
        self.runs.push(path);
        Ok(())
    }

    fn next_run(&mut self) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".run-{:06}", self.made));
        self.made += 1;
        PathBuf::from(name)
    }

    /// All records, sorted.
    ///
    /// # Errors
    /// When runs cannot be written or read.
    pub fn sorted(mut self) -> Result<Sorted<R>> {
        if self.runs.is_empty() {
            self.waiting.par_sort_unstable();
            return Ok(Sorted::Memory(
                std::mem::take(&mut self.waiting).into_iter(),
            ));
        }
        if !self.waiting.is_empty() {
            self.spill()?;
        }
        self.waiting = Vec::new();
        while self.runs.len() > FAN_IN {
            let rest = self.runs.split_off(FAN_IN);
            let runs = std::mem::replace(&mut self.runs, rest);
            let path = self.next_run();
            write(&path, Merge::new(self.readers(&runs)?)?)?;
            for run in runs {
                let _ = std::fs::remove_file(run);
            }
            self.runs.push(path);
        }
        let merge = Merge::new(self.readers(&self.runs)?)?;
        // The files stay readable until the readers are gone.
        for run in self.runs.drain(..) {
            let _ = std::fs::remove_file(run);
        }
        Ok(Sorted::Runs(merge))
    }

    fn readers(&self, runs: &[PathBuf]) -> Result<Vec<Reader<R>>> {
        let bytes = (self.memory / runs.len()).clamp(LEAST_READ_BYTES, super::file::READ_BYTES);
        runs.iter()
            .map(|run| Reader::with_buffer(run, bytes))
            .collect()
    }
}

impl<R> Drop for Sorter<R> {
    fn drop(&mut self) {
        for run in &self.runs {
            let _ = std::fs::remove_file(run);
        }
    }
}

fn write<R: Record>(path: &Path, records: impl Iterator<Item = Result<R>>) -> Result<()> {
    let failed = || cannot_write(path);
    let mut out = BufWriter::with_capacity(1 << 17, File::create(path).with_context(failed)?);
    let mut bytes = vec![0; R::BYTES];
    for record in records {
        record?.put(&mut bytes);
        out.write_all(&bytes).with_context(failed)?;
    }
    out.flush().with_context(failed)
}

/// Sorted records, from memory or from runs.
pub enum Sorted<R> {
    /// All of them fitted.
    Memory(std::vec::IntoIter<R>),
    /// They are merged while they are read.
    Runs(Merge<R, Reader<R>>),
}

impl<R: Record> Iterator for Sorted<R> {
    type Item = Result<R>;

    fn next(&mut self) -> Option<Result<R>> {
        match self {
            Self::Memory(records) => records.next().map(Ok),
            Self::Runs(merge) => merge.next(),
        }
    }
}

/// Several sorted sequences as one.
pub struct Merge<R, I> {
    inputs: Vec<I>,
    heads: BinaryHeap<Reverse<(R, usize)>>,
    failure: Option<anyhow::Error>,
}

impl<R: Record, I: Iterator<Item = Result<R>>> Merge<R, I> {
    /// Merges `inputs`.
    ///
    /// # Errors
    /// That of an input.
    pub fn new(mut inputs: Vec<I>) -> Result<Self> {
        let mut heads = BinaryHeap::with_capacity(inputs.len());
        for (number, input) in inputs.iter_mut().enumerate() {
            if let Some(first) = input.next() {
                heads.push(Reverse((first?, number)));
            }
        }
        Ok(Self {
            inputs,
            heads,
            failure: None,
        })
    }
}

impl<R: Record, I: Iterator<Item = Result<R>>> Iterator for Merge<R, I> {
    type Item = Result<R>;

    fn next(&mut self) -> Option<Result<R>> {
        if let Some(error) = self.failure.take() {
            self.heads.clear();
            return Some(Err(error));
        }
        let mut head = self.heads.peek_mut()?;
        let Reverse((record, number)) = *head;
        match self.inputs[number].next() {
            Some(Ok(next)) => *head = Reverse((next, number)),
            Some(Err(error)) => self.failure = Some(error),
            None => drop(std::collections::binary_heap::PeekMut::pop(head)),
        }
        Some(Ok(record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record;
    use crate::spill::{RecordWriter, Table};

    record! {
        struct Sample {
            key: u64,
            wide: u128,
            small: u8,
        }
    }

    fn samples(count: u64) -> Vec<Sample> {
        (0..count)
            .map(|i| {
                let key = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50;
                Sample {
                    key,
                    wide: u128::from(i) << 70,
                    small: i as u8,
                }
            })
            .collect()
    }

    #[test]
    fn any_memory_gives_the_same_order_and_leaves_no_files() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let records = samples(20_000);
        let mut wanted = records.clone();
        wanted.sort_unstable();
        // From two records a run, in three levels of merging, to all in memory.
        for memory in [1, 5_000, 100_000, 1 << 24] {
            let mut sorter = Sorter::new(&place.path().join("sample"), memory);
            for record in &records {
                sorter.push(*record).expect("spills");
            }
            let sorted: Vec<Sample> = sorter
                .sorted()
                .expect("merges")
                .map(|record| record.expect("reads"))
                .collect();
            assert!(sorted == wanted, "memory {memory}");
            let left = std::fs::read_dir(place.path()).expect("reads").count();
            assert_eq!(left, 0, "memory {memory}");
        }
        let empty = Sorter::<Sample>::new(&place.path().join("empty"), 1);
        assert_eq!(empty.sorted().expect("merges").count(), 0);
    }

    #[test]
    fn files_are_read_in_order_and_at_a_place_and_a_cut_one_is_refused() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let path = place.path().join("file");
        let records = samples(1_000);
        let mut writer = RecordWriter::create(&path).expect("creates");
        for record in &records {
            writer.push(record).expect("writes");
        }
        assert_eq!(writer.commit().expect("commits"), 1_000);
        let read: Vec<Sample> = Reader::with_buffer(&path, 100)
            .expect("opens")
            .map(|record| record.expect("reads"))
            .collect();
        assert!(read == records);
        let table = Table::<Sample>::open(&path).expect("opens");
        assert_eq!(table.at(777).expect("reads"), records[777]);
        assert!(table.at(table.len()).is_err());
        let bytes = std::fs::read(&path).expect("reads");
        std::fs::write(&path, &bytes[..bytes.len() - 1]).expect("writes");
        assert!(
            Reader::<Sample>::open(&path)
                .expect("opens")
                .any(|record| record.is_err())
        );
    }
}
