//! The packed sequences of a split as one Arrow stream that `datasets` maps, and their order as `NumPy`
//! reads it.
//!
//! A row is a sequence of the plan: `input_ids` and `loss_mask` of its pieces of documents, one after
//! another, each with the token after its last input, and the `lengths` of the pieces in tokens. So a
//! token takes its 2 or 4 bytes and a bit, and labels and positions are made while it is read.

use std::{io::Write, path::Path, sync::Arc};

use anyhow::Result;
use arrow::{
    array::{ArrayRef, BooleanArray, ListArray, RecordBatch, UInt16Array, UInt32Array},
    buffer::OffsetBuffer,
    datatypes::{DataType, Field, Schema, SchemaRef},
    ipc::writer::StreamWriter,
};

use crate::{
    atomic,
    shard::format::{is_narrow, write_options},
    train::Loader,
};

/// Tokens that are gathered before they are written, about 6 MB.
const BATCH_TOKENS: usize = 1 << 20;

/// Writes every sequence of `loader`, in the order of the plan; `done` hears of the tokens.
///
/// # Errors
/// When the file cannot be written, or `done` fails.
pub fn write(
    path: &Path,
    loader: &Loader<'_>,
    vocab_size: u32,
    mut done: impl FnMut(u64) -> Result<()>,
) -> Result<()> {
    let narrow = is_narrow(vocab_size);
    let schema = schema(narrow);
    atomic::write_with(path, |out| {
        let mut writer = StreamWriter::try_new_with_options(out, &schema, write_options()?)?;
        let mut rows = Rows::default();
        for number in 0..loader.count() {
            let before = rows.ids.len();
            rows.add(loader, number);
            done((rows.ids.len() - before) as u64)?;
            if rows.ids.len() >= BATCH_TOKENS || number + 1 == loader.count() {
                writer.write(&std::mem::take(&mut rows).batch(&schema, narrow)?)?;
            }
        }
        Ok(writer.finish()?)
    })
}

fn item(kind: DataType) -> Arc<Field> {
    Arc::new(Field::new("item", kind, false))
}

fn ids_kind(narrow: bool) -> DataType {
    if narrow {
        DataType::UInt16
    } else {
        DataType::UInt32
    }
}

fn schema(narrow: bool) -> SchemaRef {
    let list = |name: &str, kind| Field::new(name, DataType::List(item(kind)), false);
    Arc::new(Schema::new(vec![
        list("input_ids", ids_kind(narrow)),
        list("loss_mask", DataType::Boolean),
        list("lengths", DataType::UInt32),
    ]))
}

/// Sequences that are not written yet.
#[derive(Default)]
struct Rows {
    ids: Vec<u32>,
    mask: Vec<bool>,
    lengths: Vec<u32>,
    /// Tokens and pieces of each sequence.
    sizes: Vec<(usize, usize)>,
}

impl Rows {
    fn add(&mut self, loader: &Loader<'_>, number: u64) {
        let (tokens, pieces) = (self.ids.len(), self.lengths.len());
        loader.for_each_piece(number, &mut |ids, mask| {
            self.ids.extend_from_slice(ids);
            self.mask.extend_from_slice(mask);
            self.lengths.push(ids.len() as u32);
        });
        self.sizes
            .push((self.ids.len() - tokens, self.lengths.len() - pieces));
    }

    fn batch(self, schema: &SchemaRef, narrow: bool) -> Result<RecordBatch> {
        let tokens = || OffsetBuffer::from_lengths(self.sizes.iter().map(|size| size.0));
        let pieces = OffsetBuffer::from_lengths(self.sizes.iter().map(|size| size.1));
        let list = |kind, offsets, values| ListArray::try_new(item(kind), offsets, values, None);
        let ids: ArrayRef = if narrow {
            // No id is larger: the vocabulary has at most 2^16.
            Arc::new(
                self.ids
                    .iter()
                    .map(|id| *id as u16)
                    .collect::<UInt16Array>(),
            )
        } else {
            Arc::new(UInt32Array::from(self.ids))
        };
        let mask = Arc::new(BooleanArray::from(self.mask));
        let lengths = Arc::new(UInt32Array::from(self.lengths));
        Ok(RecordBatch::try_new(
            Arc::clone(schema),
            vec![
                Arc::new(list(ids_kind(narrow), tokens(), ids)?),
                Arc::new(list(DataType::Boolean, tokens(), mask)?),
                Arc::new(list(DataType::UInt32, pieces, lengths)?),
            ],
        )?)
    }
}

/// Writes the sequence of each of the first `samples` samples of training as a `.npy` file of u32:
/// magic, version 1.0, length of the header, the header as a Python dictionary padded to 64 bytes, the
/// numbers (`NumPy` Enhancement Proposal 1).
///
/// # Errors
/// When the file cannot be written.
pub fn write_order(path: &Path, loader: &Loader<'_>, samples: u64) -> Result<()> {
    const PREFIX: usize = 10;
    let mut header = format!("{{'descr': '<u4', 'fortran_order': False, 'shape': ({samples},), }}");
    let padded = (PREFIX + header.len() + 1).next_multiple_of(64) - PREFIX;
    header += &" ".repeat(padded - header.len() - 1);
    header.push('\n');
    atomic::write_with(path, |out| {
        out.write_all(b"\x93NUMPY\x01\x00")?;
        out.write_all(&(padded as u16).to_le_bytes())?;
        out.write_all(header.as_bytes())?;
        for sample in 0..samples {
            // A plan has fewer than 2^32 sequences.
            out.write_all(&(loader.sequence_of(sample) as u32).to_le_bytes())?;
        }
        Ok(())
    })
}
