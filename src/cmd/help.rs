//! Help that fits a screen with `-h` and tells all with `--help`.
//!
//! The documentation of a flag is written once, in full. `-h` shows its first clause on one line.

use clap::{Arg, ArgAction, Command};
use std::ffi::OsString;

/// Columns of the screen.
const COLUMNS: usize = 100;
/// Columns before and behind the name of a flag.
const AROUND_FLAG: usize = 8;
/// A clause ends at a mark from here on; shorter ones say too little.
const SHORTEST: usize = 14;

/// Whether the arguments ask for the short help.
#[must_use]
pub fn asks_brief(args: &[OsString]) -> bool {
    args.iter()
        .take_while(|arg| *arg != "--")
        .any(|arg| arg == "-h")
}

/// The definition whose `-h` fits a screen, of `prep` itself or, without the flags of all commands, of
/// one of its commands.
#[must_use]
pub fn brief(command: Command, of_itself: bool) -> Command {
    let command = brief_below(command.term_width(COLUMNS));
    if of_itself {
        return command;
    }
    let shared: Vec<String> = command
        .get_arguments()
        .filter(|arg| arg.is_global_set())
        .filter_map(|arg| arg.get_long().map(|long| format!("--{long}")))
        .collect();
    let hidden = command.mut_args(|arg| {
        let hide = arg.is_global_set();
        arg.hide(hide)
    });
    let note = format!("And {}: see prep -h. All of it: --help.", shared.join(", "));
    noted(hidden, &note)
}

fn noted(command: Command, note: &str) -> Command {
    let note = note.to_owned();
    command
        .after_help(note.clone())
        .mut_subcommands(move |below| noted(below, &note))
}

fn brief_below(command: Command) -> Command {
    let longest = command
        .get_arguments()
        .filter(|arg| !arg.is_positional())
        .map(flag_columns)
        .max()
        .unwrap_or(0);
    let room = COLUMNS.saturating_sub(longest + AROUND_FLAG + 1);
    command
        .mut_args(|arg| match full_help(&arg) {
            Some(full) => {
                let clause = first_clause(&full, room.saturating_sub(default_columns(&arg)));
                let takes_values = arg.get_action().takes_values();
                arg.help(clause).hide_possible_values(takes_values)
            }
            None => arg,
        })
        .mut_subcommands(brief_below)
}

fn full_help(arg: &Arg) -> Option<String> {
    let is_help = matches!(
        arg.get_action(),
        ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version
    );
    let full = arg.get_long_help().or_else(|| arg.get_help());
    full.filter(|_| !is_help).map(ToString::to_string)
}

/// Columns of `--flag <VALUE>`.
fn flag_columns(arg: &Arg) -> usize {
    let long = arg.get_long().map_or(0, |long| 2 + long.chars().count());
    if !arg.get_action().takes_values() {
        return long;
    }
    let names = arg.get_value_names().unwrap_or_default();
    let names: usize = names.iter().map(|name| 3 + name.chars().count()).sum();
    // `[=<VALUE>]`
    long + names + 2 * usize::from(arg.is_require_equals_set())
}

/// Columns of ` [default: …]`.
fn default_columns(arg: &Arg) -> usize {
    let values = arg.get_default_values().iter();
    let columns: usize = values
        .map(|value| value.to_string_lossy().chars().count() + 1)
        .sum();
    if columns == 0 || matches!(arg.get_action(), ArgAction::SetTrue) {
        0
    } else {
        columns + " [default: ]".len()
    }
}

/// The first sentence, or as much of it as fits and ends at a mark.
fn first_clause(text: &str, room: usize) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let ends = [". ", " [default"].iter().filter_map(|end| text.find(end));
    let sentence = match ends.min() {
        Some(end) => &text[..end],
        None => text.trim_end_matches('.'),
    };
    if sentence.chars().count() <= room {
        return sentence.to_owned();
    }
    let most = sentence.char_indices().nth(room);
    let most = most.map_or(sentence.len(), |(at, _)| at);
    // The strongest mark first; one inside parentheses is none.
    for mark in ["; ", ": ", " (", ", "] {
        let is_balanced = |cut: &str| cut.matches('(').count() == cut.matches(')').count();
        let mut ends = sentence[..most].rmatch_indices(mark);
        let end = ends.find(|(end, _)| *end >= SHORTEST && is_balanced(&sentence[..*end]));
        if let Some((end, _)) = end {
            return sentence[..end].to_owned();
        }
    }
    let end = sentence[..most.saturating_sub(1)].rfind(' ').unwrap_or(0);
    format!("{} …", sentence[..end].trim_end_matches([',', ';', ':']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::built;

    /// Lines of the screen.
    const LINES: usize = 50;

    fn each(command: &Command, check: &mut impl FnMut(Command)) {
        check(command.clone());
        for below in command.get_subcommands() {
            each(below, check);
        }
    }

    #[test]
    fn the_short_help_of_every_command_fits_a_screen() {
        let mut count = 0;
        let mut check = |mut command: Command| {
            let short = command.render_help().to_string();
            let wide = short.lines().any(|line| line.chars().count() > COLUMNS);
            assert!(short.lines().count() <= LINES && !wide, "{short}");
            let shown = |arg: &&Arg| !arg.is_hide_set() && !arg.is_hide_short_help_set();
            let flags = command.get_arguments().filter(shown);
            for flag in flags.filter_map(Arg::get_long) {
                assert!(
                    short.contains(&format!("--{flag}")),
                    "--{flag} is not in\n{short}"
                );
            }
            count += 1;
        };
        let below = built(&brief(crate::cmd::command(), false));
        for command in below.get_subcommands() {
            each(command, &mut check);
        }
        check(built(&brief(crate::cmd::command(), true)));
        assert!(count > 20, "{count}");
    }

    #[test]
    fn the_long_help_of_every_command_tells_all() {
        each(&built(&crate::cmd::command()), &mut |mut command| {
            let name = command.get_bin_name().unwrap_or("prep").to_owned();
            let long = command.render_long_help().to_string();
            let long = long.split_whitespace().collect::<Vec<_>>().join(" ");
            for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
                let help = arg.get_long_help().or_else(|| arg.get_help());
                let help = help.expect("every flag has a help sentence").to_string();
                let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(long.contains(&help), "{name} --help lacks {help:?}");
                for value in arg
                    .get_possible_values()
                    .iter()
                    .filter(|value| !value.is_hide_set())
                {
                    let switch = matches!(arg.get_action(), ArgAction::SetTrue);
                    assert!(switch || long.contains(value.get_name()), "{name} {arg}");
                }
            }
        });
    }

    #[test]
    fn a_first_clause_ends_at_a_mark_that_fits() {
        assert_eq!(first_clause("One. Two.", 40), "One");
        let text =
            "Mask personal data with placeholders (as <EMAIL>: all of it), or kinds from email, ip";
        assert_eq!(
            first_clause(text, 70),
            "Mask personal data with placeholders"
        );
        assert_eq!(
            first_clause(text, 50),
            "Mask personal data with placeholders"
        );
        assert_eq!(first_clause(text, 30), "Mask personal data with …");
        assert_eq!(
            first_clause("Passes over the split [default: 1]", 60),
            "Passes over the split"
        );
    }
}
