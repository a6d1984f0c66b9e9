//! The Ukrainian code page of DOS (RST 2018-91): that of CP866 but for the last letters, where Ґ, Є, І and
//! Ї stand. `encoding_rs` lacks it.

use super::Decoded;
use encoding_rs::IBM866;

/// The characters of 0xf0 to 0xff.
const LAST: [char; 16] = [
    'Ё', 'ё', 'Ґ', 'ґ', 'Є', 'є', 'І', 'і', 'Ї', 'ї', '·', '√', '№', '¤', '■', '\u{a0}',
];

/// The text of `bytes`; every byte is a character.
pub fn decode(bytes: &[u8]) -> Decoded {
    let mut text = String::with_capacity(bytes.len() * 2);
    let mut rest = bytes;
    while !rest.is_empty() {
        let other = rest.iter().position(|byte| *byte >= 0xf0);
        let (before, behind) = rest.split_at(other.unwrap_or(rest.len()));
        text.push_str(&IBM866.decode_without_bom_handling(before).0);
        rest = behind;
        if let Some((byte, behind)) = rest.split_first() {
            text.push(LAST[usize::from(byte & 0x0f)]);
            rest = behind;
        }
    }
    Decoded {
        text,
        invalid: Vec::new(),
    }
}
