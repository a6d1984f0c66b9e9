//! Last pass: the tokens of all parts, in order, into shards of the size asked for.

use super::account::PartAccount;
use super::{Job, work};
use crate::document::DocumentId;
use crate::interrupt;
use crate::progress::Unit;
use crate::shard::manifest::SplitEntry;
use crate::shard::writer::SplitWriter;
use crate::shard::{ShardInfo, Split};
use anyhow::Result;
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{UInt8Type, UInt32Type, UInt64Type};

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
    let out = &job.options.out;
    let mut writers = [
        SplitWriter::new(out, Split::Train, info, job.options.shard_bytes)?,
        SplitWriter::new(out, Split::Val, info, job.options.shard_bytes)?,
    ];
    let progress = job.context.progress(
        "write shards",
        Unit::Tokens,
        Some(total.tokens + account.repeated.tokens),
    );
    let shown = [0, total.documents / 2, total.documents.saturating_sub(1)];
    let (mut number, mut ends) = (0, Vec::new());
    let mut mask = Vec::new();
    // Documents of a weight above 1 come again after all others, as in a further epoch.
    for round in 0..account.most_copies {
        for part in 0..job.corpus.parts.len() {
            if round > 0 && PartAccount::read(job, part)?.most_copies <= round {
                continue;
            }
            for batch in work::read(&job.work.part("tokens", part))? {
                interrupt::check()?;
                let tokens = append(&batch?, round, &mut writers, &mut mask, |id, ids| {
                    if shown.contains(&number) && ends.len() < shown.len() {
                        let (first, last) = (
                            END_TOKENS.min(ids.len()),
                            ids.len().saturating_sub(END_TOKENS),
                        );
                        ends.push(Ends {
                            id,
                            first: ids[..first].to_vec(),
                            last: ids[last..].to_vec(),
                        });
                    }
                    number += 1;
                })?;
                progress.add(tokens);
            }
        }
    }
    progress.finish();
    let [train, val] = writers;
    Ok(([train.finish()?, val.finish()?], ends))
}

/// Appends the documents of `batch` that have a copy of this round; returns their tokens.
fn append(
    batch: &RecordBatch,
    round: u32,
    writers: &mut [SplitWriter; 2],
    mask: &mut Vec<bool>,
    mut seen: impl FnMut(DocumentId, &[u32]),
) -> Result<u64> {
    let ids = batch.column(0).as_fixed_size_binary();
    let splits = batch.column(1).as_primitive::<UInt8Type>();
    let bytes = batch.column(2).as_primitive::<UInt64Type>();
    let tokens = batch.column(3).as_list::<i32>();
    let masks = batch.column(4).as_list::<i32>();
    let (all_tokens, all_masks) = (
        tokens.values().as_primitive::<UInt32Type>(),
        masks.values().as_boolean(),
    );
    let copies = batch.column(5).as_primitive::<UInt32Type>();
    let mut appended = 0;
    for row in (0..batch.num_rows()).filter(|row| copies.value(*row) > round) {
        let range = tokens.value_offsets()[row] as usize..tokens.value_offsets()[row + 1] as usize;
        mask.clear();
        mask.extend(range.clone().map(|i| all_masks.value(i)));
        let mut id = [0; 16];
        id.copy_from_slice(ids.value(row));
        let writer = &mut writers[usize::from(splits.value(row) == 1)];
        let ids = &all_tokens.values()[range];
        seen(DocumentId(id), ids);
        writer.push(DocumentId(id), ids, mask, bytes.value(row))?;
        appended += ids.len() as u64;
    }
    Ok(appended)
}
