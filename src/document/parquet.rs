//! Documents as Parquet: the columns of `schemas/document.json`, zstd, row groups of about 4 MB of
//! text, so that a reader takes one at a time and every core has work.

pub use super::columns::columns;
use super::{Content, Document, DocumentId, Kind, Message};
use anyhow::{Context, Result, bail, ensure};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Fields, Float32Type, Schema, SchemaRef, UInt64Type};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use rayon::iter::Either;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) fn message_fields() -> Fields {
    Fields::from(vec![
        Field::new("role", DataType::Utf8, false),
        Field::new("content", DataType::Utf8, false),
    ])
}

fn message_list() -> DataType {
    DataType::List(Arc::new(Field::new(
        "item",
        DataType::Struct(message_fields()),
        false,
    )))
}

pub(super) fn share_fields() -> Fields {
    Fields::from(vec![
        Field::new("lang", DataType::Utf8, false),
        Field::new("share", DataType::Float32, false),
    ])
}

pub(super) fn share_item() -> Field {
    Field::new("item", DataType::Struct(share_fields()), false)
}

fn share_list() -> DataType {
    DataType::List(Arc::new(share_item()))
}

/// The Arrow schema of documents.
#[must_use]
pub fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::FixedSizeBinary(16), false),
        Field::new("source", DataType::Utf8, false),
        Field::new("record", DataType::UInt64, false),
        Field::new("kind", DataType::Utf8, false),
        Field::new("text", DataType::Utf8, true),
        Field::new("messages", message_list(), true),
        Field::new("rejected", message_list(), true),
        Field::new("lang", DataType::Utf8, false),
        Field::new("lang_score", DataType::Float32, false),
        Field::new("chars", DataType::UInt64, false),
        Field::new("bytes", DataType::UInt64, false),
        Field::new("meta", DataType::Utf8, true),
        Field::new("languages", share_list(), true),
    ]))
}

/// The schema with further columns behind the document's.
#[must_use]
pub fn schema_with(extra: Vec<Field>) -> SchemaRef {
    let mut fields: Vec<Field> = schema()
        .fields()
        .iter()
        .map(|field| field.as_ref().clone())
        .collect();
    fields.extend(extra);
    Arc::new(Schema::new(fields))
}

/// Columns whose values hardly repeat: a dictionary of them is made, found too large and thrown away,
/// which costs more than compression does.
const DISTINCT: &[&str] = &[
    "id",
    "record",
    "text",
    "messages.list.item.content",
    "rejected.list.item.content",
    "lang_score",
    "chars",
    "bytes",
    "meta",
];

/// Columns by whose least and largest value nobody looks for documents.
const UNORDERED: &[&str] = &[
    "id",
    "text",
    "messages.list.item.content",
    "rejected.list.item.content",
    "meta",
];

fn properties() -> Result<WriterProperties> {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_created_by(format!("prep {}", env!("CARGO_PKG_VERSION")));
    for column in DISTINCT {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(*column), false);
    }
    for column in UNORDERED {
        let none = EnabledStatistics::None;
        properties = properties.set_column_statistics_enabled(ColumnPath::from(*column), none);
    }
    Ok(properties.build())
}

/// A row group that is encoded and compressed, ready to be appended to a file.
pub struct RowGroup {
    chunks: Vec<ArrowColumnChunk>,
}

/// Encodes row groups, on any thread: the heavy part of writing Parquet.
pub struct Encoder {
    schema: SchemaRef,
    factory: ArrowRowGroupWriterFactory,
}

impl Encoder {
    /// An encoder of `schema` (that of documents, or [`schema_with`] more columns).
    ///
    /// # Errors
    /// When the schema cannot be written as Parquet.
    pub fn new(schema: SchemaRef) -> Result<Self> {
        let writer =
            ArrowWriter::try_new(std::io::sink(), Arc::clone(&schema), Some(properties()?))?;
        Ok(Self {
            schema,
            factory: writer.into_serialized_writer()?.1,
        })
    }

    /// Encodes `documents`, with `extra` columns beside them, as one row group.
    ///
    /// # Errors
    /// When the extra columns do not match the schema.
    pub fn encode(&self, documents: &[Document], extra: Vec<ArrayRef>) -> Result<RowGroup> {
        let mut all = columns(documents)?;
        all.extend(extra);
        let mut writers = self.factory.create_column_writers(0)?;
        let mut next = writers.iter_mut();
        for (field, column) in self.schema.fields().iter().zip(&all) {
            for leaf in compute_leaves(field, column)? {
                next.next()
                    .context("a writer for each leaf column")?
                    .write(&leaf)?;
            }
        }
        let chunks = writers
            .into_iter()
            .map(ArrowColumnWriter::close)
            .collect::<Result<_, _>>()?;
        Ok(RowGroup { chunks })
    }
}

/// A Parquet file of documents that is being written.
pub struct DocumentWriter<W: Write + Send> {
    writer: SerializedFileWriter<W>,
}

impl<W: Write + Send> DocumentWriter<W> {
    /// A file of `schema` in `out`.
    ///
    /// # Errors
    /// When the header cannot be written.
    pub fn new(out: W, schema: SchemaRef) -> Result<Self> {
        let writer = ArrowWriter::try_new(out, schema, Some(properties()?))?;
        Ok(Self {
            writer: writer.into_serialized_writer()?.0,
        })
    }

    /// Appends an encoded row group.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&mut self, group: RowGroup) -> Result<()> {
        let mut out = self.writer.next_row_group()?;
        for chunk in group.chunks {
            chunk.append_to_row_group(&mut out)?;
        }
        out.close()?;
        Ok(())
    }

    /// Writes the footer and returns what was written to.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(self) -> Result<W> {
        Ok(self.writer.into_inner()?)
    }
}

/// A Parquet file of documents, read a row group at a time.
pub struct DocumentFile {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
}

impl DocumentFile {
    /// Opens `path` and reads its footer.
    ///
    /// # Errors
    /// When it is missing, no Parquet, or has other columns than a document.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let metadata =
            ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).with_context(|| {
                format!(
                    "{} is not readable Parquet; ingest the sources again",
                    path.display()
                )
            })?;
        let expected = schema();
        for (wanted, found) in expected.fields().iter().zip(metadata.schema().fields()) {
            ensure!(
                wanted.name() == found.name() && wanted.data_type() == found.data_type(),
                "{}: column {} has type {:?}, a document has {} of type {:?}",
                path.display(),
                found.name(),
                found.data_type(),
                wanted.name(),
                wanted.data_type()
            );
        }
        ensure!(
            metadata.schema().fields().len() >= expected.fields().len(),
            "{} lacks columns of a document",
            path.display()
        );
        Ok(Self {
            path: path.to_owned(),
            metadata,
        })
    }

    /// Row groups in it.
    #[must_use]
    pub fn row_groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// Rows of row group `group`.
    #[must_use]
    pub fn rows(&self, group: usize) -> u64 {
        self.metadata.metadata().row_group(group).num_rows() as u64
    }

    /// Uncompressed bytes of row group `group`: its content and a little more.
    #[must_use]
    pub fn bytes(&self, group: usize) -> u64 {
        self.metadata
            .metadata()
            .row_group(group)
            .total_byte_size()
            .max(0) as u64
    }

    /// All documents, in order; some are in memory at a time.
    pub fn documents(&self) -> impl Iterator<Item = Result<Document>> {
        let groups = (0..self.row_groups()).flat_map(|group| match self.read(group, 256) {
            Ok(batches) => Either::Left(batches),
            Err(error) => Either::Right(std::iter::once(Err(error))),
        });
        groups.flat_map(|batch| match batch {
            Ok(documents) => Either::Left(documents.into_iter().map(Ok)),
            Err(error) => Either::Right(std::iter::once(Err(error))),
        })
    }

    /// The document with this id, if it is here. Ids are read first, content only of its row group.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn find(&self, id: DocumentId) -> Result<Option<Document>> {
        for group in 0..self.row_groups() {
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(
                File::open(&self.path)?,
                self.metadata.clone(),
            );
            let ids = ProjectionMask::roots(builder.parquet_schema(), [0]);
            let mut row = 0;
            for batch in builder
                .with_row_groups(vec![group])
                .with_projection(ids)
                .build()?
            {
                let batch = batch?;
                let column = batch.column(0).as_fixed_size_binary();
                let found = (0..batch.num_rows()).find(|row| column.value(*row) == id.0);
                if let Some(found) = found {
                    return self.nth(group, row + found);
                }
                row += batch.num_rows();
            }
        }
        Ok(None)
    }

    fn nth(&self, group: usize, row: usize) -> Result<Option<Document>> {
        let mut before = 0;
        for documents in self.read(group, 256)? {
            let mut documents = documents?;
            if row < before + documents.len() {
                return Ok(Some(documents.swap_remove(row - before)));
            }
            before += documents.len();
        }
        Ok(None)
    }

    /// Reads row group `group`, `batch_rows` documents at a time.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn read(
        &self,
        group: usize,
        batch_rows: usize,
    ) -> Result<impl Iterator<Item = Result<Vec<Document>>>> {
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(
            // A handle of its own: handles that are cloned share one position.
            File::open(&self.path)?,
            self.metadata.clone(),
        )
        .with_row_groups(vec![group])
        .with_batch_size(batch_rows)
        .build()?;
        Ok(reader.map(|batch| documents(&batch?)))
    }
}

/// The documents in `batch`.
///
/// # Errors
/// When a kind is unknown or a row lacks its content.
pub fn documents(batch: &RecordBatch) -> Result<Vec<Document>> {
    let id = batch.column(0).as_fixed_size_binary();
    let source = batch.column(1).as_string::<i32>();
    let record = batch.column(2).as_primitive::<UInt64Type>();
    let kind = batch.column(3).as_string::<i32>();
    let text = batch.column(4).as_string::<i32>();
    let lang = batch.column(7).as_string::<i32>();
    let lang_score = batch.column(8).as_primitive::<Float32Type>();
    let meta = batch.column(11).as_string::<i32>();
    (0..batch.num_rows())
        .map(|row| {
            let content = match Kind::from_name(kind.value(row)) {
                Some(Kind::Text) => Content::Text(text.value(row).to_owned()),
                Some(Kind::Chat) => Content::Chat(messages(batch.column(5), row)),
                Some(Kind::Preference) => Content::Preference {
                    messages: messages(batch.column(5), row),
                    rejected: messages(batch.column(6), row),
                },
                None => bail!("unknown kind of document `{}`", kind.value(row)),
            };
            let mut bytes = [0; 16];
            bytes.copy_from_slice(id.value(row));
            Ok(Document {
                id: DocumentId(bytes),
                source: source.value(row).to_owned(),
                record: record.value(row),
                content,
                lang: lang.value(row).to_owned(),
                lang_score: lang_score.value(row),
                meta: meta.is_valid(row).then(|| meta.value(row).to_owned()),
                languages: shares(batch.column(12), row),
            })
        })
        .collect()
}

fn messages(column: &ArrayRef, row: usize) -> Vec<Message> {
    let list = column.as_list::<i32>().value(row);
    let fields = list.as_struct();
    let (roles, contents) = (
        fields.column(0).as_string::<i32>(),
        fields.column(1).as_string::<i32>(),
    );
    (0..fields.len())
        .map(|i| Message::new(roles.value(i), contents.value(i)))
        .collect()
}

fn shares(column: &ArrayRef, row: usize) -> Vec<(String, f32)> {
    let list = column.as_list::<i32>().value(row);
    let fields = list.as_struct();
    let codes = fields.column(0).as_string::<i32>();
    let shares = fields.column(1).as_primitive::<Float32Type>();
    (0..fields.len())
        .map(|i| (codes.value(i).to_owned(), shares.value(i)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_survive_parquet() {
        let contents = [
            Content::Text("Привет, мир".to_owned()),
            Content::Chat(vec![
                Message::new("user", "2+2?"),
                Message::new("assistant", "4"),
            ]),
            Content::Preference {
                messages: vec![Message::new("user", "q"), Message::new("assistant", "good")],
                rejected: vec![Message::new("assistant", "bad")],
            },
        ];
        let written: Vec<Document> = contents
            .into_iter()
            .enumerate()
            .map(|(i, content)| Document {
                id: DocumentId::new("s", i as u64),
                source: "s".to_owned(),
                record: i as u64,
                content,
                lang: "ru".to_owned(),
                lang_score: 0.5,
                meta: (i == 1).then(|| "{\"a\":1}".to_owned()),
                languages: if i == 2 {
                    vec![("ru".to_owned(), 0.75), ("en".to_owned(), 0.25)]
                } else {
                    Vec::new()
                },
            })
            .collect();
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let mut writer =
            DocumentWriter::new(file.reopen().expect("reopens"), schema()).expect("writes");
        let encoder = Encoder::new(schema()).expect("a valid schema");
        writer
            .append(encoder.encode(&written, Vec::new()).expect("encodes"))
            .expect("writes");
        writer.finish().expect("writes");
        let read = DocumentFile::open(file.path()).expect("opens");
        assert_eq!(read.row_groups(), 1);
        let back: Vec<Document> = read
            .read(0, 2)
            .expect("reads")
            .flat_map(|batch| batch.expect("reads"))
            .collect();
        assert_eq!(back, written);
    }
}
