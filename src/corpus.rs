//! `corpus/manifest.json`: what `prep ingest` wrote and from what, written last.

use crate::document::id::check_file;
use crate::document::parquet::DocumentFile;
use crate::document::{Document, DocumentId};
use crate::ingest::normalise::Repairs;
use crate::ledger::Ledgers;
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::path::Path;

/// Version of the corpus format; a reader refuses any other.
pub const VERSION: u32 = 1;

/// One file of documents or rejects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartEntry {
    /// Path inside the directory.
    pub file: String,
    /// Rows in it.
    pub rows: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// xxh3-128 of the file, hexadecimal.
    pub xxh3: String,
}

/// One file that the user gave, or a member of an archive that is one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceEntry {
    /// Name in documents and reports.
    pub name: String,
    /// Size in bytes: on disk, or unpacked of a member.
    pub bytes: u64,
    /// When the file was last written, in seconds since 1970; `None` of members and standard input.
    pub modified_unix_seconds: Option<u64>,
    /// The file that it is a member of, `None` of a file.
    pub member_of: Option<String>,
    /// xxh3-128 of those bytes, hexadecimal.
    pub xxh3: String,
    /// How it is compressed.
    pub codec: String,
    /// How its characters are written, `None` where there are none or it was not read.
    pub encoding: Option<String>,
    /// How sure the encoding is, 0 to 1.
    pub encoding_confidence: f32,
    /// How it was read, `None` when it was not.
    pub format: Option<String>,
    /// Documents by the shape of their records.
    pub shapes: BTreeMap<String, u64>,
}

/// The whole manifest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CorpusManifest {
    /// Always `prep-corpus`.
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// Version of prep that wrote it.
    pub prep_version: String,
    /// The options that decided the bytes.
    pub config: serde_json::Value,
    /// What was read.
    pub sources: Vec<SourceEntry>,
    /// Documents, in order.
    pub documents: Vec<PartEntry>,
    /// Records that could not be read, in order.
    pub rejects: Vec<PartEntry>,
}

impl CorpusManifest {
    /// Reads and checks the manifest of `dir`.
    ///
    /// # Errors
    /// When there is none (the directory is unfinished or is no corpus), or it is of another version.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join("manifest.json");
        let text = std::fs::read(&path).with_context(|| {
            format!(
                "{0} has no readable manifest.json, so it is not a finished corpus; run `prep ingest SOURCE... --out {0}` to its end",
                dir.display()
            )
        })?;
        let manifest: Self = serde_json::from_slice(&text).with_context(|| {
            format!("{} is not a manifest of `prep ingest`; give the directory that `prep ingest` wrote", path.display())
        })?;
        ensure!(
            manifest.format == "prep-corpus" && manifest.version == VERSION,
            "{} is {} version {}, this prep reads prep-corpus version {VERSION}; ingest the sources again",
            path.display(),
            manifest.format,
            manifest.version
        );
        Ok(manifest)
    }

    /// Whether `part` of the corpus in `dir` is what it was when it was written: its size and xxh3-128.
    ///
    /// # Errors
    /// When it is not, with the file and what can be done.
    pub fn check_part(dir: &Path, part: &PartEntry) -> Result<()> {
        check_file(dir, &part.file, part.bytes, &part.xxh3).with_context(|| {
            format!(
                "{} was changed or damaged; prep verify {} checks all files; ingest again or restore the file",
                dir.join(&part.file).display(),
                dir.display()
            )
        })
    }

    /// The document with this id, of the corpus in `dir`. Of the parts the one that has it is checked.
    ///
    /// # Errors
    /// When a part is damaged.
    pub fn find(&self, dir: &Path, id: DocumentId) -> Result<Option<Document>> {
        for part in &self.documents {
            let file = DocumentFile::open(&dir.join(&part.file))?;
            if let Some(document) = file.find(id)? {
                Self::check_part(dir, part)?;
                return Ok(Some(document));
            }
        }
        Ok(None)
    }
}

/// Text in one language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LanguageText {
    /// Documents that have some of it.
    pub documents: u64,
    /// Those of them that have another language, too.
    pub mixed_documents: u64,
    /// Unicode scalar values of it.
    pub characters: u64,
}

impl AddAssign for LanguageText {
    fn add_assign(&mut self, other: Self) {
        self.documents += other.documents;
        self.mixed_documents += other.mixed_documents;
        self.characters += other.characters;
    }
}

/// Shares the text of `document` out among its languages into `all`.
pub fn share_out(document: &Document, all: &mut BTreeMap<String, LanguageText>) {
    share_out_counted(document, document.content.characters(), all);
}

/// The same of a document whose characters are counted already.
pub fn share_out_counted(
    document: &Document,
    characters: u64,
    all: &mut BTreeMap<String, LanguageText>,
) {
    let mut left = characters;
    let mut add = |code: &str, characters| {
        let text = LanguageText {
            documents: 1,
            mixed_documents: u64::from(!document.languages.is_empty()),
            characters,
        };
        match all.get_mut(code) {
            Some(known) => *known += text,
            None => *all.entry(code.to_owned()).or_default() += text,
        }
    };
    for (code, share) in document.languages.iter().skip(1) {
        let own = ((characters as f64 * f64::from(*share)).round() as u64).min(left);
        left -= own;
        add(code, own);
    }
    // The largest has the rest: prose too short to count, code, digits, white space.
    let main = document.languages.first();
    add(main.map_or(document.lang.as_str(), |(code, _)| code), left);
}

/// `corpus/report.json`, which `--json` prints.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IngestReport {
    /// Always `ingest`.
    pub command: String,
    /// Where every record went; in the report's root.
    #[serde(flatten)]
    pub ledgers: Ledgers,
    /// How many pieces of text each repair changed.
    pub repairs: Repairs,
    /// Documents by the shape of their records.
    pub by_shape: BTreeMap<String, u64>,
    /// Text by language, that of mixed documents shared out.
    #[serde(default)]
    pub by_language_share: BTreeMap<String, LanguageText>,
    /// What was read and how, by name.
    #[serde(default)]
    pub sources: Vec<SourceEntry>,
    /// Records that have a field of `--map`, by its path; empty without `--map`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mapped: BTreeMap<String, u64>,
    /// Records whose answer is the number of an option, which `--first-option` says how to count; `None`
    /// without the flag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbered: Option<u64>,
    /// What a person should know of the sources though nothing of them was lost, such as an archive
    /// without its end mark.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Fields of JSON files that stand beside the records and are none, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub frame_fields: BTreeMap<String, u64>,
}

impl IngestReport {
    /// The report of the corpus in `dir`.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join("report.json");
        let text =
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display()))
    }
}
