//! Directories as a map from path to content, to be compared.

use std::collections::BTreeMap;
use std::path::Path;

/// Every file below `dir`, hidden and temporary ones included: its size and xxh3-128.
pub fn of(dir: &Path) -> BTreeMap<String, (u64, String)> {
    let mut files = BTreeMap::new();
    for entry in walkdir::WalkDir::new(dir) {
        let entry = entry.unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
        let name = entry
            .path()
            .strip_prefix(dir)
            .expect("is below")
            .display()
            .to_string();
        if entry.file_type().is_dir() {
            // Empty directories count, too.
            files.insert(format!("{name}/"), (0, String::new()));
        } else {
            let bytes = super::read(entry.path());
            let hash = prep::document::id::hex_hash(&bytes);
            files.insert(name, (bytes.len() as u64, hash));
        }
    }
    files
}

/// Asserts that two directories hold the same bytes under the same names.
pub fn assert_same(a: &Path, b: &Path) {
    let (left, right) = (of(a), of(b));
    for name in left.keys().chain(right.keys()) {
        assert_eq!(
            left.get(name),
            right.get(name),
            "{name} differs between {} and {}",
            a.display(),
            b.display()
        );
    }
}
