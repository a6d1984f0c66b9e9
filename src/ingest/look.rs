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
        let mut file = File::open(path)?;
        let codec = Codec::detect(&mut file)?;
        Ok(Self::read(codec, file))
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
        let told = Format::detect(name, &self.bytes, wishes.format);
        let format = told.and_then(|format| match self.no_text(wishes) {
            Some(why) if format.is_text() => Err(why),
            _ => Ok(format),
        });
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

    /// Why what passes for a text by its name is none: it is compressed twice, or binary. A user who says
    /// how it is to be read knows better of the latter.
    fn no_text(&self, wishes: &Wishes) -> Option<Unread> {
        let inner = Codec::of_head(&self.bytes);
        if self.codec != Codec::Plain && inner != Codec::Plain {
            return Some(Unread::format(format!(
                "it is compressed twice: below {} it is {}, which is not read; unpack it once",
                self.codec.name(),
                inner.name()
            )));
        }
        let is_told = wishes.format.is_some() || wishes.encoding.is_some();
        (!is_told && is_binary(&self.bytes)).then(|| {
            Unread::format(
                "its content is binary (compressed, encrypted or of a program), whatever its name says; unpack or export it as text, leave it out, or say with --as what it is".to_owned(),
            )
        })
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

/// Control characters that no text has: one byte in eleven of what is compressed.
fn is_control(byte: u8) -> bool {
    // Of the others NUL fills up, and terminals and printers have the rest.
    matches!(byte, 0x01..=0x06 | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f)
}

fn count_controls(bytes: &[u8]) -> usize {
    // Counts of pieces fit a byte, so that the compiler adds as many at once as a register holds.
    let pieces = bytes.chunks(255);
    pieces
        .map(|piece| {
            let controls = piece.iter().map(|byte| u8::from(is_control(*byte)));
            usize::from(controls.fold(0_u8, u8::wrapping_add))
        })
        .sum()
}

/// Control characters in a binary file at least: so many, and one in so many bytes.
const LEAST_CONTROLS: usize = 4;
const BYTES_A_CONTROL: usize = 25;

/// Whether bytes are of no text: in no Unicode encoding, and full of control characters.
fn is_binary(bytes: &[u8]) -> bool {
    let controls = count_controls(bytes);
    if controls < LEAST_CONTROLS || controls * BYTES_A_CONTROL < bytes.len() {
        return false;
    }
    // The sample may end inside a character.
    let is_utf8 = match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    !is_utf8 && encoding::detect(bytes).encoding.is_ascii_superset()
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn look(name: &str, raw: &[u8], wishes: &Wishes) -> Result<Format, String> {
        let look = Sample::of_bytes(raw).look(name, wishes, |_| None);
        look.format.map_err(|why| why.message)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        out.write_all(bytes).expect("memory");
        out.finish().expect("memory")
    }

    #[test]
    fn binary_content_is_no_text_whatever_its_name() {
        let text: String = (0..400)
            .map(|n| format!("Строка {n}, и в ней слова.\n"))
            .collect();
        let mut state = 1_u64;
        let mut noise = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        };
        let noise: Vec<u8> = (0..3000).map(|_| noise()).collect();
        // A raw stream of deflate has no mark of its own.
        let packed = gzip(text.as_bytes())[10..].to_vec();
        let twice = gzip(&gzip(text.as_bytes()));
        let plain = Wishes::default();
        for name in ["r.txt", "r.jsonl", "r.csv", "r.html", "r"] {
            for raw in [&noise, &packed] {
                let why = look(name, raw, &plain).expect_err("binary");
                assert!(
                    why.contains("binary") || why.contains("no text"),
                    "{name}: {why}"
                );
            }
        }
        let why = look("b.txt.gz", &twice, &plain).expect_err("packed twice");
        assert!(why.contains("unpack it once"), "{why}");
        let told = Wishes {
            format: Some(Format::Text),
            ..Wishes::default()
        };
        assert_eq!(look("r.txt", &noise, &told), Ok(Format::Text));
    }

    #[test]
    fn text_with_control_characters_stays_text() {
        let plain = Wishes::default();
        let wide: Vec<u8> = "Слово №1\u{1}\u{2}\u{3}\u{4}\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        for raw in [
            b"N\x08NA\x08AM\x08ME\x08E \x1b[1mbold\x1b[m\x07 \xcf\xf0\xe8\xe2\xe5\xf2\n".as_slice(),
            // A log whose end a crash filled with zeros.
            &[b"\xcf\xf0\xe8\xe2\xe5\xf2\n".as_slice(), &[0; 4000]].concat(),
            "поля\u{1}\u{2}\u{3}\u{4}\u{5}\n".as_bytes(),
            &wide,
        ] {
            assert_eq!(look("a.txt", raw, &plain), Ok(Format::Text), "{raw:?}");
        }
    }
}
