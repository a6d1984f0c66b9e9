//! Last pass: the tokens of all parts, in the order asked for, into shards of the size asked for.

use super::account::PartAccount;
use super::{Job, work};
use crate::document::DocumentId;
use crate::interrupt;
use crate::progress::{Progress, Unit};
use crate::shard::bits::unpack;
use crate::shard::manifest::SplitEntry;
use crate::shard::shuffle::{Item, Order, Shuffle};
use crate::shard::writer::SplitWriter;
use crate::shard::{ShardInfo, Split};
use anyhow::Result;
use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{UInt8Type, UInt16Type, UInt32Type, UInt64Type};
use std::ops::Range;

/// Tokens that are kept of each end of a document, to be looked at.
const END_TOKENS: usize = 8;

/// The first and last tokens of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The document.
    pub id: DocumentId,
    /// Its first ids.
    pub first: Vec<u32>,
    /// Its last ids.
    pub last: Vec<u32>,
}

/// Writes the shards of both splits; returns what they hold, and the ends of the first, the middle
/// and the last document.
///
/// # Errors
/// When a shard cannot be written.
pub fn run(
    job: &Job,
    info: &ShardInfo,
    account: &PartAccount,
) -> Result<([SplitEntry; 2], Vec<Ends>)> {
    let total = account.tokens.total();
    let tokens = total.tokens + account.repeated.tokens;
    let out = &job.options.out;
    let items = account.items();
    let mut output = Output {
        writers: [
            SplitWriter::new(out, Split::Train, info, job.options.shard_bytes)?
                .beside(job.context.threads),
            SplitWriter::new(out, Split::Val, info, job.options.shard_bytes)?,
        ],
        shown: [0, items / 2, items.saturating_sub(1)],
        number: 0,
        ends: Vec::new(),
        progress: job
            .context
            .progress("write shards", Unit::Tokens, Some(tokens)),
    };
    match job.options.order {
        Order::Input => for_each(job, "tokens", account.most_copies, |item| output.push(item))?,
        Order::Shuffle => {
            let (path, memory) = (job.work.file("order"), job.context.memory);
            let mut shuffle = Shuffle::new(&path, job.context.seed, memory, tokens)?;
            for_each(job, "tokens", account.most_copies, |item| {
                shuffle.push(item)
            })?;
            shuffle.for_each(|item| output.push(item))?;
        }
    }
    output.progress.finish();
    let [train, val] = output.writers;
    Ok(([train.finish()?, val.finish()?], output.ends))
}

/// The shards that are being written.
struct Output {
    writers: [SplitWriter; 2],
    /// Numbers of the items whose ends are shown.
    shown: [u64; 3],
    number: u64,
    ends: Vec<Ends>,
    progress: Progress,
}

impl Output {
    fn push(&mut self, item: &Item) -> Result<()> {
        let ids = item.ids;
        if self.shown.contains(&self.number) {
            let (first, last) = (
                END_TOKENS.min(ids.len()),
                ids.len().saturating_sub(END_TOKENS),
            );
            self.ends.push(Ends {
                id: item.id,
                first: ids[..first].to_vec(),
                last: ids[last..].to_vec(),
            });
        }
        self.number += 1;
        self.progress.add(ids.len() as u64);
        let writer = &mut self.writers[usize::from(item.split == Split::Val)];
        writer.push(item.id, ids, item.mask, item.bytes_text)
    }
}

/// Calls `each` with every document of a stage's files in the order of the corpus. Those of a weight above 1 come again
/// after all others, as in a further epoch.
pub(super) fn for_each(
    job: &Job,
    stage: &str,
    most_copies: u32,
    mut each: impl FnMut(&Item) -> Result<()>,
) -> Result<()> {
    let mut rows = Rows::default();
    for round in 0..most_copies {
        for part in 0..job.corpus.parts.len() {
            if round > 0 && PartAccount::read(job, part)?.most_copies <= round {
                continue;
            }
            for batch in work::read(&job.work.part(stage, part))? {
                interrupt::check()?;
                rows.for_each(&batch?, round, &mut each)?;
            }
        }
    }
    Ok(())
}

/// Reads documents of a stage's files; kept between batches for its room.
#[derive(Default)]
struct Rows {
    ids: Vec<u32>,
    mask: Vec<bool>,
}

impl Rows {
    /// Calls `each` with the documents of `batch` that have a copy of this round.
    fn for_each(
        &mut self,
        batch: &RecordBatch,
        round: u32,
        each: &mut impl FnMut(&Item) -> Result<()>,
    ) -> Result<()> {
        let documents = batch.column(0).as_fixed_size_binary();
        let splits = batch.column(1).as_primitive::<UInt8Type>();
        let bytes = batch.column(2).as_primitive::<UInt64Type>();
        let tokens = batch.column(3).as_list::<i32>();
        let masks = batch.column(4).as_list::<i32>();
        let all_masks = masks.values().as_boolean();
        let copies = batch.column(5).as_primitive::<UInt32Type>();
        let pieces = batch.column(6).as_primitive::<UInt32Type>();
        for row in (0..batch.num_rows()).filter(|row| copies.value(*row) > round) {
            let offsets = &tokens.value_offsets()[row..];
            let range = offsets[0] as usize..offsets[1] as usize;
            self.mask.resize(range.len(), false);
            unpack(all_masks.values(), range.start, &mut self.mask);
            let mut id = [0; 16];
            id.copy_from_slice(documents.value(row));
            each(&Item {
                id: DocumentId(id),
                number: u64::from(round) << 32 | u64::from(pieces.value(row)),
                split: Split::ALL[usize::from(splits.value(row) == 1)],
                bytes_text: bytes.value(row),
                ids: ids(tokens.values(), range, &mut self.ids),
                mask: &self.mask,
            })?;
        }
        Ok(())
    }
}

/// The ids in this range of all, which are of 16 bits or of 32; `room` is for those that have to be
/// written anew.
fn ids<'a>(all: &'a ArrayRef, range: Range<usize>, room: &'a mut Vec<u32>) -> &'a [u32] {
    if let Some(wide) = all.as_primitive_opt::<UInt32Type>() {
        return &wide.values()[range];
    }
    let narrow = &all.as_primitive::<UInt16Type>().values()[range];
    room.clear();
    room.extend(narrow.iter().map(|id| u32::from(*id)));
    room
}
