//! Values in fewer bits: frozen weights in 4 or 8, the optimizer's moments in 8.
//!
//! A block of values is stored as its largest magnitude (f32) and for each value the code of the nearest
//! number of a [`Codebook`], times that. Buffers hold words of 32 bits, whatever they mean: four codes of
//! 8 bits, or eight of 4, lie in a word, the first in the lowest byte, and of a byte's two the first
//! in its upper half.

pub mod adam;
mod codebook;
pub mod frozen;
pub mod host;

pub use codebook::{Codebook, LINEAR, NF4, SIGNED, UNSIGNED};
pub use frozen::{Format, Frozen, Packed};

/// Words that hold so many bytes.
#[must_use]
pub fn words(bytes: usize) -> usize {
    bytes.div_ceil(4)
}

/// The bytes of words, as they lie in memory.
#[must_use]
pub fn bytes(words: &[f32]) -> &[u8] {
    // SAFETY: words are bytes, four each.
    unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), size_of_val(words)) }
}

/// The bytes of words, to be changed.
#[must_use]
pub fn bytes_mut(words: &mut [f32]) -> &mut [u8] {
    // SAFETY: as above, and every pattern of bits is a word.
    unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), size_of_val(words)) }
}
