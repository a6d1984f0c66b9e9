//! Which files an argument leads to, and what below it is left out: hidden files and outputs of prep.
//! A corpus that is named itself is read: its documents, not what was rejected.

use crate::corpus::CorpusManifest;
use crate::run_dir::{self, Kind};
use anyhow::{Context, Result, bail, ensure};
use globset::{GlobBuilder, GlobMatcher};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// Why something is left out that is hidden; the reason in the ledger.
pub const HIDDEN: &str = "hidden_file";
/// Why an earlier output of prep is left out; the reason in the ledger.
pub const OUTPUT: &str = "output_of_prep";

/// Where a corpus keeps what could not be read.
const REJECTS: &str = "rejects";

/// Why what is neither a file nor a directory is left out; the reason in the ledger.
pub const SPECIAL: &str = "special_file";

/// What decides which files are found.
#[derive(Clone, Copy, Default)]
pub struct Rules<'a> {
    /// Whether hidden files are read.
    pub hidden: bool,
    /// The output directory of this run, in its canonical form.
    pub out: Option<&'a Path>,
}

/// What one argument leads to.
#[derive(Default)]
pub struct Found {
    /// Files, each with the root that its name begins at.
    pub files: Vec<(PathBuf, PathBuf)>,
    /// Files and directories that are left out, each with its root and the reason.
    pub left: Vec<(PathBuf, PathBuf, &'static str)>,
    /// Whether the output directory of this run was met.
    pub met_out: bool,
}

impl Found {
    fn one(root: &Path, file: PathBuf) -> Self {
        Self {
            files: vec![(root.to_owned(), file)],
            ..Self::default()
        }
    }
}

/// The files of one argument: a file, all below a directory, or what a pattern matches.
///
/// # Errors
/// When it is a pipe, matches nothing, is no valid pattern, or cannot be read.
pub fn expand(argument: &str, rules: Rules<'_>) -> Result<Found> {
    let path = Path::new(argument);
    if path.is_dir() {
        let is_out = rules.out.is_some_and(|out| is_at(path, out));
        if !is_out && run_dir::is_output(path) && matches!(run_dir::kind(path), Ok(Kind::Corpus)) {
            return corpus(path);
        }
        return below(path, rules, None);
    }
    if path.exists() {
        // A pipe gives its bytes once, and only to one that waits; looking into it takes some of them.
        ensure!(
            path.is_file(),
            "{argument} is a pipe or a device, not a file; read it as standard input: prep ingest - < {argument}"
        );
        return Ok(Found::one(path, path.to_owned()));
    }
    if !argument.contains(PATTERN) {
        bail!("{argument}: no such file or directory; check the path");
    }
    // As in a shell: `*` is within a directory, `**` goes through all below.
    let pattern = GlobBuilder::new(argument)
        .literal_separator(true)
        .build()
        .with_context(|| format!("{argument} is not a valid pattern"))?
        .compile_matcher();
    let is_fixed = |part: &OsStr| !part.to_string_lossy().contains(PATTERN);
    let parts = path.components().map(|part| part.as_os_str().to_owned());
    let fixed: PathBuf = parts.take_while(|part| is_fixed(part)).collect();
    // A pattern that names hidden files asks for them.
    let names_hidden = path
        .components()
        .skip(fixed.components().count())
        .any(|part| is_hidden(part.as_os_str()));
    let rules = Rules {
        hidden: rules.hidden || names_hidden,
        ..rules
    };
    let start = if fixed.as_os_str().is_empty() {
        Path::new(".")
    } else {
        fixed.as_path()
    };
    below(start, rules, Some(&pattern))
}

/// What makes an argument a pattern.
const PATTERN: [char; 4] = ['*', '?', '[', '{'];

/// Whether a name is that of a hidden file.
fn is_hidden(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with('.') && name != "." && name != ".."
}

/// Whether `path` leads to `place`, which is in its canonical form.
fn is_at(path: &Path, place: &Path) -> bool {
    path.canonicalize().is_ok_and(|own| own == place)
}

/// The documents of the corpus in `dir`; its rejects are left out.
fn corpus(dir: &Path) -> Result<Found> {
    let manifest = CorpusManifest::read(dir)?;
    let at = |file: &String| (dir.to_owned(), dir.join(file));
    let files = manifest.documents.iter().map(|part| at(&part.file));
    let rejects = dir.join(REJECTS);
    let left = (!manifest.rejects.is_empty()).then(|| (dir.to_owned(), rejects, OUTPUT));
    Ok(Found {
        files: files.collect(),
        left: left.into_iter().collect(),
        met_out: false,
    })
}

/// All files below `dir`, of these those that `pattern` matches.
fn below(dir: &Path, rules: Rules<'_>, pattern: Option<&GlobMatcher>) -> Result<Found> {
    let matches = |file: &Path| {
        pattern.is_none_or(|pattern| {
            pattern.is_match(file) || pattern.is_match(file.strip_prefix(".").unwrap_or(file))
        })
    };
    // Names begin with the last part of the argument, those of a pattern with their own.
    let root = |file: &Path| if pattern.is_some() { file } else { dir }.to_owned();
    let mut found = Found::default();
    let (mut left, mut special, mut met_out) = (Vec::new(), Vec::new(), false);
    let mut passes = |entry: &DirEntry| {
        let path = entry.path();
        let is_dir = entry.file_type().is_dir();
        if entry.depth() > 0 && !rules.hidden && is_hidden(entry.file_name()) {
            // What a hidden directory holds is not known: it is one thing that is left out.
            if matches(path) || is_dir && pattern.is_none() {
                left.push((root(path), path.to_owned(), HIDDEN));
            }
            return false;
        }
        if !is_dir {
            return true;
        }
        let is_out = rules.out.is_some_and(|out| is_at(path, out));
        met_out |= is_out;
        if !is_out && run_dir::is_output(path) {
            left.push((root(path), path.to_owned(), OUTPUT));
            return false;
        }
        !is_out
    };
    let entries = WalkDir::new(dir)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| passes(entry));
    for entry in entries {
        match entry {
            Ok(entry) if entry.file_type().is_file() => {
                let file = entry.into_path();
                if matches(&file) {
                    found.files.push((root(&file), file));
                }
            }
            Ok(entry) if entry.file_type().is_dir() => {}
            // A pipe or a device that is named is refused with its remedy; here it is one of many.
            Ok(entry) => {
                let path = entry.into_path();
                if matches(&path) {
                    special.push((root(&path), path, SPECIAL));
                }
            }
            // A link to a directory around it: what is there is read anyway.
            Err(error) if error.loop_ancestor().is_some() => {}
            Err(error) => match error.path() {
                // A broken link costs itself.
                Some(path) if path.is_symlink() => {
                    if matches(path) {
                        found.files.push((root(path), path.to_owned()));
                    }
                }
                _ => {
                    return Err(error).with_context(|| {
                        format!(
                            "cannot read all of {}; fix its permissions or name the files",
                            dir.display()
                        )
                    });
                }
            },
        }
    }
    left.append(&mut special);
    (found.left, found.met_out) = (left, met_out);
    Ok(found)
}
