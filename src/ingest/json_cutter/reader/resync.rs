//! Where an array goes on behind a text whose quote is never closed.
//!
//! Such a quote turns texts inside out: what is read as a text stands between two, and no bracket is seen
//! any more, to the end of the file. That something is wrong shows at the next element. Read as a text, it
//! has a quote behind its brackets, with a letter behind that, where only a comma, a colon or a bracket can
//! stand. So a quote within a text is looked at (two for each text, a byte or two): an element begins there
//! if the brackets before it and the key behind it are those that elements of this array begin with, and
//! it stands where they do, on a line of its own as far from the margin or behind a comma. What was read
//! until then is one damaged element.

use super::{Reader, Sink, Text};

/// Bytes of a text, too long to be held, that are looked back at.
const TAIL_BYTES: usize = 512;
/// Bytes of the longest key by which an element is known.
const KEY_BYTES: usize = 128;
/// Brackets before the first text of an element: a list of lists of objects has three.
const BRACKETS: usize = 4;

/// Whether a byte is white space, as it is held of a text, too.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == NEWLINE
}

/// How elements of an array begin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Opening {
    /// The brackets before the first text.
    brackets: Vec<u8>,
    /// The first text with its quotes where it is a key; empty where it is none.
    key: Vec<u8>,
}

impl Opening {
    /// How an element begins that begins with `text`; none where it has no text near its beginning.
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        let mut rest = text.trim_ascii_start();
        let mut brackets = Vec::new();
        while let Some(bracket @ (b'{' | b'[')) = rest.first() {
            brackets.push(*bracket);
            rest = rest[1..].trim_ascii_start();
        }
        if brackets.len() > BRACKETS || rest.first() != Some(&b'"') {
            return None;
        }
        if brackets.last() != Some(&b'{') {
            let key = Vec::new();
            return Some(Self { brackets, key });
        }
        let near = &rest[1..rest.len().min(KEY_BYTES)];
        let end = near.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        let (key, behind) = rest.split_at_checked(end + 2)?;
        let is_key = key.ends_with(b"\"") && behind.trim_ascii_start().first() == Some(&b':');
        is_key.then(|| Self {
            brackets,
            key: key.to_vec(),
        })
    }

    /// Where in `text`, a text up to one of its quotes, an element may begin whose first quote that is.
    fn start(&self, text: &[u8], margin: Margin) -> Option<usize> {
        let before = |mut end: usize| {
            while end > 0 && is_space(text[end - 1]) {
                end -= 1;
            }
            end
        };
        let mut at = text.len();
        for bracket in self.brackets.iter().rev() {
            at = before(at);
            if at == 0 || text[at - 1] != *bracket {
                return None;
            }
            at -= 1;
        }
        let behind = before(at);
        let space = &text[behind..at];
        let line = space.iter().rposition(|byte| *byte == NEWLINE);
        let follows_comma = behind > 0 && text[behind - 1] == b',';
        let is_placed = match (line, margin) {
            (Some(end), Margin::Of(width)) => space.len() - end - 1 == width,
            (Some(_), Margin::Unknown) => true,
            (None, Margin::Unknown) => follows_comma && !self.key.is_empty(),
            (None, Margin::Of(_)) => false,
        };
        // A text alone is told by little: it must follow another.
        (is_placed && (follows_comma || !self.key.is_empty())).then_some(at)
    }
}

/// How a line end within a text is held.
pub(super) const NEWLINE: u8 = 1;

/// How far from the beginning of its line an element begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Margin {
    /// It does not begin its line, or is the first of its array.
    #[default]
    Unknown,
    /// So many bytes.
    Of(usize),
}

impl Margin {
    /// Follows the white space before an element.
    pub(super) fn pass(&mut self, space: u8) {
        *self = match (space, *self) {
            (b'\n', _) => Self::Of(0),
            (b'\r', margin) => margin,
            (_, Self::Of(width)) => Self::Of(width + 1),
            (_, Self::Unknown) => Self::Unknown,
        };
    }
}

/// The end of a text of which no more is held.
#[derive(Default)]
pub(super) struct Tail(Vec<u8>);

impl Tail {
    pub(super) fn push(&mut self, byte: u8) {
        if self.0.len() == 2 * TAIL_BYTES {
            self.0.drain(..TAIL_BYTES);
        }
        self.0.push(byte);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A quote within a text with which an element may begin, and what follows it.
pub(super) struct Doubt {
    /// Keys with which one would, and how many bytes before the quote it would begin.
    wanted: Vec<(Vec<u8>, usize)>,
    /// The quote and what follows; not read yet.
    pub(super) held: Vec<u8>,
}

/// What follows a quote in doubt says.
pub(super) enum Verdict {
    /// Nothing yet.
    Open,
    /// It ends its text.
    Ends,
    /// An element begins so many bytes before it.
    Begins(usize),
}

impl Doubt {
    /// Whether the quote behind `text`, all of a text before it or its end, may begin an element like
    /// those of `openings`.
    pub(super) fn of<'o>(
        text: &[u8],
        openings: impl Iterator<Item = &'o Opening>,
        margin: Margin,
    ) -> Option<Self> {
        let start = |opening: &Opening| Some((opening.key.clone(), opening.start(text, margin)?));
        let wanted = openings.filter_map(start);
        let wanted: Vec<_> = wanted.map(|(key, at)| (key, text.len() - at)).collect();
        (!wanted.is_empty()).then(|| Self {
            wanted,
            held: vec![b'"'],
        })
    }

    /// Takes the next byte.
    pub(super) fn add(&mut self, byte: u8) -> Verdict {
        self.held.push(byte);
        let held = &self.held;
        for (key, before) in &self.wanted {
            if key.is_empty() {
                if is_space(byte) {
                    return Verdict::Open;
                }
                if !matches!(byte, b',' | b':' | b']' | b'}' | b'\n' | b'\r') {
                    return Verdict::Begins(*before);
                }
            } else if let Some(behind) = held.strip_prefix(key.as_slice()) {
                match behind.trim_ascii() {
                    [] => return Verdict::Open,
                    b":" => return Verdict::Begins(*before),
                    _ => {}
                }
            } else if key.starts_with(held) {
                return Verdict::Open;
            }
        }
        Verdict::Ends
    }
}

impl Reader<'_> {
    /// Whether the quote that comes next in a text may be the first of another element; then it is held.
    pub(super) fn is_doubtful(&mut self) -> bool {
        if self.record_depth == 0 {
            return false;
        }
        let text = self.text_so_far();
        // Most quotes are told by the byte before them.
        let may_begin = |last: &u8| is_space(*last) || matches!(last, b'{' | b'[');
        if !text.last().is_some_and(may_begin) {
            return false;
        }
        let own = Opening::of(&self.value);
        let openings = own.iter().chain(&self.opening);
        self.doubt = Doubt::of(text, openings, self.margin);
        if self.doubt.is_some() {
            self.text = Text::Doubted;
        }
        self.doubt.is_some()
    }

    /// The value, or the end of one that is too long.
    fn text_so_far(&self) -> &[u8] {
        if self.left_out.bytes > 0 {
            self.tail.bytes()
        } else {
            &self.value
        }
    }

    /// Takes the next byte behind a quote in doubt.
    pub(super) fn settle(&mut self, byte: u8, sink: &mut Sink) {
        let Some(mut doubt) = self.doubt.take() else {
            return;
        };
        match doubt.add(byte) {
            Verdict::Open => self.doubt = Some(doubt),
            Verdict::Ends => self.ends_text(&doubt.held, sink),
            Verdict::Begins(before) => {
                let element = self.take_end(before);
                (self.text, self.depth) = (Text::Outside, self.record_depth);
                let margin = self.margin;
                self.finish(sink);
                self.margin = margin;
                for byte in element.into_iter().chain(doubt.held) {
                    // Outside of texts a line end is one.
                    self.byte(if byte == NEWLINE { b'\n' } else { byte }, sink);
                }
            }
        }
    }

    /// Reads a quote that ends its text, and what was held behind it.
    pub(super) fn ends_text(&mut self, held: &[u8], sink: &mut Sink) {
        if let [quote, behind @ ..] = held {
            self.text = Text::Outside;
            self.inside(*quote);
            for byte in behind {
                self.byte(*byte, sink);
            }
        }
    }

    /// Takes the last `count` bytes off the value, and drops the white space before them.
    fn take_end(&mut self, count: usize) -> Vec<u8> {
        let text = self.text_so_far();
        let taken = text[text.len() - count..].to_vec();
        // All of them are ASCII.
        let left_out = self.left_out.bytes.min(count as u64);
        self.left_out.bytes -= left_out;
        self.left_out.characters -= left_out;
        self.value
            .truncate(self.value.len() - (count - left_out as usize));
        if self.left_out.bytes == 0 {
            let end = self.value.iter().rposition(|byte| !is_space(*byte));
            self.value.truncate(end.map_or(0, |at| at + 1));
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openings_are_brackets_and_the_first_key() {
        for (text, wanted) in [
            (r#"{ "a" : 1"#, Some(("{", "\"a\""))),
            (r#"[[{"role":"user""#, Some(("[[{", "\"role\""))),
            (r#""text""#, Some(("", ""))),
            (r#"[ "a""#, Some(("[", ""))),
            (r#"{"a: "b""#, None),
            ("{}", None),
            ("7", None),
            (r#"{"a"#, None),
        ] {
            let found = Opening::of(text.as_bytes());
            let wanted = wanted.map(|(brackets, key)| Opening {
                brackets: brackets.into(),
                key: key.into(),
            });
            assert_eq!(found, wanted, "{text}");
        }
    }
}
