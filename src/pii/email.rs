//! E-mail addresses, with domains in any script.

use std::ops::Range;

/// Longest local part and longest domain, RFC 5321 section 4.5.3.1.
const LONGEST_LOCAL: usize = 64;
const LONGEST_DOMAIN: usize = 253;

/// Domains that RFC 2606 and RFC 6761 keep for examples.
const RESERVED: [&str; 7] = [
    "example.com",
    "example.org",
    "example.net",
    "example",
    "test",
    "invalid",
    "localhost",
];

/// What follows a dot in a file's name, not in a domain: icon@2x.png.
const FILES: [&str; 8] = ["png", "jpg", "jpeg", "gif", "svg", "webp", "css", "html"];

/// The address around the `@` at byte `at`.
pub fn find(text: &str, at: usize) -> Option<Range<usize>> {
    let start = local_part(text, at)?;
    let end = domain(text, at + 1)?;
    // Accounts of services (git@github.com:user/project) are nobody's.
    (&text[start..at] != "git").then_some(start..end)
}

fn local_part(text: &str, at: usize) -> Option<usize> {
    let mut start = at;
    for (place, c) in text[..at].char_indices().rev().take(LONGEST_LOCAL + 1) {
        if c.is_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-') {
            start = place;
        } else {
            break;
        }
    }
    // Dots and dashes of the sentence before it are not of the address.
    let trimmed = text[start..at].trim_start_matches(|c: char| !c.is_alphanumeric());
    let local = trimmed.chars().count();
    (1..=LONGEST_LOCAL)
        .contains(&local)
        .then(|| at - trimmed.len())
        .filter(|_| {
            trimmed.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '+'))
        })
}

fn domain(text: &str, from: usize) -> Option<usize> {
    let rest = &text[from..];
    let length = rest
        .char_indices()
        .find(|(_, c)| !(c.is_alphanumeric() || matches!(c, '.' | '-')))
        .map_or(rest.len(), |(place, _)| place);
    let whole = rest[..length].trim_end_matches(['.', '-']);
    // A sentence may go on without a space: of "ivan@mail.ru.Ответ" the last word is not the
    // address's, which has no capitals otherwise.
    let mut whole = whole;
    while let Some((before, last)) = whole.rsplit_once('.')
        && before.contains('.')
        && last.starts_with(char::is_uppercase)
        && !before.contains(char::is_uppercase)
    {
        whole = before;
    }
    let labels: Vec<&str> = whole.split('.').collect();
    let top = labels.last()?;
    let letters = top.chars().count();
    let is_top = (2..=24).contains(&letters) && top.chars().all(char::is_alphabetic)
        || top.starts_with("xn--");
    let well_formed = labels.len() >= 2
        && whole.len() <= LONGEST_DOMAIN
        && labels
            .iter()
            .all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'));
    let lower = whole.to_lowercase();
    let reserved = RESERVED
        .iter()
        .any(|name| lower == *name || lower.strip_suffix(name).is_some_and(|l| l.ends_with('.')));
    let file = FILES.contains(&top.to_lowercase().as_str());
    (is_top && well_formed && !reserved && !file).then_some(from + whole.len())
}
