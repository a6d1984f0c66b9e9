//! Public IP addresses.

use super::{named, word_at, word_before};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// Four small numbers are a section or a version more often than an address: 8.14.2.1.
const SMALL: u8 = 25;

/// Words before a version or a section.
const NUMBERED: [&str; 12] = [
    "version",
    "верси",
    "release",
    "релиз",
    "section",
    "раздел",
    "глав",
    "chapter",
    "пункт",
    "§",
    "build",
    "сборк",
];

/// The IPv4 address that begins at byte `at`.
pub fn v4(text: &str, at: usize) -> Option<Range<usize>> {
    let rest = &text[at..];
    let length = rest
        .bytes()
        .position(|byte| !byte.is_ascii_digit() && byte != b'.')
        .unwrap_or(rest.len());
    let token = rest[..length].trim_end_matches('.');
    let address: Ipv4Addr = token.parse().ok()?;
    let end = at + token.len();
    let before = text[..at].chars().next_back();
    let inside = word_before(text, at)
        || matches!(before, Some('.' | '-' | '/')) && !text[..at].ends_with("//");
    // A heading: "26.3.3.2. Backing up" at the beginning of a line.
    let line_begins = text[..at]
        .trim_end_matches([' ', '\t', '#'])
        .ends_with('\n')
        || text[..at].trim_matches([' ', '\t', '#']).is_empty();
    let heading = line_begins && text[end..].starts_with('.');
    let numbered = || named(text, at, 24, &NUMBERED);
    (!inside
        && !word_at(text, end)
        && is_public_v4(address)
        && !address.octets().iter().all(|octet| *octet < SMALL)
        && !heading
        && !numbered())
    .then_some(at..end)
}

/// Addresses that the registries give out: none of IANA's special-purpose blocks.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || a >= 224
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (b == 18 || b == 19))
        || (a == 192 && b == 0 && c == 0))
}

/// The IPv6 address around the colon at byte `at`, its first.
pub fn v6(text: &str, at: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let groups = bytes[..at]
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .take(5)
        .count();
    let start = at - groups;
    let length = bytes[start..]
        .iter()
        .position(|byte| !byte.is_ascii_hexdigit() && *byte != b':')
        .unwrap_or(bytes.len() - start);
    let token = text[start..start + length].trim_end_matches(':');
    let end = start + token.len();
    let address: Ipv6Addr = token.parse().ok()?;
    let [first, second, ..] = address.segments();
    let global = (0x2000..0x4000).contains(&first) && !(first == 0x2001 && second == 0xdb8);
    (global && !word_before(text, start) && !word_at(text, end)).then_some(start..end)
}
