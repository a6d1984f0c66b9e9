//! Compression of sources, told by content rather than by name.

use anyhow::Result;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Not at all.
    Plain,
    /// gzip, several members included.
    Gzip,
    /// Zstandard, several frames included.
    Zstd,
}

/// Codecs by the bytes that a file begins with, and by the ending of its name.
const CODECS: &[(Codec, &str, &[u8], &str)] = &[
    (Codec::Gzip, "gzip", &[0x1f, 0x8b, 0x08], "gz"),
    (Codec::Zstd, "zstd", &[0x28, 0xb5, 0x2f, 0xfd], "zst"),
];

impl Codec {
    /// Looks at the first bytes of `path`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn detect(path: &Path) -> Result<Self> {
        let mut head = [0; 4];
        let mut filled = 0;
        let mut file = File::open(path)?;
        while filled < head.len() {
            match file.read(&mut head[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        let known = CODECS
            .iter()
            .find(|(_, _, magic, _)| head[..filled].starts_with(magic));
        Ok(known.map_or(Self::Plain, |(codec, ..)| *codec))
    }

    /// The name in manifests and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        CODECS
            .iter()
            .find(|(codec, ..)| *codec == self)
            .map_or("plain", |(_, name, ..)| name)
    }

    /// The file name without the ending of a codec.
    #[must_use]
    pub fn strip_ending(name: &str) -> &str {
        let stripped = CODECS
            .iter()
            .find_map(|(.., ending)| name.strip_suffix(ending)?.strip_suffix('.'));
        stripped.unwrap_or(name)
    }

    /// Decompresses `raw`.
    ///
    /// # Errors
    /// When the decoder cannot be set up.
    pub fn decode<'a>(self, raw: impl Read + Send + 'a) -> Result<Box<dyn Read + Send + 'a>> {
        Ok(match self {
            Self::Plain => Box::new(raw),
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(
                BufReader::with_capacity(1 << 17, raw),
            )),
            Self::Zstd => Box::new(zstd::stream::read::Decoder::new(raw)?),
        })
    }
}
