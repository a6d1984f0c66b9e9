//! `corpus/manifest.json`: what `prep ingest` wrote and from what, written last.

use crate::document::id::check_file;
use crate::document::parquet::DocumentFile;
use crate::document::{Document, DocumentId};
use crate::ingest::normalise::Repairs;
use crate::ledger::Ledgers;
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
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
    pub shapes: Shapes,
}

/// Documents of one source by the shape of their records, by name. Nearly every source has one shape: a
/// map would take more memory than all else that is known of a small file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shapes(Vec<(Cow<'static, str>, u64)>);

impl Shapes {
    /// Counts so many documents of a shape.
    pub fn add(&mut self, shape: impl Into<Cow<'static, str>>, documents: u64) {
        let shape = shape.into();
        match self.0.binary_search_by(|(known, _)| known.cmp(&shape)) {
            Ok(at) => self.0[at].1 += documents,
            Err(at) => {
                self.0.reserve_exact(1);
                self.0.insert(at, (shape, documents));
            }
        }
    }

    /// Shapes and their documents, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(shape, count)| (shape.as_ref(), *count))
    }

    /// Names of the shapes, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(shape, _)| shape)
    }
}

impl AddAssign<Shapes> for Shapes {
    fn add_assign(&mut self, other: Shapes) {
        for (shape, count) in other.0 {
            self.add(shape, count);
        }
    }
}

impl Serialize for Shapes {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Shapes {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let mut shapes = Self::default();
        for (shape, count) in BTreeMap::<String, u64>::deserialize(json)? {
            shapes.add(shape, count);
        }
        Ok(shapes)
    }
}

/// What the manifest says of the corpus itself. Its sources, of which there may be a million, are passed
/// over: [`CorpusManifest::sources`] reads them.
#[derive(Clone, Debug, Deserialize)]
pub struct CorpusManifest {
    /// Always `prep-corpus`.
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// Documents, in order.
    pub documents: Vec<PartEntry>,
    /// Records that could not be read, in order.
    pub rejects: Vec<PartEntry>,
}

/// The whole manifest, to be written.
#[derive(Serialize)]
pub struct WholeManifest<'a> {
    format: &'static str,
    version: u32,
    prep_version: &'static str,
    /// The options that decided the bytes.
    pub config: &'a serde_json::Value,
    /// What was read.
    pub sources: &'a [SourceEntry],
    /// Documents, in order.
    pub documents: &'a [PartEntry],
    /// Records that could not be read, in order.
    pub rejects: &'a [PartEntry],
}

impl<'a> WholeManifest<'a> {
    /// That of a corpus of these documents and rejects, made from `sources` by `config`.
    #[must_use]
    pub fn new(
        config: &'a serde_json::Value,
        sources: &'a [SourceEntry],
        documents: &'a [PartEntry],
        rejects: &'a [PartEntry],
    ) -> Self {
        Self {
            format: "prep-corpus",
            version: VERSION,
            prep_version: env!("CARGO_PKG_VERSION"),
            config,
            sources,
            documents,
            rejects,
        }
    }
}

impl CorpusManifest {
    /// Reads and checks the manifest of `dir`.
    ///
    /// # Errors
    /// When there is none (the directory is unfinished or is no corpus), or it is of another version.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join("manifest.json");
        let file = File::open(&path).with_context(|| {
            format!(
                "{0} has no readable manifest.json, so it is not a finished corpus; run `prep ingest SOURCE... --out {0}` to its end",
                dir.display()
            )
        })?;
        let json = BufReader::with_capacity(1 << 20, file);
        let manifest: Self = serde_json::from_reader(json).with_context(|| {
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

    /// What the corpus in `dir` was made from.
    ///
    /// # Errors
    /// When its manifest is missing or damaged.
    pub fn sources(dir: &Path) -> Result<Vec<SourceEntry>> {
        #[derive(Deserialize)]
        struct Sources {
            sources: Vec<SourceEntry>,
        }
        let path = dir.join("manifest.json");
        let file = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let all: Sources = serde_json::from_reader(BufReader::with_capacity(1 << 20, file))
            .with_context(|| format!("{} is damaged", path.display()))?;
        Ok(all.sources)
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
        let file = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_reader(BufReader::with_capacity(1 << 20, file))
            .with_context(|| format!("{} is damaged", path.display()))
    }
}
