//! The Arrow schema of a shard, and its size to the byte before it is written.

use super::{ShardInfo, manifest::VERSION};
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::MetadataVersion;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use std::collections::HashMap;
use std::sync::Arc;

/// Bytes that every buffer is padded to.
pub const ALIGNMENT: usize = 64;

/// Whether ids of this vocabulary are stored as u16 (else u32).
#[must_use]
pub fn is_narrow(vocab_size: u32) -> bool {
    vocab_size <= 1 << 16
}

/// The schema: `input_ids`, `loss_mask`, `document_id`, and `continuation` (this row begins inside
/// a document whose beginning is in the shard before).
#[must_use]
pub fn schema(info: &ShardInfo) -> SchemaRef {
    let id = if is_narrow(info.vocab_size) {
        DataType::UInt16
    } else {
        DataType::UInt32
    };
    let list = |item| DataType::List(Arc::new(Field::new("item", item, false)));
    let mut metadata: HashMap<_, _> = identity(info)
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    metadata.insert(
        "prep.version".to_owned(),
        env!("CARGO_PKG_VERSION").to_owned(),
    );
    let fields = vec![
        Field::new("input_ids", list(id), false),
        Field::new("loss_mask", list(DataType::Boolean), false),
        Field::new("document_id", DataType::FixedSizeBinary(16), false),
        Field::new("continuation", DataType::Boolean, false),
    ];
    Arc::new(Schema::new_with_metadata(fields, metadata))
}

/// The metadata that a shard and the manifest beside it must agree on.
#[must_use]
pub fn identity(info: &ShardInfo) -> [(&'static str, String); 7] {
    let optional = |id: Option<u32>| id.map_or_else(String::new, |id| id.to_string());
    [
        ("prep.format_version", VERSION.to_string()),
        (
            "prep.tokenizer_fingerprint",
            info.tokenizer_fingerprint.clone(),
        ),
        ("prep.chat_template_hash", info.chat_template_hash.clone()),
        ("prep.vocab_size", info.vocab_size.to_string()),
        ("prep.bos_id", optional(info.bos_id)),
        ("prep.eos_id", info.eos_id.to_string()),
        ("prep.pad_id", optional(info.pad_id)),
    ]
}

/// How every shard is written.
///
/// # Errors
/// Never for these constants; the type is the library's.
pub fn write_options() -> Result<IpcWriteOptions, arrow::error::ArrowError> {
    IpcWriteOptions::try_new(ALIGNMENT, false, MetadataVersion::V5)
}

/// Writes `batch` as one shard's bytes into `out`.
///
/// # Errors
/// When `out` fails.
pub fn write_batch(
    out: impl std::io::Write,
    batch: &RecordBatch,
) -> Result<(), arrow::error::ArrowError> {
    let mut writer = StreamWriter::try_new_with_options(out, &batch.schema(), write_options()?)?;
    writer.write(batch)?;
    writer.finish()
}

/// Sizes of shards with one schema.
#[derive(Clone, Copy, Debug)]
pub struct Sizer {
    overhead: u64,
    id_bytes: u64,
}

impl Sizer {
    /// Measures the part of a file that does not depend on its rows, by writing one without any.
    ///
    /// # Errors
    /// Never in practice: it writes to memory.
    pub fn new(info: &ShardInfo) -> Result<Self, arrow::error::ArrowError> {
        let mut bytes = Vec::new();
        let empty = RecordBatch::new_empty(schema(info));
        write_batch(&mut bytes, &empty)?;
        let sizer = Self {
            overhead: 0,
            id_bytes: if is_narrow(info.vocab_size) { 2 } else { 4 },
        };
        Ok(Self {
            overhead: bytes.len() as u64 - sizer.file_bytes(0, 0),
            ..sizer
        })
    }

    /// Size in bytes of a shard of `rows` rows that hold `tokens` tokens together.
    #[must_use]
    pub fn file_bytes(&self, rows: u64, tokens: u64) -> u64 {
        let padded = |bytes: u64| bytes.next_multiple_of(ALIGNMENT as u64);
        // Offsets of an empty list column take one padded entry, as those of a filled one do.
        let offsets = padded((rows + 1) * 4);
        self.overhead
            + 2 * offsets
            + padded(tokens * self.id_bytes)
            + padded(tokens.div_ceil(8))
            + padded(rows * 16)
            + padded(rows.div_ceil(8))
    }

    /// The most tokens that one more row may hold beside `rows` rows of `tokens` tokens within
    /// `limit` bytes.
    #[must_use]
    pub fn room(&self, rows: u64, tokens: u64, limit: u64) -> u64 {
        // Eight tokens take id_bytes * 8 + 1 bytes; the guess is at most a few paddings too high.
        let used = self.file_bytes(rows + 1, tokens);
        let mut room =
            limit.saturating_sub(used) * 8 / (self.id_bytes * 8 + 1) + 2 * ALIGNMENT as u64;
        while room > 0 && self.file_bytes(rows + 1, tokens + room) > limit {
            room -= 1;
        }
        room
    }
}
