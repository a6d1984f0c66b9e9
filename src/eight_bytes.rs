//! Eight bytes looked at as one number.

const EACH: u64 = 0x0101_0101_0101_0101;

/// The high bit of each byte.
pub const HIGH: u64 = 0x80 * EACH;

/// Of eight bytes, the first one lowest, the high bit of each that is an ASCII letter.
#[inline]
#[must_use]
pub fn ascii_letters(eight: u64) -> u64 {
    // Adding lifts the high bit of each byte from "a" (0x61) on, and beyond "z" (0x7a).
    let lower = (eight | (0x20 * EACH)) & !HIGH;
    let from_a = lower + (0x80 - 0x61) * EACH;
    let beyond_z = lower + (0x7f - 0x7a) * EACH;
    from_a & !beyond_z & !eight & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_those_of_ascii_beside_any_byte() {
        for byte in 0..=u8::MAX {
            for beside in [0, b'z', b'9', 0x7f, 0xd0, 0xff] {
                let bytes = [beside, byte, beside, byte, byte, beside, beside, byte];
                let found = ascii_letters(u64::from_le_bytes(bytes)).to_le_bytes();
                let wanted = bytes.map(|byte| 0x80 * u8::from(byte.is_ascii_alphabetic()));
                assert_eq!(found, wanted, "{bytes:?}");
            }
        }
    }
}
