//! What texts are taken from: a corpus, or files and folders that are ingested for the occasion.

use super::{LanguageWeight, Plan, Sample};
use crate::cmd::Context;
use crate::corpus::{CorpusManifest, IngestReport};
use crate::ingest;
use crate::run_dir::{self, Kind};
use crate::scratch::Scratch;
use anyhow::{Context as _, Result, ensure};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A corpus to take texts from. One that was made for the occasion goes when this is dropped.
pub struct Inputs {
    dir: PathBuf,
    /// The directory of an occasion, which goes with this whatever happens.
    scratch: Option<Scratch>,
    manifest: CorpusManifest,
    report: IngestReport,
}

impl Inputs {
    /// Opens the corpus directory, if there is one input and it is one, else ingests the inputs as
    /// `prep ingest` does into a directory below the system's temporary one.
    ///
    /// # Errors
    /// When an input cannot be read, or holds no document.
    pub fn open(inputs: &[PathBuf], context: &Context) -> Result<Self> {
        if let [dir] = inputs
            && dir.is_dir()
            && run_dir::manifest_path(dir).exists()
        {
            ensure!(
                run_dir::kind(dir)? == Kind::Corpus,
                "{} is no corpus: give the directory that `prep ingest` wrote, or files",
                dir.display()
            );
            return Self::of_corpus(dir.clone(), None);
        }
        let scratch = Scratch::new()?;
        let dir = scratch.path().join("corpus");
        let sources = inputs
            .iter()
            .map(|path| path.to_string_lossy().into_owned());
        let options = ingest::Options::new(sources.collect(), dir.clone());
        ingest::run(&options, context)?;
        let opened = Self::of_corpus(dir, Some(scratch));
        opened.context("the inputs hold nothing that can be read")
    }

    fn of_corpus(dir: PathBuf, scratch: Option<Scratch>) -> Result<Self> {
        let manifest = CorpusManifest::read(&dir)?;
        let report = IngestReport::read(&dir)?;
        ensure!(
            report.ledgers.ledger.kept.records > 0,
            "there is no document in it"
        );
        Ok(Self {
            dir,
            scratch,
            manifest,
            report,
        })
    }

    /// The corpus directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its manifest.
    #[must_use]
    pub fn manifest(&self) -> &CorpusManifest {
        &self.manifest
    }

    /// Its report.
    #[must_use]
    pub fn report(&self) -> &IngestReport {
        &self.report
    }

    /// Whether files were ingested for the occasion: then nobody has been told what was rejected.
    #[must_use]
    pub fn is_of_occasion(&self) -> bool {
        self.scratch.is_some()
    }

    /// Which documents are in a sample of about so many bytes.
    ///
    /// # Errors
    /// When the weights cannot be met.
    pub fn plan(&self, weights: &[LanguageWeight], sample_bytes: u64) -> Result<Plan> {
        let languages = self.report.ledgers.by_language.iter();
        let bytes: BTreeMap<&str, u64> = languages
            .map(|(language, ledger)| (language.as_str(), ledger.kept.bytes))
            .collect();
        Plan::new(&bytes, weights, sample_bytes)
    }

    /// The texts of the sample.
    #[must_use]
    pub fn sample<'a>(&self, plan: &'a Plan, seed: u64) -> Sample<'a> {
        Sample::new(&self.dir, &self.manifest, plan, seed)
    }
}
