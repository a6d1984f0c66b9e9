//! `prep report`: the page of a finished directory, written again, in the language of choice.

use super::Context;
use crate::exit::Exit;
use crate::output;
use crate::plan::quantity::Lang;
use crate::report;
use anyhow::Result;
use std::path::PathBuf;

/// Write report.html of a corpus, shards or a model: charts, tables, samples, in one file.
///
/// Every stage writes it at its end, in English; this writes it again. The page needs no network and
/// no other file. Memory: that of the page.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Directory that `prep ingest`, `prep shard` or `prep train` wrote.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Language of the page: en or ru.
    #[arg(long, value_name = "LANG", default_value = "en")]
    lang: Lang,
}

/// Writes the page and prints where it is.
///
/// # Errors
/// When the directory is not finished, its files are damaged, or the page cannot be written.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let path = report::write(&args.dir, args.lang)?;
    if context.json {
        let json = serde_json::json!({"command": "report", "page": path, "lang": args.lang});
        output::data(&json.to_string());
    } else {
        output::data(&path.display().to_string());
    }
    Ok(Exit::Done)
}
