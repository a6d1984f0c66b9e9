//! What `prep ingest` wrote.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use prep::corpus::CorpusManifest;
use prep::document::parquet::DocumentFile;
use prep::document::{Content, Document};
use std::path::Path;

/// All documents of a corpus, in order.
pub fn documents(corpus: &Path) -> Vec<Document> {
    let manifest = CorpusManifest::read(corpus).expect("a finished corpus");
    let mut documents = Vec::new();
    for part in &manifest.documents {
        let file = DocumentFile::open(&corpus.join(&part.file)).expect("documents");
        let before = documents.len();
        for group in 0..file.row_groups() {
            for batch in file.read(group, 1_000).expect("a row group") {
                documents.extend(batch.expect("documents"));
            }
        }
        assert_eq!(
            (documents.len() - before) as u64,
            part.rows,
            "{}",
            part.file
        );
    }
    documents
}

/// The text of a document that is one.
pub fn text(document: &Document) -> &str {
    match &document.content {
        Content::Text(text) => text,
        other => panic!("{} is no text but {other:?}", document.id),
    }
}

/// A row of `rejects/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    pub source: String,
    pub record: u64,
    pub error: String,
    pub message: String,
    pub sample: String,
    pub bytes: u64,
}

/// All rejects of a corpus, in order.
pub fn rejects(corpus: &Path) -> Vec<Reject> {
    let manifest = CorpusManifest::read(corpus).expect("a finished corpus");
    let mut rejects = Vec::new();
    for part in &manifest.rejects {
        for batch in batches(&corpus.join(&part.file)) {
            let text = |name: &str, row: usize| {
                let column = batch.column_by_name(name).expect("a column of rejects");
                column.as_string::<i32>().value(row).to_owned()
            };
            let number = |name: &str, row: usize| {
                let column = batch.column_by_name(name).expect("a column of rejects");
                column.as_primitive::<UInt64Type>().value(row)
            };
            rejects.extend((0..batch.num_rows()).map(|row| Reject {
                source: text("source", row),
                record: number("record", row),
                error: text("error", row),
                message: text("message", row),
                sample: text("sample", row),
                bytes: number("bytes", row),
            }));
        }
    }
    rejects
}

/// The rejects of one source as record and error.
pub fn places(rejects: &[Reject], source: &str) -> Vec<(u64, String)> {
    rejects
        .iter()
        .filter(|reject| reject.source == source)
        .map(|reject| (reject.record, reject.error.clone()))
        .collect()
}

/// The batches of a Parquet file.
pub fn batches(path: &Path) -> Vec<RecordBatch> {
    let file =
        std::fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(ParquetRecordBatchReaderBuilder::build)
        .expect("Parquet")
        .collect::<Result<_, _>>()
        .expect("batches")
}

/// Asserts that an account balances in every line and sum that `--json` prints. Counted here again,
/// on the JSON, so that a mistake of the ledger's own check does not hide itself.
pub fn assert_balances(report: &serde_json::Value) {
    let amount = |count: &serde_json::Value| -> [u64; 4] {
        ["records", "characters", "bytes", "tokens"].map(|field| count[field].as_u64().unwrap_or(0))
    };
    let add = |a: [u64; 4], b: [u64; 4]| std::array::from_fn::<_, 4, _>(|i| a[i] + b[i]);
    let sum = |counts: &serde_json::Value| {
        let counts = counts.as_object().expect("counts by name");
        counts.values().map(amount).fold([0; 4], add)
    };
    let lines = |ledger: &serde_json::Value| {
        [
            amount(&ledger["read"]),
            amount(&ledger["kept"]),
            sum(&ledger["dropped"]),
            sum(&ledger["rejected"]),
        ]
    };
    let check = |ledger: &serde_json::Value, of: &str| {
        let [read, kept, dropped, rejected] = lines(ledger);
        assert_eq!(
            read,
            add(kept, add(dropped, rejected)),
            "the ledger of {of}"
        );
    };
    check(&report["ledger"], "all");
    for by in ["by_source", "by_language", "by_kind"] {
        let ledgers = report[by].as_object().expect("ledgers by name");
        let mut total = [[0; 4]; 4];
        for (name, ledger) in ledgers {
            check(ledger, name);
            for (sum, line) in total.iter_mut().zip(lines(ledger)) {
                *sum = add(*sum, line);
            }
        }
        assert_eq!(total, lines(&report["ledger"]), "the sum {by}");
    }
}
