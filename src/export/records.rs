//! JSON lines and Parquet: a record a document, or a packed sequence.

use super::{Sequence, Target, Writer};
use crate::atomic::AtomicFile;
use crate::tokenize::Tokenizer;
use anyhow::Result;
use arrow::array::{
    ArrayRef, BooleanBuilder, FixedSizeBinaryBuilder, ListBuilder, RecordBatch, UInt32Builder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde_json::json;
use std::io::Write as _;
use std::sync::Arc;

/// Tokens that are gathered before a row group is written.
const GROUP_TOKENS: usize = 4 << 20;

struct Jsonl {
    out: AtomicFile,
    tokenizer: Tokenizer,
    packed: bool,
}

pub fn open_jsonl(target: &Target) -> Result<Box<dyn Writer>> {
    Ok(Box::new(Jsonl {
        out: AtomicFile::create(&target.file("jsonl"))?,
        tokenizer: target.tokenizer()?,
        packed: target.pack.is_some(),
    }))
}

impl Writer for Jsonl {
    fn write(&mut self, sequence: &Sequence) -> Result<()> {
        let tokens = sequence.tokens;
        let mask: Vec<u8> = tokens.mask.iter().map(|counts| u8::from(*counts)).collect();
        let record = if self.packed {
            json!({
                "input_ids": tokens.ids, "loss_mask": mask,
                "position_ids": positions(sequence.lengths), "sequence_lengths": sequence.lengths,
            })
        } else {
            json!({
                "document_id": sequence.id.map(|id| id.to_string()),
                "text": self.tokenizer.decode(&tokens.ids, false),
                "input_ids": tokens.ids, "loss_mask": mask,
            })
        };
        serde_json::to_writer(&mut self.out, &record)?;
        self.out.write_all(b"\n")?;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.out.commit()?;
        Ok(())
    }
}

/// Positions that begin anew with each piece.
fn positions(lengths: &[u32]) -> Vec<u32> {
    lengths.iter().flat_map(|length| 0..*length).collect()
}

struct Parquet {
    writer: ArrowWriter<AtomicFile>,
    schema: SchemaRef,
    packed: bool,
    columns: Columns,
}

#[derive(Default)]
struct Columns {
    rows: usize,
    tokens: usize,
    ids: Option<FixedSizeBinaryBuilder>,
    input_ids: ListBuilder<UInt32Builder>,
    mask: ListBuilder<BooleanBuilder>,
    positions: ListBuilder<UInt32Builder>,
    lengths: ListBuilder<UInt32Builder>,
}

pub fn open_parquet(target: &Target) -> Result<Box<dyn Writer>> {
    let packed = target.pack.is_some();
    let list = |name: &str, item| {
        let item = Arc::new(Field::new("item", item, true));
        Field::new(name, DataType::List(item), true)
    };
    let mut fields = vec![
        list("input_ids", DataType::UInt32),
        list("loss_mask", DataType::Boolean),
    ];
    if packed {
        fields.push(list("position_ids", DataType::UInt32));
        fields.push(list("sequence_lengths", DataType::UInt32));
    } else {
        fields.insert(
            0,
            Field::new("document_id", DataType::FixedSizeBinary(16), true),
        );
    }
    let schema = Arc::new(Schema::new(fields));
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_created_by(format!("prep {}", env!("CARGO_PKG_VERSION")))
        .build();
    let file = AtomicFile::create(&target.file("parquet"))?;
    Ok(Box::new(Parquet {
        writer: ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties))?,
        schema,
        packed,
        columns: Columns::default(),
    }))
}

impl Parquet {
    fn flush(&mut self) -> Result<()> {
        let mut columns = std::mem::take(&mut self.columns);
        if columns.rows == 0 {
            return Ok(());
        }
        let mut arrays: Vec<ArrayRef> = vec![
            Arc::new(columns.input_ids.finish()),
            Arc::new(columns.mask.finish()),
        ];
        if self.packed {
            arrays.push(Arc::new(columns.positions.finish()));
            arrays.push(Arc::new(columns.lengths.finish()));
        } else if let Some(mut ids) = columns.ids {
            arrays.insert(0, Arc::new(ids.finish()));
        }
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays)?;
        self.writer.write(&batch)?;
        self.writer.flush()?;
        Ok(())
    }
}

impl Writer for Parquet {
    fn write(&mut self, sequence: &Sequence) -> Result<()> {
        let tokens = sequence.tokens;
        let columns = &mut self.columns;
        columns.rows += 1;
        columns.tokens += tokens.ids.len();
        if let Some(id) = sequence.id {
            let ids = columns
                .ids
                .get_or_insert_with(|| FixedSizeBinaryBuilder::new(16));
            ids.append_value(id.0)?;
        }
        columns.input_ids.values().append_slice(&tokens.ids);
        columns.input_ids.append(true);
        columns.mask.values().append_slice(&tokens.mask);
        columns.mask.append(true);
        if self.packed {
            columns
                .positions
                .values()
                .append_slice(&positions(sequence.lengths));
            columns.positions.append(true);
            columns.lengths.values().append_slice(sequence.lengths);
            columns.lengths.append(true);
        }
        if columns.tokens >= GROUP_TOKENS {
            self.flush()?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.flush()?;
        self.writer.into_inner()?.commit()?;
        Ok(())
    }
}
