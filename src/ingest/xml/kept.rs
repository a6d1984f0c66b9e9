//! Elements with `xml:space="preserve"`, whose white space is kept.

/// Bytes of the value of an attribute that are looked at.
const VALUE_BYTES: usize = 16;

/// Where in such an element the next byte is.
#[derive(Default)]
pub(super) struct Kept {
    /// How many of its name are open, and that.
    depth: u32,
    name: Vec<u8>,
    /// White space before the next word.
    due: Vec<u8>,
    /// The value of `xml:space` that is being read; none in that of another attribute.
    value: Option<Vec<u8>>,
    /// Whether the tag that is being read has it.
    is_in_tag: bool,
}

impl Kept {
    pub(super) fn is_inside(&self) -> bool {
        self.depth > 0
    }

    /// White space that is due before the next word.
    pub(super) fn due(&mut self) -> &mut Vec<u8> {
        &mut self.due
    }

    /// White space, at the beginning of the element or behind a word.
    pub(super) fn space(&mut self, byte: u8, is_first: bool) {
        if byte == b'\n' && is_first {
            self.due.clear();
        } else if byte != b'\r' {
            self.due.push(byte);
        }
    }

    /// Begins the value of the attribute that a tag ends with.
    pub(super) fn begin_value(&mut self, tag: &[u8]) {
        self.value = tag.ends_with(b"xml:space=").then(Vec::new);
    }

    /// A byte of a tag, which may be one of the value.
    pub(super) fn value(&mut self, byte: u8) {
        if let Some(value) = &mut self.value
            && value.len() < VALUE_BYTES
        {
            value.push(byte);
        }
    }

    pub(super) fn end_value(&mut self) {
        let value = self.value.take();
        self.is_in_tag |= value.is_some_and(|value| value == b"preserve");
    }

    /// Follows the tag of an element. Says whether white space at the end of one was due behind it: there
    /// it is white space like any other.
    pub(super) fn tag(&mut self, name: &[u8], closing: bool, empty: bool) -> bool {
        let keeps = std::mem::take(&mut self.is_in_tag);
        if empty {
            return false;
        }
        if self.depth > 0 {
            if name == self.name {
                self.depth = if closing {
                    self.depth - 1
                } else {
                    self.depth + 1
                };
            }
        } else if keeps && !closing {
            (self.depth, self.name) = (1, name.to_vec());
        }
        let is_due = self.depth == 0 && !self.due.is_empty();
        if is_due {
            self.due.clear();
        }
        is_due
    }
}
