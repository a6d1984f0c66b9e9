//! What the tests share: the command builder, readers of what `prep` writes, made-up corpora.

pub mod archives;
pub mod command;
pub mod corpus;
pub mod made_up;
pub mod removed;
pub mod shapes;
pub mod shards;
pub mod training;
pub mod tree;

pub use command::Prep;
use std::path::{Path, PathBuf};

/// The repository's file or directory of that path.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The fixture of that path.
pub fn fixture(path: &str) -> PathBuf {
    repository("fixtures").join(path)
}

/// Russian text in windows-1251.
pub fn cp1251(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| match c {
            'А'..='я' => (c as u32 - 0x410 + 0xc0) as u8,
            'ё' => 0xb8,
            '©' => 0xa9,
            c => c as u8,
        })
        .collect()
}

/// A directory that goes when the test ends.
pub fn place() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// The whole of a file.
pub fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Writes a file.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::write(path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// A JSON file.
pub fn read_json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&read(path))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
