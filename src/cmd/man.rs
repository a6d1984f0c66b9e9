//! `prep man`: manual pages, one for each command.

use super::Context;
use crate::exit::Exit;
use crate::{atomic, output};
use anyhow::{Context as _, Result};
use clap::Command;
use clap_mangen::Man;
use std::path::{Path, PathBuf};

/// Write the manual pages: prep.1 and one for each command.
///
/// Read one with `man -l DIR/prep-shard.1`; in ~/.local/share/man/man1 or
/// /usr/local/share/man/man1, `man prep-shard` finds it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Directory to write the pages into; pages of the same name are replaced.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Renders and writes each page, names them.
///
/// # Errors
/// Names the page that could not be written.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot make {}", args.out.display()))?;
    // `help` as a command of its own has nothing that `--help` does not say.
    let mut command = super::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    write(command, &args.out, &mut pages)?;
    if context.json {
        let listed = serde_json::json!({ "command": "man", "pages": pages });
        output::data(&listed.to_string());
    } else {
        output::data(&pages.join("\n"));
    }
    if let Some(page) = pages.first() {
        context.note(&format!("next: man -l {page}"));
    }
    Ok(Exit::Done)
}

/// Writes the page of `command`, then those of its commands; appends their paths to `pages`.
fn write(command: Command, out: &Path, pages: &mut Vec<String>) -> Result<()> {
    let below: Vec<Command> = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .cloned()
        .collect();
    // No date: the same program writes the same bytes on every day.
    let page = Man::new(command).source(concat!("prep ", env!("CARGO_PKG_VERSION")));
    let path = out.join(page.get_filename());
    let mut text = Vec::new();
    page.render(&mut text)?;
    atomic::write(&path, &text)?;
    pages.push(path.display().to_string());
    for command in below {
        write(command, out, pages)?;
    }
    Ok(())
}
