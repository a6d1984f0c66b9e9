//! Decoding of whole buffers, and the structure of UTF-8, UTF-16 and UTF-32 as evidence.

use super::Decoded;
use encoding_rs::DecoderResult;

/// Which byte of a unit comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The lowest.
    Little,
    /// The highest.
    Big,
}

/// What stands for bytes that are no character.
pub const REPLACEMENT: char = '\u{fffd}';

/// UTF-8 with its damage marked.
pub fn decode_utf8(bytes: &[u8]) -> Decoded {
    let mut decoded = Decoded {
        text: String::with_capacity(bytes.len()),
        invalid: Vec::new(),
    };
    let mut at = 0;
    for chunk in bytes.utf8_chunks() {
        decoded.text.push_str(chunk.valid());
        at += chunk.valid().len();
        let damage = chunk.invalid().len();
        if damage > 0 {
            decoded.text.push(REPLACEMENT);
            decoded.invalid.push(at..at + damage);
            at += damage;
        }
    }
    decoded
}

/// UTF-32 with its damage marked; bytes that are left over at the end are damage.
pub fn decode_utf32(order: Order, bytes: &[u8]) -> Decoded {
    let mut decoded = Decoded {
        text: String::with_capacity(bytes.len() / 2),
        invalid: Vec::new(),
    };
    for (index, unit) in bytes.chunks(4).enumerate() {
        if let Some(character) = utf32_char(order, unit) {
            decoded.text.push(character);
        } else {
            decoded.text.push(REPLACEMENT);
            decoded.invalid.push(index * 4..index * 4 + unit.len());
        }
    }
    decoded
}

/// The character that four bytes are.
pub fn utf32_char(order: Order, unit: &[u8]) -> Option<char> {
    let unit = unit.try_into().ok()?;
    char::from_u32(match order {
        Order::Little => u32::from_le_bytes(unit),
        Order::Big => u32::from_be_bytes(unit),
    })
}

/// What `encoding_rs` decodes, with its damage marked.
pub fn decode_foreign(foreign: &'static encoding_rs::Encoding, bytes: &[u8]) -> Decoded {
    let mut decoder = foreign.new_decoder_without_bom_handling();
    let mut text = String::with_capacity(bytes.len() * 2);
    let mut invalid = Vec::new();
    let mut at = 0;
    loop {
        text.reserve(
            decoder
                .max_utf8_buffer_length_without_replacement(bytes.len() - at)
                .unwrap_or(bytes.len() * 3),
        );
        let (result, read) =
            decoder.decode_to_string_without_replacement(&bytes[at..], &mut text, true);
        at += read;
        match result {
            DecoderResult::InputEmpty => return Decoded { text, invalid },
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(length, after) => {
                let end = at.saturating_sub(usize::from(after));
                invalid.push(end.saturating_sub(usize::from(length))..end);
                text.push(REPLACEMENT);
                if at >= bytes.len() {
                    return Decoded { text, invalid };
                }
            }
        }
    }
}

/// What a sample would be as UTF-8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Utf8Evidence {
    /// Characters of several bytes.
    pub sequences: u64,
    /// Places that are no character, but for one at either edge, where the sample was cut.
    pub damaged: u64,
}

/// Looks at a sample as UTF-8.
pub fn utf8_evidence(sample: &[u8]) -> Utf8Evidence {
    let cut = sample
        .iter()
        .take(3)
        .take_while(|byte| (0x80..0xc0).contains(*byte))
        .count();
    let mut evidence = Utf8Evidence::default();
    let mut rest = &sample[cut..];
    loop {
        match std::str::from_utf8(rest) {
            Ok(text) => {
                evidence.sequences += count_leads(text.as_bytes());
                // A sample that is a lone continuation byte or two is no evidence.
                if cut > 0 && evidence.sequences == 0 {
                    evidence.damaged += 1;
                }
                return evidence;
            }
            Err(error) => {
                evidence.sequences += count_leads(&rest[..error.valid_up_to()]);
                let Some(length) = error.error_len() else {
                    // A character that the end of the sample cuts, unless nothing else speaks for UTF-8.
                    evidence.damaged += u64::from(evidence.sequences == 0);
                    return evidence;
                };
                evidence.damaged += 1;
                rest = &rest[error.valid_up_to() + length..];
            }
        }
    }
}

fn count_leads(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte >= 0xc0).count() as u64
}

/// The share of units of `width` bytes which are characters of ordinary text, for both orders.
fn plausible(sample: &[u8], width: usize) -> (f64, f64) {
    let units = sample.chunks_exact(width);
    let count = units.len().max(1) as f64;
    let (mut little, mut big) = (0u64, 0u64);
    for unit in units {
        let (mut low, mut high) = (0u32, 0u32);
        for (place, byte) in unit.iter().enumerate() {
            low |= u32::from(*byte) << (8 * place);
            high = high << 8 | u32::from(*byte);
        }
        little += u64::from(is_ordinary(low));
        big += u64::from(is_ordinary(high));
    }
    (little as f64 / count, big as f64 / count)
}

/// Latin, Cyrillic, typography and line ends: nearly all of a text in Russian or English.
fn is_ordinary(unit: u32) -> bool {
    matches!(unit, 0x09..=0x0d | 0x20..=0x7e | 0xa0..=0xff | 0x400..=0x4ff | 0x2010..=0x2044 | 0x2116)
}

/// UTF-16 or UTF-32 without a mark, which text in a single-byte encoding never looks like: the share
/// of ordinary characters is the confidence. The sample has to begin at a multiple of 4 bytes.
pub fn wide(sample: &[u8]) -> Option<(usize, Order, f32)> {
    for width in [4, 2] {
        if sample.len() < 2 * width {
            continue;
        }
        let (little, big) = plausible(sample, width);
        let (order, share, other) = if little >= big {
            (Order::Little, little, big)
        } else {
            (Order::Big, big, little)
        };
        if share >= 0.8 && other <= 0.5 && has_wide_ascii(sample, width, order) {
            return Some((width, order, (share * (1.0 - other / 2.0)) as f32));
        }
    }
    None
}

/// Spaces, line ends, digits, Latin letters: some unit of every text is ASCII, and its NUL bytes are
/// in no single-byte text. Cyrillic without any has 0x04 in every second byte.
fn has_wide_ascii(sample: &[u8], width: usize, order: Order) -> bool {
    let top = match order {
        Order::Little => width - 1,
        Order::Big => 0,
    };
    let units = sample.chunks_exact(width);
    let count = units.len();
    let (mut zero, mut four) = (0, 0);
    for unit in units {
        zero += usize::from(unit[top] == 0);
        four += usize::from(unit[top] == 4);
    }
    zero * 50 >= count || four * 10 >= count * 9
}
