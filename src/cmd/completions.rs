//! `prep completions`: what a shell needs to complete commands and flags.

use super::Context;
use crate::exit::Exit;
use crate::output;
use anyhow::{Context as _, Result};
use clap_complete::{Shell, generate};

/// Print the completions of a shell, to be saved where it looks for them.
///
/// `prep completions bash > ~/.local/share/bash-completion/completions/prep`, or
/// `prep completions fish > ~/.config/fish/completions/prep.fish`, or, with `fpath+=~/.zfunc` before
/// compinit, `prep completions zsh > ~/.zfunc/_prep`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Shell that is completed.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Generates, prints.
///
/// # Errors
/// Never for a shell that clap knows.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let mut script = Vec::new();
    generate(args.shell, &mut super::command(), "prep", &mut script);
    let script = String::from_utf8(script).context("the completions are not UTF-8")?;
    output::data(script.trim_end());
    context.note("next: save it where the shell looks, see prep completions --help");
    Ok(Exit::Done)
}
