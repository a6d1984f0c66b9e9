//! Files between the stages of a shard run: Arrow streams in `work/`, whole or absent.
//!
//! A stage's file for a part is its restart point: where it stands, the work is done.

use crate::atomic::{AtomicFile, Written, cannot_write};
use anyhow::{Context, Result};
use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// The work directory of a run.
#[derive(Clone, Debug)]
pub struct Work {
    dir: PathBuf,
}

impl Work {
    /// The work directory in `out`, made if it is missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(out: &Path) -> Result<Self> {
        let dir = out.join("work");
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        Ok(Self { dir })
    }

    /// The file of `stage` for part `part`.
    #[must_use]
    pub fn part(&self, stage: &str, part: usize) -> PathBuf {
        self.dir.join(format!("{stage}-{part:05}"))
    }

    /// A file of the whole run.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Removes everything: the run is finished.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self) -> Result<()> {
        std::fs::remove_dir_all(&self.dir)
            .with_context(|| format!("cannot remove {}", self.dir.display()))
    }
}

/// Writes batches, one after the other, into a file that appears when it is whole.
pub struct BatchWriter {
    path: PathBuf,
    writer: Option<StreamWriter<AtomicFile>>,
}

impl BatchWriter {
    /// A writer of `path`.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, writer: None }
    }

    /// Appends `batch`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let failed = || cannot_write(&self.path);
        let writer = if let Some(writer) = &mut self.writer {
            writer
        } else {
            let file = AtomicFile::create(&self.path)?;
            let writer = StreamWriter::try_new(file, &batch.schema());
            self.writer.insert(writer.with_context(failed)?)
        };
        writer.write(batch).with_context(failed)
    }

    /// Ends the file and says what is in it; without batches it is empty, which reads as no batches.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn commit(self) -> Result<Written> {
        match self.writer {
            Some(writer) => {
                let file = writer.into_inner();
                file.with_context(|| cannot_write(&self.path))?.commit()
            }
            None => AtomicFile::create(&self.path)?.commit(),
        }
    }
}

/// The batches of `path`, read one at a time.
///
/// # Errors
/// When it cannot be opened or is damaged.
pub fn read(path: &Path) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<>> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let empty = file.metadata()?.len() == 0;
    let reader = if empty {
        None
    } else {
        Some(StreamReader::try_new(
            BufReader::with_capacity(1 << 20, file),
            None,
        )?)
    };
    Ok(reader.into_iter().flatten().map(|batch| Ok(batch?)))
}
