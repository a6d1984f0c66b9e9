//! `report.html` of a stage: one file that a person opens, keeps and sends.
//!
//! ```text
//! report.json + what the directory holds ─▶ ingest | shard | train ─▶ page ─▶ report.html
//! ```
//!
//! The page needs no network and no other file: style and the small script for searching are in it,
//! charts are SVG. It is a function of the directory and the language alone, so its bytes are the
//! same each time. A number that stands in report.json carries its place there (`data-key`, a JSON
//! pointer) and its value (`data-value`), so that a test compares both. Everything that comes from
//! data is escaped ([`html::escape`]).
//!
//! Size: samples are chosen by a hash of their id, a few hundred of at most 700 characters, and tables
//! end after [`html::MOST_ROWS`] rows, so that a page of a million documents stays under 2 MB.
//! Memory: that of the page, of the report as far as it is shown ([`reduced`]) and of one batch of rows.

mod bars;
mod curves;
mod diff;
mod html;
mod ingest;
mod page;
mod reduced;
mod samples;
mod shard;
mod strings;
#[cfg(test)]
mod tests;
mod train;

use crate::atomic;
use crate::plan::quantity::Lang;
use crate::run_dir::{self, Kind};
use anyhow::{Context, Result};
use page::Page;
use reduced::Reduced;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Name of the file in the directory of a stage.
pub const FILE: &str = "report.html";

/// Writes `report.html` of the finished directory `dir`; returns its path.
///
/// # Errors
/// When the directory is not finished, its report is damaged, or the file cannot be written.
pub fn write(dir: &Path, lang: Lang) -> Result<PathBuf> {
    let path = dir.join(FILE);
    atomic::write(&path, render(dir, lang)?.as_bytes())?;
    Ok(path)
}

/// Writes the page at the end of a stage, in English. The result of the stage stands already, so what
/// goes wrong here is told and costs the page alone.
pub fn at_the_end(dir: &Path, context: &crate::cmd::Context) {
    if dir.join(FILE).exists() {
        // Of a stage that is finished already; it may be in Russian.
        return;
    }
    match write(dir, Lang::En) {
        Ok(path) => context.note(&format!(
            "{}: open it in a browser; `prep report {} --lang ru` writes it in Russian",
            path.display(),
            dir.display()
        )),
        Err(error) => context.note(&format!(
            "warning: the result stands, but its page does not: {error:#}. `prep report {}` tries again",
            dir.display()
        )),
    }
}

/// The page.
fn render(dir: &Path, lang: Lang) -> Result<String> {
    let path = dir.join("report.json");
    let file = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let report = Reduced::read(BufReader::with_capacity(1 << 20, file))
        .with_context(|| format!("{} is damaged; run the stage again", path.display()))?;
    let mut page = Page::new(lang, &report);
    match run_dir::kind(dir)? {
        Kind::Corpus => ingest::fill(&mut page, dir)?,
        Kind::Shards => shard::fill(&mut page, dir)?,
        Kind::Model => train::fill(&mut page, dir)?,
    }
    Ok(page.render())
}
