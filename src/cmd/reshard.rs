//! `prep reshard`: shard directories as one, in another size or order.

use super::Context;
use crate::exit::Exit;
use crate::resharding::{self, Options};
use crate::shard::shuffle::Order;
use crate::table::Table;
use crate::units::{grouped, parse_bytes};
use crate::{output, view};
use anyhow::Result;
use std::path::PathBuf;

/// Merge shard directories of one tokenizer, change the size of shards, or shuffle them.
///
/// Documents stay in their split and keep ids, masks and tokens; `prep where` finds the sources of each
/// as before. Copies between the inputs are not looked for: `prep shard --against` does that. An
/// interrupted run goes on when the same command is given again. Memory: within --memory and one shard
/// a split. Disk for a shuffle, while it runs: 4.2 bytes a token.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Directories that `prep shard` or `prep reshard` wrote, in order.
    #[arg(required = true, value_name = "SHARDS")]
    shards: Vec<PathBuf>,
    /// Directory to write. Must be new, or of the same run.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The most bytes of a shard, with a unit.
    #[arg(long, value_name = "SIZE", default_value = "50MB", value_parser = parse_bytes)]
    shard_size: u64,
    /// Order of the documents in the shards of a split: as they are read, or shuffled over all shards
    /// by --seed.
    #[arg(long, value_name = "ORDER", default_value = "input")]
    order: Order,
}

/// Reshard, print the ledger of all inputs and what was written.
///
/// # Errors
/// What could not be read or written, with place and remedy.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let options = Options {
        inputs: args.shards.clone(),
        out: args.out.clone(),
        shard_bytes: args.shard_size,
        order: args.order,
    };
    let report = resharding::run(&options, context)?;
    let next = format!(
        "next: prep train {} --out model --model llama-15m",
        args.out.display()
    );
    crate::report::at_the_end(&options.out, context);
    if context.json {
        output::data(&serde_json::to_string(&report)?);
        context.note(&next);
        return Ok(Exit::Done);
    }
    output::data(&view::ledger(&report.ledgers));
    let mut table = Table::new(&["shards", "documents", "tokens"]);
    for (dir, input) in args.shards.iter().zip(&report.inputs) {
        let name = format!("from {}", dir.display());
        table.row(vec![name, grouped(input.documents), grouped(input.tokens)]);
    }
    let [train, val] = report.shards;
    table.row(vec![
        format!(
            "in {} files of train and {} of val",
            grouped(train),
            grouped(val)
        ),
        grouped(report.documents),
        grouped(report.tokens),
    ]);
    output::data(&format!("\n{}", table.render()));
    context.note(&next);
    Ok(Exit::Done)
}
