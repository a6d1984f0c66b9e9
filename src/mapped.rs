//! Files as memory: the one place that maps them.
//!
//! A mapped file costs the pages that are looked at. It must not be cut short while it is mapped:
//! prep writes under temporary names and renames, and a source that others cut under way ends the
//! run, which goes on when the same command is given again.

use anyhow::{Context, Result};
use arrow::buffer::Buffer;
use memmap2::Mmap;
use std::fs::File;
use std::ptr::NonNull;
use std::sync::Arc;

/// The bytes of `file` as an Arrow buffer, which is not copied.
///
/// # Errors
/// When it cannot be mapped, or is empty.
pub fn buffer(file: &File) -> Result<Buffer> {
    // SAFETY: the file is not cut short or rewritten while it is mapped, as the module's head says.
    let map = unsafe { Mmap::map(file) }.context("cannot be mapped")?;
    let pointer = NonNull::new(map.as_ptr().cast_mut())
        .filter(|_| !map.is_empty())
        .context("is empty")?;
    let length = map.len();
    // SAFETY: pointer and length are those of the map, which the Arc keeps alive.
    Ok(unsafe { Buffer::from_custom_allocation(pointer, length, Arc::new(map)) })
}
