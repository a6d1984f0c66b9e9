//! The command line: one subcommand is one file with its help, its `Args` and its `run`.

mod answer;
pub mod cat;
pub mod chat;
pub mod classify;
pub mod compare;
pub mod completions;
pub mod config;
pub mod contest;
mod deepspeed;
mod device;
mod dry_run;
pub mod eval;
pub mod export;
pub mod generate;
pub mod help;
pub mod ingest;
pub mod locate;
pub mod man;
pub mod plan;
pub mod report;
pub mod reshard;
pub mod rules;
mod sampling;
pub mod shard;
pub mod stats;
pub mod status;
pub mod synth;
pub mod tokenizer;
pub mod train;
mod unread_flags;
pub mod verify;
pub mod why;

use crate::exit::Exit;
use crate::interrupt;
use crate::progress::{Progress, Unit};
use crate::settings;
use crate::units::parse_bytes;
use anyhow::Result;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

/// Raw Russian and English text and Q&A to verified token shards, and a model trained from them.
///
/// The path is three commands, each reads a directory and writes a new one:
///
///   prep ingest SOURCE... --out corpus     raw files to normalised documents
///   prep shard corpus --out shards         filter, deduplicate, tokenize
///   prep train shards --out model          train a language model
///
/// Exit codes: 0 done; 1 done, but some records were rejected; 2 failed or wrong usage;
/// 130 interrupted (the same command continues).
#[derive(Debug, Parser)]
#[command(name = "prep", version, verbatim_doc_comment, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    /// Without one: what is in the working directory, and what to run next.
    #[command(subcommand)]
    command: Option<Command>,
}

/// Threads where `--threads` names none.
fn all_cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Flags that mean the same for every subcommand.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// Worker threads; the output does not depend on it. Default: all cores.
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Option<u32>,
    /// Memory to stay within, as bytes with a unit.
    #[arg(long, global = true, value_name = "SIZE", default_value = "4GiB", value_parser = parse_bytes)]
    memory: u64,
    /// Seed of every random choice (a number without unit).
    #[arg(long, global = true, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Print one JSON object to stdout instead of a table. Default: off.
    #[arg(long, global = true)]
    json: bool,
    /// Print no progress and no summaries to stderr. Default: off.
    #[arg(long, short, global = true)]
    quiet: bool,
    /// File with flags of any command, see `prep config --help`. Default: prep.toml, where there is one.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What every subcommand gets beside its own arguments.
#[derive(Clone, Debug)]
pub struct Context {
    /// One JSON object on stdout.
    pub json: bool,
    /// Nothing on stderr but errors.
    pub quiet: bool,
    /// Worker threads.
    pub threads: usize,
    /// Seed of every random choice.
    pub seed: u64,
    /// Bytes to stay within.
    pub memory: u64,
    /// The file that `--config` names.
    pub config: Option<PathBuf>,
}

impl Context {
    /// Progress of a step of this command.
    #[must_use]
    pub fn progress(&self, label: &str, unit: Unit, total: Option<u64>) -> Progress {
        Progress::new(label, unit, total, self.quiet)
    }

    /// A line for a person on stderr, unless `--quiet`.
    pub fn note(&self, line: &str) {
        if !self.quiet {
            crate::output::note(line);
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Ingest(ingest::Args),
    Shard(shard::Args),
    Train(train::Args),
    Contest(contest::Args),
    Eval(eval::Args),
    Generate(generate::Args),
    Chat(chat::Args),
    Classify(classify::Args),
    Stats(stats::Args),
    Compare(compare::Args),
    #[command(name = "where")]
    Where(locate::Args),
    Synth(synth::Args),
    Plan(plan::Args),
    Report(report::Args),
    Rules(rules::Args),
    Why(why::Args),
    Export(export::Args),
    Reshard(reshard::Args),
    Verify(verify::Args),
    Cat(cat::Args),
    Tokenizer(tokenizer::Args),
    Config(config::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// The definition of the whole command line: what is parsed, and what help, completions and manual pages show.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

impl Cli {
    /// Parses the arguments of the process and the flags of `prep.toml`; ends it where clap would, after
    /// help or an error.
    ///
    /// # Errors
    /// When the file has a key that no flag has, or cannot be read.
    pub fn read() -> Result<Self> {
        let args: Vec<OsString> = std::env::args_os().collect();
        let settled = settings::settle(&command(), &args)?;
        let command = if help::asks_brief(&args) {
            help::brief(command(), settled.command.is_empty())
        } else {
            command()
        };
        let matches = command.clone().try_get_matches_from(&settled.args);
        let cli = matches.and_then(|matches| {
            let parsed = Self::from_arg_matches(&matches);
            parsed.map_err(|error| error.format(&mut command.clone()))
        });
        Ok(cli.unwrap_or_else(|error| {
            for place in config::blamed(&settled, &error) {
                crate::output::note(&place);
            }
            error.exit()
        }))
    }

    /// Runs the chosen subcommand on a pool of `--threads` workers.
    ///
    /// # Errors
    /// What the subcommand could not do, with place and remedy.
    pub fn run(self) -> Result<Exit> {
        let threads = match self.global.threads {
            Some(threads) => threads as usize,
            None => all_cores(),
        };
        let context = Context {
            json: self.global.json,
            quiet: self.global.quiet,
            threads,
            seed: self.global.seed,
            memory: self.global.memory,
            config: self.global.config,
        };
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build_global()?;
        interrupt::listen();
        let Some(command) = &self.command else {
            return status::run(&context);
        };
        match command {
            Command::Ingest(args) => ingest::run(args, &context),
            Command::Shard(args) => shard::run(args, &context),
            Command::Train(args) => train::run(args, &context),
            Command::Contest(args) => contest::run(args, &context),
            Command::Eval(args) => eval::run(args, &context),
            Command::Generate(args) => generate::run(args, &context),
            Command::Chat(args) => chat::run(args, &context),
            Command::Classify(args) => classify::run(args, &context),
            Command::Stats(args) => stats::run(args, &context),
            Command::Compare(args) => compare::run(args, &context),
            Command::Where(args) => locate::run(args, &context),
            Command::Synth(args) => synth::run(args, &context),
            Command::Plan(args) => plan::run(args, &context),
            Command::Report(args) => report::run(args, &context),
            Command::Rules(args) => rules::run(args, &context),
            Command::Why(args) => why::run(args, &context),
            Command::Export(args) => export::run(args, &context),
            Command::Reshard(args) => reshard::run(args, &context),
            Command::Verify(args) => verify::run(args, &context),
            Command::Cat(args) => cat::run(args, &context),
            Command::Tokenizer(args) => tokenizer::run(args, &context),
            Command::Config(args) => config::run(args, &context),
            Command::Completions(args) => completions::run(args, &context),
            Command::Man(args) => man::run(args, &context),
        }
    }
}
