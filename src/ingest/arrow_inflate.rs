//! Record batches of Arrow IPC whose buffers are compressed (LZ4 frames or Zstandard), as pandas writes
//! Feather: each is rewritten as the uncompressed message that the decoder reads.
//!
//! Only lengths change in the header of a message: where its buffers lie in the body, how long the
//! body is, and that it is compressed. They are numbers of fixed places, so the header is copied and
//! patched. A batch is unpacked whole, up to 512 MiB.

use anyhow::{Context, Result, bail, ensure};
use arrow::buffer::Buffer;
use arrow::ipc::{CompressionType, Message, RecordBatch};
use std::io::Read;

/// Bytes that the buffers of one batch may become.
const MAX_BYTES: usize = 512 << 20;
/// Buffers begin at multiples of this.
const ALIGNMENT: usize = 64;
/// What a buffer that was not worth compressing begins with in place of its length.
const STORED: i64 = -1;

/// The message with the header `header` and the body `body` without compression; `None` when it has
/// none.
///
/// # Errors
/// When it is damaged, or becomes too large; says what helps.
pub fn inflate(message: &Message, header: &[u8], body: &[u8]) -> Result<Option<Buffer>> {
    let dictionary = message.header_as_dictionary_batch();
    let batch = message
        .header_as_record_batch()
        .or_else(|| dictionary.and_then(|dictionary| dictionary.data()));
    let Some((batch, compression)) = batch.and_then(|batch| Some((batch, batch.compression()?)))
    else {
        return Ok(None);
    };
    let mut places = Vec::new();
    let mut inflated: Vec<u8> = Vec::new();
    for buffer in batch.buffers().context("a batch has no buffers")? {
        let start = usize::try_from(buffer.offset())?;
        let end = usize::try_from(buffer.length())?.checked_add(start);
        let raw = end
            .and_then(|end| body.get(start..end))
            .context("a buffer lies outside its batch")?;
        let offset = inflated.len();
        unpack(compression.codec(), raw, &mut inflated)?;
        places.push((offset, inflated.len() - offset));
        inflated.resize(inflated.len().next_multiple_of(ALIGNMENT), 0);
    }
    let header = patched(message, &batch, header, &places, inflated.len())?;
    let mut out = Vec::with_capacity(8 + header.len() + inflated.len());
    out.extend_from_slice(&u32::MAX.to_le_bytes());
    out.extend_from_slice(&(header.len() as u32).to_le_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(&inflated);
    Ok(Some(Buffer::from_vec(out)))
}

/// Appends what `raw` holds to `out`.
fn unpack(codec: CompressionType, raw: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let Some((length, packed)) = raw.split_first_chunk::<8>() else {
        ensure!(raw.is_empty(), "a compressed buffer has no length");
        return Ok(());
    };
    let length = i64::from_le_bytes(*length);
    if length == STORED {
        out.extend_from_slice(packed);
        return Ok(());
    }
    let length = usize::try_from(length).context("a compressed buffer has no valid length")?;
    ensure!(
        out.len() + length <= MAX_BYTES,
        "unpacked, a record batch has more than {}; write it in smaller batches (write_feather(…, chunksize=65536))",
        crate::units::human_bytes(MAX_BYTES as u64)
    );
    let before = out.len();
    // One byte more tells a buffer that is longer than it says.
    let most = length as u64 + 1;
    match codec {
        CompressionType::LZ4_FRAME => lz4_flex::frame::FrameDecoder::new(packed)
            .take(most)
            .read_to_end(out)?,
        CompressionType::ZSTD => zstd::stream::read::Decoder::new(packed)?
            .take(most)
            .read_to_end(out)?,
        other => bail!("its buffers are compressed by {other:?}, which is not read"),
    };
    ensure!(
        out.len() - before == length,
        "a compressed buffer has another length than it says"
    );
    Ok(())
}

/// The header with the new places of the buffers and the new length of the body, and without the note
/// that they are compressed.
fn patched(
    message: &Message,
    batch: &RecordBatch,
    header: &[u8],
    places: &[(usize, usize)],
    body_bytes: usize,
) -> Result<Vec<u8>> {
    let mut out = header.to_vec();
    let buffers = batch.buffers().context("a batch has no buffers")?.bytes();
    // The vector lies inside the header; its address says where.
    let first = (buffers.as_ptr() as usize)
        .checked_sub(header.as_ptr() as usize)
        .context("the buffers of a batch are not in its header")?;
    for (number, (offset, length)) in places.iter().enumerate() {
        let at = first + 16 * number;
        write(&mut out, at, &(*offset as i64).to_le_bytes())?;
        write(&mut out, at + 8, &(*length as i64).to_le_bytes())?;
    }
    let slot = field(&out, batch._tab.loc(), RecordBatch::VT_COMPRESSION)?
        .context("a batch has no note of its compression")?;
    write(&mut out, slot.entry, &[0, 0])?;
    let slot = field(&out, message._tab.loc(), Message::VT_BODYLENGTH)?
        .context("a message has no length")?;
    write(&mut out, slot.value, &(body_bytes as i64).to_le_bytes())?;
    Ok(out)
}

/// Where a field of a table stands.
struct Field {
    /// Its entry in the table of offsets.
    entry: usize,
    /// Its value.
    value: usize,
}

/// A field of the table at `table`, by its place in the table of offsets, as flatbuffers lay it out.
fn field(bytes: &[u8], table: usize, place: u16) -> Result<Option<Field>> {
    let back = i32::from_le_bytes(read(bytes, table)?);
    let offsets = usize::try_from(table as i64 - i64::from(back))?;
    let size = u16::from_le_bytes(read(bytes, offsets)?);
    if place >= size {
        return Ok(None);
    }
    let entry = offsets + usize::from(place);
    let offset = u16::from_le_bytes(read(bytes, entry)?);
    let value = table + usize::from(offset);
    Ok((offset > 0).then_some(Field { entry, value }))
}

fn read<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N]> {
    let found = bytes.get(at..).and_then(<[u8]>::first_chunk::<N>);
    found.copied().context("a header is cut off")
}

fn write(bytes: &mut [u8], at: usize, value: &[u8]) -> Result<()> {
    let place = bytes
        .get_mut(at..at + value.len())
        .context("a header is cut off")?;
    place.copy_from_slice(value);
    Ok(())
}
