//! Rows of an Arrow IPC file (`.arrow`, Feather 2) or stream.
//!
//! The file is mapped, so that a record batch of any size costs the pages that are looked at and not
//! its length in memory. An IPC file is a stream between a mark and a footer, so both are read as a
//! stream, in the order of their batches.

use super::arrow_inflate::inflate;
use super::blocks::{Block, Reading, Stop};
use super::source::Source;
use crate::mapped;
use anyhow::{Context, Result, anyhow};
use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::ipc::reader::StreamDecoder;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What an IPC file begins with; eight bytes with its padding.
pub const MAGIC: &[u8] = b"ARROW1";
/// Bytes of rows that a block aims at.
const ROWS_BYTES: usize = 1 << 20;

/// Sends the rows of `file`.
///
/// # Errors
/// When it is no Arrow file, or nobody wants more.
pub fn read(reading: &Reading, source: &Arc<Source>, file: &File) -> Result<(), Stop> {
    let mut buffer = mapped::buffer(file).context("is no readable Arrow file")?;
    if buffer.starts_with(MAGIC) {
        buffer.advance(8.min(buffer.len()));
        // Some writers fill up to 64 bytes.
        for _ in 0..7 {
            if buffer.starts_with(&[0; 8]) {
                buffer.advance(8);
            }
        }
    }
    let mut decoder = StreamDecoder::new();
    let mut row = 1;
    loop {
        match next(&mut decoder, &mut buffer) {
            Ok(Some((batch, bytes))) => {
                send(reading, source, &batch, bytes, row)?;
                row += batch.num_rows() as u64;
            }
            Ok(None) => return Ok(()),
            Err(error) => {
                let error = format!("the Arrow file is damaged or cut off: {error:#}");
                return reading.unreadable(source, row, error);
            }
        }
    }
}

/// The next record batch with its bytes, `None` behind the last.
fn next(decoder: &mut StreamDecoder, buffer: &mut Buffer) -> Result<Option<(RecordBatch, usize)>> {
    if buffer.is_empty() || is_end(buffer) {
        decoder.finish()?;
        return Ok(None);
    }
    let before = buffer.len();
    // A damaged header may name a type that the decoder does not foresee.
    let decoded = catch_unwind(AssertUnwindSafe(|| decode_one(decoder, buffer)));
    match decoded {
        Ok(Ok(None)) if buffer.is_empty() || buffer.len() == before => {
            decoder.finish()?;
            Ok(None)
        }
        Ok(decoded) => decoded,
        Err(_) => Err(anyhow!("it holds what this version cannot decode")),
    }
}

/// Whether the mark of the end of the stream comes next; a footer may follow it.
fn is_end(buffer: &Buffer) -> bool {
    buffer.starts_with(&[0; 4]) || buffer.starts_with(&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])
}

/// Decodes message after message until one is a batch; the footer of a file is not touched.
fn decode_one(
    decoder: &mut StreamDecoder,
    buffer: &mut Buffer,
) -> Result<Option<(RecordBatch, usize)>> {
    while !buffer.is_empty() && !is_end(buffer) {
        let mut message = take_message(buffer)?;
        let bytes = message.len();
        if let Some(batch) = decoder.decode(&mut message)? {
            return Ok(Some((batch, bytes)));
        }
    }
    Ok(None)
}

/// Takes the message that `buffer` begins with: its frame, its header and its body, without
/// compression.
fn take_message(buffer: &mut Buffer) -> Result<Buffer> {
    let word = |at: usize| -> Result<u32> {
        let bytes = buffer.get(at..at + 4).context("it ends inside a message")?;
        Ok(u32::from_le_bytes(bytes.try_into()?))
    };
    let frame = if word(0)? == u32::MAX { 8 } else { 4 };
    let start = frame + word(frame - 4)? as usize;
    let header = buffer
        .get(frame..start)
        .context("it ends inside the header of a message")?;
    let message = arrow::ipc::root_as_message(header)
        .map_err(|error| anyhow!("a message has no valid header: {error}"))?;
    let body = usize::try_from(message.bodyLength()).context("a message has no valid length")?;
    let end = start.checked_add(body).filter(|end| *end <= buffer.len());
    let end = end.context("it ends inside a record batch")?;
    let whole = match inflate(&message, header, &buffer[start..end])? {
        Some(inflated) => inflated,
        None => buffer.slice_with_length(0, end),
    };
    buffer.advance(end);
    Ok(whole)
}

/// Sends the rows of a batch, cut to blocks.
fn send(
    reading: &Reading,
    source: &Arc<Source>,
    batch: &RecordBatch,
    bytes: usize,
    first: u64,
) -> Result<(), Stop> {
    let rows = batch.num_rows();
    if rows == 0 {
        return Ok(());
    }
    let row_bytes = (bytes / rows).max(1);
    let step = (ROWS_BYTES / row_bytes).clamp(1, 8192);
    for start in (0..rows).step_by(step) {
        let count = step.min(rows - start);
        let block = Block::Rows {
            row: first + start as u64,
            bytes: count * row_bytes,
            batch: batch.slice(start, count),
        };
        reading.send(source, block)?;
    }
    Ok(())
}
