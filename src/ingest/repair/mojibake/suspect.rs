//! Which lines may be mojibake, at a glance: healthy Russian and English must cost next to nothing.

/// Bytes that are looked at together.
pub const BLOCK_BYTES: usize = 64;

/// What misread text always has some of.
#[derive(Clone, Copy, Default)]
struct Look {
    /// Latin-1 letters, C1 controls, rare Cyrillic letters, box drawing.
    odd: bool,
    letters: u8,
    capitals: u8,
}

impl Look {
    /// One letter in eight a capital is more than healthy lines have, and less than misread ones.
    fn is_suspicious(self) -> bool {
        self.odd || self.capitals > 2 && u32::from(self.capitals) * 8 > u32::from(self.letters)
    }
}

/// The places of blocks that may be part of mojibake, in order.
pub fn blocks(text: &[u8]) -> impl Iterator<Item = usize> {
    let whole = text.len().saturating_sub(1) / BLOCK_BYTES;
    let firsts = text.chunks_exact(BLOCK_BYTES).take(whole);
    let seconds = text.get(1..).unwrap_or(&[]).chunks_exact(BLOCK_BYTES);
    let pairs = firsts.zip(seconds).enumerate();
    // With spaces behind it, so that it is looked at as the others are.
    let rest = &text[whole * BLOCK_BYTES..];
    let mut padded = [b' '; BLOCK_BYTES + 1];
    padded[..rest.len()].copy_from_slice(rest);
    let last = look(&padded[..BLOCK_BYTES], &padded[1..]);
    pairs
        .filter(|(_, (first, second))| look(first, second).is_suspicious())
        .map(|(index, _)| index * BLOCK_BYTES)
        .chain(last.is_suspicious().then_some(whole * BLOCK_BYTES))
}

#[expect(
    clippy::needless_bitwise_bool,
    reason = "no branches, so that it becomes vector code"
)]
fn look(first: &[u8], second: &[u8]) -> Look {
    let (mut odd, mut letters, mut capitals) = (0u8, 0u8, 0u8);
    for (&a, &b) in first.iter().zip(second) {
        // U+0080 to U+009F; U+00C0 and on; Cyrillic but the Russian letters and ё; box drawing, √, ∞.
        let latin = (a == 0xc2) & (b < 0xa0) | (a == 0xc3);
        let cyrillic =
            (a == 0xd0) & (b < 0x90) & (b != 0x81) | (a == 0xd1) & (b > 0x8f) & (b != 0x91);
        let signs = (a == 0xe2) & ((b >= 0x88) | (b == 0x82));
        odd |= u8::from(latin | cyrillic | signs);
        letters = letters.wrapping_add(u8::from((a == 0xd0) | (a == 0xd1)));
        capitals = capitals.wrapping_add(u8::from((a == 0xd0) & (b.wrapping_sub(0x90) < 0x20)));
    }
    Look {
        odd: odd != 0,
        letters,
        capitals,
    }
}
