//! Line ends of the old Macintosh: a carriage return alone.
//!
//! Whether a file has them is told once, from its sample: it has carriage returns and no line feed.
//! Then the whole stream is read with line feeds, before it is cut, so that lines, rows and paragraphs
//! are found as in any other file.

use std::io::{ErrorKind, Read, Result};

/// Whether the lines of `sample` end with carriage returns alone.
#[must_use]
pub fn are_lone_cr(sample: &[u8]) -> bool {
    // The line feed of the last one may be behind the sample.
    let inside = &sample[..sample.len().saturating_sub(1)];
    memchr::memchr(b'\r', inside).is_some() && memchr::memchr(b'\n', sample).is_none()
}

/// Yields line feeds for carriage returns; one for both together.
pub struct LineFeeds<R> {
    inner: R,
    /// The last byte was a carriage return, which a line feed may belong to.
    after_return: bool,
}

impl<R: Read> LineFeeds<R> {
    /// Reads `inner`.
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            after_return: false,
        }
    }

    /// Rewrites `bytes` in place; how many are left.
    fn rewrite(&mut self, bytes: &mut [u8]) -> usize {
        let mut kept = 0;
        for at in 0..bytes.len() {
            let byte = bytes[at];
            let second_half = self.after_return && byte == b'\n';
            self.after_return = byte == b'\r';
            if !second_half {
                bytes[kept] = if self.after_return { b'\n' } else { byte };
                kept += 1;
            }
        }
        kept
    }
}

impl<R: Read> Read for LineFeeds<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            match self.inner.read(buffer) {
                Ok(0) => return Ok(0),
                Ok(count) => {
                    let kept = self.rewrite(&mut buffer[..count]);
                    if kept > 0 {
                        return Ok(kept);
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_end_is_one_line_feed_however_it_is_read() {
        struct Trickle<'a>(&'a [u8]);
        impl Read for Trickle<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
                let count = buffer.len().min(self.0.len()).min(1);
                buffer[..count].copy_from_slice(&self.0[..count]);
                self.0 = &self.0[count..];
                Ok(count)
            }
        }
        let text = b"a\rb\r\rc\r\nd\n\r\ne\r";
        for reader in [&mut &text[..] as &mut dyn Read, &mut Trickle(text)] {
            let mut read = String::new();
            LineFeeds::new(reader)
                .read_to_string(&mut read)
                .expect("memory");
            assert_eq!(read, "a\nb\n\nc\nd\n\ne\n");
        }
    }

    #[test]
    fn files_of_one_kind_are_told() {
        assert!(are_lone_cr(b"a\rb\r"));
        assert!(!are_lone_cr(b"a\rb\r\n"));
        assert!(!are_lone_cr(b"a b\r"));
        assert!(!are_lone_cr(b""));
    }
}
