//! `--dry-run --batches FILE`: what every step would learn from, for people and for other loaders.

use std::{io::Write, path::Path};

use anyhow::Result;
use serde_json::json;

use crate::{
    atomic, interrupt,
    train::{Loader, Options},
};

/// The label of what the loss does not count, as `PyTorch` and transformers have it.
const NOT_COUNTED: i64 = -100;

/// Writes a JSON line for each sequence of each step: `step`, from 1, `input_ids`, `labels` and
/// `position_ids`, which begin anew with each document and with the padding.
///
/// # Errors
/// When the file cannot be written, or on an interrupt.
pub fn write(path: &Path, loader: &Loader<'_>, options: &Options) -> Result<()> {
    let each = options.sequences;
    atomic::write_with(path, |out| {
        for step in 1..=options.schedule.steps {
            interrupt::check()?;
            let data = loader.samples((step - 1) * each as u64, each);
            for sequence in 0..data.count() {
                let rows = sequence * data.seq..(sequence + 1) * data.seq;
                let labels = rows.clone().map(|row| {
                    if data.counted[row] {
                        i64::from(data.targets[row])
                    } else {
                        NOT_COUNTED
                    }
                });
                let positions = rows
                    .clone()
                    .zip(0..)
                    .map(|(row, at): (_, u32)| at - data.starts[row]);
                let line = json!({
                    "step": step,
                    "input_ids": data.ids[rows.clone()],
                    "labels": labels.collect::<Vec<_>>(),
                    "position_ids": positions.collect::<Vec<_>>(),
                });
                serde_json::to_writer(&mut *out, &line)?;
                out.write_all(b"\n")?;
            }
        }
        Ok(())
    })
}
