//! What was said in one script, put together only where it is read: for most texts words and letters tell
//! enough.

use std::cell::OnceCell;

/// Bytes of prose that trigrams are counted in.
const TRIGRAM_BYTES: usize = 2 << 10;

/// The first lines in one script.
#[derive(Default)]
pub(super) struct Said<'a> {
    lines: Vec<&'a str>,
    bytes: usize,
    text: OnceCell<String>,
}

impl<'a> Said<'a> {
    /// Adds a line, unless there is enough.
    pub(super) fn push(&mut self, line: &'a str) {
        if self.bytes < TRIGRAM_BYTES {
            self.bytes += line.len() + 1;
            self.lines.push(line);
        }
    }

    /// The lines, each with a line feed.
    pub(super) fn text(&self) -> &str {
        self.text.get_or_init(|| {
            let mut text = String::with_capacity(self.bytes);
            for line in &self.lines {
                text.push_str(line);
                text.push('\n');
            }
            text
        })
    }
}
