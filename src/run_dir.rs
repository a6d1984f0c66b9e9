//! An output directory: new, unfinished or finished, and never another run's.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// File that an unfinished run keeps its state in.
const STATE: &str = "state.json";
const MANIFEST: &str = "manifest.json";
/// Formats of directories that prep writes and `prep ingest` does not read; what `prep synth` writes is
/// made to be read.
const OUTPUTS: [&str; 5] = [
    "prep-corpus",
    "prep-shards",
    "prep-model",
    "prep-tokenizer",
    "prep-contest",
];
/// Commands whose unfinished runs say in their state whose they are.
const COMMANDS: [&str; 4] = ["ingest", "shard", "reshard", "compare"];
/// Changed files that a message names.
const FILES_SHOWN: usize = 3;

/// What stands in an output directory.
#[derive(Debug)]
pub enum Found {
    /// Nothing: the run begins.
    New,
    /// A run of the same configuration that did not end.
    Unfinished,
    /// A run of the same configuration that ended.
    Finished,
}

/// What a finished directory holds, as its manifest says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Documents, of `prep ingest`.
    Corpus,
    /// Token shards, of `prep shard`.
    Shards,
    /// A model, of `prep train`.
    Model,
}

/// What the finished directory `dir` holds.
///
/// # Errors
/// When it has no readable manifest, or one of another program.
pub fn kind(dir: &Path) -> Result<Kind> {
    let path = manifest_path(dir);
    let file = File::open(&path).with_context(|| {
        format!(
            "{} has no readable manifest.json: give a finished directory of `prep ingest`, `prep shard` or `prep train`",
            dir.display()
        )
    })?;
    let manifest: Head = serde_json::from_reader(BufReader::new(file))
        .with_context(|| format!("{} is damaged", path.display()))?;
    match manifest.format.as_deref() {
        Some("prep-corpus") => Ok(Kind::Corpus),
        Some("prep-shards") => Ok(Kind::Shards),
        Some("prep-model") => Ok(Kind::Model),
        other => bail!(
            "{} is of {}, not of a corpus, shards or a model that prep wrote",
            path.display(),
            other.unwrap_or("an unknown program")
        ),
    }
}

/// The part of a manifest or a state that says whose it is.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    format: Option<String>,
    #[serde(default)]
    config: Option<Run>,
}

/// What a run was.
#[derive(Deserialize)]
struct Run {
    #[serde(default)]
    command: Option<String>,
}

/// The part that is compared with another run's; the rest of a state or a manifest may be long.
#[derive(Deserialize)]
struct Made {
    #[serde(default)]
    config: Value,
}

/// Whether `dir` was written by a command of prep, to its end or not, and is no text to be read.
#[must_use]
pub fn is_output(dir: &Path) -> bool {
    let head = |name: &str| -> Option<Head> {
        let file = File::open(dir.join(name)).ok()?;
        serde_json::from_reader(BufReader::new(file)).ok()
    };
    let is_finished = || {
        let format = head(MANIFEST).and_then(|head| head.format);
        format.is_some_and(|format| OUTPUTS.contains(&format.as_str()))
    };
    let is_begun = || {
        let command = head(STATE).and_then(|head| head.config?.command);
        command.is_some_and(|command| COMMANDS.contains(&command.as_str()))
    };
    is_finished() || is_begun()
}

/// Looks at `dir`, makes it if it is missing, and compares its configuration with `config`.
///
/// # Errors
/// When it holds something else: another configuration (says what differs) or foreign files.
pub fn open(dir: &Path, config: &Value) -> Result<Found> {
    std::fs::create_dir_all(dir)
        .with_context(|| format!("cannot make the directory {}", dir.display()))?;
    for (name, finished) in [(MANIFEST, true), (STATE, false)] {
        let path = dir.join(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        let json = BufReader::with_capacity(1 << 20, file);
        let found: Made = serde_json::from_reader(json).with_context(|| {
            format!(
                "{} is damaged; remove the directory or give another --out",
                path.display()
            )
        })?;
        let differences = differences(&found.config, config);
        if !differences.is_empty() {
            bail!(
                "{} holds another run: {}; give another --out, or remove the directory to start again",
                dir.display(),
                differences.join("; ")
            );
        }
        return Ok(if finished {
            Found::Finished
        } else {
            Found::Unfinished
        });
    }
    check_foreign(dir)?;
    Ok(Found::New)
}

/// Checks that `dir` is missing, empty or a run's, and changes nothing.
///
/// # Errors
/// When it holds foreign files.
pub fn check_ours(dir: &Path) -> Result<()> {
    let is_run = [MANIFEST, STATE].iter().any(|name| dir.join(name).exists());
    if is_run || !dir.exists() {
        return Ok(());
    }
    check_foreign(dir)
}

fn check_foreign(dir: &Path) -> Result<()> {
    let foreign = std::fs::read_dir(dir)
        .with_context(|| format!("cannot read {}", dir.display()))?
        .filter_map(Result::ok)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .find(|name| {
            !name.starts_with('.') && Path::new(name).extension().is_none_or(|e| e != "tmp")
        });
    if let Some(name) = foreign {
        bail!(
            "{} is not empty ({name} is in it) and is no run of prep; give another --out",
            dir.display()
        );
    }
    Ok(())
}

/// Where the state of an unfinished run is kept.
#[must_use]
pub fn state_path(dir: &Path) -> PathBuf {
    dir.join(STATE)
}

/// Where the manifest of a finished run is.
#[must_use]
pub fn manifest_path(dir: &Path) -> PathBuf {
    dir.join(MANIFEST)
}

/// The settings in which two configurations differ, in words.
fn differences(found: &Value, wanted: &Value) -> Vec<String> {
    let (Value::Object(found), Value::Object(wanted)) = (found, wanted) else {
        return if found == wanted {
            Vec::new()
        } else {
            vec!["its configuration cannot be compared".to_owned()]
        };
    };
    let mut keys: Vec<&String> = found.keys().chain(wanted.keys()).collect();
    keys.sort();
    keys.dedup();
    let shown = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), shorten);
    keys.into_iter()
        .filter(|key| found.get(*key) != wanted.get(*key))
        .map(|key| {
            let changed = found.get(key).zip(wanted.get(key));
            if let Some(files) = changed.and_then(|(found, wanted)| changed_files(found, wanted)) {
                return format!("its {key} differ: {files}");
            }
            format!(
                "its {key} is {}, yours is {}",
                shown(found.get(key)),
                shown(wanted.get(key))
            )
        })
        .collect()
}

/// Which files differ, of lists of names and sizes in bytes; `None` of other values.
fn changed_files(found: &Value, wanted: &Value) -> Option<String> {
    let files = |list: &Value| -> Option<BTreeMap<String, u64>> {
        let pair = |item: &Value| Some((item[0].as_str()?.to_owned(), item[1].as_u64()?));
        list.as_array()?.iter().map(pair).collect()
    };
    let (found, wanted) = (files(found)?, files(wanted)?);
    let mut names: Vec<&String> = found.keys().chain(wanted.keys()).collect();
    names.sort();
    names.dedup();
    let mut changes: Vec<String> = names
        .into_iter()
        .filter_map(|name| match (found.get(name), wanted.get(name)) {
            (Some(then), Some(now)) if then != now => Some(format!(
                "the size of {name} was {then} bytes when it was made and is {now} now"
            )),
            (Some(_), None) => Some(format!(
                "it was made from {name} too, which is not given now"
            )),
            (None, Some(_)) => Some(format!("it was made without {name}")),
            _ => None,
        })
        .collect();
    if changes.len() > FILES_SHOWN {
        let more = changes.split_off(FILES_SHOWN).len();
        changes.push(format!("and {more} files more"));
    }
    Some(changes.join("; "))
}

fn shorten(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 160 {
        text
    } else {
        text.chars().take(157).chain("...".chars()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn another_run_and_foreign_files_are_refused_with_what_differs() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let config = json!({"seed": 1});
        assert!(matches!(open(dir.path(), &config), Ok(Found::New)));
        std::fs::write(
            state_path(dir.path()),
            json!({"config": config}).to_string(),
        )
        .expect("writes");
        assert!(matches!(open(dir.path(), &config), Ok(Found::Unfinished)));
        let error = open(dir.path(), &json!({"seed": 2}))
            .expect_err("refused")
            .to_string();
        assert!(error.contains("its seed is 1, yours is 2"), "{error}");
        std::fs::rename(state_path(dir.path()), dir.path().join("thesis.doc")).expect("renames");
        let error = open(dir.path(), &config).expect_err("refused").to_string();
        assert!(error.contains("thesis.doc"), "{error}");
    }
}
