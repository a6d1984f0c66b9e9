//! What a code point is to a split pattern: one byte for each of the 0x110000, looked up without a search.
//!
//! The classes come from `regex-syntax`, the very crate (and the very version, `Cargo.lock` has one)
//! that the oracle's regex engine is built on, so that both follow the same Unicode tables (16.0 today)
//! by construction and change them together. 1.1 MB, built once in about 5 ms; text touches a few lines of it.

use regex_syntax::hir::{Class, HirKind};
use std::ops::RangeInclusive;
use std::sync::LazyLock;
use unicode_normalization::IsNormalized;
use unicode_normalization::char::canonical_combining_class;

/// `\p{L}`
pub(super) const LETTER: u8 = 1;
/// `\p{N}`
pub(super) const NUMBER: u8 = 1 << 1;
/// `\s`
pub(super) const SPACE: u8 = 1 << 2;
/// `\p{M}`
pub(super) const MARK: u8 = 1 << 3;
/// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
pub(super) const UPPER: u8 = 1 << 4;
/// `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
pub(super) const LOWER: u8 = 1 << 5;
/// NFC may change it, or compose or reorder it with what is before it.
pub(super) const COMPOSES: u8 = 1 << 6;

/// The version of the tables, which `regex-syntax` does not say; a test holds it.
pub const UNICODE_VERSION: &str = "16.0.0";

/// The class bits of each code point.
pub(super) type Classes = [u8; 0x11_0000];

/// Each class bit and the pattern that defines it.
const DEFINITIONS: [(u8, &str); 6] = [
    (LETTER, r"\p{L}"),
    (NUMBER, r"\p{N}"),
    (SPACE, r"\s"),
    (MARK, r"\p{M}"),
    (UPPER, r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"),
    (LOWER, r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"),
];

/// Planes 0-2 have all characters that NFC changes; a test looks at the others.
const LAST_COMPOSING: u32 = 0x2_FFFF;

static CLASSES: LazyLock<Option<Box<Classes>>> = LazyLock::new(build);

/// The table; `None` if `regex-syntax` should ever refuse a definition.
pub(super) fn classes() -> Option<&'static Classes> {
    CLASSES.as_deref()
}

fn build() -> Option<Box<Classes>> {
    let mut classes: Box<Classes> = vec![0; 0x11_0000].into_boxed_slice().try_into().ok()?;
    for (bit, pattern) in DEFINITIONS {
        for range in ranges(pattern)? {
            for class in &mut classes[*range.start() as usize..=*range.end() as usize] {
                *class |= bit;
            }
        }
    }
    for character in ('\u{80}'..).take_while(|character| u32::from(*character) <= LAST_COMPOSING) {
        if !is_inert(character) {
            classes[character as usize] |= COMPOSES;
        }
    }
    Some(classes)
}

fn ranges(pattern: &str) -> Option<Vec<RangeInclusive<u32>>> {
    match regex_syntax::parse(pattern).ok()?.into_kind() {
        HirKind::Class(Class::Unicode(class)) => Some(
            class
                .iter()
                .map(|range| u32::from(range.start())..=u32::from(range.end()))
                .collect(),
        ),
        _ => None,
    }
}

/// Whether NFC leaves a text alone that has only such characters (the quick check of UAX 15).
///
/// The crate's normaliser has older tables; what they do not know they leave alone, and Unicode
/// never changes the normalisation of a character once it is assigned.
fn is_inert(character: char) -> bool {
    canonical_combining_class(character) == 0
        && unicode_normalization::is_nfc_quick(std::iter::once(character)) == IsNormalized::Yes
}
