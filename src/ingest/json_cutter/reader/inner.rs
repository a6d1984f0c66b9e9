//! Objects in the fields of a frame.

use super::super::by_id;
use super::super::frame::Meaning;
use super::super::sink::Sink;
use super::Reader;
use super::place::Text;
use crate::ingest::mapping::Mapping;

impl<'a> Reader<'a> {
    /// Reads an object that stands in the field of a frame.
    pub(super) fn within(frame: &mut Self) -> Self {
        let around = if frame.mapping.is_none() {
            frame.lead(|frame| {
                let before = by_id::without_key(&frame.value, frame.key.len());
                [&frame.value[..before], b"}"].concat()
            })
        } else {
            None
        };
        Self {
            around,
            held_bytes: frame.held_bytes,
            part_bytes: frame.part_bytes,
            next_look: frame.held_bytes,
            level: frame.level + 1,
            path: format!("{}{}.", frame.path, frame.outline.name()),
            ..Self::new(frame.mapping)
        }
    }

    /// Whether the object that begins with `text` is a frame in a frame of this level.
    pub(in crate::ingest::json_cutter) fn is_frame(
        text: &[u8],
        mapping: Option<&'a Mapping>,
        level: usize,
    ) -> bool {
        let mut reader = Self {
            level,
            held_bytes: usize::MAX,
            next_look: usize::MAX,
            ..Self::new(mapping)
        };
        let mut sink = Sink::default();
        let mut text = text;
        while let [byte, behind @ ..] = text {
            let run = reader.run(text);
            if run > 0 {
                text = &text[run..];
                continue;
            }
            // Its end tells what it is; no record of it is wanted here.
            let is_last = reader.depth == 1 && reader.text == Text::Outside && *byte == b'}';
            if is_last {
                break;
            }
            reader.byte(*byte, &mut sink);
            text = behind;
        }
        reader.told() == Meaning::Frame
    }

    /// Ends an object of the frame: a record by its id goes, what another left is for the frame to judge.
    pub(super) fn close_inner(&mut self, sink: &mut Sink) {
        let Some(inner) = self.inner.take() else {
            return;
        };
        self.without_lead += inner.without_lead;
        if inner.has_lead {
            self.use_lead();
        }
        if self.is_by_id {
            self.outline.forget();
            self.forget_told();
            if !inner.value.is_empty() {
                by_id::add(&inner.value, self.outline.name(), inner.left_out, sink);
                let rest = by_id::without_key(&self.value, self.key.len());
                self.value.truncate(rest);
                return;
            }
        }
        let rest: &[u8] = if inner.value.is_empty() {
            b"null"
        } else {
            &inner.value
        };
        for byte in rest {
            self.keep(*byte);
        }
        self.left_out.bytes += inner.left_out.bytes;
        self.left_out.characters += inner.left_out.characters;
    }
}
