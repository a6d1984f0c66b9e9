//! Text as it comes, in whole characters.
//!
//! A byte-level token may be half of a Cyrillic letter, and some decoders join tokens by what
//! stands before them; so a few tokens are decoded again and again, and text is given out once it
//! does not end in half a character.

/// What a person should never see: the replacement for half a character.
const HALF: char = '\u{FFFD}';

/// Decodes a growing list of tokens piece by piece.
pub struct TextStream<D: Fn(&[u32]) -> String> {
    decode: D,
    ids: Vec<u32>,
    /// First token that is decoded again, for context.
    context: usize,
    /// Tokens whose text has been given out.
    given: usize,
}

impl<D: Fn(&[u32]) -> String> TextStream<D> {
    /// A stream over a decoder.
    pub fn new(decode: D) -> Self {
        Self {
            decode,
            ids: Vec::new(),
            context: 0,
            given: 0,
        }
    }

    /// The new text with one more token: nothing while a character is incomplete.
    pub fn push(&mut self, id: u32) -> String {
        self.ids.push(id);
        let text = (self.decode)(&self.ids[self.context..]);
        if text.ends_with(HALF) {
            return String::new();
        }
        self.give(&text)
    }

    /// What is left at the end, without half a character.
    pub fn finish(&mut self) -> String {
        let text = (self.decode)(&self.ids[self.context..]);
        self.give(text.trim_end_matches(HALF))
    }

    fn give(&mut self, text: &str) -> String {
        let before = (self.decode)(&self.ids[self.context..self.given]);
        self.context = self.given;
        self.given = self.ids.len();
        text.strip_prefix(&before).unwrap_or_default().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each id is a byte.
    fn bytes(ids: &[u32]) -> String {
        let bytes: Vec<u8> = ids.iter().map(|&id| id as u8).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn letters_are_never_split() {
        let text = "Да, ёж 🦔 and more";
        let mut stream = TextStream::new(bytes);
        let mut out = String::new();
        for &byte in text.as_bytes() {
            let piece = stream.push(u32::from(byte));
            assert!(!piece.contains(HALF), "{piece}");
            out += &piece;
        }
        assert_eq!(out + &stream.finish(), text);
    }

    #[test]
    fn an_unfinished_letter_at_the_end_is_left_out() {
        let mut stream = TextStream::new(bytes);
        let mut out = stream.push(u32::from(b'a'));
        out += &stream.push(0xD0);
        assert_eq!(out + &stream.finish(), "a");
    }

    #[test]
    fn decoders_that_look_at_the_token_before_are_honoured() {
        // A decoder that drops the first space, as sentencepiece's do.
        let decode = |ids: &[u32]| {
            let words: Vec<&str> = ids.iter().map(|&id| ["one", "two"][id as usize]).collect();
            words.join(" ")
        };
        let mut stream = TextStream::new(decode);
        let pieces = [
            stream.push(0),
            stream.push(1),
            stream.push(0),
            stream.finish(),
        ];
        assert_eq!(pieces.concat(), "one two one");
    }
}
