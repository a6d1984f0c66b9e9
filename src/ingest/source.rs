//! Which files are read, what they are called, and what is in them.
//!
//! A source's name is the last part of the argument and the path below it, so that ids do not
//! depend on the folder in which prep was started; where two names meet, both grow to the left. A link is
//! called as it is, not as what it leads to; a file that several lead to is read once.

use super::codec::Codec;
use super::dialect::Dialect;
use super::encoding::{Detected, Encoding};
use super::format::{Format, Unread};
use super::look::{self, Look, Sample, UTF8};
use super::mapping::Mapping;
use super::naming::{Named, add, canonical, name_apart};
use super::shape::numbering::Habits;
use super::spool::{self, Spool};
use super::text::Split;
use super::walk;
use crate::run_dir;
use anyhow::{Context, Result, bail, ensure};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, UNIX_EPOCH};

/// What standard input is called, as an argument and as a source.
pub const STDIN: &str = "-";
/// Bytes of the longest list of paths that is read.
const MAX_LIST_BYTES: u64 = 256 << 20;

/// A file given by the user.
#[derive(Clone, Debug)]
pub struct Source {
    /// Name in documents, reports and manifests, with `/` between its parts.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Size in bytes: on disk, or unpacked of the member of an archive.
    pub bytes: u64,
    /// When it was last written, since 1970; `None` where that says nothing.
    pub modified: Option<Duration>,
    /// When its content or what is known of it was last changed, since 1970: no program sets that back.
    /// `None` where the platform does not say.
    pub changed: Option<Duration>,
    /// How it is compressed.
    pub codec: Codec,
    /// What is in it; the error is why it is not read.
    pub format: Result<Format, Unread>,
    /// How its characters are written, and how sure that is; UTF-8 where there are none.
    pub encoding: Detected,
    /// The encoding that the user named.
    pub forced: Option<Encoding>,
    /// How it is written, of a CSV file.
    pub dialect: Option<Dialect>,
    /// Whether its lines end with carriage returns alone.
    pub lone_cr: bool,
    /// How its options count where they have no labels, and what its answers are, once its first block was
    /// read.
    pub habits: OnceLock<Habits>,
    /// Name of the file that it is a member of, if it is none itself.
    pub member_of: Option<String>,
}

impl Source {
    /// The name of its encoding, `None` where it holds no text of its own or is not read.
    #[must_use]
    pub fn encoding_name(&self) -> Option<String> {
        let text = self.format.as_ref().is_ok_and(|format| format.is_text());
        text.then(|| self.encoding.encoding.name().to_owned())
    }

    /// Name of the file on disk that it is, or is a member of.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.member_of.as_deref().unwrap_or(&self.name)
    }
}

/// What the user said of the sources.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wishes<'a> {
    /// Read every source as this, `None` to tell by name and content.
    pub format: Option<Format>,
    /// The encoding of every text source, `None` to detect it for each.
    pub encoding: Option<Encoding>,
    /// Names of the columns of CSV files without a header, empty for none.
    pub columns: &'a [String],
    /// Fields that the user names, which a header of a CSV file may hold.
    pub mapping: Option<&'a Mapping>,
    /// How plain text becomes documents.
    pub split: Split,
    /// Whether hidden files, and hidden members of archives, are read.
    pub hidden: bool,
    /// The output directory, which is left out.
    pub out: Option<&'a Path>,
    /// Where standard input is kept, `None` where it must not be read.
    pub stdin: Option<&'a Spool>,
}

/// What the arguments of a run lead to.
#[derive(Debug)]
pub struct Discovered {
    /// What is read, by name.
    pub sources: Vec<Source>,
    /// What is left out below them, by name.
    pub left: Vec<LeftOut>,
    /// Whether the output directory of the run lies among them.
    pub met_out: bool,
}

/// A file or directory that is not read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// What it would be called as a source; a directory ends with `/`.
    pub name: String,
    /// Why, as in the ledger.
    pub reason: &'static str,
    /// Size of a file in bytes, 0 of a directory, which is not looked into.
    pub bytes: u64,
}

/// Finds all files under `arguments` (files, directories, globs), by name. What a run writes is not
/// what it reads: its output directory is left out, and so is what prep wrote before.
///
/// # Errors
/// When an argument matches nothing or cannot be read.
pub fn discover(arguments: &[String], wishes: &Wishes) -> Result<Discovered> {
    let out = wishes.out.and_then(|out| out.canonicalize().ok());
    let rules = walk::Rules {
        hidden: wishes.hidden,
        out: out.as_deref(),
    };
    let (mut found, mut left, mut met_out) = (Named::new(), Named::new(), false);
    let mut reasons = BTreeMap::new();
    let mut stdin = None;
    for argument in arguments {
        if argument == STDIN {
            if stdin.is_none() {
                stdin = Some(take_stdin(wishes)?);
            }
            continue;
        }
        let walked = walk::expand(argument, rules)?;
        met_out |= walked.met_out;
        let is_nothing = walked.files.is_empty() && walked.left.is_empty() && !walked.met_out;
        if is_nothing && !Path::new(argument).exists() {
            bail!("{argument}: no such file, and as a pattern it matches nothing; check the path");
        }
        let files: Vec<_> = walked
            .files
            .into_par_iter()
            .map(|(root, path)| (root, canonical(&path), path))
            .collect();
        for (root, canonical, path) in files {
            if out.as_ref().is_some_and(|out| canonical.starts_with(out)) {
                met_out = true;
            } else {
                add(&mut found, &root, path, canonical);
            }
        }
        for (root, path, reason) in walked.left {
            reasons.insert(path.clone(), reason);
            let canonical = canonical(&path);
            add(&mut left, &root, path, canonical);
        }
    }
    // What one argument leaves out another may name.
    left.retain(|canonical, _| !found.contains_key(canonical));
    let mut sources = name_apart(found)
        .into_par_iter()
        .map(|(name, path)| open(name, path, wishes))
        .collect::<Vec<_>>();
    sources.extend(stdin);
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    let mut left: Vec<LeftOut> = name_apart(left)
        .into_iter()
        .map(|(name, path)| left_out(name, &path, reasons.get(&path).copied()))
        .collect();
    left.sort();
    if sources.is_empty() {
        bail!(
            "no files in {}{}; give files, directories or patterns",
            arguments.join(" "),
            if left.is_empty() {
                String::new()
            } else {
                format!(
                    " but what is left out ({}): --hidden reads hidden files, and an output of prep is read where it is a finished corpus and named itself",
                    left.iter()
                        .map(|left| left.name.as_str())
                        .take(3)
                        .collect::<Vec<_>>()
                        .join(", ")
                )
            }
        );
    }
    Ok(Discovered {
        sources,
        left,
        met_out,
    })
}

fn left_out(name: String, path: &Path, reason: Option<&'static str>) -> LeftOut {
    let about = std::fs::metadata(path).ok();
    let is_dir = about.as_ref().is_some_and(std::fs::Metadata::is_dir);
    LeftOut {
        name: if is_dir { name + "/" } else { name },
        reason: reason.unwrap_or(walk::HIDDEN),
        bytes: about.filter(|_| !is_dir).map_or(0, |about| about.len()),
    }
}

/// Looks into a file; one that cannot be read is a source whose format says why.
fn open(name: String, path: PathBuf, wishes: &Wishes) -> Source {
    let about = std::fs::metadata(&path).ok();
    let bytes = about.as_ref().map_or(0, std::fs::Metadata::len);
    let changed = about.as_ref().and_then(changed);
    let modified = about.and_then(|about| about.modified().ok());
    let look = match Sample::of_file(&path) {
        Ok(sample) => sample.look(&name, wishes, |codec| {
            (codec == Codec::Plain)
                .then(|| look::pieces(&path, bytes))
                .flatten()
        }),
        Err(error) => Look {
            codec: Codec::Plain,
            format: Err(Unread::format(format!(
                "the file cannot be read: {error:#}; fix the link or its permissions"
            ))),
            encoding: UTF8,
            dialect: None,
            lone_cr: false,
        },
    };
    Source {
        name,
        path,
        bytes,
        modified: modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok()),
        changed,
        codec: look.codec,
        format: look.format,
        encoding: look.encoding,
        forced: wishes.encoding,
        dialect: look.dialect,
        lone_cr: look.lone_cr,
        habits: OnceLock::new(),
        member_of: None,
    }
}

/// When a file's content, name or rights were last changed.
#[cfg(unix)]
fn changed(about: &std::fs::Metadata) -> Option<Duration> {
    use std::os::unix::fs::MetadataExt;
    let seconds = u64::try_from(about.ctime()).ok()?;
    let nanoseconds = u32::try_from(about.ctime_nsec()).ok()?;
    Some(Duration::new(seconds, nanoseconds))
}

/// Not known on this platform.
#[cfg(not(unix))]
fn changed(_: &std::fs::Metadata) -> Option<Duration> {
    None
}

/// Keeps all of standard input in the output directory: it can be read only once, and looking into
/// it, reading Parquet from it and finding out whether it changed need more than that.
fn take_stdin(wishes: &Wishes) -> Result<Source> {
    let Some(spool) = wishes.stdin else {
        bail!(
            "standard input can be read only once, and --dry-run would use it up; save it to a file"
        );
    };
    let mut stdin = std::io::stdin().lock();
    ensure!(
        !stdin.is_terminal(),
        "standard input is the terminal; pipe something into `prep ingest -`"
    );
    // A directory that is no run's is refused before a copy fills it.
    if let Some(out) = wishes.out {
        run_dir::check_ours(out)?;
    }
    let (path, mut file) = spool.create("stdin")?;
    spool::copy(&mut stdin, &mut file).context("cannot keep standard input")?;
    let mut source = open(STDIN.to_owned(), path, wishes);
    // The copy's time is that of the run.
    (source.modified, source.changed) = (None, None);
    Ok(source)
}

/// The paths in a list: one a line, or separated by zero bytes as `find -print0` writes them. `-`
/// is standard input.
///
/// # Errors
/// When the list cannot be read, or names a file that does not exist; says on which line.
pub fn read_list(list: &str) -> Result<Vec<String>> {
    let mut bytes = Vec::new();
    let read = if list == STDIN {
        std::io::stdin()
            .lock()
            .take(MAX_LIST_BYTES)
            .read_to_end(&mut bytes)
    } else {
        std::fs::File::open(list).and_then(|file| file.take(MAX_LIST_BYTES).read_to_end(&mut bytes))
    };
    read.with_context(|| format!("cannot read the list of files {list}"))?;
    ensure!(
        (bytes.len() as u64) < MAX_LIST_BYTES,
        "the list of files {list} is longer than 256 MiB; give the directories instead"
    );
    let separator = if bytes.contains(&0) { 0 } else { b'\n' };
    let mut paths = Vec::new();
    for (number, line) in bytes.split(|byte| *byte == separator).enumerate() {
        let line = if separator == b'\n' {
            line.strip_suffix(b"\r").unwrap_or(line)
        } else {
            line
        };
        if line.trim_ascii().is_empty() {
            continue;
        }
        let path = std::str::from_utf8(line).ok().with_context(|| {
            format!(
                "{list}: path {} is no UTF-8; give its directory instead",
                number + 1
            )
        })?;
        ensure!(
            path != STDIN && std::fs::symlink_metadata(path).is_ok(),
            "{list}: path {} is {path}, and there is no such file; check the list",
            number + 1
        );
        paths.push(path.to_owned());
    }
    ensure!(!paths.is_empty(), "the list of files {list} is empty");
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(arguments: &[&Path]) -> Vec<String> {
        let arguments: Vec<String> = arguments
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        discover(&arguments, &Wishes::default())
            .expect("found")
            .sources
            .into_iter()
            .map(|source| source.name)
            .collect()
    }

    #[test]
    fn names_are_short_sorted_and_never_shared() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for path in [
            "x/data/b.txt",
            "x/data/sub/a.txt",
            "y/data/b.txt",
            "x/data/.hidden.txt",
        ] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().expect("has a parent")).expect("creates");
            std::fs::write(path, "text").expect("writes");
        }
        let x = dir.path().join("x/data");
        assert_eq!(names(&[&x]), ["data/b.txt", "data/sub/a.txt"]);
        assert_eq!(
            names(&[&x, &x.join("b.txt")]),
            ["data/b.txt", "data/sub/a.txt"]
        );
        assert_eq!(
            names(&[&x.join("b.txt"), &x]),
            ["data/b.txt", "data/sub/a.txt"]
        );
        assert_eq!(names(&[&x.join("sub/a.txt")]), ["a.txt"]);
        assert_eq!(names(&[&x.join("*.txt")]), ["b.txt"]);
        let y = dir.path().join("y/data");
        assert_eq!(
            names(&[&y, &x]),
            ["data/sub/a.txt", "x/data/b.txt", "y/data/b.txt"]
        );
        assert_eq!(names(&[&x.join("**/*.txt")]), ["a.txt", "b.txt"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_to_directories_around_them_and_pipes_are_no_files() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let data = dir.path().join("data");
        std::fs::create_dir(&data).expect("creates");
        std::fs::write(data.join("имя файла\n.txt"), "text").expect("writes");
        std::os::unix::fs::symlink(&data, data.join("loop")).expect("links");
        assert_eq!(names(&[&data]), ["data/имя файла\n.txt"]);
        let pipe = dir.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.expect("mkfifo runs").success());
        let error = discover(&[pipe.display().to_string()], &Wishes::default());
        let message = error.expect_err("fails").to_string();
        assert!(message.contains("prep ingest - <"), "{message}");
    }

    /// The cache of the Hugging Face hub: names are links to files called by their checksums.
    #[cfg(unix)]
    #[test]
    fn a_link_is_called_as_it_is_and_its_file_is_read_once() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let hub = dir.path().join("hub");
        for folder in ["blobs", "snapshots/1a"] {
            std::fs::create_dir_all(hub.join(folder)).expect("creates");
        }
        let link = |to: &str, name: &str| {
            std::os::unix::fs::symlink(to, hub.join("snapshots/1a").join(name)).expect("links");
        };
        std::fs::write(hub.join("blobs/77aa"), "<html><p>Привет.</p></html>").expect("writes");
        std::fs::write(hub.join("blobs/88bb"), "question,answer\n1,2\n").expect("writes");
        link("../../blobs/77aa", "page.html");
        link("../../blobs/88bb", "train.csv");
        let one = hub.join("snapshots/1a/train.csv");
        assert_eq!(names(&[&one]), ["train.csv"]);
        assert_eq!(
            names(&[&hub.join("snapshots/1a")]),
            ["1a/page.html", "1a/train.csv"]
        );
        let both = ["hub/snapshots/1a/page.html", "hub/snapshots/1a/train.csv"];
        assert_eq!(names(&[&hub]), both, "its blobs are the same files");
        assert_eq!(names(&[&hub.join("blobs/88bb"), &one]), ["train.csv"]);
        assert_eq!(names(&[&one, &hub.join("blobs/88bb")]), ["train.csv"]);
        assert_eq!(
            names(&[&hub.join("blobs/../snapshots/1a/page.html")]),
            ["page.html"]
        );
        // A link whose name says no more than the file's own does not rename it.
        std::fs::write(dir.path().join("a.txt"), "text").expect("writes");
        std::os::unix::fs::symlink(dir.path().join("a.txt"), hub.join("b.txt")).expect("links");
        assert_eq!(
            names(&[&dir.path().join("a.txt"), &hub.join("b.txt")]),
            ["a.txt"]
        );
        assert_eq!(
            names(&[&hub.join("b.txt"), &dir.path().join("a.txt")]),
            ["a.txt"]
        );
    }

    #[test]
    fn a_missing_path_is_an_error_that_names_it() {
        let error =
            discover(&["no/such/file.txt".to_owned()], &Wishes::default()).expect_err("fails");
        assert!(error.to_string().contains("no/such/file.txt"));
    }
}
