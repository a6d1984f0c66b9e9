//! The values of JSON one byte at a time: which of them are records.

mod inner;
mod leading;
mod parted;
mod place;
mod resync;
mod run;

use super::chat::Chat;
use super::elements::Elements;
use super::frame::{Meaning, Outline, Rest, rest_of_frame};
use super::lead::Before;
use super::passage::{self, Passage};
use super::sink::{LeftOut, Sink};
use crate::ingest::cutter::MAX_LINE_BYTES;
use crate::ingest::mapping::Mapping;
use crate::ingest::shape::Lead;
use leading::Told;
use parted::Messages;
use place::{Slot, Text};
use resync::{Doubt, Margin, NEWLINE, Opening, Tail};

/// Bytes of a top object after which it is told from what was seen whether it is a frame; told again
/// at twice as many each time.
pub(super) const HELD_BYTES: usize = 4 << 20;

/// Frames in frames that are looked into: a split in a set in a collection has three.
pub(super) const FRAMES_IN_FRAMES: usize = 4;

/// Bytes of a byte order mark, which may stand before the first value.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Reads top values, or one object in a frame as if it were the top object.
pub(super) struct Reader<'a> {
    mapping: Option<&'a Mapping>,
    pub(super) held_bytes: usize,
    /// Bytes of the top object at which it is told next what it is.
    pub(super) next_look: usize,
    /// How many frames are around it.
    level: usize,
    /// Names of the fields around it, each with a dot behind it.
    path: String,
    /// The value that is being read.
    value: Vec<u8>,
    /// What of the value was left out because it is too long, and the end of that.
    left_out: LeftOut,
    tail: Tail,
    /// Bytes of a chat that is cut into several records, and whether the value is one.
    pub(super) part_bytes: usize,
    messages: Messages,
    /// Where the value begins in its line.
    margin: Margin,
    /// How the first element of the array begins.
    opening: Option<Opening>,
    /// A quote in a text that may be the first of another element.
    doubt: Option<Doubt>,
    text: Text,
    depth: usize,
    /// Depth at which values are records: 0 for top values, 1 or 2 inside arrays.
    record_depth: usize,
    /// What the top object is as far as that is known.
    meaning: Meaning,
    /// What the top object has so far.
    outline: Outline,
    /// Whether the fields of the frame are records under their ids.
    is_by_id: bool,
    slot: Slot,
    /// Key at depth 1 of the top object, as it is written.
    key: Vec<u8>,
    /// The frame around the array whose elements are being read.
    wrapper: Vec<u8>,
    /// The array of the frame whose elements are being read.
    elements: Option<Elements>,
    /// Fields of the frame that its records have: a passage before them.
    used: Vec<String>,
    /// The last list of questions without a passage before them, and how many those were.
    asking: Option<(String, u64)>,
    /// What the frames around it say to each record, and whether one got something of what is said here
    /// or there.
    around: Option<Lead>,
    has_lead: bool,
    told: Told,
    /// Records that were read without a system prompt or an instruction.
    without_lead: u64,
    /// What the top array has of one conversation; `None` where fields are mapped.
    chat: Option<Chat>,
    /// The object of the frame that is being read.
    inner: Option<Box<Self>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(mapping: Option<&'a Mapping>) -> Self {
        Self {
            mapping,
            held_bytes: HELD_BYTES,
            next_look: HELD_BYTES,
            level: 0,
            path: String::new(),
            value: Vec::new(),
            left_out: LeftOut::default(),
            tail: Tail::default(),
            part_bytes: parted::PART_BYTES,
            messages: Messages::Unseen,
            margin: Margin::default(),
            opening: None,
            doubt: None,
            text: Text::Outside,
            depth: 0,
            record_depth: 0,
            meaning: Meaning::Unknown,
            outline: Outline::default(),
            is_by_id: false,
            slot: Slot::Key,
            key: Vec::new(),
            wrapper: Vec::new(),
            elements: None,
            used: Vec::new(),
            asking: None,
            around: None,
            has_lead: false,
            told: Told::default(),
            without_lead: 0,
            chat: None,
            inner: None,
        }
    }

    /// Reads the next byte.
    pub(super) fn byte(&mut self, byte: u8, sink: &mut Sink) {
        if let Some(inner) = &mut self.inner {
            inner.byte(byte, sink);
            if inner.depth == 0 {
                self.close_inner(sink);
            }
            return;
        }
        match self.text {
            Text::Outside => self.outside(byte, sink),
            Text::Escaped => {
                self.text = Text::Inside;
                self.inside(byte);
            }
            Text::Doubted => return self.settle(byte, sink),
            Text::Inside => {
                match byte {
                    b'\\' => self.text = Text::Escaped,
                    b'"' if self.is_doubtful() => return,
                    b'"' => self.text = Text::Outside,
                    _ => {}
                }
                self.inside(byte);
            }
        }
        // Told here, and from then on also with each array that begins.
        if self.value.len() == self.next_look {
            self.next_look = self.next_look.saturating_mul(2);
            self.decide(sink);
        }
    }

    /// A byte of a string, its last quote included.
    fn inside(&mut self, byte: u8) {
        if self.is_at_fields() && self.slot == Slot::Key && self.text != Text::Outside {
            self.key.push(byte);
        }
        // A raw line end in a string is no JSON; it must not pass for the end of a record.
        self.keep(if byte == b'\n' { NEWLINE } else { byte });
    }

    fn outside(&mut self, byte: u8, sink: &mut Sink) {
        if self.value.is_empty() && byte.is_ascii_whitespace() {
            self.margin.pass(byte);
            return;
        }
        if sink.record == 1 && self.depth == 0 && self.value.is_empty() && BOM.contains(&byte) {
            return;
        }
        if self.record_depth == 0 && !byte.is_ascii_whitespace() {
            let begins = self.depth == 1 && self.slot == Slot::Value;
            self.see(byte, sink);
            if begins
                && byte == b'{'
                && self.meaning == Meaning::Frame
                && self.level < FRAMES_IN_FRAMES
            {
                let mut inner = Self::within(self);
                inner.byte(byte, sink);
                self.inner = Some(Box::new(inner));
                return;
            }
        }
        if matches!(byte, b'{' | b'[' | b'"') && self.record_depth > 0 {
            self.part_elements(byte, sink);
        }
        match byte {
            b'"' => {
                self.text = Text::Inside;
                self.keep(byte);
            }
            b'[' if self.depth == 0 => {
                (self.depth, self.record_depth) = (1, 1);
                self.margin = Margin::Unknown;
                self.chat = self.mapping.is_none().then(Chat::default);
            }
            b'{' | b'[' => {
                if self.depth == 0 {
                    self.slot = Slot::Key;
                    self.meaning = Meaning::Unknown;
                    self.next_look = self.held_bytes;
                    self.outline = Outline::default();
                }
                self.depth += 1;
                self.keep(byte);
            }
            // A brace among the elements themselves closes none of them: only its own is damaged.
            b'}' if self.depth == self.record_depth && self.depth > 0 => {
                if self.value.trim_ascii_end().ends_with(b"}") {
                    self.finish(sink);
                }
                self.keep(byte);
            }
            b'}' | b']' => self.close(byte, sink),
            b',' if self.depth == self.record_depth && self.depth > 0 => self.finish(sink),
            b',' if self.ends_part() => self.part(sink),
            // Behind records by their ids that were taken out.
            b',' if self.is_by_id && self.value.trim_ascii() == b"{" => {}
            b'\n' | b'\r' => self.keep(b' '),
            _ => self.keep(byte),
        }
    }

    /// Ends the element that is being read where `byte` begins another: behind a whole one the comma is
    /// missing, and an object in whose fields one begins without a name was never closed.
    fn part_elements(&mut self, byte: u8, sink: &mut Sink) {
        let is_element = self.depth == self.record_depth;
        let is_field = self.depth == self.record_depth + 1 && byte == b'{';
        // What a value too long ends with is not known.
        if !is_element && !is_field || self.left_out.bytes > 0 {
            return;
        }
        let last = self.value.iter().rfind(|byte| !byte.is_ascii_whitespace());
        let Some(last) = last else { return };
        if is_element && matches!(last, b'}' | b']' | b'"') {
            sink.count_missing_comma();
            self.finish(sink);
        } else if is_field && self.value.first() == Some(&b'{') && *last != b':' {
            self.depth = self.record_depth;
            self.finish(sink);
        }
    }

    /// Whether the next byte belongs to the fields of the top object.
    fn is_at_fields(&self) -> bool {
        self.depth == 1 && self.record_depth == 0
    }

    /// Follows the fields of the top object.
    fn see(&mut self, byte: u8, sink: &mut Sink) {
        if self.slot == Slot::First {
            self.slot = Slot::Inside;
            if byte != b']' {
                self.outline.array(byte, self.value.len());
                if self.value.len() >= self.held_bytes && self.meaning == Meaning::Unknown {
                    self.decide(sink);
                    self.slot = Slot::Inside;
                }
                // An instruction of several lines is for the records, and none of them.
                let is_lead =
                    byte == b'"' && self.mapping.is_none() && Lead::is_in(self.outline.name());
                if self.meaning == Meaning::Frame && self.depth == 2 && !is_lead {
                    // The array's bracket stays with the frame.
                    let name = self.outline.name().to_owned();
                    let before = if self.mapping.is_none() {
                        Before {
                            passage: (self.outline.has_passage())
                                .then(|| Passage::before(&self.value, &name))
                                .flatten(),
                            lead: self.lead(|frame| [&frame.value[..], b"]}"].concat()),
                            is_led: false,
                        }
                    } else {
                        Before::default()
                    };
                    self.elements = Some(Elements::of(&self.path, &name, before));
                    self.wrapper = std::mem::take(&mut self.value);
                    self.record_depth = 2;
                    self.margin = Margin::Unknown;
                }
            }
        } else if self.depth == 1 {
            match (self.slot, byte) {
                (Slot::Key, b'"') => self.key.clear(),
                (Slot::Key, b':') => self.slot = Slot::Value,
                (Slot::Value, _) => {
                    self.outline.field(&self.key, byte, self.value.len());
                    self.slot = if byte == b'[' {
                        Slot::First
                    } else {
                        Slot::Inside
                    };
                }
                (Slot::Inside, b',') => self.slot = Slot::Key,
                _ => {}
            }
        }
    }

    /// Tells what the top object is from what was seen; a frame is cut from its beginning.
    fn decide(&mut self, sink: &mut Sink) {
        if self.meaning != Meaning::Unknown || self.record_depth > 0 || self.depth == 0 {
            return;
        }
        self.meaning = self.told();
        if self.meaning == Meaning::Frame {
            self.is_by_id = self.outline.is_by_id(&self.value, self.mapping);
            let held = std::mem::take(&mut self.value);
            (self.text, self.depth, self.slot) = (Text::Outside, 0, Slot::Key);
            if let [brace, behind @ ..] = held.as_slice() {
                self.byte(*brace, sink);
                // The brace began a new object; what it is stays known.
                self.meaning = Meaning::Frame;
                self.read(behind, sink);
            }
        }
    }

    /// What the top object is by what was seen of it.
    fn told(&self) -> Meaning {
        if self.left_out.bytes > 0 {
            // Its beginning alone is no frame to cut.
            Meaning::Record
        } else {
            let limits = (self.level, self.held_bytes);
            self.outline.meaning(&self.value, self.mapping, limits)
        }
    }

    fn close(&mut self, byte: u8, sink: &mut Sink) {
        if byte == b']' && self.depth == self.record_depth && self.depth > 0 {
            self.finish(sink);
            self.depth -= 1;
            self.record_depth = 0;
            self.opening = None;
            if let Some(elements) = self.elements.take() {
                elements.end(sink);
                if elements.asked_alone() > 0 {
                    let list = self.outline.name().to_owned();
                    self.asking = Some((list, elements.asked_alone()));
                }
                self.without_lead += elements.without_lead();
                if elements.has_lead() {
                    self.use_lead();
                }
                self.used.extend(elements.used());
            }
            if let Some(mut chat) = self.chat.take() {
                chat.end(sink);
            }
            if self.depth == 1 {
                self.value = std::mem::take(&mut self.wrapper);
                self.keep(byte);
            }
            return;
        }
        if self.depth == 1 && self.record_depth == 0 {
            // The end of the top object: what it is must be known now, before its last brace.
            self.decide(sink);
            if self.record_depth > 0 || self.inner.is_some() {
                // It closes no frame: a brace too many stands among the records.
                return self.byte(byte, sink);
            }
        }
        self.keep(byte);
        self.depth = self.depth.saturating_sub(1);
        if self.depth == self.record_depth + 1 {
            self.messages = Messages::None;
        }
        if self.depth == 0 {
            if std::mem::replace(&mut self.meaning, Meaning::Unknown) == Meaning::Frame {
                self.finish_frame(sink);
            } else if self.level == 0 {
                self.finish(sink);
            }
        }
    }

    /// Ends a frame: what is left of it is a record, has records, or is counted.
    fn finish_frame(&mut self, sink: &mut Sink) {
        self.is_by_id = false;
        let mut used = std::mem::take(&mut self.used);
        self.refuse_late_lead(&mut used, sink);
        match (rest_of_frame(&self.value, &used), self.asking.take()) {
            _ if self.left_out.bytes > 0 => self.finish(sink),
            (Rest::Record, Some((list, questions)))
                if self.mapping.is_none() && self.outline.has_passage() =>
            {
                let why = passage::too_late(&list, questions);
                sink.refuse(passage::TOO_LATE, why, &self.value);
                self.value.clear();
            }
            (Rest::Record, _) => self.finish(sink),
            (Rest::Fields { records, names }, _) => {
                for record in records {
                    sink.add(&record);
                }
                self.value.clear();
                let named = names.iter().map(|name| (format!("{}{name}", self.path), 1));
                sink.count(named.collect());
            }
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.value.is_empty() {
            if byte.is_ascii_whitespace() {
                return;
            }
            self.messages = Messages::Unseen;
        }
        if self.value.len() < MAX_LINE_BYTES {
            self.value.push(byte);
        } else {
            self.left_out.add(byte);
            self.tail.push(byte);
        }
    }

    /// Ends a record or an element of a frame's array.
    fn finish(&mut self, sink: &mut Sink) {
        let left_out = std::mem::take(&mut self.left_out);
        if !self.value.iter().all(u8::is_ascii_whitespace) {
            if let Some(elements) = &mut self.elements {
                elements.add(&self.value, left_out, sink);
            } else if left_out.bytes > 0 {
                if let Some(mut chat) = self.chat.take() {
                    chat.release(sink);
                }
                sink.add_long(&self.value, left_out);
            } else if let Some(chat) = &mut self.chat {
                if !chat.add(&self.value, sink) {
                    self.chat = None;
                    sink.add(&self.value);
                }
            } else {
                sink.add(&self.value);
            }
        }
        if self.record_depth > 0 && self.opening.is_none() {
            self.opening = Opening::of(&self.value);
        }
        self.margin = Margin::Unknown;
        self.messages = Messages::Unseen;
        self.tail.clear();
        // The buffer of the value is used again.
        self.value.clear();
    }

    /// Ends what is complete where the stream ends or fails: the records of a frame that is cut off,
    /// and one behind which neither a comma nor the end of its array came.
    pub(super) fn end(&mut self, sink: &mut Sink) {
        if let Some(doubt) = self.doubt.take() {
            self.ends_text(&doubt.held, sink);
        }
        self.decide(sink);
        if let Some(inner) = &mut self.inner {
            return inner.end(sink);
        }
        let is_whole = self.text == Text::Outside
            && self.depth == self.record_depth
            && (self.depth == 0 || matches!(self.value.first(), Some(b'{' | b'[' | b'"')));
        if is_whole {
            self.finish(sink);
        }
        if let Some(elements) = self.elements.take() {
            elements.end(sink);
        }
        if let Some(mut chat) = self.chat.take() {
            chat.end(sink);
        }
    }

    /// Whether the next byte stands in a value.
    pub(super) fn is_inside(&self) -> bool {
        self.depth > 0 || self.text != Text::Outside
    }

    /// Bytes of the value that is being read.
    pub(super) fn bytes(&self) -> u64 {
        match &self.inner {
            Some(inner) => inner.bytes(),
            None => self.value.len() as u64 + self.left_out.bytes,
        }
    }

    /// Takes the beginning of the value that is being read.
    pub(super) fn take_value(&mut self) -> Vec<u8> {
        match self.inner.take() {
            Some(mut inner) => inner.take_value(),
            None => std::mem::take(&mut self.value),
        }
    }
}
