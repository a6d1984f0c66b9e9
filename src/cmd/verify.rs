//! `prep verify`: is a directory whole and right?

use super::Context;
use crate::exit::Exit;
use crate::run_dir::{self, Kind};
use crate::table::Table;
use crate::{output, verify};
use anyhow::{Result, bail};
use std::path::PathBuf;

/// Check a corpus or shards against their manifest, and for sense.
///
/// Of both: sizes and hashes of all files but `report.html`, which `prep report` may write anew, other
/// files in their folders, and the ledger. Of a corpus: every document is read, and
/// no id occurs twice. Of shards: the tokenizer and its chat template, totals, ids within the
/// vocabulary, BOS and EOS of each document, masks, continued rows, and 200 texts a split decoded and encoded again. All checks are made; the
/// exit code is 2 when one fails. Memory: 16 bytes a document of a corpus.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Directory that `prep ingest` or `prep shard` wrote.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

/// Check, print a line a check.
///
/// # Errors
/// When the directory is neither, or a check fails.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let kind = run_dir::kind(&args.dir)?;
    let checks = match kind {
        Kind::Corpus => verify::corpus(&args.dir)?,
        Kind::Shards => verify::shards(&args.dir)?,
        Kind::Model => bail!(
            "{} is of a model, not of a corpus or shards",
            run_dir::manifest_path(&args.dir).display()
        ),
    };
    let failed = checks.iter().filter(|check| !check.holds).count();
    if context.json {
        let all = serde_json::json!({
            "command": "verify", "holds": failed == 0, "checks": checks,
        });
        output::data(&all.to_string());
    } else {
        let mut table = Table::new(&["check", "", "detail"]);
        for check in &checks {
            let mark = if check.holds { "ok" } else { "WRONG" };
            table.row(vec![
                check.check.clone(),
                mark.to_owned(),
                check.detail.clone(),
            ]);
        }
        output::data(&table.render());
    }
    if failed > 0 {
        bail!(
            "{failed} of {} checks of {} fail; make the directory again, or restore its files",
            checks.len(),
            args.dir.display()
        );
    }
    let dir = args.dir.display();
    context.note(&match kind {
        Kind::Corpus => format!("next: prep shard {dir} --out shards"),
        _ => format!("next: prep train {dir} --out model --model llama-15m"),
    });
    Ok(Exit::Done)
}
