//! The characters of a page: by its byte order mark, by being valid UTF-8, by what HTTP or its own
//! `<meta>` say, else by our detection.

use crate::ingest::encoding::{self, Encoding};
use encoding_rs::{Encoding as Foreign, UTF_8};
use std::borrow::Cow;

/// Bytes of a page in which its `<meta>` is looked for.
const META_BYTES: usize = 4096;
/// Bits by which the encoding that a page names must be worse than the one that is detected before it is
/// not believed: as much as some twenty letters tell.
const LYING_BITS: f64 = 100.0;
/// Bytes of a page that tell its encoding.
const SAMPLE_BYTES: usize = 256 << 10;

/// The text of `bytes`; `forced` is the user's word, `label` that of HTTP.
pub fn decode<'a>(bytes: &'a [u8], forced: Option<Encoding>, label: Option<&str>) -> Cow<'a, str> {
    if let Some(forced) = forced {
        return Cow::Owned(forced.decode(bytes).text);
    }
    if let Some((foreign, mark)) = Foreign::for_bom(bytes) {
        return foreign.decode_without_bom_handling(&bytes[mark..]).0;
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let named = label
        .or_else(|| meta(bytes))
        .and_then(|label| Foreign::for_label(label.as_bytes()));
    let sample = &bytes[..bytes.len().min(SAMPLE_BYTES)];
    let detected = encoding::detect(sample).encoding;
    let untrue = named.is_some_and(|foreign| {
        Encoding::parse(foreign.name()).is_ok_and(|named| is_untrue(sample, named, detected))
    });
    if let Some(foreign) = named.filter(|_| !untrue) {
        let (text, damaged) = foreign.decode_without_bom_handling(bytes);
        // A page that says UTF-8 and is not at all is of another encoding.
        if !damaged || (foreign == UTF_8 && is_nearly_whole(&text)) {
            return text;
        }
    }
    Cow::Owned(detected.decode(bytes).text)
}

/// Whether a page that begins with `sample` and says that it is in `named` plainly is in `detected`.
pub fn is_untrue(sample: &[u8], named: Encoding, detected: Encoding) -> bool {
    encoding::bits_behind(sample, named, detected) > LYING_BITS
}

/// Whether damage is rare: one in a thousand characters.
fn is_nearly_whole(text: &str) -> bool {
    let damaged = text.matches('\u{fffd}').count();
    damaged * 1000 <= text.chars().filter(|c| !c.is_ascii()).count()
}

/// The charset that a page's `<meta>` or XML declaration names.
pub fn meta(bytes: &[u8]) -> Option<&str> {
    let head = &bytes[..bytes.len().min(META_BYTES)];
    let lower = head.to_ascii_lowercase();
    let mut from = 0;
    loop {
        let found = from + memchr::memmem::find(&lower[from..], b"charset")?;
        // Only that of a tag: `<meta charset=…>`, `<meta … content="text/html; charset=…">`.
        let in_meta = lower[..found]
            .iter()
            .rposition(|byte| *byte == b'<')
            .is_some_and(|tag| lower[tag..].starts_with(b"<meta"));
        let value = &head[found + b"charset".len()..];
        from = found + 1;
        if !in_meta {
            continue;
        }
        let skipped = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'=' | b'"' | b'\'');
        let start = value.iter().position(|byte| !skipped(byte))?;
        let value = &value[start..];
        let end = value
            .iter()
            .position(|byte| !byte.is_ascii_alphanumeric() && !b"-_:.".contains(byte))
            .unwrap_or(value.len());
        return std::str::from_utf8(&value[..end]).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_decoded_by_the_surest_sign() {
        let russian = "<p>Привет, мир: это страница о погоде и о море.</p>";
        let (cp1251, ..) = encoding_rs::WINDOWS_1251.encode(russian);
        let (koi8, ..) = encoding_rs::KOI8_R.encode(russian);
        assert_eq!(
            decode(russian.as_bytes(), None, Some("windows-1251")),
            russian
        );
        assert_eq!(decode(&cp1251, None, None), russian);
        assert_eq!(decode(&koi8, None, Some("koi8-r")), russian);
        assert_eq!(
            decode(&cp1251, Some(Encoding::Windows1251), Some("koi8-r")),
            russian
        );
        let page = [
            b"<meta http-equiv=x content='text/html; charset=koi8-r'>".as_slice(),
            &koi8,
        ]
        .concat();
        assert!(decode(&page, None, None).ends_with(russian));
        // It says UTF-8 and is not.
        let page = [b"<meta charset=utf-8>".as_slice(), &cp1251].concat();
        assert!(decode(&page, None, None).ends_with(russian));
        // It names another encoding than it is in, and has text enough to tell.
        for label in ["koi8-r", "iso-8859-1", "windows-1252"] {
            let page = [format!("<meta charset={label}>").as_bytes(), &cp1251].concat();
            assert!(decode(&page, None, None).ends_with(russian), "{label}");
        }
        let wide: Vec<u8> = [0xff, 0xfe]
            .into_iter()
            .chain(russian.encode_utf16().flat_map(u16::to_le_bytes))
            .collect();
        assert_eq!(decode(&wide, None, None), russian);
    }

    #[test]
    fn only_a_tag_names_a_charset() {
        assert_eq!(
            meta(b"<p>charset=koi8-r</p><META CHARSET = \"UTF-8\">"),
            Some("UTF-8")
        );
        assert_eq!(meta(b"<p>charset"), None);
    }
}
