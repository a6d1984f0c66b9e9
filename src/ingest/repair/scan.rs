//! A first look at a text: which repairs it may need. Nearly all text needs none, so this is what
//! `clean` costs; written so that the compiler makes vector code of it, several GB/s.

use std::ops::BitOrAssign;

/// What was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspects(u8);

impl Suspects {
    pub const NONE: Self = Self(0);
    pub const ESCAPE: Self = Self(1);
    pub const BACKSPACE: Self = Self(2);
    /// Control characters, soft hyphens, zero-width and bidi characters, line separators.
    pub const INVISIBLE: Self = Self(4);
    /// A true hyphen at a line end, as groff writes it.
    pub const HYPHEN: Self = Self(8);
    /// Something that NFC may change.
    pub const UNCOMPOSED: Self = Self(16);

    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOrAssign for Suspects {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

const BLOCK_BYTES: usize = 64;

/// Looks at all of `text`, which is UTF-8.
pub fn suspects(text: &[u8]) -> Suspects {
    let mut seen = Suspects::NONE;
    // The last two bytes have no followers.
    let body = text.len().saturating_sub(2) / BLOCK_BYTES * BLOCK_BYTES;
    let blocks = text[..body].chunks_exact(BLOCK_BYTES);
    for (index, block) in blocks.enumerate() {
        let start = index * BLOCK_BYTES;
        let second = &text[start + 1..start + 1 + BLOCK_BYTES];
        let third = &text[start + 2..start + 2 + BLOCK_BYTES];
        if is_suspicious(block, second, third) {
            for at in start..start + BLOCK_BYTES {
                seen |= exact(text, at);
            }
        }
    }
    // The rest, with spaces for what would follow it: of a short text it is all there is.
    let rest = &text[body..];
    let mut padded = [b' '; 2 * BLOCK_BYTES + 2];
    padded[..rest.len()].copy_from_slice(rest);
    for start in [0, BLOCK_BYTES] {
        let first = &padded[start..start + BLOCK_BYTES];
        let second = &padded[start + 1..start + 1 + BLOCK_BYTES];
        let third = &padded[start + 2..start + 2 + BLOCK_BYTES];
        if rest.len() > start && is_suspicious(first, second, third) {
            let end = rest.len().min(start + BLOCK_BYTES);
            for at in body + start..body + end {
                seen |= exact(text, at);
            }
        }
    }
    seen
}

/// Whether a block holds anything that the exact look may name; errs on the safe side.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "no branches, so that it becomes vector code"
)]
fn is_suspicious(first: &[u8], second: &[u8], third: &[u8]) -> bool {
    let mut any = 0u8;
    for ((&a, &b), &c) in first.iter().zip(second).zip(third) {
        let control = (a < 0x20) & (a != b'\n') & (a != b'\t') & (a != b'\r') | (a == 0x7f);
        let latin = (a == 0xc2) & ((b < 0xa0) | (b == 0xad));
        // U+2000 to U+200F are E2 80 80 to 8F, U+2028 to U+202E are E2 80 A8 to AE, U+2060 to U+206F
        // are E2 81 A0 to AF, the hyphen is E2 80 90; E2 84, 8C and AB have signs that NFC changes.
        let punctuation = (b == 0x80) & ((c <= 0x90) | (c.wrapping_sub(0xa8) <= 6))
            | (b == 0x81) & (c >= 0xa0)
            | (b == 0x84) & (c.wrapping_sub(0xa6) <= 5)
            | (b == 0x8c)
            | (b == 0xab);
        let scripts = (a == 0xcc)
            | (a == 0xcd)
            | (a.wrapping_sub(0xd6) <= 0xe1 - 0xd6)
            | (a == 0xe3)
            | (a == 0xef)
            | (a == 0xf0) & ((b == 0x91) | (b == 0x9d));
        let greek = (a == 0xce) & (b == 0x87);
        any |= u8::from(control | latin | (a == 0xe2) & punctuation | scripts | greek);
    }
    any != 0
}

/// What the character that begins at `at` is suspected of.
fn exact(text: &[u8], at: usize) -> Suspects {
    let byte = |offset: usize| text.get(at + offset).copied().unwrap_or(0);
    match (byte(0), byte(1), byte(2)) {
        (0x1b, ..) | (0xc2, 0x9b, _) => Suspects(Suspects::ESCAPE.0 | Suspects::INVISIBLE.0),
        (0x08, ..) => Suspects(Suspects::BACKSPACE.0 | Suspects::INVISIBLE.0),
        (b'\n' | b'\t' | b'\r', ..) => Suspects::NONE,
        (0..0x20 | 0x7f, ..)
        | (0xc2, 0x80..=0x9f | 0xad, _)
        | (0xd8, 0x9c, _)
        | (0xe1, 0xa0, 0x8e)
        | (0xe2, 0x80, 0x8b..=0x8f | 0xa8..=0xae)
        | (0xe2, 0x81, 0xa0..=0xaf)
        | (0xef, 0xbb, 0xbf) => Suspects::INVISIBLE,
        (0xe2, 0x80, 0x90) if byte(3) == b'\n' => Suspects::HYPHEN,
        (0xe2, 0x80, 0x80 | 0x81)
        | (0xe2, 0x84, 0xa6 | 0xaa | 0xab)
        | (0xe2, 0x8c | 0xab, _)
        | (0xcc | 0xcd | 0xd6..=0xe1 | 0xe3 | 0xef, ..)
        | (0xce, 0x87, _)
        | (0xf0, 0x91 | 0x9d, _) => Suspects::UNCOMPOSED,
        _ => Suspects::NONE,
    }
}
