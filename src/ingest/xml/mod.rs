//! XML as text: `DocBook`, TEI, `FictionBook` and the like without their tags, as a stream.
//!
//! Elements that are known to stand within a line vanish, paragraphs and headings get blank lines
//! around them, all others end the line; code keeps its white space between fences. Metadata and
//! embedded files (`teiHeader`, `title-info` and `binary` of `FictionBook`) are left out. Records are
//! numbered by the lines of the text that results. Where `xml:space="preserve"` says so white space is
//! kept, and with it the lines of the pages in a dump of `MediaWiki`.

mod elements;
mod kept;
mod remedy;

use elements::{CELLS, CODE, INLINE, MEDIAWIKI_SILENT, PARAGRAPHS, SILENT};
use kept::Kept;
pub use remedy::remedy;
use std::collections::VecDeque;
use std::io::Read;

const READ_BYTES: usize = 64 << 10;
/// Bytes of a tag's name that are looked at, and of a reference to a character.
const NAME_BYTES: usize = 64;

/// Where in the markup the next byte is.
enum At {
    Text,
    /// Inside `<…>`: its beginning, and the quote that is open.
    Tag(Vec<u8>, Option<u8>, bool),
    /// Behind `<!`: what is read of it decides.
    Declaration(Vec<u8>),
    /// Until this ends; in a document type, brackets are open.
    Until(&'static [u8], VecDeque<u8>),
    Doctype(u32),
    Cdata(VecDeque<u8>),
    /// A reference to a character.
    Reference(Vec<u8>),
}

/// Reads XML, which has to be UTF-8, as text.
pub struct XmlText<R> {
    inner: R,
    input: Vec<u8>,
    out: Vec<u8>,
    taken: usize,
    at: At,
    ended: bool,
    /// How deep in an element without text, and its name.
    silent: (u32, Vec<u8>),
    kept: Kept,
    /// Whether the first element says that this is a dump of a wiki.
    is_wiki: Option<bool>,
    code: u32,
    /// Line ends that are due before the next word.
    gap: usize,
    space: bool,
    begun: bool,
    cells: u32,
}

impl<R: Read> XmlText<R> {
    /// The text of `inner`.
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            input: vec![0; READ_BYTES],
            out: Vec::new(),
            taken: 0,
            at: At::Text,
            ended: false,
            silent: (0, Vec::new()),
            kept: Kept::default(),
            is_wiki: None,
            code: 0,
            gap: 0,
            space: false,
            begun: false,
            cells: 0,
        }
    }

    fn byte(&mut self, byte: u8) {
        match std::mem::replace(&mut self.at, At::Text) {
            At::Text => match byte {
                b'<' => self.at = At::Tag(Vec::new(), None, false),
                b'&' => self.at = At::Reference(Vec::new()),
                byte => self.text(byte),
            },
            At::Reference(mut name) => {
                if byte == b';' {
                    self.reference(&name);
                } else if name.len() < NAME_BYTES && (byte.is_ascii_alphanumeric() || byte == b'#')
                {
                    name.push(byte);
                    self.at = At::Reference(name);
                } else {
                    // A bare ampersand.
                    self.text(b'&');
                    for byte in name {
                        self.text(byte);
                    }
                    self.byte(byte);
                }
            }
            At::Tag(mut head, quote, slash) => match (byte, quote) {
                (b'!', None) if head.is_empty() => self.at = At::Declaration(Vec::new()),
                (b'?', None) if head.is_empty() => self.at = At::Until(b"?>", VecDeque::new()),
                (b'>', None) => self.tag(&head, slash),
                (b'"' | b'\'', None) if !head.is_empty() => {
                    self.kept.begin_value(&head);
                    self.at = At::Tag(head, Some(byte), false);
                }
                (byte, Some(open)) if byte == open => {
                    self.kept.end_value();
                    self.at = At::Tag(head, None, false);
                }
                (byte, quote) => {
                    self.kept.value(byte);
                    if quote.is_none() && head.len() < NAME_BYTES {
                        head.push(byte);
                    }
                    self.at = At::Tag(head, quote, byte == b'/');
                }
            },
            At::Declaration(mut head) => {
                head.push(byte);
                self.at = match head.as_slice() {
                    b"--" => At::Until(b"-->", VecDeque::new()),
                    b"[CDATA[" => At::Cdata(VecDeque::new()),
                    head if b"[CDATA[".starts_with(head) || head == b"-" => {
                        At::Declaration(head.to_vec())
                    }
                    _ if byte == b'>' => At::Text,
                    _ => At::Doctype(0),
                };
            }
            At::Doctype(open) => {
                self.at = match byte {
                    b'[' => At::Doctype(open + 1),
                    b']' => At::Doctype(open.saturating_sub(1)),
                    b'>' if open == 0 => At::Text,
                    _ => At::Doctype(open),
                };
            }
            At::Until(end, mut last) => {
                last.push_back(byte);
                if last.len() > end.len() {
                    last.pop_front();
                }
                if !last.iter().eq(end) {
                    self.at = At::Until(end, last);
                }
            }
            At::Cdata(mut last) => {
                last.push_back(byte);
                if last.iter().eq(b"]]>") {
                    return;
                }
                if last.len() >= 3
                    && let Some(byte) = last.pop_front()
                {
                    self.text(byte);
                }
                self.at = At::Cdata(last);
            }
        }
    }

    fn text(&mut self, byte: u8) {
        if self.silent.0 > 0 {
            return;
        }
        if self.code > 0 {
            self.begin();
            self.out.push(byte);
        } else if self.kept.is_inside() {
            self.kept_text(byte);
        } else if byte.is_ascii_whitespace() {
            self.space = true;
        } else {
            self.begin();
            self.out.push(byte);
        }
    }

    /// A byte where white space is kept; blank lines at the beginning and the end are not.
    fn kept_text(&mut self, byte: u8) {
        if byte.is_ascii_whitespace() {
            self.kept.space(byte, self.gap > 0);
        } else {
            self.begin();
            self.out.append(self.kept.due());
            self.out.push(byte);
        }
    }

    /// Writes what is due before a word.
    fn begin(&mut self) {
        if self.gap > 0 {
            if self.begun {
                self.out.extend(std::iter::repeat_n(b'\n', self.gap));
            }
        } else if self.space && self.begun {
            self.out.push(b' ');
        }
        (self.gap, self.space, self.begun) = (0, false, true);
    }

    fn end_line(&mut self, gap: usize) {
        self.kept.due().clear();
        self.gap = self.gap.max(gap);
        self.space = false;
    }

    fn reference(&mut self, name: &[u8]) {
        let name = String::from_utf8_lossy(name);
        let number = match name.strip_prefix('#') {
            Some(digits) => match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok(),
                None => digits.parse().ok(),
            },
            None => [
                ("lt", '<'),
                ("gt", '>'),
                ("amp", '&'),
                ("quot", '"'),
                ("apos", '\''),
                ("nbsp", '\u{a0}'),
            ]
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, character)| u32::from(*character)),
        };
        let written = match number.and_then(char::from_u32) {
            Some(character) => character.to_string(),
            // One that the document type defines.
            None => format!("&{name};"),
        };
        for byte in written.bytes() {
            self.text(byte);
        }
    }

    fn tag(&mut self, head: &[u8], empty: bool) {
        let closing = head.starts_with(b"/");
        let name = &head[usize::from(closing)..];
        let end = name
            .iter()
            .position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/'))
            .unwrap_or(name.len());
        // Prefixes of name spaces say nothing here.
        let name = name[..end]
            .rsplit(|byte| *byte == b':')
            .next()
            .unwrap_or_default();
        let name = name.to_ascii_lowercase();
        let is_wiki = *self.is_wiki.get_or_insert(name == b"mediawiki");
        self.space |= self.kept.tag(&name, closing, empty);
        if self.silent.0 > 0 {
            if name == self.silent.1 && !empty {
                self.silent.0 = if closing {
                    self.silent.0 - 1
                } else {
                    self.silent.0 + 1
                };
            }
            return;
        }
        let is = |names: &[&str]| names.iter().any(|one| one.as_bytes() == name);
        if is(SILENT) || is_wiki && is(MEDIAWIKI_SILENT) {
            self.end_line(1);
            if !closing && !empty {
                self.silent = (1, name);
            }
        } else if is(CODE) {
            self.code_tag(closing, empty);
        } else if self.code > 0 || is(INLINE) {
            // Marked up code, and words in a line.
        } else if is(CELLS) {
            if !closing {
                if self.cells > 0 {
                    (self.gap, self.space) = (0, false);
                    self.begin();
                    self.out.extend_from_slice(b" | ");
                    self.space = false;
                }
                self.cells += 1;
            }
        } else if self.cells > 0 && !matches!(name.as_slice(), b"row" | b"tr") {
            // A paragraph in a cell stays in its row.
            self.space = true;
        } else {
            self.cells = 0;
            self.end_line(if is(PARAGRAPHS) { 2 } else { 1 });
        }
    }

    fn code_tag(&mut self, closing: bool, empty: bool) {
        if empty {
            return;
        }
        if !closing {
            if self.code == 0 {
                self.end_line(2);
                self.begin();
                self.out.extend_from_slice(b"```\n");
            }
            self.code += 1;
        } else if self.code > 0 {
            self.code -= 1;
            if self.code == 0 {
                let line_ended = self.out.last().is_some_and(|byte| *byte == b'\n');
                self.out
                    .extend_from_slice(if line_ended { b"```" } else { b"\n```" });
                self.end_line(2);
            }
        }
    }
}

impl<R: Read> Read for XmlText<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.taken == self.out.len() {
            if self.ended {
                return Ok(0);
            }
            self.out.clear();
            self.taken = 0;
            let mut input = std::mem::take(&mut self.input);
            let outcome = self.inner.read(&mut input);
            let count = *outcome.as_ref().unwrap_or(&0);
            for byte in &input[..count] {
                self.byte(*byte);
            }
            self.input = input;
            outcome?;
            if count == 0 {
                self.ended = true;
                if self.begun {
                    self.out.push(b'\n');
                }
            }
        }
        let left = &self.out[self.taken..];
        let count = buffer.len().min(left.len());
        buffer[..count].copy_from_slice(&left[..count]);
        self.taken += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(xml: &str) -> String {
        let mut out = String::new();
        XmlText::new(xml.as_bytes())
            .read_to_string(&mut out)
            .expect("memory does not fail");
        out
    }

    #[test]
    fn dumps_of_wikis_keep_their_lines_and_lose_their_numbers() {
        let dump = "<mediawiki xml:lang=\"ru\">\n <siteinfo><sitename>Википедия</sitename></siteinfo>\n <page>\n  <title>Москва</title>\n  <ns>0</ns>\n  <id>7</id>\n\
            <revision><id>1</id><timestamp>2024</timestamp><contributor><username>U</username><id>2</id></contributor><model>wikitext</model>\
            <text bytes=\"30\" xml:space=\"preserve\">\n'''Москва''' — столица &lt;ref/&gt;.\r\n\n== История ==\n* пункт  1\n  :отступ\n</text><sha1>x</sha1></revision></page>\n\
            <page><title>Б</title><revision><text xml:space='preserve' /></revision></page></mediawiki>";
        assert_eq!(
            text(dump),
            "Москва\n\n'''Москва''' — столица <ref/>.\n\n== История ==\n* пункт  1\n  :отступ\n\nБ\n"
        );
        // Elsewhere these are words, and of another value nothing is kept.
        assert_eq!(
            text(
                "<r><id>7</id><t xml:space=\"default\" title=\"preserve\">a\nb</t><t xml:space='preserve'>c<t>d\n</t>\ne</t> f\n g</r>"
            ),
            "7\na b\nc\nd\ne\nf g\n"
        );
        assert_eq!(
            text("<p>x <b xml:space='preserve'>a  </b>b <b xml:space='preserve'>c  c</b> d</p>"),
            "x a b c  c d\n"
        );
    }

    #[test]
    fn documents_lose_their_tags_and_keep_their_text() {
        let docbook = "<?xml version=\"1.0\"?>\n<!DOCTYPE book [ <!ENTITY a \"x>y\"> ]>\n<book><bookinfo><title>Meta</title></bookinfo>\
            <chapter id=\"a>b\"><title>Глава &#1071;</title>\n<para>One <emphasis>bold</emphasis>word &amp; more,\n second line.</para>\
            <!-- a > comment --><programlisting><![CDATA[if (a < b && c]]>) {\n    x();\n}\n</programlisting>\
            <itemizedlist><listitem><para>first</para></listitem><listitem><para>second</para></listitem></itemizedlist>\
            <table><row><entry><para>a</para></entry><entry>b</entry></row><row><entry>c</entry><entry>d</entry></row></table></chapter></book>";
        assert_eq!(
            text(docbook),
            "Глава Я\n\nOne boldword & more, second line.\n\n```\nif (a < b && c) {\n    x();\n}\n```\n\nfirst\n\nsecond\n\na | b\nc | d\n"
        );
        let book = "<FictionBook><description><title-info><p>meta</p></title-info></description><body><section><title><p>Один</p></title><p>Текст <strong>тут</strong>.</p>\
            <poem><stanza><v>строка</v><v>другая</v></stanza></poem></section></body><binary id='x'>AAAA</binary></FictionBook>";
        assert_eq!(text(book), "Один\n\nТекст тут.\n\nстрока\nдругая\n");
        assert_eq!(text("<r><a>x</a> R&D &unknown; </r>"), "x R&D &unknown;\n");
    }
}
