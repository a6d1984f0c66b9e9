//! What stands in a working directory: finished directories and unfinished runs, and what to run next.
//!
//! Reads manifests and states alone, never documents or tokens, of directories two levels below at most. In
//! a directory of prep itself it is that one, and nothing below is looked at: the folders in it are parts.

use crate::corpus::CorpusManifest;
use crate::document::id::hash_file;
use crate::run_dir::{self, Kind};
use crate::shard::{ShardManifest, labels, origins, pairs};
use anyhow::Result;
use serde::Serialize;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Levels of directories that are looked at.
const DEPTH: usize = 2;
/// Directories that are looked at; a disk of them is not searched.
const MOST_DIRECTORIES: usize = 2_000;
/// Folders of a shard directory: no directories of prep, though pairs have a manifest.
const PARTS: [&str; 3] = [pairs::FOLDER, labels::FOLDER, origins::FOLDER];
/// Endings of files that people have texts in, for advice where nothing stands yet.
const RAW: [&str; 12] = [
    "txt", "md", "html", "htm", "jsonl", "json", "csv", "tsv", "parquet", "arrow", "warc", "zip",
];

/// What a directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A run that did not end.
    Unfinished,
    /// Documents.
    Corpus,
    /// A tokenizer that prep trained.
    Tokenizer,
    /// Token shards.
    Shards,
    /// A model.
    Model,
    /// Models that were trained on the same shards and compared.
    Contest,
    /// Its manifest cannot be read.
    Damaged,
}

impl What {
    /// In a word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unfinished => "unfinished",
            Self::Corpus => "corpus",
            Self::Tokenizer => "tokenizer",
            Self::Shards => "shards",
            Self::Model => "model",
            Self::Contest => "contest",
            Self::Damaged => "damaged",
        }
    }
}

/// One directory.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// Relative to the directory that was looked at.
    pub path: PathBuf,
    /// What it is.
    pub what: What,
    /// The command that writes it, as `tokenizer train`; `None` where its files do not say.
    pub command: Option<String>,
    /// Documents in it.
    pub documents: Option<u64>,
    /// Tokens in it, of both splits; of a model those that it learned from.
    pub tokens: Option<u64>,
    /// Bytes of its files that the manifest lists.
    pub bytes: Option<u64>,
    /// Loss on the validation split, in nats a token.
    pub val_loss: Option<f64>,
    /// xxh3-128 of the manifest.
    #[serde(skip)]
    hash: Option<String>,
    /// Hashes of the manifests of what it was made from.
    #[serde(skip)]
    made_from: Vec<String>,
}

impl Found {
    fn new(path: &Path, what: What) -> Self {
        Self {
            path: path.to_owned(),
            what,
            command: None,
            documents: None,
            tokens: None,
            bytes: None,
            val_loss: None,
            hash: None,
            made_from: Vec::new(),
        }
    }
}

/// What stands in a directory, and what follows.
#[derive(Clone, Debug, Serialize)]
pub struct Workspace {
    /// Always `status`.
    pub command: &'static str,
    /// Directories of prep, in the order of the path: unfinished, corpora, tokenizers, shards, models.
    pub found: Vec<Found>,
    /// Files with endings that `prep ingest` knows, at the top.
    pub raw_files: u64,
    /// Whether there were more directories than are looked at.
    pub cut_short: bool,
    /// The command to run next.
    pub next: String,
}

/// Looks at `root`.
///
/// # Errors
/// When the directory itself cannot be read.
pub fn look(root: &Path) -> Result<Workspace> {
    let mut workspace = Workspace {
        command: "status",
        found: Vec::new(),
        raw_files: 0,
        cut_short: false,
        next: String::new(),
    };
    if let Some(dir) = run_around(root) {
        workspace.found.push(read(root, dir));
        workspace.next = next(&workspace, root);
        return Ok(workspace);
    }
    let (mut level, mut seen) = (vec![PathBuf::new()], 0);
    for depth in 0..=DEPTH {
        let mut below = Vec::new();
        for dir in &level {
            if depth > 0 && is_run(&root.join(dir)) {
                if !is_orphan(&root.join(dir)) {
                    workspace.found.push(read(root, dir));
                }
                continue;
            }
            let entries = match std::fs::read_dir(root.join(dir)) {
                Ok(entries) => entries,
                Err(error) if depth == 0 => return Err(error.into()),
                // A directory of somebody else.
                Err(_) => continue,
            };
            for entry in entries.flatten() {
                let name = entry.file_name();
                let hidden = name.to_string_lossy().starts_with('.');
                let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
                if is_dir && !hidden {
                    below.push(dir.join(&name));
                } else if depth == 0 && !hidden {
                    let ending = Path::new(&name).extension();
                    let known = ending.is_some_and(|end| RAW.iter().any(|raw| end == *raw));
                    workspace.raw_files += u64::from(known);
                }
            }
        }
        below.sort();
        seen += below.len();
        if seen > MOST_DIRECTORIES {
            below.truncate(below.len().saturating_sub(seen - MOST_DIRECTORIES));
            workspace.cut_short = true;
        }
        level = below;
    }
    // `Path` compares by component, which is the same on every machine.
    (workspace.found).sort_by(|a, b| (a.what, &a.path).cmp(&(b.what, &b.path)));
    workspace.next = next(&workspace, root);
    Ok(workspace)
}

/// The directory of prep that `root` is (`.`), or that it is a folder of (`..`).
fn run_around(root: &Path) -> Option<&'static Path> {
    let whole = root.canonicalize().ok()?;
    let above = whole.parent().filter(|_| is_named_as_part(&whole));
    if above.is_some_and(is_of_prep) {
        return Some(Path::new(".."));
    }
    (is_of_prep(&whole) && !is_orphan(&whole)).then_some(Path::new("."))
}

fn is_named_as_part(dir: &Path) -> bool {
    let name = dir.file_name();
    name.is_some_and(|name| PARTS.iter().any(|part| name == *part))
}

/// Whether `dir` has the manifest of shards and is but a part of some that are gone.
fn is_orphan(dir: &Path) -> bool {
    let is_shards = || run_dir::kind(dir).is_ok_and(|kind| kind == Kind::Shards);
    is_named_as_part(dir) && is_shards() && !dir.join("tokenizer.json").is_file()
}

/// Whether a run of prep wrote `dir`; a stranger's manifest.json makes no run where somebody works.
fn is_of_prep(dir: &Path) -> bool {
    let manifest = json(&run_dir::manifest_path(dir));
    let state = json(&run_dir::state_path(dir));
    let format = manifest.as_ref().and_then(|found| found["format"].as_str());
    format.is_some_and(|format| format.starts_with("prep-"))
        || state.is_some_and(|state| state.get("config").is_some())
}

fn is_run(dir: &Path) -> bool {
    run_dir::manifest_path(dir).is_file() || run_dir::state_path(dir).is_file()
}

fn json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn read(root: &Path, dir: &Path) -> Found {
    let full = root.join(dir);
    let manifest = run_dir::manifest_path(&full);
    if !manifest.is_file() {
        let state = json(&run_dir::state_path(&full));
        let mut found = Found::new(dir, What::Unfinished);
        found.command = state.and_then(|state| command_of(&state["config"]));
        return found;
    }
    finished(&full, dir).unwrap_or_else(|| Found::new(dir, What::Damaged))
}

/// Which command has such a configuration.
fn command_of(config: &Value) -> Option<String> {
    let named = config["command"].as_str().map(str::to_owned);
    named.or_else(|| {
        let has = |key: &str| config.get(key).is_some();
        let name = match () {
            () if has("training") => "tokenizer train",
            () if has("learning_rate") || has("seq_len") => "train",
            () if has("corpora") || has("inputs") => "reshard",
            () => return None,
        };
        Some(name.to_owned())
    })
}

fn finished(full: &Path, dir: &Path) -> Option<Found> {
    let path = run_dir::manifest_path(full);
    let hash = hash_file(&path).ok();
    let value = json(&path)?;
    if value["format"] == "prep-tokenizer" {
        let mut found = Found::new(dir, What::Tokenizer);
        found.command = Some("tokenizer train".to_owned());
        return Some(found);
    }
    if value["format"] == "prep-contest" {
        let mut found = Found::new(dir, What::Contest);
        found.command = Some("contest".to_owned());
        return Some(found);
    }
    let mut found = match run_dir::kind(full).ok()? {
        Kind::Corpus => {
            let manifest = CorpusManifest::read(full).ok()?;
            let mut found = Found::new(dir, What::Corpus);
            let parts = manifest.documents.iter();
            found.documents = Some(parts.clone().map(|part| part.rows).sum());
            found.bytes = Some(parts.map(|part| part.bytes).sum());
            found
        }
        Kind::Shards => {
            let manifest = ShardManifest::read(full).ok()?;
            let mut found = Found::new(dir, What::Shards);
            let splits = [&manifest.train, &manifest.val];
            found.documents = Some(splits.iter().map(|split| split.documents).sum());
            found.tokens = Some(splits.iter().map(|split| split.tokens).sum());
            let shards = splits.iter().flat_map(|split| &split.shards);
            found.bytes = Some(shards.map(|shard| shard.bytes).sum());
            found.made_from = manifest.corpora().map(str::to_owned).collect();
            found
        }
        Kind::Model => {
            let mut found = Found::new(dir, What::Model);
            found.tokens = value["report"]["counted_tokens"].as_u64();
            found.val_loss = value["report"]["val_loss"].as_f64();
            let files = value["files"].as_array().into_iter().flatten();
            found.bytes = Some(files.filter_map(|file| file["bytes"].as_u64()).sum());
            // One shard directory is named by the hash of its manifest, several in a list.
            let shards = value["config"]["shards"].as_str().unwrap_or_default();
            let names = shards.split(|c: char| !c.is_ascii_hexdigit());
            found.made_from = names
                .filter(|name| name.len() == 32)
                .map(str::to_owned)
                .collect();
            found
        }
    };
    found.command = command_of(&value["config"]).or_else(|| match found.what {
        What::Model => Some("train".to_owned()),
        _ => None,
    });
    found.hash = hash;
    Some(found)
}

/// The first step that has not been made.
fn next(workspace: &Workspace, root: &Path) -> String {
    let of = |what: What| {
        workspace
            .found
            .iter()
            .filter(move |found| found.what == what)
    };
    let shown = |found: &Found| found.path.display().to_string();
    if let Some(run) = of(What::Unfinished).next() {
        let command = run.command.as_deref().unwrap_or("COMMAND");
        return format!(
            "prep {command} … --out {}   (the command that began it goes on where it was)",
            shown(run)
        );
    }
    // The newest step whose result nothing was made from.
    let unused = |what: What, by: What| {
        of(what).find(|found| {
            let uses = |other: &Found| {
                found
                    .hash
                    .as_ref()
                    .is_some_and(|hash| other.made_from.contains(hash))
            };
            !of(by).any(uses)
        })
    };
    if let Some(shards) = unused(What::Shards, What::Model) {
        let free = free_name(workspace, root, "model");
        return format!(
            "prep train {} --out {free} --model llama-15m",
            shown(shards)
        );
    }
    if let Some(corpus) = unused(What::Corpus, What::Shards) {
        let free = free_name(workspace, root, "shards");
        return format!("prep shard {} --out {free}", shown(corpus));
    }
    if let Some(model) = of(What::Model).next_back() {
        return format!("prep generate {} \"…\"", shown(model));
    }
    if workspace.raw_files > 0 {
        return "prep ingest . --out corpus   (prep ingest . --dry-run shows how each file would be read)".to_owned();
    }
    "prep ingest SOURCE... --out corpus".to_owned()
}

/// `model`, or `model-2` where that is taken; beside the directory of prep where somebody is in one.
fn free_name(workspace: &Workspace, root: &Path, name: &str) -> String {
    let around = workspace.found.iter().map(|found| found.path.as_path());
    let beside = around.fold("", |beside, path| match path.to_str() {
        Some(".") => "../",
        Some("..") => "../../",
        _ => beside,
    });
    let taken = |name: &str| {
        let mut found = workspace.found.iter();
        found.any(|found| found.path == Path::new(name))
            || (!beside.is_empty() && root.join(name).exists())
    };
    let numbered = (2..).map(|number| format!("{beside}{name}-{number}"));
    let mut names = std::iter::once(format!("{beside}{name}")).chain(numbered);
    names.find(|name| !taken(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_did_not_end_comes_first_and_foreign_directories_are_passed_over() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let root = place.path();
        assert_eq!(
            look(root).expect("reads").next,
            "prep ingest SOURCE... --out corpus"
        );
        std::fs::write(root.join("book.txt"), "text").expect("writes");
        assert!(
            look(root)
                .expect("reads")
                .next
                .starts_with("prep ingest . --out corpus")
        );
        for (dir, file, text) in [
            (
                "a/deep/run",
                "state.json",
                r#"{"config": {"command": "shard"}}"#,
            ),
            ("far/too/deep", "state.json", "{}"),
            ("run", "state.json", r#"{"config": {"command": "ingest"}}"#),
            ("other", "manifest.json", r#"{"format": "else"}"#),
        ] {
            std::fs::create_dir_all(root.join(dir)).expect("makes");
            std::fs::write(root.join(dir).join(file), text).expect("writes");
        }
        let found = look(root).expect("reads");
        let whats: Vec<_> = (found.found.iter())
            .map(|found| (found.path.to_str().expect("UTF-8"), found.what))
            .collect();
        assert_eq!(whats, [("run", What::Unfinished), ("other", What::Damaged)]);
        assert!(
            found.next.starts_with("prep ingest … --out run"),
            "{}",
            found.next
        );
    }

    #[test]
    fn in_a_directory_of_prep_it_is_that_one_and_its_folders_are_parts() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let run = place.path().join("run");
        let pairs = run.join(pairs::FOLDER);
        std::fs::create_dir_all(&pairs).expect("makes");
        let manifest = |dir: &Path| run_dir::manifest_path(dir);
        std::fs::write(manifest(&pairs), r#"{"format": "prep-shards"}"#).expect("writes");
        // Without the manifest of the shards it is still no shard directory.
        assert!(look(&run).expect("reads").found.is_empty());
        let state = r#"{"config": {"command": "shard"}}"#;
        std::fs::write(run_dir::state_path(&run), state).expect("writes");
        for (inside, shown) in [(&run, "."), (&pairs, "..")] {
            let found = look(inside).expect("reads");
            let next = format!("prep shard … --out {shown} ");
            assert!(found.next.starts_with(&next), "{}", found.next);
            assert_eq!(found.found.len(), 1);
        }
        // A stranger's manifest.json where somebody works is nothing to prep.
        std::fs::write(manifest(place.path()), r#"{"name": "app"}"#).expect("writes");
        let found = look(place.path()).expect("reads");
        assert_eq!(found.found[0].path, Path::new("run"));
    }
}
