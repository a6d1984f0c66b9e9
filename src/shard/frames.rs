//! Whether what an Arrow stream says of its own parts is true: `arrow` trusts it, and ends the program
//! where a flipped bit makes a buffer lie behind its message.

use anyhow::{Context as _, Result, ensure};
use arrow::ipc::root_as_message;

/// What stands before the length of a message.
const CONTINUATION: [u8; 4] = [0xFF; 4];

/// Checks that each message of the stream `bytes` lies in it, and each buffer of a batch in its message.
///
/// # Errors
/// Says at which byte the stream is damaged.
pub fn check(bytes: &[u8]) -> Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let at = bytes.len() - rest.len();
        rest = message(rest).with_context(|| format!("is damaged behind byte {at}"))?;
    }
    Ok(())
}

/// Checks the first message, and gives what follows it.
fn message(stream: &[u8]) -> Result<&[u8]> {
    let too_short = "a message is longer than the file";
    let (head, rest) = stream.split_first_chunk::<8>().context(too_short)?;
    let [mark, length] = head.as_chunks::<4>().0 else {
        return Ok(&[]);
    };
    ensure!(*mark == CONTINUATION, "no message begins here");
    let length = u32::from_le_bytes(*length) as usize;
    // The end of the stream.
    if length == 0 {
        return Ok(&[]);
    }
    let (header, rest) = rest.split_at_checked(length).context(too_short)?;
    let message = root_as_message(header).map_err(|error| anyhow::anyhow!("{error}"))?;
    let body = usize::try_from(message.bodyLength())?;
    let (_, rest) = rest.split_at_checked(body).context(too_short)?;
    if let Some(batch) = message.header_as_record_batch() {
        let rows = u64::try_from(batch.length())?;
        for buffer in batch.buffers().into_iter().flatten() {
            let (begin, length) = (
                usize::try_from(buffer.offset())?,
                usize::try_from(buffer.length())?,
            );
            let end = begin.checked_add(length).filter(|end| *end <= body);
            ensure!(end.is_some(), "a buffer ends behind its message");
        }
        for node in batch.nodes().into_iter().flatten() {
            let (values, nulls) = (
                u64::try_from(node.length())?,
                u64::try_from(node.null_count())?,
            );
            // Nothing takes less than a bit a value.
            ensure!(
                values <= 8 * body as u64 && nulls <= values && rows <= 8 * body as u64,
                "a column is longer than its message"
            );
        }
    }
    Ok(rest)
}
