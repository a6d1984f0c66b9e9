//! Numbers of payment cards.

use super::digits::{Digits, continues, goes_on};
use std::ops::Range;

/// Issuer prefixes (ISO/IEC 7812): first and last prefix, and the lengths of their numbers.
const ISSUERS: &[(u64, u64, &[usize])] = &[
    // Visa
    (4, 4, &[13, 16, 19]),
    // Mastercard
    (51, 55, &[16]),
    (2221, 2720, &[16]),
    // Mir
    (2200, 2204, &[16, 17, 18, 19]),
    // American Express
    (34, 34, &[15]),
    (37, 37, &[15]),
    // UnionPay
    (62, 62, &[16, 17, 18, 19]),
    // Discover
    (6011, 6011, &[16]),
    (65, 65, &[16]),
    // JCB
    (3528, 3589, &[16]),
    // Maestro
    (5018, 5018, &[16]),
    (6304, 6304, &[16]),
    (6759, 6763, &[16]),
];

/// The card number that begins at byte `at`: in one piece, or in groups as they are embossed.
pub fn find(text: &str, at: usize) -> Option<Range<usize>> {
    if continues(text, at) {
        return None;
    }
    let read = Digits::read(text, at, 1, |c| matches!(c, ' ' | '\u{a0}' | '-'));
    (13..=19).rev().find_map(|count| {
        let end = read.end(count)?;
        let groups = read.groups_of(count);
        let embossed = match groups {
            [_] | [4, 6, 5] => true,
            [.., last] => groups[..groups.len() - 1].iter().all(|group| *group == 4) && *last <= 4,
            [] => false,
        };
        (read.is_whole(count)
            && embossed
            && !goes_on(text, end)
            && of_issuer(&read, count)
            && luhn(&read.values[..count]))
        .then_some(at..end)
    })
}

fn of_issuer(read: &Digits, count: usize) -> bool {
    ISSUERS.iter().any(|(first, last, lengths)| {
        let prefix = read.number(first.ilog10() as usize + 1);
        (*first..=*last).contains(&prefix) && lengths.contains(&count)
    })
}

/// ISO/IEC 7812-1 annex B. Numbers of one digit only pass it too often to be cards.
fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, digit)| {
            let digit = u32::from(*digit);
            let doubled = if i % 2 == 1 { digit * 2 } else { digit };
            doubled / 10 + doubled % 10
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != digits[0])
}
