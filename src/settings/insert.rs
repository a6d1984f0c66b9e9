//! Putting the flags of the file before those of the command line.

use super::{Entry, Given, Settled};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::ffi::OsString;

/// The chosen command, and where its own arguments begin.
pub(super) struct Place {
    pub command: Vec<String>,
    pub at: usize,
}

/// Finds the command among the arguments, over flags in front of it and their values.
pub(super) fn place(tree: &Command, args: &[OsString]) -> Place {
    let mut place = Place {
        command: Vec::new(),
        at: 1,
    };
    let (mut command, mut next) = (tree, 1);
    while let Some(arg) = args.get(next).and_then(|arg| arg.to_str()) {
        next += 1;
        if arg == "--" || !command.has_subcommands() {
            break;
        }
        if let Some(flag) = arg.strip_prefix('-').filter(|flag| !flag.is_empty()) {
            let found = command
                .get_arguments()
                .find(|arg| match flag.strip_prefix('-') {
                    Some(long) => arg.get_long() == Some(long),
                    None => flag.chars().next_back() == arg.get_short(),
                });
            let needs_value = |arg: &Arg| {
                let fewest = arg.get_num_args().map_or(1, |range| range.min_values());
                arg.get_action().takes_values() && fewest > 0
            };
            next += usize::from(found.is_some_and(needs_value));
            continue;
        }
        let Some(below) = command.find_subcommand(arg) else {
            break;
        };
        command = below;
        place.command.push(below.get_name().to_owned());
        place.at = next;
    }
    place
}

/// The command at `path` below `tree`.
pub(super) fn descend<'a>(tree: &'a Command, path: &[String]) -> &'a Command {
    path.iter().fold(tree, |command, name| {
        command.find_subcommand(name).unwrap_or(command)
    })
}

/// The matches of the command at `path`.
pub(super) fn matches_of<'a>(matches: &'a ArgMatches, path: &[String]) -> &'a ArgMatches {
    path.iter().fold(matches, |matches, name| {
        matches.subcommand_matches(name).unwrap_or(matches)
    })
}

/// Takes `--SWITCH=false` out of the arguments and makes `--SWITCH=true` a switch; the former's names.
pub(super) fn turn_off(command: &Command, args: &mut Vec<OsString>) -> Vec<String> {
    let mut off = Vec::new();
    let end = args.iter().position(|arg| arg == "--");
    let mut rest = args.split_off(end.unwrap_or(args.len()));
    args.retain_mut(|arg| {
        let switch = arg.to_str().and_then(|arg| {
            let (name, value) = arg.strip_prefix("--")?.split_once('=')?;
            let switch = command.get_arguments().find(|arg| {
                arg.get_long() == Some(name) && matches!(arg.get_action(), ArgAction::SetTrue)
            });
            switch.and(Some((name.to_owned(), value.parse::<bool>().ok()?)))
        });
        match switch {
            None => true,
            Some((name, true)) => {
                *arg = format!("--{name}").into();
                true
            }
            Some((name, false)) => {
                off.push(name);
                false
            }
        }
    });
    args.append(&mut rest);
    off
}

/// Whether the command line gives this flag.
pub fn is_typed(matches: &ArgMatches, arg: &Arg) -> bool {
    matches.ids().any(|id| id == arg.get_id())
        && matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
}

/// Inserts what is for `command` and what the command line neither gives nor excludes.
pub(super) fn insert(
    settled: &mut Settled,
    command: &Command,
    matches: &ArgMatches,
    at: usize,
    entries: Vec<Entry>,
) {
    // A flag below the command counts before the same one at the top.
    let mut mine: Vec<Entry> = Vec::new();
    for entry in entries {
        let of_all = entry.command.is_empty();
        if !of_all && entry.command != settled.command {
            continue;
        }
        match mine.iter_mut().find(|other| other.flag == entry.flag) {
            Some(other) if !of_all => *other = entry,
            Some(_) => {}
            None => mine.push(entry),
        }
    }
    let typed: Vec<&Arg> = command
        .get_arguments()
        .filter(|arg| is_typed(matches, arg))
        .collect();
    let mut inserted = Vec::new();
    for entry in mine {
        let found = command
            .get_arguments()
            .find(|arg| arg.get_long() == Some(&entry.flag));
        let Some(arg) = found else { continue };
        let excludes = |a: &Arg, b: &Arg| {
            let conflicts = command.get_arg_conflicts_with(a);
            conflicts.iter().any(|other| other.get_id() == b.get_id())
        };
        let overridden = settled.turned_off.contains(&entry.flag)
            || typed.iter().any(|other| {
                other.get_id() == arg.get_id() || excludes(arg, other) || excludes(other, arg)
            });
        if overridden {
            settled.overridden.push(entry);
            continue;
        }
        let flag = format!("--{}", entry.flag);
        match &entry.given {
            Given::Switch(true) => inserted.push(OsString::from(flag)),
            Given::Switch(false) => {}
            Given::Values(values) => {
                inserted.extend(values.iter().map(|value| format!("{flag}={value}").into()));
            }
        }
        settled.inserted.push(entry);
    }
    settled.args.splice(at..at, inserted);
}
