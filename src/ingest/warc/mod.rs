//! Cuts a web archive (WARC 0.17 to 1.1, and WET, which is WARC with extracted text) into its records.
//!
//! `response` and `resource` records of pages and texts are read, and `conversion` records of text
//! (WET). All others are left out by name and counted: requests, metadata, images, redirects. What
//! is left out passes by without being held.

mod headers;

use super::blocks::Block;
use super::cutter::{Cut, HEAD_BYTES, read_more};
use super::html::MAX_BYTES;
use headers::{Fields, LEFT_OUT, Left, fields, page};
use std::io::Read;

/// Bytes of records after which a block ends.
const BLOCK_BYTES: usize = 1 << 20;
/// Bytes of the headers of a record, and of those of HTTP in it, at most.
const MAX_HEADER_BYTES: usize = 64 << 10;
/// What a record of a web archive became.
#[derive(Debug)]
pub enum Record {
    /// Something to be read.
    Page(Box<Page>),
    /// Left out on purpose.
    Left { reason: &'static str, bytes: u64 },
    /// Could not be read.
    Refused {
        record: u64,
        error: &'static str,
        message: String,
        bytes: u64,
        head: Vec<u8>,
    },
}

/// What the payload of a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// A page of HTML.
    Html,
    /// Plain text.
    Text,
}

/// A record that is read, its payload as it is in the archive.
#[derive(Debug)]
pub struct Page {
    /// 1-based number of the record in the archive, of any type.
    pub record: u64,
    /// What it is.
    pub media: Media,
    /// Where it is from.
    pub url: Option<String>,
    /// When it was fetched, as the archive writes it.
    pub date: Option<String>,
    /// Why the crawler cut it short, if it did.
    pub truncated: Option<String>,
    /// The charset that the headers name.
    pub charset: Option<String>,
    /// Whether HTTP sent it in chunks.
    pub chunked: bool,
    /// How HTTP compressed it, the last first.
    pub encodings: Vec<String>,
    /// The payload.
    pub body: Vec<u8>,
}

/// What is known of the record that is being read.
enum State {
    /// Its headers come next.
    Header,
    /// Its content is awaited: so many bytes.
    Content(Fields, u64),
    /// So many bytes of it pass by.
    Skip(u64),
}

/// The records of one stream on their way to blocks.
pub struct WarcCutter {
    buffer: Vec<u8>,
    /// Bytes of the buffer that are done with.
    done: usize,
    state: State,
    record: u64,
    records: Vec<Record>,
    size: usize,
    ended: bool,
}

impl WarcCutter {
    /// Cuts a stream.
    #[must_use]
    pub fn new() -> Self {
        Self {
            buffer: Vec::new(),
            done: 0,
            state: State::Header,
            record: 0,
            records: Vec::new(),
            size: 0,
            ended: false,
        }
    }

    fn left(&self) -> &[u8] {
        &self.buffer[self.done..]
    }

    fn push(&mut self, record: Record) {
        self.size += match &record {
            Record::Page(page) => page.body.len() + 512,
            _ => 512,
        };
        self.records.push(record);
    }

    fn leave(&mut self, reason: &'static str, bytes: u64) {
        self.push(Record::Left { reason, bytes });
        self.state = State::Skip(bytes);
    }

    fn refuse(&mut self, error: &'static str, message: String, bytes: u64) {
        let head = self.left();
        let head = head[..head.len().min(HEAD_BYTES).min(bytes as usize)].to_vec();
        let record = self.record;
        self.push(Record::Refused {
            record,
            error,
            message,
            bytes,
            head,
        });
    }

    /// Goes one step on; false when more bytes are needed.
    fn step(&mut self) -> bool {
        match std::mem::replace(&mut self.state, State::Header) {
            State::Header => self.header(),
            State::Content(fields, bytes) => self.content(fields, bytes),
            State::Skip(bytes) => {
                let here = bytes.min(self.left().len() as u64);
                self.done += here as usize;
                if bytes > here {
                    self.state = State::Skip(bytes - here);
                    // What the end cuts off was counted already, as the archive says it.
                    return false;
                }
                true
            }
        }
    }

    fn header(&mut self) -> bool {
        let blank = self
            .left()
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'));
        self.done += blank.count();
        let left = self.left();
        if left.is_empty() {
            return false;
        }
        if left.len() < 5 && !self.ended {
            return false;
        }
        if !left.starts_with(b"WARC/") {
            return self.resynchronise();
        }
        let window = &left[..left.len().min(MAX_HEADER_BYTES)];
        let end = [b"\r\n\r\n".as_slice(), b"\n\n"]
            .into_iter()
            .filter_map(|end| Some(memchr::memmem::find(window, end)? + end.len()))
            .min();
        let Some(end) = end else {
            if left.len() < MAX_HEADER_BYTES && !self.ended {
                return false;
            }
            return self.resynchronise();
        };
        let (fields, length) = fields(&left[..end]);
        self.record += 1;
        let Some(length) = length else {
            let message = "the record has no valid Content-Length; the next one is looked for";
            self.refuse("invalid_warc", message.to_owned(), end as u64);
            self.done += end;
            return true;
        };
        self.done += end;
        self.begin(fields, length);
        true
    }

    /// Decides by the headers whether the content is wanted.
    fn begin(&mut self, fields: Fields, length: u64) {
        match fields.kind.as_str() {
            "response" | "resource" | "conversion" => self.state = State::Content(fields, length),
            kind => {
                let reason = LEFT_OUT
                    .iter()
                    .find(|(name, _)| *name == kind)
                    .map_or("warc_other", |(_, reason)| *reason);
                self.leave(reason, length);
            }
        }
    }

    fn content(&mut self, fields: Fields, length: u64) -> bool {
        let here = self.left().len() as u64;
        // Enough to see the headers of HTTP, and then all of it.
        if here < length.min(MAX_HEADER_BYTES as u64) && !self.ended {
            self.state = State::Content(fields, length);
            return false;
        }
        let head = &self.left()[..here.min(length) as usize];
        let (page, start) = match page(self.record, &fields, head) {
            Ok(found) => found,
            Err(Left::Out(reason)) => {
                self.leave(reason, length);
                return true;
            }
            Err(Left::Broken(message)) => {
                self.refuse("invalid_http", message, length);
                self.state = State::Skip(length);
                return true;
            }
        };
        if length > (MAX_BYTES + MAX_HEADER_BYTES) as u64 {
            let message = format!(
                "the page has {}, the largest that is read has {}",
                crate::units::human_bytes(length),
                crate::units::human_bytes(MAX_BYTES as u64)
            );
            self.refuse("record_too_long", message, length);
            self.state = State::Skip(length);
            return true;
        }
        if here < length {
            if self.ended {
                let message = "the archive ends inside the record".to_owned();
                self.refuse("unreadable", message, here);
                self.done = self.buffer.len();
                return false;
            }
            self.state = State::Content(fields, length);
            return false;
        }
        let body = head[start..].to_vec();
        self.push(Record::Page(Box::new(Page { body, ..page })));
        self.done += length as usize;
        true
    }

    /// Looks for the next record behind what is none; what lies between is one reject.
    fn resynchronise(&mut self) -> bool {
        let left = self.left();
        let next = memchr::memmem::find(&left[1..], b"\nWARC/").map(|at| at + 2);
        let gone = match next {
            Some(at) => at,
            None if self.ended => left.len(),
            // A mark may be cut at the end of what is here.
            None if left.len() > MAX_HEADER_BYTES => left.len() - 8,
            None => return false,
        };
        self.record += 1;
        let message = "here should be a record (WARC/1.0) and is none; the next one is looked for";
        self.refuse("invalid_warc", message.to_owned(), gone as u64);
        self.done += gone;
        true
    }

    fn block(&mut self) -> Option<Block> {
        let records = std::mem::take(&mut self.records);
        let bytes = std::mem::take(&mut self.size);
        (!records.is_empty()).then_some(Block::Web { records, bytes })
    }
}

impl Cut for WarcCutter {
    fn fill(&mut self, reader: &mut dyn Read) -> std::io::Result<bool> {
        self.buffer.drain(..self.done);
        self.done = 0;
        let read = self.buffer.len();
        let more = read_more(reader, &mut self.buffer, read)?;
        self.ended = !more;
        Ok(more)
    }

    fn cut(&mut self) -> Option<Block> {
        while self.size < BLOCK_BYTES {
            if !self.step() {
                return if self.ended { self.block() } else { None };
            }
        }
        self.block()
    }

    fn give_up(&mut self) -> (Option<Block>, Vec<u8>) {
        let tail = match self.state {
            State::Skip(_) => Vec::new(),
            _ => self.left().to_vec(),
        };
        if let State::Header = self.state {
            self.record += 1;
        }
        (self.block(), tail)
    }

    fn position(&self) -> u64 {
        self.record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(data: &[u8]) -> Vec<Record> {
        let mut cutter = WarcCutter::new();
        // Byte by byte, so that everything is cut everywhere.
        let mut bytes = data.chunks(7);
        let mut records = Vec::new();
        loop {
            let mut next = bytes.next().unwrap_or_default();
            let more = cutter.fill(&mut next).expect("memory does not fail");
            while let Some(Block::Web { records: some, .. }) = cutter.cut() {
                records.extend(some);
            }
            if !more {
                return records;
            }
        }
    }

    fn record(kind: &str, media: &str, content: &str) -> String {
        format!(
            "WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: <http://example.org/>\r\nContent-Type: {media}\r\nContent-Length: {}\r\n\r\n{content}\r\n\r\n",
            content.len()
        )
    }

    #[test]
    fn every_record_is_read_left_out_or_refused() {
        let http = |status: &str, media: &str, body: &str| {
            record(
                "response",
                "application/http; msgtype=response",
                &format!("HTTP/1.1 {status}\r\nContent-Type: {media}\r\n\r\n{body}"),
            )
        };
        let data = [
            record("warcinfo", "application/warc-fields", "software: x"),
            record("request", "application/http; msgtype=request", "GET / HTTP/1.1\r\n\r\n"),
            http("200 OK", "text/html; charset=\"koi8-r\"", "<p>a"),
            http("404 Not Found", "text/html", "<p>no"),
            http("200 OK", "image/png", "x"),
            "some garbage\nin between\n".to_owned(),
            record("conversion", "text/plain", "text"),
            record("response", "application/http", "nonsense"),
            "WARC/1.0\r\nWARC-Type: conversion\r\nContent-Type: text/plain\r\nContent-Length: 99\r\n\r\ncut".to_owned(),
        ]
        .concat();
        let found: Vec<String> = cut(data.as_bytes())
            .into_iter()
            .map(|record| match record {
                Record::Page(page) => format!(
                    "{} {:?} {:?} {}",
                    page.record,
                    page.media,
                    page.charset,
                    String::from_utf8_lossy(&page.body)
                ),
                Record::Left { reason, .. } => reason.to_owned(),
                Record::Refused { record, error, .. } => format!("{record} {error}"),
            })
            .collect();
        assert_eq!(
            found,
            [
                "warc_warcinfo",
                "warc_request",
                "3 Html Some(\"koi8-r\") <p>a",
                "http_status",
                "media_type",
                "6 invalid_warc",
                "7 Text None text",
                "8 invalid_http",
                "9 unreadable"
            ]
        );
    }
}
