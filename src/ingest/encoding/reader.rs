//! A stream of any encoding read as UTF-8, for those that cannot be cut at b'\n' before decoding.
//!
//! Holds 64 KB of each side, whatever the length of the stream.

use super::Encoding;
use super::unicode::{Order, REPLACEMENT, utf32_char};
use encoding_rs::{Decoder, DecoderResult};
use std::io::{ErrorKind, Read, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const BUFFER_BYTES: usize = 64 << 10;

/// Yields UTF-8; made by [`Encoding::reader`].
pub struct Utf8Reader<R> {
    inner: R,
    encoding: Encoding,
    decoder: Option<Decoder>,
    /// Bytes that were read and are not yet decoded.
    input: Vec<u8>,
    /// UTF-8 from `taken` on is not yet handed out.
    output: String,
    taken: usize,
    begun: bool,
    ended: bool,
    invalid: Arc<AtomicU64>,
}

impl<R: Read> Utf8Reader<R> {
    pub(super) fn new(encoding: Encoding, inner: R) -> Self {
        Self {
            inner,
            encoding,
            decoder: encoding
                .foreign()
                .map(encoding_rs::Encoding::new_decoder_without_bom_handling),
            input: Vec::new(),
            output: String::new(),
            taken: 0,
            begun: false,
            ended: false,
            invalid: Arc::default(),
        }
    }

    /// The count of places that were no character, which grows as the stream is read. Those of UTF-8 are
    /// passed through and not counted.
    pub fn invalid(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.invalid)
    }

    /// Reads more into `input`; false at the end of the stream.
    fn fill(&mut self) -> Result<bool> {
        let start = self.input.len();
        self.input.resize(start + BUFFER_BYTES, 0);
        let outcome = loop {
            match self.inner.read(&mut self.input[start..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                outcome => break outcome,
            }
        };
        self.input
            .truncate(start + outcome.as_ref().copied().unwrap_or(0));
        Ok(outcome? > 0)
    }

    /// Takes the byte order mark off, where there is one.
    fn begin(&mut self) -> Result<()> {
        let mark = self.encoding.mark();
        while self.input.len() < mark.len() && self.fill()? {}
        if self.input.starts_with(mark) {
            self.input.drain(..mark.len());
        }
        self.begun = true;
        Ok(())
    }

    /// Decodes what `input` holds of whole characters into `output`, all of it at the end.
    fn decode(&mut self) {
        self.output.clear();
        self.taken = 0;
        if let Some(order) = self.encoding.utf32_order() {
            self.decode_utf32(order);
            return;
        }
        if self.encoding == Encoding::Cp1125 {
            self.output = self.encoding.decode(&self.input).text;
            self.input.clear();
            return;
        }
        let Some(decoder) = &mut self.decoder else {
            return;
        };
        let mut at = 0;
        loop {
            let room = decoder.max_utf8_buffer_length_without_replacement(self.input.len() - at);
            self.output.reserve(room.unwrap_or(BUFFER_BYTES * 3) + 3);
            let (result, read) = decoder.decode_to_string_without_replacement(
                &self.input[at..],
                &mut self.output,
                self.ended,
            );
            at += read;
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => {
                    self.output.push(REPLACEMENT);
                    self.invalid.fetch_add(1, Ordering::Relaxed);
                    if self.ended && at >= self.input.len() {
                        break;
                    }
                }
            }
        }
        self.input.clear();
    }

    fn decode_utf32(&mut self, order: Order) {
        let whole = if self.ended {
            self.input.len()
        } else {
            self.input.len() / 4 * 4
        };
        for unit in self.input[..whole].chunks(4) {
            let character = utf32_char(order, unit);
            if character.is_none() {
                self.invalid.fetch_add(1, Ordering::Relaxed);
            }
            self.output.push(character.unwrap_or(REPLACEMENT));
        }
        self.input.drain(..whole);
    }
}

impl<R: Read> Read for Utf8Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if !self.begun {
            self.begin()?;
        }
        if self.encoding.is_utf8() {
            if self.input.is_empty() {
                return self.inner.read(buffer);
            }
            let count = buffer.len().min(self.input.len());
            buffer[..count].copy_from_slice(&self.input[..count]);
            self.input.drain(..count);
            return Ok(count);
        }
        while self.taken == self.output.len() {
            if self.ended {
                return Ok(0);
            }
            self.ended = !self.fill()?;
            self.decode();
        }
        let left = &self.output.as_bytes()[self.taken..];
        let count = buffer.len().min(left.len());
        buffer[..count].copy_from_slice(&left[..count]);
        self.taken += count;
        Ok(count)
    }
}
