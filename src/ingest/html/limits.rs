//! What a page may cost. The parser builds a tree in memory, and some of its steps take as long as
//! the tree is deep, so both are estimated from the tags alone, in one pass, before it begins.

use std::borrow::Cow;
use std::collections::HashMap;

/// Bytes of the largest page that is read.
pub const MAX_BYTES: usize = 16 << 20;
/// Tags of the largest page that is read: about 300 bytes of memory each.
const MAX_TAGS: u64 = 500_000;
/// Steps up the tree, all tags together, that a page may ask for.
const MAX_STEPS: u64 = 1_000_000_000;
/// Copies of unclosed `<b>`, `<font>` and the like that blocks within them ask for.
const MAX_COPIES: u64 = 500_000;
/// Attributes of all tags together.
const MAX_ATTRIBUTES: u64 = 1_000_000;
/// How often each byte may be looked at in the search for the ends of tags.
const MAX_SCANS: usize = 8;

/// Elements that never have an end.
const VOID: &[&str] = &[
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];
/// Elements that the next one of their kind ends.
const SELF_ENDING: &[&str] = &[
    "p", "li", "dt", "dd", "tr", "td", "th", "option", "thead", "tbody",
];
/// Elements that are opened anew in the next block when they were not closed.
const FORMATTING: &[&str] = &[
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
];
/// Elements whose content is text up to their end tag.
const RAW_TEXT: &[&str] = &[
    "script", "style", "title", "textarea", "iframe", "noframes", "noembed", "xmp", "noscript",
];

/// A tag in the text of a page.
struct Tag<'a> {
    name: &'a str,
    closing: bool,
    attributes: u64,
    /// Where its `>` is; the end of the page when it has none.
    end: usize,
    /// Bytes that were looked at.
    scanned: usize,
}

/// Everything in `html` that may be a tag, also inside comments, scripts and quotes: so nothing hides
/// from the estimate, whatever the parser will take for what.
fn tags(html: &str) -> impl Iterator<Item = Tag<'_>> {
    let bytes = html.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            at += memchr::memchr(b'<', bytes.get(at..)?)? + 1;
            let closing = bytes.get(at) == Some(&b'/');
            let start = at + usize::from(closing);
            if !bytes.get(start).is_some_and(u8::is_ascii_alphabetic) {
                continue;
            }
            let length = bytes[start..]
                .iter()
                .position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'))
                .unwrap_or(bytes.len() - start);
            at = start;
            let (attributes, end) = attributes(bytes, start + length);
            return Some(Tag {
                name: &html[start..start + length],
                closing,
                attributes,
                end,
                scanned: end - start,
            });
        }
    })
}

/// Counts the attributes of a tag from behind its name on, as the tokenizer of HTML does; and finds
/// its `>`.
fn attributes(bytes: &[u8], mut at: usize) -> (u64, usize) {
    let mut count = 0;
    let blank = |byte: u8| byte.is_ascii_whitespace();
    while at < bytes.len() {
        match bytes[at] {
            b'>' => return (count, at),
            byte if blank(byte) || byte == b'/' => at += 1,
            _ => {
                count += 1;
                // An equals sign may begin a name.
                at += 1;
                while at < bytes.len()
                    && !blank(bytes[at])
                    && !matches!(bytes[at], b'>' | b'/' | b'=')
                {
                    at += 1;
                }
                let mut value = at;
                while value < bytes.len() && blank(bytes[value]) {
                    value += 1;
                }
                if bytes.get(value) == Some(&b'=') {
                    at = end_of_value(bytes, value + 1);
                }
            }
        }
    }
    (count, bytes.len())
}

/// Behind the value of an attribute, whose equals sign is before `at`.
fn end_of_value(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() && bytes[at].is_ascii_whitespace() {
        at += 1;
    }
    let rest = &bytes[at.min(bytes.len())..];
    if let Some(quote @ (b'"' | b'\'')) = rest.first() {
        return memchr::memchr(*quote, &rest[1..]).map_or(bytes.len(), |end| at + 1 + end + 1);
    }
    let end = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'>';
    at + rest.iter().position(end).unwrap_or(rest.len())
}

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|one| name.eq_ignore_ascii_case(one))
}

/// Refuses a page whose tree would be too large or too slow to build.
pub fn check(html: &str) -> Result<(), String> {
    if html.len() > 2 * MAX_BYTES {
        return Err(format!(
            "the page has {} of text, the largest that is read has {}; split it, or read it as it is with --as text",
            crate::units::human_bytes(html.len() as u64),
            crate::units::human_bytes(2 * MAX_BYTES as u64)
        ));
    }
    let mut open: HashMap<String, u32> = HashMap::new();
    let (mut count, mut depth, mut formatting, mut steps, mut copies) = (0u64, 0u64, 0u64, 0, 0);
    let (mut attributes, mut scanned) = (0u64, 0);
    for tag in tags(html) {
        count += 1;
        attributes += tag.attributes;
        scanned += tag.scanned;
        // Each attribute is compared with those before it.
        steps += tag.attributes * tag.attributes / 2;
        if is_one_of(tag.name, VOID) || is_one_of(tag.name, SELF_ENDING) {
            steps += depth;
            copies += formatting;
        } else {
            let open = open.entry(tag.name.to_ascii_lowercase()).or_default();
            let formats = is_one_of(tag.name, FORMATTING);
            if !tag.closing {
                steps += depth;
                depth += 1;
                *open += 1;
                formatting += u64::from(formats);
                copies += if formats { 0 } else { formatting };
            } else if *open > 0 {
                *open -= 1;
                depth -= 1;
                formatting -= u64::from(formats).min(formatting);
            } else {
                steps += depth;
            }
        }
        let many = count > MAX_TAGS || attributes > MAX_ATTRIBUTES;
        let slow = steps > MAX_STEPS || scanned > MAX_SCANS * html.len();
        if many || slow || copies > MAX_COPIES {
            return Err(format!(
                "its tags are too many or too deep (more than {MAX_TAGS}, or never closed); split the page, or read it as it is with --as text"
            ));
        }
    }
    Ok(())
}

/// Ends `<script src="…"/>` and the like, which XHTML may write and which would otherwise swallow
/// the rest of the page as their content.
pub fn close_raw_text(html: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut done = 0;
    for tag in tags(html) {
        let empty = html.as_bytes()[..tag.end].ends_with(b"/");
        // What stands in the quotes of a tag before is none.
        if tag.end < done {
            continue;
        }
        if !tag.closing && empty && tag.end < html.len() && is_one_of(tag.name, RAW_TEXT) {
            out.push_str(&html[done..=tag.end]);
            out.push_str("</");
            out.push_str(tag.name);
            out.push('>');
            done = tag.end + 1;
        }
    }
    if done == 0 {
        return Cow::Borrowed(html);
    }
    out.push_str(&html[done..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bombs_of_tags_are_refused_and_common_pages_are_not() {
        assert!(check(&"<div>".repeat(100_000)).is_err());
        assert!(check(&"<div></x>".repeat(100_000)).is_err());
        assert!(check(&"<br>".repeat(600_000)).is_err());
        assert!(check(&format!("<p {}>", "a ".repeat(100_000))).is_err());
        assert!(check(&"<a b=\"".repeat(20_000)).is_err());
        let hidden = "<div>".repeat(100_000);
        assert!(check(&format!("<!--> {hidden} -->")).is_err());
        assert!(check(&format!("<p a=b=\"> {hidden} \">")).is_err());
        let fonts: String = (0..2_000).map(|i| format!("<font size={i}><p>x")).collect();
        assert!(check(&fonts).is_err());
        let page = "<div class='a'><p>text <b>bold</b> <a href=\"x>y\">link</a><ul><li>one<li>two</ul></div>";
        assert_eq!(check(&page.repeat(20_000)), Ok(()));
    }

    #[test]
    fn an_empty_script_of_xhtml_does_not_swallow_the_page() {
        assert_eq!(
            close_raw_text("<script src='a>b'/><p>Text</p><br/>"),
            "<script src='a>b'/></script><p>Text</p><br/>"
        );
        assert!(matches!(
            close_raw_text("<script>a</script><p/>"),
            Cow::Borrowed(_)
        ));
    }
}
