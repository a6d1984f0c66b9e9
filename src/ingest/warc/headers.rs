//! What the headers of a record of a web archive say, and those of HTTP in its content.

use super::{Media, Page};

/// Header fields of HTTP that are read.
const MAX_FIELDS: usize = 256;

/// Headers of a record that matter.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    pub kind: String,
    pub media: String,
    pub url: Option<String>,
    pub date: Option<String>,
    pub truncated: Option<String>,
}

/// Types of records that hold no text, and how they are counted.
pub(super) const LEFT_OUT: &[(&str, &str)] = &[
    ("warcinfo", "warc_warcinfo"),
    ("request", "warc_request"),
    ("metadata", "warc_metadata"),
    ("revisit", "warc_revisit"),
    ("continuation", "warc_continuation"),
];

/// Media types that are read.
const MEDIA: &[(&str, Media)] = &[
    ("text/html", Media::Html),
    ("application/xhtml+xml", Media::Html),
    ("text/plain", Media::Text),
];

/// The headers of a record, and the length of its content.
pub(super) fn fields(header: &[u8]) -> (Fields, Option<u64>) {
    let text = String::from_utf8_lossy(header);
    let mut fields = Fields::default();
    let mut length = None;
    for line in text.lines().skip(1) {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim();
        let owned = || Some(value.trim_matches(['<', '>']).to_owned());
        match name.trim().to_ascii_lowercase().as_str() {
            "warc-type" => fields.kind = value.to_ascii_lowercase(),
            "content-type" => value.clone_into(&mut fields.media),
            "content-length" => length = value.parse().ok(),
            "warc-target-uri" => fields.url = owned(),
            "warc-date" => fields.date = owned(),
            "warc-truncated" => fields.truncated = owned(),
            _ => {}
        }
    }
    (fields, length)
}

/// Why a record with content is not read.
pub(super) enum Left {
    Out(&'static str),
    Broken(String),
}

/// What a record is, by its headers and those of HTTP in `content`; and where its payload begins.
pub(super) fn page(record: u64, fields: &Fields, content: &[u8]) -> Result<(Page, usize), Left> {
    let mut page = Page {
        record,
        media: Media::Text,
        url: fields.url.clone(),
        date: fields.date.clone(),
        truncated: fields.truncated.clone(),
        charset: None,
        chunked: false,
        encodings: Vec::new(),
        body: Vec::new(),
    };
    let is_http = content.starts_with(b"HTTP/");
    if fields.kind == "response" && !is_http && fields.media.starts_with("application/http") {
        let message = "the response does not begin with a status line of HTTP".to_owned();
        return Err(Left::Broken(message));
    }
    if !is_http {
        let media = fields.media.clone();
        set_media(&mut page, &media)?;
        return Ok((page, 0));
    }
    let mut headers = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut headers);
    let mut config = httparse::ParserConfig::default();
    config
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .ignore_invalid_headers_in_responses(true);
    let start = match config.parse_response(&mut response, content) {
        Ok(httparse::Status::Complete(start)) => start,
        Ok(httparse::Status::Partial) => {
            let message = "the headers of HTTP do not end, or are longer than 64 kB".to_owned();
            return Err(Left::Broken(message));
        }
        Err(error) => {
            return Err(Left::Broken(format!(
                "the headers of HTTP are invalid: {error}"
            )));
        }
    };
    if !response.code.is_some_and(|code| (200..300).contains(&code)) {
        return Err(Left::Out("http_status"));
    }
    let mut media = None;
    for header in response.headers.iter() {
        let value = String::from_utf8_lossy(header.value).trim().to_owned();
        match header.name.to_ascii_lowercase().as_str() {
            "content-type" => media = Some(value),
            "transfer-encoding" => page.chunked = value.to_ascii_lowercase().contains("chunked"),
            "content-encoding" => {
                let names = value.to_ascii_lowercase();
                let names = names.split(',').map(|name| name.trim().to_owned());
                page.encodings
                    .extend(names.filter(|name| !name.is_empty() && name != "identity"));
            }
            _ => {}
        }
    }
    page.encodings.reverse();
    match media {
        Some(media) => set_media(&mut page, &media)?,
        // Without a word of the server the beginning tells.
        None if looks_like_html(&content[start..]) => page.media = Media::Html,
        None => return Err(Left::Out("media_type")),
    }
    Ok((page, start))
}

fn set_media(page: &mut Page, value: &str) -> Result<(), Left> {
    let mut parts = value.split(';');
    let name = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    page.media = MEDIA
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, media)| *media)
        .ok_or(Left::Out("media_type"))?;
    page.charset = parts
        .filter_map(|part| part.split_once('='))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case("charset"))
        .map(|(_, charset)| charset.trim().trim_matches(['"', '\'']).to_owned());
    Ok(())
}

fn looks_like_html(body: &[u8]) -> bool {
    let head = body[..body.len().min(512)].to_ascii_lowercase();
    memchr::memmem::find(&head, b"<html").is_some()
        || head.trim_ascii_start().starts_with(b"<!doctype html")
}
