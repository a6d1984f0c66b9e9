//! Fills the shards of one split, in order, each to the byte limit.
//!
//! A document that does not fit is continued in the next shard with `continuation` set; a piece
//! shorter than [`SMALLEST_PIECE`] tokens is not worth a cut and the document starts the next shard.
//! Memory: the shard that is filled, and with a thread for files the one before it twice.

use super::files::{Files, Full};
use super::format::{self, Sizer};
use super::manifest::SplitEntry;
use super::{ShardInfo, Split};
use crate::document::DocumentId;
use anyhow::{Context, Result, ensure};
use arrow::array::BooleanBufferBuilder;
use arrow::array::{
    ArrayRef, BooleanArray, FixedSizeBinaryArray, ListArray, RecordBatch, UInt16Array, UInt32Array,
};
use arrow::buffer::{BooleanBuffer, Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, SchemaRef};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A document is cut only when at least this many of its tokens fit.
pub const SMALLEST_PIECE: u64 = 16;

/// Ids in the width that the vocabulary asks for.
enum Ids {
    Narrow(Vec<u16>),
    Wide(Vec<u32>),
}

impl Ids {
    fn len(&self) -> usize {
        match self {
            Self::Narrow(ids) => ids.len(),
            Self::Wide(ids) => ids.len(),
        }
    }

    fn extend(&mut self, new: &[u32]) {
        match self {
            // The caller checked every id against the vocabulary, and the vocabulary fits u16.
            Self::Narrow(ids) => ids.extend(new.iter().map(|id| *id as u16)),
            Self::Wide(ids) => ids.extend_from_slice(new),
        }
    }

    fn take(&mut self) -> ArrayRef {
        match self {
            Self::Narrow(ids) => Arc::new(UInt16Array::from(std::mem::take(ids))),
            Self::Wide(ids) => Arc::new(UInt32Array::from(std::mem::take(ids))),
        }
    }
}

/// Writes the shards of one split.
pub struct SplitWriter {
    dir: PathBuf,
    split: Split,
    limit: u64,
    vocab_size: u32,
    schema: SchemaRef,
    sizer: Sizer,
    ids: Ids,
    mask: BooleanBufferBuilder,
    offsets: Vec<i32>,
    document_ids: Vec<u8>,
    continuations: BooleanBufferBuilder,
    entry: SplitEntry,
    /// Shards that were begun, the one that is filled left out.
    shards: usize,
    files: Option<Files>,
}

impl SplitWriter {
    /// A writer of `split` into `dir`, with files of at most `limit` bytes.
    ///
    /// # Errors
    /// When `limit` is too small to hold anything.
    pub fn new(dir: &Path, split: Split, info: &ShardInfo, limit: u64) -> Result<Self> {
        let sizer = Sizer::new(info)?;
        let smallest = sizer.file_bytes(1, 4 * SMALLEST_PIECE);
        ensure!(
            limit >= smallest,
            "--shard-size of {limit} bytes is too small: a shard with one short document takes {smallest} bytes"
        );
        Ok(Self {
            dir: dir.to_owned(),
            split,
            limit,
            vocab_size: info.vocab_size,
            schema: format::schema(info),
            sizer,
            ids: if format::is_narrow(info.vocab_size) {
                Ids::Narrow(Vec::new())
            } else {
                Ids::Wide(Vec::new())
            },
            mask: BooleanBufferBuilder::new(0),
            offsets: vec![0],
            document_ids: Vec::new(),
            continuations: BooleanBufferBuilder::new(0),
            entry: SplitEntry::default(),
            shards: 0,
            files: None,
        })
    }

    /// Makes files in a thread of its own, if there are `threads` for it.
    #[must_use]
    pub fn beside(mut self, threads: usize) -> Self {
        if threads > 1 {
            self.files = Some(Files::beside());
        }
        self
    }

    /// Appends one document; `bytes_text` are the UTF-8 bytes of its content.
    ///
    /// # Errors
    /// When an id is outside the vocabulary, or a finished shard cannot be written.
    pub fn push(
        &mut self,
        id: DocumentId,
        ids: &[u32],
        mask: &[bool],
        bytes_text: u64,
    ) -> Result<()> {
        assert_eq!(ids.len(), mask.len(), "one mask bit a token");
        // All are looked at, so that many are at once.
        let largest = ids.iter().fold(0, |largest, id| largest.max(*id));
        if largest >= self.vocab_size && !ids.is_empty() {
            anyhow::bail!(
                "token id {largest} of document {id} is outside the vocabulary of {}",
                self.vocab_size
            );
        }
        let (mut ids, mut mask) = (ids, mask);
        let mut continuation = false;
        loop {
            let room = self
                .sizer
                .room(self.rows(), self.ids.len() as u64, self.limit);
            let whole = ids.len() as u64 <= room;
            if !whole && room < SMALLEST_PIECE {
                self.finish_shard()?;
                continue;
            }
            let piece = if whole { ids.len() } else { room as usize };
            self.push_row(id, &ids[..piece], &mask[..piece], continuation);
            if whole {
                break;
            }
            (ids, mask) = (&ids[piece..], &mask[piece..]);
            continuation = true;
            self.finish_shard()?;
        }
        self.entry.documents += 1;
        self.entry.bytes_text += bytes_text;
        Ok(())
    }

    fn rows(&self) -> u64 {
        self.offsets.len() as u64 - 1
    }

    fn push_row(&mut self, id: DocumentId, ids: &[u32], mask: &[bool], continuation: bool) {
        self.ids.extend(ids);
        for (counts, tokens) in runs(mask) {
            self.mask.append_n(tokens, counts);
        }
        self.offsets.push(self.ids.len() as i32);
        self.document_ids.extend_from_slice(&id.0);
        self.continuations.append(continuation);
        self.entry.tokens += ids.len() as u64;
        self.entry.tokens_loss += mask.iter().filter(|counts| **counts).count() as u64;
    }

    /// Writes the shard that is being filled and begins the next one.
    fn finish_shard(&mut self) -> Result<()> {
        let (rows, tokens) = (self.rows(), self.ids.len() as u64);
        let expected = self.sizer.file_bytes(rows, tokens);
        assert!(
            expected <= self.limit,
            "a shard of {expected} bytes was filled beyond {}",
            self.limit
        );
        let full = Full {
            dir: self.dir.clone(),
            file: format!("{}-{:05}.arrow", self.split.name(), self.shards),
            batch: self.take_batch()?,
            bytes: expected,
            tokens,
        };
        self.shards += 1;
        match &mut self.files {
            None => self.entry.shards.push(full.write()?),
            Some(files) => files.write(full)?,
        }
        Ok(())
    }

    fn take_batch(&mut self) -> Result<RecordBatch> {
        let offsets = OffsetBuffer::new(ScalarBuffer::from(std::mem::replace(
            &mut self.offsets,
            vec![0],
        )));
        let mask: BooleanBuffer = self.mask.finish();
        let list = |values: ArrayRef, item: DataType| {
            ListArray::try_new(
                Arc::new(Field::new("item", item, false)),
                offsets.clone(),
                values,
                None,
            )
        };
        let ids = self.ids.take();
        let id_type = ids.data_type().clone();
        let document_ids = Buffer::from(std::mem::take(&mut self.document_ids));
        Ok(RecordBatch::try_new(
            Arc::clone(&self.schema),
            vec![
                Arc::new(list(ids, id_type)?),
                Arc::new(list(
                    Arc::new(BooleanArray::new(mask, None)),
                    DataType::Boolean,
                )?),
                Arc::new(FixedSizeBinaryArray::try_new(16, document_ids, None)?),
                Arc::new(BooleanArray::new(self.continuations.finish(), None)),
            ],
        )?)
    }

    /// Writes the last shard and returns what the split holds.
    ///
    /// # Errors
    /// When the shard cannot be written.
    pub fn finish(mut self) -> Result<SplitEntry> {
        if self.rows() > 0 {
            self.finish_shard()?;
        }
        if let Some(mut files) = self.files.take() {
            self.entry.shards = files.join()?;
        }
        self.remove_leftovers()?;
        Ok(self.entry)
    }

    /// Shards of an interrupted run with other ends would be read by a glob: none may stay.
    fn remove_leftovers(&self) -> Result<()> {
        let mut next = self.entry.shards.len();
        loop {
            let path = self
                .dir
                .join(format!("{}-{next:05}.arrow", self.split.name()));
            if !path.exists() {
                return Ok(());
            }
            std::fs::remove_file(&path)
                .with_context(|| format!("cannot remove the stale {}", path.display()))?;
            next += 1;
        }
    }
}

/// The values of a mask and how often each comes in a row: of nearly all documents one or two.
pub fn runs(mask: &[bool]) -> impl Iterator<Item = (bool, usize)> {
    mask.chunk_by(|a, b| a == b).map(|run| (run[0], run.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::atomic;
    use crate::shard::manifest::VERSION;
    use crate::shard::{Dataset, ShardManifest};

    fn info(vocab_size: u32) -> ShardInfo {
        ShardInfo {
            vocab_size,
            bos_id: Some(0),
            eos_id: 1,
            pad_id: None,
            tokenizer_fingerprint: "t".to_owned(),
            chat_template_hash: "c".to_owned(),
        }
    }

    /// Documents whose tokens count 0, 1, 2, … through the whole split, so that each proves its place.
    fn write(dir: &Path, vocab_size: u32, limit: u64, lengths: &[usize]) -> ShardManifest {
        let info = info(vocab_size);
        let mut writer =
            SplitWriter::new(dir, Split::Train, &info, limit).expect("limit is large enough");
        let mut next = 0_u32;
        for (i, length) in lengths.iter().enumerate() {
            let ids: Vec<u32> = (next..next + *length as u32)
                .map(|id| id % vocab_size)
                .collect();
            let mask: Vec<bool> = ids.iter().map(|id| id % 3 == 0).collect();
            next += *length as u32;
            writer
                .push(DocumentId::new("test", i as u64), &ids, &mask, 7)
                .expect("fits");
        }
        let manifest = ShardManifest {
            format: "prep-shards".to_owned(),
            version: VERSION,
            prep_version: "test".to_owned(),
            config: serde_json::Value::Null,
            info,
            train: writer.finish().expect("writes"),
            val: SplitEntry::default(),
            keys: Vec::new(),
            origins: Vec::new(),
            pairs: Vec::new(),
            labels: None,
            removed: Vec::new(),
            conflicts: Vec::new(),
        };
        atomic::write_json(&dir.join("manifest.json"), &manifest).expect("writes");
        manifest
    }

    /// A reader that does not look at hashes ends with an error, not with the program.
    #[test]
    fn a_flipped_bit_of_a_header_is_an_error_or_a_number() {
        let dir = tempfile::tempdir().expect("a folder");
        let manifest = write(dir.path(), 1000, 100_000, &[5, 0, 70]);
        let path = dir.path().join(&manifest.train.shards[0].file);
        let whole = std::fs::read(&path).expect("reads");
        let mut refused = 0;
        for bit in 0..8 * whole.len() {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, &bytes).expect("writes");
            let Ok(data) = Dataset::open(dir.path(), Split::Train) else {
                refused += 1;
                continue;
            };
            assert!(data.check_files(dir.path()).is_err(), "bit {bit}");
        }
        assert!(refused > 100, "{refused} of {}", 8 * whole.len());
    }

    #[test]
    fn shards_are_full_and_every_token_is_in_its_place() {
        for vocab_size in [50_000, 70_000] {
            let dir = tempfile::tempdir().expect("a temporary directory");
            let lengths: Vec<usize> = (0..200).map(|i| (i * 37) % 400).collect();
            let limit = 20_000;
            let manifest = write(dir.path(), vocab_size, limit, &lengths);
            let shards = &manifest.train.shards;
            assert!(shards.len() > 3, "the test wants several shards");
            for (i, shard) in shards.iter().enumerate() {
                assert!(shard.bytes <= limit);
                assert_eq!(
                    std::fs::metadata(dir.path().join(&shard.file))
                        .expect("exists")
                        .len(),
                    shard.bytes
                );
                assert!(
                    i + 1 == shards.len() || shard.bytes * 100 >= limit * 95,
                    "{shard:?}"
                );
            }
            let data = Dataset::open(dir.path(), Split::Train).expect("opens");
            assert_eq!(data.documents(), 200);
            let total = lengths.iter().sum::<usize>();
            assert_eq!(data.tokens(), total as u64);
            for start in [0, 1, 777, total - 4_000] {
                let (mut ids, mut mask) = (vec![0; 4_000], vec![false; 4_000]);
                data.window(start as u64, &mut ids, &mut mask);
                for (i, (id, counts)) in ids.iter().zip(&mask).enumerate() {
                    assert_eq!(*id as usize, (start + i) % vocab_size as usize);
                    assert_eq!(*counts, id % 3 == 0);
                }
            }
            let mut rebuilt = vec![0; lengths.len()];
            let mut last = None;
            for row in 0..data.rows() {
                let row = data.row(row);
                let document = (0..200)
                    .find(|i| DocumentId::new("test", *i) == row.document_id)
                    .expect("known");
                assert_eq!(
                    row.continuation,
                    last == Some(document),
                    "a continuation follows its own document"
                );
                rebuilt[document as usize] += row.len as usize;
                last = Some(document);
            }
            assert_eq!(rebuilt, lengths);
        }
    }

    /// Writes 40 documents of 500 tokens with `threads`.
    fn write_beside(dir: &Path, threads: usize) -> Result<SplitEntry> {
        let mut writer =
            SplitWriter::new(dir, Split::Train, &info(50_000), 20_000)?.beside(threads);
        let ids: Vec<u32> = (0..500).collect();
        for number in 0..40 {
            let mask: Vec<bool> = ids.iter().map(|id| id % (number + 1) == 0).collect();
            writer.push(
                DocumentId::new("test", u64::from(number)),
                &ids,
                &mask,
                1_000,
            )?;
        }
        writer.finish()
    }

    #[test]
    fn a_thread_for_files_writes_the_same_shards_and_tells_what_fails() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let alone = write_beside(one.path(), 1).expect("writes");
        let beside = write_beside(two.path(), 2).expect("writes");
        assert!(alone.shards.len() > 2, "{alone:?}");
        assert_eq!(alone, beside);
        for shard in &alone.shards {
            let read = |dir: &Path| std::fs::read(dir.join(&shard.file)).unwrap();
            assert_eq!(read(one.path()), read(two.path()));
        }
        let missing = one.path().join("no such folder");
        for threads in [1, 2] {
            let error = write_beside(&missing, threads).expect_err("there is no such folder");
            assert!(
                format!("{error:#}").contains("train-00000.arrow"),
                "{error:#}"
            );
        }
    }

    #[test]
    fn a_document_of_many_shards_is_continued_not_cut() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let manifest = write(dir.path(), 60_000, 5_000, &[20_000, 3]);
        assert!(manifest.train.shards.len() > 5);
        let data = Dataset::open(dir.path(), Split::Train).expect("opens");
        let continued = (0..data.rows())
            .filter(|row| data.row(*row).continuation)
            .count();
        assert_eq!(continued + 2, data.rows() as usize);
        assert_eq!(data.documents(), 2);
    }

    #[test]
    fn a_truncated_shard_is_named() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        write(dir.path(), 60_000, 50_000, &[500]);
        let path = dir.path().join("train-00000.arrow");
        let bytes = std::fs::read(&path).expect("reads");
        std::fs::write(&path, &bytes[..bytes.len() - 1]).expect("writes");
        let error = format!(
            "{:#}",
            Dataset::open(dir.path(), Split::Train)
                .err()
                .expect("refused")
        );
        assert!(
            error.contains("train-00000.arrow") && error.contains("the manifest says"),
            "{error}"
        );
    }
}
