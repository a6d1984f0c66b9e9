//! Pages, of HTML files and of web archives, to documents.

use super::html::{self, charset};
use super::parse::{Parsed, Rules, repaired};
use super::reject::Reject;
use super::source::Source;
use super::warc::{Media, Page, Record};
use crate::document::Content;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Bytes that a compressed page may become.
const MAX_BYTES: u64 = html::MAX_BYTES as u64;

impl Parsed {
    /// Adds a file of HTML, which is one document.
    pub(super) fn add_html(&mut self, source: &Source, record: u64, bytes: &[u8], rules: Rules) {
        let text = charset::decode(bytes, source.forced, None);
        let page = match extract(&text) {
            Ok(page) => page,
            Err(message) => {
                let reject = Reject::new(&source.name, record, "unreadable_html", message, bytes);
                return self.rejects.push(reject);
            }
        };
        let meta = page.title.map(|title| ("title", title));
        self.add_page(&source.name, record, &page.text, meta, "html", rules, bytes);
    }

    /// Adds a record of a web archive.
    pub(super) fn add_web(&mut self, source: &Source, record: Record, rules: Rules) {
        match record {
            Record::Page(page) => self.add_record(source, *page, rules),
            Record::Left { reason, bytes } => self.leave(source.name.clone(), reason, bytes),
            Record::Refused {
                record,
                error,
                message,
                bytes,
                head,
            } => {
                let mut reject = Reject::new(&source.name, record, error, message, &head);
                // Only its beginning is shown: what was never decoded has bytes and no characters.
                if bytes > head.len() as u64 {
                    reject.characters = 0;
                }
                reject.bytes = bytes;
                self.rejects.push(reject);
            }
        }
    }

    fn add_record(&mut self, source: &Source, mut page: Page, rules: Rules) {
        let name = source.name.as_str();
        let raw = std::mem::take(&mut page.body);
        let (error, message) = match body(&page, &raw) {
            Ok(body) => {
                let text = charset::decode(&body, source.forced, page.charset.as_deref());
                match page.media {
                    Media::Text => {
                        let meta = about(page.url, page.date, page.truncated);
                        return self.add_page(name, page.record, &text, meta, "text", rules, &raw);
                    }
                    Media::Html => match extract(&text) {
                        Ok(found) => {
                            let title = found.title.map(|title| ("title", title));
                            let meta = about(page.url, page.date, page.truncated).chain(title);
                            return self.add_page(
                                name,
                                page.record,
                                &found.text,
                                meta,
                                "html",
                                rules,
                                &raw,
                            );
                        }
                        Err(message) => ("unreadable_html", message),
                    },
                }
            }
            Err(refused) => refused,
        };
        let reject = Reject::new(name, page.record, error, message, &raw);
        self.rejects.push(reject);
    }

    #[allow(clippy::too_many_arguments)] // All of them are of one page.
    fn add_page(
        &mut self,
        name: &str,
        record: u64,
        text: &str,
        meta: impl IntoIterator<Item = (&'static str, String)>,
        shape: &'static str,
        rules: Rules,
        raw: &[u8],
    ) {
        let text = repaired(text.to_owned(), rules.repairs, &mut self.repairs);
        let text = text.trim_end();
        if text.trim().is_empty() {
            let message = "the page has no text".to_owned();
            let reject = Reject::new(name, record, "empty_text", message, raw);
            return self.rejects.push(reject);
        }
        let fields: Map<String, Value> = meta
            .into_iter()
            .map(|(key, value)| (key.to_owned(), Value::String(value)))
            .collect();
        let meta = (!fields.is_empty()).then(|| Value::Object(fields).to_string());
        let content = Content::Text(text.to_owned());
        self.keep(name, (record, 0), content, meta, shape);
    }
}

/// What an archive knows of a record, for its `meta`.
fn about(
    url: Option<String>,
    date: Option<String>,
    truncated: Option<String>,
) -> impl Iterator<Item = (&'static str, String)> {
    [("url", url), ("date", date), ("truncated", truncated)]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
}

/// The main text of a page; a fault of the parser costs the page, not the run.
fn extract(text: &str) -> Result<html::Page, String> {
    catch_unwind(AssertUnwindSafe(|| html::extract(text))).unwrap_or_else(|_| {
        Err("the parser of HTML failed on it; please report the page".to_owned())
    })
}

/// The payload as it was before HTTP packed it.
fn body<'a>(page: &Page, raw: &'a [u8]) -> Result<Cow<'a, [u8]>, (&'static str, String)> {
    let mut body = Cow::Borrowed(raw);
    // Some crawlers join the chunks and leave the header.
    if page.chunked
        && let Some(joined) = unchunk(raw)
    {
        body = Cow::Owned(joined);
    }
    for encoding in &page.encodings {
        let wrapped = match encoding.as_str() {
            "gzip" | "x-gzip" => body.starts_with(&[0x1f, 0x8b]),
            "zstd" => body.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]),
            "deflate" => true,
            other => {
                let message = format!(
                    "its content is in the encoding {other}, which is not read; archive it decoded"
                );
                return Err(("unsupported_encoding", message));
            }
        };
        // The same of what was unpacked already.
        if !wrapped {
            continue;
        }
        let unpacked = match encoding.as_str() {
            "zstd" => zstd::stream::read::Decoder::new(&*body)
                .map_err(|error| error.to_string())
                .and_then(unpack),
            "deflate" => unpack(flate2::read::ZlibDecoder::new(Cursor::new(&body)))
                .or_else(|_| unpack(flate2::read::DeflateDecoder::new(Cursor::new(&body)))),
            _ => unpack(flate2::read::MultiGzDecoder::new(Cursor::new(&body))),
        };
        body = Cow::Owned(match unpacked {
            Ok(unpacked) => unpacked,
            // A page that the crawler cut short ends where it was cut.
            Err(_) if page.truncated.is_some() => unpack_rest(&body),
            Err(message) => {
                return Err((
                    "unreadable",
                    format!("its {encoding} is damaged: {message}"),
                ));
            }
        });
        if body.len() as u64 > MAX_BYTES {
            let message = format!(
                "unpacked, the page has more than {}, the largest that is read",
                crate::units::human_bytes(MAX_BYTES)
            );
            return Err(("record_too_long", message));
        }
    }
    Ok(body)
}

fn unpack(reader: impl Read) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let read = reader.take(MAX_BYTES + 1).read_to_end(&mut out);
    read.map_err(|error| error.to_string())?;
    Ok(out)
}

/// As much of a gzip stream as there is.
fn unpack_rest(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let reader = flate2::read::GzDecoder::new(body);
    let _ = reader.take(MAX_BYTES).read_to_end(&mut out);
    out
}

/// The chunks of HTTP joined; `None` where there are none. A last chunk that is cut counts.
fn unchunk(body: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(body.len());
    let mut at = 0;
    loop {
        match httparse::parse_chunk_size(&body[at..]) {
            Ok(httparse::Status::Complete((_, 0))) => return Some(out),
            Ok(httparse::Status::Complete((start, size))) => {
                let start = at + start;
                let end = usize::try_from(size)
                    .ok()
                    .and_then(|size| start.checked_add(size))
                    .map_or(body.len(), |end| end.min(body.len()));
                out.extend_from_slice(&body[start..end]);
                at = end;
                // The line end behind a chunk.
                at += body[at..]
                    .iter()
                    .take(2)
                    .take_while(|byte| matches!(byte, b'\r' | b'\n'))
                    .count();
            }
            Ok(httparse::Status::Partial) if at > 0 => return Some(out),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined_and_what_has_none_is_left() {
        assert_eq!(
            unchunk(b"4\r\nWiki\r\n6;x=y\r\npedia \r\n0\r\n\r\n").as_deref(),
            Some(b"Wikipedia ".as_slice())
        );
        assert_eq!(
            unchunk(b"4\r\nWiki\r\nff\r\ncut").as_deref(),
            Some(b"Wikicut".as_slice())
        );
        assert_eq!(unchunk(b"<html>"), None);
    }
}
