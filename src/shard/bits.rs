//! Bits of a mask as booleans, eight at once.

use arrow::buffer::BooleanBuffer;

/// The eight bits of each byte.
const BITS: [[bool; 8]; 256] = {
    let mut table = [[false; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            table[byte][bit] = byte >> bit & 1 != 0;
            bit += 1;
        }
        byte += 1;
    }
    table
};

/// Bits of `bits` from `from` on, a byte at once: one by one would take as long as the ids eight times.
pub(crate) fn unpack(bits: &BooleanBuffer, from: usize, out: &mut [bool]) {
    let head = (from + bits.offset()).wrapping_neg() % 8;
    let (head, rest) = out.split_at_mut(head.min(out.len()));
    for (i, bit) in head.iter_mut().enumerate() {
        *bit = bits.value(from + i);
    }
    let from = from + head.len();
    let (whole, tail) = rest.as_chunks_mut::<8>();
    let bytes = &bits.values()[(from + bits.offset()) / 8..];
    for (eight, byte) in whole.iter_mut().zip(bytes) {
        *eight = BITS[usize::from(*byte)];
    }
    let from = from + 8 * whole.len();
    for (i, bit) in tail.iter_mut().enumerate() {
        *bit = bits.value(from + i);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_unpacked_from_any_place_at_any_length() {
        let wanted: Vec<bool> = (0..200).map(|i| i * i % 7 < 3).collect();
        for offset in [0, 3] {
            let bits = BooleanBuffer::from(wanted.as_slice()).slice(offset, 200 - offset);
            for from in 0..40 {
                for length in 0..=bits.len() - from {
                    let mut out = vec![false; length];
                    unpack(&bits, from, &mut out);
                    assert_eq!(out, wanted[offset + from..offset + from + length]);
                }
            }
        }
    }
}
