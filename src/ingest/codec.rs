//! Compression of sources, told by content rather than by name.

use anyhow::Result;
use flate2::bufread::GzDecoder;
use lz4_flex::frame::FrameDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek};
use std::marker::PhantomData;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Not at all.
    Plain,
    /// gzip, several members included.
    Gzip,
    /// Zstandard, several frames included.
    Zstd,
    /// bzip2, several streams included.
    Bzip2,
    /// xz, several streams included.
    Xz,
    /// LZ4, several frames included.
    Lz4,
}

/// Codecs by the bytes that a file begins with, and by the ending of its name.
const CODECS: &[(Codec, &str, &[u8], &str)] = &[
    (Codec::Gzip, "gzip", &[0x1f, 0x8b, 0x08], "gz"),
    (Codec::Zstd, "zstd", &[0x28, 0xb5, 0x2f, 0xfd], "zst"),
    (Codec::Bzip2, "bzip2", b"BZh", "bz2"),
    (Codec::Xz, "xz", &[0xfd, b'7', b'z', b'X', b'Z', 0], "xz"),
    (Codec::Lz4, "lz4", &[0x04, 0x22, 0x4d, 0x18], "lz4"),
];

impl Codec {
    /// Tells the codec by the first bytes of a file.
    #[must_use]
    pub fn of_head(head: &[u8]) -> Self {
        let known = CODECS
            .iter()
            .find(|(_, _, magic, _)| head.starts_with(magic));
        match known {
            Some((codec, ..)) => *codec,
            // A seekable or parallel Zstandard file begins with a frame to be skipped.
            None if head.len() >= 4
                && head[0] & 0xf0 == 0x50
                && head[1..4] == [0x2a, 0x4d, 0x18] =>
            {
                Self::Zstd
            }
            None => Self::Plain,
        }
    }

    /// Looks at the first bytes of `file`, which stands at its beginning and does so again.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn detect(file: &mut File) -> Result<Self> {
        let mut head = Vec::new();
        file.take(6).read_to_end(&mut head)?;
        file.rewind()?;
        Ok(Self::of_head(&head))
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
    pub fn decode<'a>(self, raw: impl Read + 'a) -> Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Self::Plain => Box::new(raw),
            Self::Gzip => Box::new(Members::<_, GzDecoder<BufReader<_>>>::new(raw)),
            Self::Zstd => Box::new(zstd::stream::read::Decoder::new(raw)?),
            Self::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(raw)),
            Self::Xz => Box::new(lzma_rust2::XzReader::new(BufReader::new(raw), true)),
            Self::Lz4 => Box::new(Members::<_, FrameDecoder<Watched<BufReader<_>>>>::new(raw)),
        })
    }
}

/// A decoder of one member, which hands back what it read from.
trait Member<R>: Read {
    fn open(raw: BufReader<R>) -> Self;
    /// Fails when the member was cut off.
    fn close(self) -> std::io::Result<BufReader<R>>;
}

impl<R: Read> Member<R> for GzDecoder<BufReader<R>> {
    fn open(raw: BufReader<R>) -> Self {
        Self::new(raw)
    }

    fn close(self) -> std::io::Result<BufReader<R>> {
        Ok(self.into_inner())
    }
}

impl<R: Read> Member<R> for FrameDecoder<Watched<BufReader<R>>> {
    fn open(raw: BufReader<R>) -> Self {
        Self::new(Watched { raw, ended: false })
    }

    fn close(self) -> std::io::Result<BufReader<R>> {
        let watched = self.into_inner();
        // The decoder takes the end of the file for that of a frame; a whole frame has a mark.
        if watched.ended {
            let message = "the last frame is cut off";
            return Err(std::io::Error::new(ErrorKind::UnexpectedEof, message));
        }
        Ok(watched.raw)
    }
}

/// Remembers whether somebody has read up to the end.
struct Watched<R> {
    raw: R,
    ended: bool,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.raw.read(buffer)?;
        self.ended |= count == 0 && !buffer.is_empty();
        Ok(count)
    }
}

/// The members of a file, one after the other. Zero bytes may fill its end, as tapes and some tools
/// leave them; anything else behind a member is damage, which the next decoder finds.
struct Members<R, M> {
    member: Option<M>,
    raw: PhantomData<R>,
}

impl<R: Read, M: Member<R>> Members<R, M> {
    fn new(raw: R) -> Self {
        Self {
            member: Some(M::open(BufReader::with_capacity(1 << 17, raw))),
            raw: PhantomData,
        }
    }
}

impl<R: Read, M: Member<R>> Read for Members<R, M> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let Some(member) = &mut self.member else {
                return Ok(0);
            };
            let count = member.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let Some(ended) = self.member.take() else {
                return Ok(0);
            };
            let mut raw = ended.close()?;
            loop {
                let left = raw.fill_buf()?;
                if left.is_empty() {
                    return Ok(0);
                }
                let zeros = left.iter().take_while(|byte| **byte == 0).count();
                let only_zeros = zeros == left.len();
                raw.consume(zeros);
                if !only_zeros {
                    break;
                }
            }
            self.member = Some(M::open(raw));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn every_codec_is_told_by_content_and_decoded() {
        let text = "Привет, world\n".repeat(1_000).into_bytes();
        let gzip = || {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(&text).expect("compresses");
            out.finish().expect("compresses")
        };
        let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        bzip2.write_all(&text).expect("compresses");
        let bzip2 = bzip2.finish().expect("compresses");
        let zstd = zstd::encode_all(text.as_slice(), 1).expect("compresses");
        for (codec, once) in [
            (Codec::Gzip, gzip()),
            (Codec::Zstd, zstd),
            (Codec::Bzip2, bzip2),
        ] {
            // Two members, as `cat a.gz b.gz` makes them.
            let twice = [once.as_slice(), once.as_slice()].concat();
            let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
            std::fs::write(file.path(), &twice).expect("writes");
            assert_eq!(Codec::detect(file.as_file_mut()).expect("reads"), codec);
            let mut back = Vec::new();
            codec
                .decode(twice.as_slice())
                .expect("a decoder")
                .read_to_end(&mut back)
                .expect("decodes");
            assert_eq!(
                back,
                [text.as_slice(), text.as_slice()].concat(),
                "{}",
                codec.name()
            );
        }
        assert_eq!(Codec::strip_ending("a.jsonl.bz2"), "a.jsonl");
        assert_eq!(Codec::strip_ending("a.txt"), "a.txt");
    }
}
