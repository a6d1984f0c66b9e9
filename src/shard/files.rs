//! Files of full shards, made here or in a thread of their own while the next shard is filled.

use super::format;
use super::manifest::ShardEntry;
use crate::atomic;
use crate::document::id::hex_hash;
use anyhow::{Result, bail};
use arrow::array::RecordBatch;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

/// A thread that makes files of full shards while the next one is filled.
pub(super) struct Files {
    full: Option<SyncSender<Full>>,
    thread: Option<JoinHandle<Result<Vec<ShardEntry>>>>,
}

/// A shard that is full.
pub(super) struct Full {
    pub(super) dir: PathBuf,
    pub(super) file: String,
    pub(super) batch: RecordBatch,
    /// Bytes of the file.
    pub(super) bytes: u64,
    pub(super) tokens: u64,
}

impl Files {
    /// A thread that makes files.
    pub(super) fn beside() -> Self {
        // None waits: filling a shard takes as long as writing one.
        let (full, waiting) = sync_channel::<Full>(0);
        let thread = std::thread::spawn(move || waiting.into_iter().map(Full::write).collect());
        Self {
            full: Some(full),
            thread: Some(thread),
        }
    }

    /// Has a file made of a full shard, when the one before it is made.
    pub(super) fn write(&mut self, full: Full) -> Result<()> {
        let sent = self.full.as_ref().map(|files| files.send(full));
        if !matches!(sent, Some(Ok(()))) {
            // A thread that ended has an error to tell.
            self.join()?;
            bail!("the thread that makes shards ended; this is a bug of prep");
        }
        Ok(())
    }

    /// Waits for the files that are being made, and says what they hold.
    pub(super) fn join(&mut self) -> Result<Vec<ShardEntry>> {
        drop(self.full.take());
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(entries)) => entries,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => Ok(Vec::new()),
        }
    }
}

impl Drop for Files {
    /// A run that fails leaves no file half made.
    fn drop(&mut self) {
        drop(self.full.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Full {
    /// Makes the file, unless an interrupted run has made it.
    pub(super) fn write(self) -> Result<ShardEntry> {
        let mut bytes = Vec::with_capacity(self.bytes as usize);
        format::write_batch(&mut bytes, &self.batch)?;
        assert_eq!(
            bytes.len() as u64,
            self.bytes,
            "the size of a shard is known before it is written"
        );
        let path = self.dir.join(&self.file);
        let xxh3 = hex_hash(&bytes);
        if !already_written(&path, self.bytes, &xxh3) {
            atomic::write_with(&path, |out| Ok(out.write_all(&bytes)?))?;
        }
        Ok(ShardEntry {
            file: self.file,
            bytes: self.bytes,
            tokens: self.tokens,
            rows: self.batch.num_rows() as u64,
            xxh3,
        })
    }
}

/// Whether an interrupted run left exactly these bytes.
fn already_written(path: &Path, bytes: u64, xxh3: &str) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.len() == bytes)
        && std::fs::read(path).is_ok_and(|found| hex_hash(&found) == xxh3)
}
