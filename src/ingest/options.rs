//! What `prep ingest` is asked for, and what of it decides the bytes of the output.

use super::encoding::Encoding;
use super::format::Format;
use super::mapping::Mapping;
use super::repair::Switches;
use super::shape::Shape;
use super::shape::numbering::Numbering;
use super::source::{Source, Wishes};
use super::spool::Spool;
use super::text::Split;
use std::path::PathBuf;
use std::sync::Arc;

/// What to ingest and how; everything here decides the bytes of the output but `strict`.
pub struct Options {
    /// Files, directories, patterns, and `-` for standard input.
    pub sources: Vec<String>,
    /// The directory to write.
    pub out: PathBuf,
    /// Read every source as this, `None` to tell by name and content.
    pub format: Option<Format>,
    /// The shape of structured records, `None` to detect it for each.
    pub shape: Option<&'static Shape>,
    /// Which fields of structured records are what, `None` to tell by their names.
    pub mapping: Option<Mapping>,
    /// How plain text becomes documents.
    pub split: Split,
    /// The encoding of every text source, `None` to detect it for each.
    pub encoding: Option<Encoding>,
    /// Names of the columns of CSV files without a header, empty for none.
    pub columns: Vec<String>,
    /// Which repairs are made.
    pub repairs: Switches,
    /// How options without labels count, `None` to tell it for each source.
    pub first_option: Option<Numbering>,
    /// Whether hidden files, and hidden members of archives, are read.
    pub hidden: bool,
    /// Stop at the first record that cannot be read.
    pub strict: bool,
    /// Bytes of memory for JSON records as they are parsed; one that takes more is rejected.
    pub most_tree: u64,
}

impl Options {
    /// These sources, read as the flags' defaults say.
    #[must_use]
    pub fn new(sources: Vec<String>, out: PathBuf) -> Self {
        Self {
            sources,
            out,
            format: None,
            shape: None,
            mapping: None,
            split: Split::default(),
            encoding: None,
            columns: Vec::new(),
            repairs: Switches::default(),
            first_option: None,
            hidden: false,
            strict: false,
            most_tree: u64::MAX,
        }
    }

    /// What it says of the sources; standard input is kept in `spool`.
    pub(super) fn wishes<'a>(&'a self, spool: &'a Spool) -> Wishes<'a> {
        Wishes {
            format: self.format,
            encoding: self.encoding,
            columns: &self.columns,
            mapping: self.mapping.as_ref(),
            split: self.split,
            hidden: self.hidden,
            out: Some(&self.out),
            stdin: Some(spool),
        }
    }

    /// What decides the bytes of the output, as the state and the manifest hold it.
    pub(super) fn config(&self, sources: &[Arc<Source>]) -> serde_json::Value {
        serde_json::json!({
            "command": "ingest",
            "format": self.format.map(Format::name),
            "shape": self.shape.map(|shape| shape.name),
            "split": self.split.describe(),
            "encoding": self.encoding.map(Encoding::name),
            "columns": self.columns,
            "map": self.mapping.as_ref().map(Mapping::describe),
            "first_option": self.first_option.map(Numbering::name),
            "hidden": self.hidden,
            "repairs": self.repairs.names(),
            "sources": sources.iter().map(|source| (source.name.as_str(), source.bytes)).collect::<Vec<_>>(),
        })
    }
}
