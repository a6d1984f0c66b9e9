//! Reading the file: TOML to flags and values, each with its line.

use super::is_setting;
use anyhow::{Result, bail};
use clap::{Arg, ArgAction, Command};
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What the file gives a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// A switch, on or off; of a flag whose value is optional, on without a value.
    Switch(bool),
    /// Values, one unless the flag may be repeated.
    Values(Vec<String>),
}

/// One flag of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The command it is for, as `["tokenizer", "train"]`; empty for all.
    pub command: Vec<String>,
    /// Name without hyphens in front.
    pub flag: String,
    /// Its value.
    pub given: Given,
    /// Line in the file, from 1.
    pub line: usize,
}

/// Reads `text`, the file at `path`, for the commands of `tree`, which is built.
///
/// # Errors
/// Names file, line and remedy.
pub(super) fn parse(text: &str, path: &Path, tree: &Command) -> Result<Vec<Entry>> {
    let reader = Reader { text, path };
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            bail!("{}: {}", reader.place(at), error.message());
        }
    };
    let mut entries = Vec::new();
    reader.table(table.get_ref(), tree, &[], &mut entries)?;
    entries.sort_by_key(|entry| entry.line);
    Ok(entries)
}

struct Reader<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Reader<'_> {
    fn line(&self, at: usize) -> usize {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        1 + memchr::memchr_iter(b'\n', before).count()
    }

    fn place(&self, at: usize) -> String {
        format!("{}:{}", self.path.display(), self.line(at))
    }

    fn table(
        &self,
        table: &DeTable,
        command: &Command,
        path: &[String],
        entries: &mut Vec<Entry>,
    ) -> Result<()> {
        for (key, value) in table {
            let name: &str = key.get_ref();
            let at = key.span().start;
            if let (Some(below), DeValue::Table(table)) =
                (command.find_subcommand(name), value.get_ref())
            {
                let mut path = path.to_vec();
                path.push(name.to_owned());
                self.table(table, below, &path, entries)?;
                continue;
            }
            let flag = command
                .get_arguments()
                .find(|arg| arg.get_long() == Some(name) && is_setting(arg));
            let Some(flag) = flag else {
                bail!("{}: {}", self.place(at), unknown(name, command, path));
            };
            entries.push(Entry {
                command: path.to_vec(),
                flag: name.to_owned(),
                given: self.value(flag, name, value)?,
                line: self.line(at),
            });
        }
        Ok(())
    }

    fn value(&self, flag: &Arg, name: &str, value: &Spanned<DeValue>) -> Result<Given> {
        let wrong = |wanted: &str| {
            anyhow::anyhow!(
                "{}: {name} is {wanted}, not {}",
                self.place(value.span().start),
                value.get_ref().type_str()
            )
        };
        let is_switch = matches!(flag.get_action(), ArgAction::SetTrue);
        // `--dedup-lines` with and without a number.
        let optional = flag
            .get_num_args()
            .is_some_and(|range| range.min_values() == 0);
        if let DeValue::Boolean(on) = value.get_ref() {
            if is_switch || optional {
                return Ok(Given::Switch(*on));
            }
            return Err(wrong("a value"));
        }
        if is_switch {
            return Err(wrong("a switch: true or false"));
        }
        if let DeValue::Array(list) = value.get_ref() {
            let several = matches!(flag.get_action(), ArgAction::Append);
            if !several {
                return Err(wrong("one value"));
            }
            let values = list.iter().map(|item| scalar(item.get_ref()));
            let values = values.collect::<Option<Vec<_>>>();
            return Ok(Given::Values(
                values.ok_or_else(|| wrong("a list of strings or numbers"))?,
            ));
        }
        let one = scalar(value.get_ref()).ok_or_else(|| wrong("a string or a number"))?;
        Ok(Given::Values(vec![one]))
    }
}

/// As it would be typed.
fn scalar(value: &DeValue) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        _ => None,
    }
}

/// What is wrong with a key, and the nearest name that would be right.
fn unknown(name: &str, command: &Command, path: &[String]) -> String {
    let shown = if path.is_empty() {
        "at the top".to_owned()
    } else {
        format!("in [{}]", path.join("."))
    };
    if command.find_subcommand(name).is_some() {
        return format!("{name} is a command; its flags stand below [{name}]");
    }
    if path.is_empty() {
        let commands = having(name, command);
        if !commands.is_empty() {
            return format!(
                "{name} is no flag of all commands; write it below [{}]",
                commands.join("] or [")
            );
        }
    }
    let flags = command.get_arguments().filter(|arg| is_setting(arg));
    let names = flags
        .filter_map(Arg::get_long)
        .chain(command.get_subcommands().map(Command::get_name));
    let nearest = names
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min();
    match nearest {
        Some((_, known)) => {
            format!("there is no flag {name:?} {shown}; the nearest name is {known:?}")
        }
        None => format!("there is no flag {name:?} {shown}"),
    }
}

/// The commands below `command` that have a flag `name`.
fn having(name: &str, command: &Command) -> Vec<String> {
    let mut found = Vec::new();
    for below in command.get_subcommands() {
        let has = |arg: &Arg| arg.get_long() == Some(name) && is_setting(arg);
        if below.get_arguments().any(has) {
            found.push(below.get_name().to_owned());
        }
        let deeper = having(name, below);
        found.extend(
            deeper
                .into_iter()
                .map(|deep| format!("{}.{deep}", below.get_name())),
        );
    }
    found
}
