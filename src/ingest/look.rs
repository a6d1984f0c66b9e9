//! A look into the beginning of a file or of an archive's member: its codec, format, encoding and
//! dialect.

use super::codec::Codec;
use super::dialect::{self, Dialect};
use super::encoding::{self, Detected, Encoding};
use super::format::{Format, Unread, is_nameless};
use super::html::charset;
use super::line_ends;
use super::source::Wishes;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Bytes of a source that tell its encoding or its dialect.
pub const SAMPLE_BYTES: usize = 256 << 10;
/// Bytes of a member that are looked at when its codec gives nothing before a block is whole.
pub const BLOCK_SAMPLE_BYTES: usize = 5 << 20;
/// Pieces of an uncompressed file that the sample is drawn from.
const PIECES: u64 = 8;

/// The beginning of a source without its compression.
pub struct Sample {
    codec: Codec,
    bytes: Vec<u8>,
    /// Whether it is all of the source.
    whole: bool,
}

/// What was seen.
pub struct Look {
    /// How it is compressed.
    pub codec: Codec,
    /// What is in it; the error is why it is not read.
    pub format: Result<Format, Unread>,
    /// How its characters are written; UTF-8 where there are none.
    pub encoding: Detected,
    /// How it is written, of a CSV file.
    pub dialect: Option<Dialect>,
    /// Whether its lines end with carriage returns alone.
    pub lone_cr: bool,
}

/// What is known of a source without text.
pub const UTF8: Detected = Detected {
    encoding: Encoding::Utf8,
    confidence: 1.0,
};

impl Sample {
    /// The beginning of a file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn of_file(path: &Path) -> anyhow::Result<Self> {
        let codec = Codec::detect(path)?;
        Ok(Self::read(codec, File::open(path)?))
    }

    /// The beginning of what begins with `raw`.
    #[must_use]
    pub fn of_bytes(raw: &[u8]) -> Self {
        Self::read(Codec::of_head(raw), raw)
    }

    fn read(codec: Codec, raw: impl Read) -> Self {
        let mut bytes = Vec::new();
        // What can be read of a damaged file tells its encoding all the same.
        if let Ok(decoded) = codec.decode(raw) {
            let _ = decoded.take(SAMPLE_BYTES as u64).read_to_end(&mut bytes);
        }
        Self {
            codec,
            whole: bytes.len() < SAMPLE_BYTES,
            bytes,
        }
    }

    /// What the source called `name` is; `wide` draws a sample of all of it, where that can be had.
    pub fn look(
        &self,
        name: &str,
        wishes: &Wishes,
        wide: impl FnOnce(Codec) -> Option<Vec<u8>>,
    ) -> Look {
        let format = Format::detect(name, &self.bytes, wishes.format);
        let mut look = Look {
            codec: self.codec,
            encoding: UTF8,
            dialect: None,
            lone_cr: false,
            format,
        };
        let Ok(mut format) = look.format else {
            return look;
        };
        if !format.is_text() {
            return look;
        }
        look.encoding = match wishes.encoding {
            Some(encoding) => Detected {
                encoding,
                confidence: 1.0,
            },
            None => self.encoding(format, wide),
        };
        let encoding = look.encoding.encoding;
        if matches!(
            format,
            Format::Text | Format::Jsonl | Format::Csv | Format::Xml
        ) {
            look.lone_cr = if encoding.is_ascii_superset() {
                line_ends::are_lone_cr(&self.bytes)
            } else {
                line_ends::are_lone_cr(encoding.decode(&self.bytes).text.as_bytes())
            };
        }
        if format == Format::Text
            && wishes.format.is_none()
            && dialect::is_table(
                &self.text(encoding, look.lone_cr),
                wishes.columns,
                wishes.mapping,
                is_nameless(name),
            )
        {
            format = Format::Csv;
            look.format = Ok(format);
        }
        if format == Format::Csv {
            let text = self.text(encoding, look.lone_cr);
            match Dialect::detect(&text, wishes.columns, wishes.mapping) {
                Ok(dialect) => look.dialect = Some(dialect),
                // It is read, so that it is rejected as what it is: an empty source.
                Err(_) if self.whole && text.trim().is_empty() => {
                    look.dialect = Some(Dialect::of_nothing());
                }
                Err(why) => {
                    let message = format!("as CSV it cannot be read: {why}");
                    look.format = Err(Unread::format(message));
                }
            }
        }
        look
    }

    fn encoding(&self, format: Format, wide: impl FnOnce(Codec) -> Option<Vec<u8>>) -> Detected {
        let wide = wide(self.codec);
        let detected = encoding::detect(wide.as_deref().unwrap_or(&self.bytes));
        let unicode = detected.encoding.is_utf8() || !detected.encoding.is_ascii_superset();
        if format != Format::Html || unicode {
            return detected;
        }
        // A page says itself how it is written; one whose text is plainly another lies.
        match charset::meta(&self.bytes).map(Encoding::parse) {
            Some(Ok(encoding))
                if encoding.is_ascii_superset()
                    && !encoding.is_utf8()
                    && !charset::is_untrue(&self.bytes, encoding, detected.encoding) =>
            {
                Detected {
                    encoding,
                    confidence: 1.0,
                }
            }
            _ => detected,
        }
    }

    /// The beginning as text, whole lines of it.
    fn text(&self, encoding: Encoding, lone_cr: bool) -> String {
        let mut text = encoding.decode(&self.bytes).text;
        if lone_cr {
            text = text.replace('\r', "\n");
        }
        if !self.whole {
            text.truncate(text.rfind('\n').map_or(text.len(), |at| at + 1));
        }
        text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned()
    }
}

/// Pieces of all of an uncompressed file that is longer than a sample.
pub fn pieces(path: &Path, bytes: u64) -> Option<Vec<u8>> {
    if bytes <= SAMPLE_BYTES as u64 {
        return None;
    }
    let mut file = File::open(path).ok()?;
    let mut sample = Vec::new();
    // Wide encodings are told from pieces that begin at whole characters.
    for piece in 0..PIECES {
        file.seek(SeekFrom::Start(bytes / PIECES / 4 * 4 * piece))
            .ok()?;
        (&mut file)
            .take(SAMPLE_BYTES as u64 / PIECES)
            .read_to_end(&mut sample)
            .ok()?;
    }
    Some(sample)
}
