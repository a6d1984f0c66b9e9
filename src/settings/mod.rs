//! `prep.toml`: flags that need not be typed again.
//!
//! ```text
//! prep.toml ─ file ─▶ entries (command, flag, value, line), checked against clap's own definitions
//!                        │
//! argv ──────────────── insert ─▶ argv with the entries that it does not override, which clap parses
//! ```
//!
//! A value of the file is an argument before the user's: so it is checked, compared with an unfinished
//! run and written to manifests exactly as if it had been typed. There is no second table of flags.

mod file;
mod insert;
#[cfg(test)]
mod tests;

use anyhow::{Context, Result};
use clap::{ArgAction, Command};
pub use file::{Entry, Given};
pub use insert::is_typed;
use insert::{Place, place};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The file that is read from the working directory when `--config` names none.
pub const FILE: &str = "prep.toml";

/// A command line with the values of the file in it.
#[derive(Clone, Debug)]
pub struct Settled {
    /// What clap parses, the program's name first.
    pub args: Vec<OsString>,
    /// The chosen command, as `["tokenizer", "train"]`.
    pub command: Vec<String>,
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// Entries that are among the arguments.
    pub inserted: Vec<Entry>,
    /// Entries of this command that the command line overrides.
    pub overridden: Vec<Entry>,
    /// Switches that the command line turns off (`--json=false`).
    pub turned_off: Vec<String>,
}

impl Settled {
    /// Where the value of `flag` is from, if it is from the file.
    #[must_use]
    pub fn entry(&self, flag: &str) -> Option<&Entry> {
        self.inserted.iter().find(|entry| entry.flag == flag)
    }

    /// `prep.toml:3`.
    #[must_use]
    pub fn place(&self, entry: &Entry) -> String {
        let file = self.file.as_deref().unwrap_or(Path::new(FILE));
        format!("{}:{}", file.display(), entry.line)
    }
}

/// Puts the flags of the file before those of the command line. `command` is the whole tree, unbuilt.
///
/// # Errors
/// When the file cannot be read, is no TOML, or has a key that no flag has.
pub fn settle(command: &Command, args: &[OsString]) -> Result<Settled> {
    let tree = built(command);
    let mut args = args.to_vec();
    let path = place(&tree, &args).command;
    let chosen = insert::descend(&tree, &path);
    // What `prep config` looks at is not for itself.
    let turned_off = if path == ["config"] {
        Vec::new()
    } else {
        insert::turn_off(chosen, &mut args)
    };
    let Place { command: path, at } = place(&tree, &args);
    let mut settled = Settled {
        args,
        command: path,
        file: None,
        inserted: Vec::new(),
        overridden: Vec::new(),
        turned_off,
    };
    let lenient = command.clone().ignore_errors(true);
    // Only a request for help or the version fails here, and needs no file.
    let Ok(matches) = lenient.try_get_matches_from(&settled.args) else {
        return Ok(settled);
    };
    let matches = insert::matches_of(&matches, &settled.command);
    let named = matches
        .try_get_one::<PathBuf>("config")
        .ok()
        .flatten()
        .cloned();
    let Some(path) = named.or_else(|| Path::new(FILE).exists().then(|| PathBuf::from(FILE))) else {
        return Ok(settled);
    };
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let entries = file::parse(&text, &path, &tree)?;
    settled.file = Some(path);
    insert::insert(&mut settled, chosen, matches, at, entries);
    Ok(settled)
}

/// All entries of the file that the command line or the working directory names, with that file.
///
/// # Errors
/// As [`settle`].
pub fn entries(command: &Command, path: &Path) -> Result<Vec<Entry>> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    file::parse(&text, path, &built(command))
}

/// The tree with the global flags in every command.
#[must_use]
pub fn built(command: &Command) -> Command {
    let mut tree = command.clone().disable_help_subcommand(true);
    tree.build();
    tree
}

/// Whether a flag can stand in the file: one with a name that sets something.
fn is_setting(arg: &clap::Arg) -> bool {
    let sets = matches!(
        arg.get_action(),
        ArgAction::Set | ArgAction::Append | ArgAction::SetTrue
    );
    sets && arg.get_long().is_some_and(|name| name != "config")
}
