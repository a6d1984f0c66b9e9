//! `prep tokenizer`: look into a tokenizer, train one, compare several.

pub mod compare;
pub mod inspect;
pub mod train;

use super::Context;
use crate::exit::Exit;
use anyhow::Result;

/// Look into a tokenizer, train one, compare several on your own text.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Inspect(inspect::Args),
    Train(train::Args),
    Compare(compare::Args),
}

/// Runs the chosen command.
///
/// # Errors
/// What it could not do, with place and remedy.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    match &args.command {
        Command::Inspect(args) => inspect::run(args, context),
        Command::Train(args) => train::run(args, context),
        Command::Compare(args) => compare::run(args, context),
    }
}
