//! What a JSON record takes in memory as it is parsed, and room for so much of it.
//!
//! A record becomes a tree, of small objects up to 90 times as large as its text: a list of a million
//! `{"a":1}` is 8 MB on disk and 550 MB in memory. So the weight of a large record is told before it is
//! parsed, by its text alone; one beyond the room that `--memory` gives is rejected, whatever the number of
//! threads, and those that fit wait for each other.

use crate::allocator;
use std::sync::{Condvar, Mutex, PoisonError};

/// Bytes of a record below which it weighs nothing here: a worker has memory for as much.
const LIGHT_BYTES: usize = 64 << 10;
/// The same of its tree.
const LIGHT_TREE: u64 = 8 << 20;
/// The heaviest value that a reader looks into, beside the workers and so without asking for room.
pub const LOOKED_AT: u64 = 128 << 20;
/// What is kept of text: itself, and its repaired copy.
const TEXT: u64 = 2;
/// A value in a list or under a key; a list grows by doubling.
const VALUE: u64 = 100;
/// A key with its place in the table.
const KEY: u64 = 100;
/// The table and the first entries of an object.
const OBJECT: u64 = 450;
/// The first entries of a list.
const LIST: u64 = 200;

/// Bytes of memory that `json`, one record, takes at most. It is measured, not proved.
#[must_use]
pub fn of(json: &[u8]) -> u64 {
    if json.len() <= LIGHT_BYTES {
        return 0;
    }
    let (mut weight, mut is_text) = (TEXT * json.len() as u64, false);
    // Within texts nothing counts: quotes and backslashes are found fast, and most bytes stand in texts.
    let mut rest = json;
    loop {
        if is_text {
            match memchr::memchr2(b'"', b'\\', rest) {
                None => return weight,
                Some(at) if rest[at] == b'"' => {
                    is_text = false;
                    rest = &rest[at + 1..];
                }
                Some(at) => rest = rest.get(at + 2..).unwrap_or_default(),
            }
        } else {
            let end = memchr::memchr(b'"', rest);
            for byte in &rest[..end.unwrap_or(rest.len())] {
                weight += match byte {
                    b',' => VALUE,
                    b':' => KEY,
                    b'{' => OBJECT,
                    b'[' => LIST,
                    _ => 0,
                };
            }
            match end {
                None => return weight,
                Some(at) => rest = &rest[at + 1..],
            }
            is_text = true;
        }
    }
}

/// What a record of this weight takes beside its text, which has its own bound: the longest line.
#[must_use]
pub fn beside_text(json: &[u8], weight: u64) -> u64 {
    weight.saturating_sub(TEXT * json.len() as u64)
}

/// The weight of the lines of a block that are parsed: those with at most `most` beside their text, and
/// not the light ones.
#[must_use]
pub fn of_lines(lines: &[u8], most: u64) -> u64 {
    if lines.len() <= LIGHT_BYTES {
        return 0;
    }
    let (mut start, mut weight) = (0, 0);
    for end in memchr::memchr_iter(b'\n', lines).chain([lines.len()]) {
        let line = &lines[start..end];
        let of_line = of(line);
        if of_line >= LIGHT_TREE && beside_text(line, of_line) <= most {
            weight += of_line;
        }
        start = end + 1;
    }
    weight
}

/// Room for so many bytes. Whoever has a part of it must not ask for another.
pub struct Room {
    most: u64,
    left: Mutex<u64>,
    freed: Condvar,
}

impl Room {
    /// Room for `most` bytes.
    #[must_use]
    pub fn new(most: u64) -> Self {
        Self {
            most,
            left: Mutex::new(most),
            freed: Condvar::new(),
        }
    }

    /// Waits for room for `weight`, of which no more is asked than there is in all.
    pub fn take(&self, weight: u64) -> Taken<'_> {
        let weight = weight.min(self.most);
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let left = self.freed.wait_while(left, |left| *left < weight);
        *left.unwrap_or_else(PoisonError::into_inner) -= weight;
        Taken { room: self, weight }
    }
}

/// Room that is given back when this goes.
pub struct Taken<'a> {
    room: &'a Room,
    weight: u64,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if self.weight > LIGHT_TREE {
            allocator::give_back();
        }
        let left = self.room.left.lock();
        *left.unwrap_or_else(PoisonError::into_inner) += self.weight;
        self.room.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn objects_weigh_more_than_texts() {
        let text = format!("{{\"text\":\"{}\"}}", "{,[\\\"".repeat(100_000));
        assert_eq!(of(text.as_bytes()), TEXT * text.len() as u64 + OBJECT + KEY);
        let objects = format!("[{}]", vec!["{\"a\":1}"; 100_000].join(","));
        assert!(of(objects.as_bytes()) > 66 * objects.len() as u64);
        assert_eq!(of(b"[{},{}]"), 0);
        let both = format!("{objects}\n[]\n{text}\n");
        assert_eq!(of_lines(both.as_bytes(), u64::MAX), of(objects.as_bytes()));
        assert_eq!(of_lines(both.as_bytes(), 1 << 20), 0);
    }

    #[test]
    fn no_more_is_taken_than_there_is_and_all_of_it_comes_back() {
        let (room, taken) = (Room::new(100), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for weight in [60, 70, 30, 1_000, 0, 100, 50, 50] {
                let (room, taken) = (&room, &taken);
                scope.spawn(move || {
                    for _ in 0..200 {
                        let _part = room.take(weight);
                        let now = taken.fetch_add(weight.min(100), Ordering::SeqCst);
                        assert!(now + weight.min(100) <= 100);
                        taken.fetch_sub(weight.min(100), Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(*room.left.lock().expect("no panic"), 100);
    }
}
