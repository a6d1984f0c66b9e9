//! `prep config`: which values a command would run with, and where each is from.

use super::Context;
use crate::exit::Exit;
use crate::output;
use crate::settings::{self, Given, Settled};
use crate::table::Table;
use anyhow::{Result, ensure};
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, ArgMatches};
use serde::Serialize;
use std::ffi::OsString;
use std::path::PathBuf;

/// Show the effective value of every flag, and where it is from.
///
/// `prep.toml` in the working directory (or --config FILE) may hold any flag of any command: flags of all
/// commands at the top, others below the name of the command, lists for flags that may be repeated,
/// true or false for switches:
///
///   memory = "8GiB"
///   [shard]
///   tokenizer = "tokenizers/own"
///   decontaminate = ["gsm8k.jsonl", "xquad.json"]
///   [tokenizer.train]
///   vocab-size = 32000
///
/// The command line wins: a flag that is given there replaces the file's, lists as a whole, and
/// --SWITCH=false turns a switch of the file off. Paths are relative to the working directory. A key that
/// no flag has is an error. What a run was made with is in its manifest, wherever it came from.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
#[allow(clippy::doc_link_with_quotes, reason = "it is a list of TOML")]
pub struct Args {
    /// Command, with flags as they would be typed. Default: all that prep.toml sets.
    #[arg(
        value_name = "COMMAND",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    command: Vec<OsString>,
}

/// Characters of a default in words.
const COLUMN: usize = 44;

/// Where a value is from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Origin {
    Default,
    File,
    CommandLine,
}

/// One flag or argument of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Row {
    /// As `tokenizer train`.
    command: String,
    /// As `--vocab-size`, or the name of an argument without hyphens.
    flag: String,
    /// What it would run with; none where it has no value.
    values: Vec<String>,
    /// What holds where it has no value, in words, as its help says; none where that is nothing.
    default: Option<String>,
    from: Origin,
    /// Line of the file that has the value, or has another one that the command line replaces.
    line: Option<usize>,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    command: &'static str,
    /// The file that was read.
    file: Option<PathBuf>,
    values: Vec<Row>,
}

/// Settles the command line that is asked about, shows it.
///
/// # Errors
/// When the file has a key that no flag has, or there is no such command.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let whole = super::command();
    let mut asked = vec![OsString::from("prep")];
    if let Some(file) = &context.config {
        asked.extend(["--config".into(), file.into()]);
    }
    asked.extend(args.command.iter().cloned());
    let settled = settings::settle(&whole, &asked)?;
    let (mut json, mut quiet) = (context.json, context.quiet);
    let rows = if settled.command.is_empty() {
        ensure!(
            args.command.is_empty(),
            "there is no command {:?}; `prep --help` lists them",
            args.command[0].to_string_lossy()
        );
        of_file(&settled)?
    } else {
        let rows = of_command(&settled);
        let is_on = |flag: &str| {
            let mut found = rows.iter().filter(|row| row.flag == flag);
            found.any(|row| row.values == ["true"])
        };
        json |= is_on("--json");
        quiet |= is_on("--quiet");
        rows
    };
    if json {
        let report = Report {
            command: "config",
            file: settled.file,
            values: rows,
        };
        output::data(&serde_json::to_string(&report)?);
        return Ok(Exit::Done);
    }
    output::data(&view(&settled, &rows));
    let next = match settled.command.join(" ").as_str() {
        "" => "next: prep config COMMAND   (every flag of a command)".to_owned(),
        command => {
            format!("next: prep {command} …   (prep {command} --help tells what each flag does)")
        }
    };
    if !quiet {
        output::note(&next);
    }
    Ok(Exit::Done)
}

/// What the file sets, command by command.
fn of_file(settled: &Settled) -> Result<Vec<Row>> {
    let Some(file) = &settled.file else {
        return Ok(Vec::new());
    };
    let entries = settings::entries(&super::command(), file)?;
    Ok((entries.into_iter())
        .map(|entry| Row {
            command: entry.command.join(" "),
            flag: format!("--{}", entry.flag),
            values: match entry.given {
                Given::Switch(on) => vec![on.to_string()],
                Given::Values(values) => values,
            },
            default: None,
            from: Origin::File,
            line: Some(entry.line),
        })
        .collect())
}

/// Every flag of the command.
fn of_command(settled: &Settled) -> Vec<Row> {
    let tree = settings::built(&super::command());
    let mut command = &tree;
    for name in &settled.command {
        command = command.find_subcommand(name).unwrap_or(command);
    }
    let lenient = super::command().ignore_errors(true);
    let matches = lenient.try_get_matches_from(&settled.args).ok();
    let matches = (settled.command.iter()).fold(matches.as_ref(), |matches, name| {
        matches.and_then(|matches| matches.subcommand_matches(name))
    });
    let sets = |arg: &&Arg| {
        matches!(
            arg.get_action(),
            ArgAction::Set | ArgAction::Append | ArgAction::SetTrue
        )
    };
    command
        .get_arguments()
        .filter(sets)
        .map(|arg| {
            let flag = match arg.get_long() {
                Some(long) => format!("--{long}"),
                None => arg.get_id().to_string(),
            };
            let name = flag.trim_start_matches('-');
            let typed = matches.is_some_and(|matches| settings::is_typed(matches, arg));
            let entry = settled.entry(name);
            let replaced = settled.overridden.iter().find(|entry| entry.flag == name);
            let off = settled.turned_off.iter().any(|off| off == name);
            let values = values(matches, arg);
            Row {
                command: settled.command.join(" "),
                default: values.is_empty().then(|| default(arg)).flatten(),
                values,
                from: match entry {
                    Some(_) => Origin::File,
                    None if typed || off => Origin::CommandLine,
                    None => Origin::Default,
                },
                line: entry.or(replaced).map(|entry| entry.line),
                flag,
            }
        })
        .collect()
}

fn values(matches: Option<&ArgMatches>, arg: &Arg) -> Vec<String> {
    let id = arg.get_id().as_str();
    let Some(matches) = matches else {
        return Vec::new();
    };
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        let on = matches.try_get_one::<bool>(id).ok().flatten();
        return vec![on.copied().unwrap_or(false).to_string()];
    }
    let raw = matches.try_get_raw(id).ok().flatten();
    raw.into_iter()
        .flatten()
        .map(|value| value.to_string_lossy().into_owned())
        .collect()
}

/// Where a flag without a value has an effect all the same: what its help says behind `Default: ` or
/// `[default: `. Threads are counted.
fn default(arg: &Arg) -> Option<String> {
    let help = arg.get_long_help().or_else(|| arg.get_help())?.to_string();
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let found = match (help.split_once("Default: "), help.split_once("[default: ")) {
        (Some((_, rest)), _) => rest.split(". ").next()?,
        (None, Some((_, rest))) => rest.split(']').next()?,
        (None, None) => return None,
    };
    let found = found.trim_end_matches('.');
    if arg.get_id() == "threads" {
        return Some(format!("{} ({found})", super::all_cores()));
    }
    // `none` and `none, then …` are no value.
    let is_none = found.split([',', ';', ':']).next() == Some("none");
    (!is_none).then(|| found.to_owned())
}

fn view(settled: &Settled, rows: &[Row]) -> String {
    let Some(file) = &settled.file else {
        if rows.is_empty() {
            return "there is no prep.toml here: every flag has its default; see prep config --help"
                .to_owned();
        }
        return table(rows, "");
    };
    if rows.is_empty() {
        return format!("{} sets nothing", file.display());
    }
    table(rows, &file.display().to_string())
}

fn table(rows: &[Row], file: &str) -> String {
    let mut table = Table::new(&["command", "flag", "value", "from"]);
    for row in rows {
        let place = row.line.map(|line| format!("{file}:{line}"));
        let from = match (&row.from, place) {
            (Origin::File, Some(place)) => place,
            (Origin::CommandLine, Some(place)) => format!("command line, not {place}"),
            (Origin::CommandLine, None) => "command line".to_owned(),
            (_, Some(place)) => format!("default; the command line excludes {place}"),
            (_, None) => "default".to_owned(),
        };
        let values = match &row.default {
            _ if !row.values.is_empty() => row.values.join(" "),
            Some(default) => short(default),
            None => "–".to_owned(),
        };
        let command = match row.command.as_str() {
            "" => "all",
            command => command,
        };
        table.row(vec![command.to_owned(), row.flag.clone(), values, from]);
    }
    table.render()
}

/// So much of a sentence as a column has room for.
fn short(text: &str) -> String {
    if text.chars().count() <= COLUMN {
        return text.to_owned();
    }
    let cut: String = text.chars().take(COLUMN - 1).collect();
    let end = cut.rfind(' ').unwrap_or(cut.len());
    format!("{} …", cut[..end].trim_end_matches([',', ';', ':']))
}

/// Lines that say which of the flags that clap refuses are the file's.
#[must_use]
pub fn blamed(settled: &Settled, error: &clap::Error) -> Vec<String> {
    let mut named = Vec::new();
    for kind in [ContextKind::InvalidArg, ContextKind::PriorArg] {
        match error.get(kind) {
            Some(ContextValue::String(one)) => named.push(one.clone()),
            Some(ContextValue::Strings(several)) => named.extend(several.iter().cloned()),
            _ => {}
        }
    }
    let is_named = |flag: &str| {
        let mut flags = named.iter().filter_map(|arg| arg.strip_prefix("--"));
        flags.any(|arg| arg.split([' ', '=', '[']).next() == Some(flag))
    };
    let missing = error.kind() == clap::error::ErrorKind::MissingRequiredArgument;
    (settled.inserted.iter())
        .filter(|entry| !missing && is_named(&entry.flag))
        .map(|entry| format!("prep: --{} is from {}", entry.flag, settled.place(entry)))
        .collect()
}
