//! A directory below the system's temporary one that goes when its owner does, however that ends.
//!
//! Beside each stands a locked file. A process that was killed leaves both, unlocked, and the next
//! scratch directory that any prep makes clears them away.

use anyhow::{Context, Result, bail};
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

const PREFIX: &str = "prep-scratch-";
const LOCK: &str = "lock";
/// Names that are tried.
const TRIES: u32 = 100;

/// The directory; dropping it removes it.
#[derive(Debug)]
pub struct Scratch {
    dir: PathBuf,
    lock: PathBuf,
    // Locked as long as this lives.
    _held: File,
}

impl Scratch {
    /// An empty directory. Removes those of processes that are gone.
    ///
    /// # Errors
    /// When the temporary directory cannot be written.
    pub fn new() -> Result<Self> {
        Self::below(&std::env::temp_dir())
    }

    fn below(parent: &Path) -> Result<Self> {
        clear(parent);
        for number in 0..TRIES {
            let name = format!("{PREFIX}{}-{number}", std::process::id());
            let dir = parent.join(&name);
            let lock = dir.with_extension(LOCK);
            let held = OpenOptions::new().write(true).create_new(true).open(&lock);
            let held = match held {
                Ok(held) => held,
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
                Err(error) => {
                    return Err(error).with_context(|| {
                        format!(
                            "cannot write {}; TMPDIR names another place",
                            lock.display()
                        )
                    });
                }
            };
            if held.try_lock().is_err() || dir.exists() {
                continue;
            }
            std::fs::create_dir(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
            return Ok(Self {
                dir,
                lock,
                _held: held,
            });
        }
        bail!(
            "{} has no free name for a temporary directory",
            parent.display()
        )
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.dir
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is cleared away by the next one.
        let _ = std::fs::remove_dir_all(&self.dir);
        let _ = std::fs::remove_file(&self.lock);
    }
}

/// Removes what killed processes left.
fn clear(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let lock = entry.path();
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if !ours || lock.extension().is_none_or(|end| end != LOCK) {
            continue;
        }
        let Ok(held) = OpenOptions::new().write(true).open(&lock) else {
            continue;
        };
        if held.try_lock().is_ok() {
            let _ = std::fs::remove_dir_all(lock.with_extension(""));
            let _ = std::fs::remove_file(&lock);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_goes_with_its_owner_and_one_of_a_killed_process_with_the_next() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let left = place.path().join("prep-scratch-1-0");
        std::fs::create_dir(&left).expect("makes");
        std::fs::write(left.join("file"), "x").expect("writes");
        std::fs::write(left.with_extension("lock"), "").expect("writes");
        let one = Scratch::below(place.path()).expect("a scratch directory");
        assert!(!left.exists() && one.path().is_dir());
        let two = Scratch::below(place.path()).expect("another");
        assert!(one.path().is_dir(), "its owner lives");
        assert_ne!(one.path(), two.path());
        drop((one, two));
        let rest = std::fs::read_dir(place.path()).expect("reads").count();
        assert_eq!(rest, 0);
    }
}
