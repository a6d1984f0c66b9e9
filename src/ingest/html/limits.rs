//! What a page may cost. The parser builds a tree in memory, and some of its steps take as long as
//! the tree is deep, so both are estimated from the tags alone, in one pass, before it begins.

use std::borrow::Cow;

/// Bytes of the largest page that is read.
pub const MAX_BYTES: usize = 16 << 20;
/// Tags of the largest page that is read: about 300 bytes of memory each.
const MAX_TAGS: u64 = 500_000;
/// Steps up the tree, all tags together, that a page may ask for.
const MAX_STEPS: u64 = 1_000_000_000;
/// Copies of unclosed `<b>`, `<font>` and the like that blocks within them ask for.
const MAX_COPIES: u64 = 500_000;
/// Counters of open elements by name; names that share one only make the estimate rougher.
const SLOTS: usize = 1024;

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
    /// Where its `>` is.
    end: usize,
}

/// The tags of `html`, roughly as a parser sees them; comments and quoted `>` are heeded.
fn tags(html: &str) -> impl Iterator<Item = Tag<'_>> {
    let bytes = html.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            at += memchr::memchr(b'<', bytes.get(at..)?)? + 1;
            if html[at..].starts_with("!--") {
                at = html[at..].find("-->").map_or(bytes.len(), |end| at + end);
                continue;
            }
            let closing = bytes.get(at) == Some(&b'/');
            let start = at + usize::from(closing);
            if !bytes.get(start).is_some_and(u8::is_ascii_alphabetic) {
                continue;
            }
            let length = bytes[start..]
                .iter()
                .position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'))
                .unwrap_or(bytes.len() - start);
            let name = &html[start..start + length];
            let end = end_of_tag(bytes, start + length);
            at = end;
            return Some(Tag { name, closing, end });
        }
    })
}

/// Where the `>` of a tag is whose attributes begin at `at`; the end of the page when it has none.
fn end_of_tag(bytes: &[u8], mut at: usize) -> usize {
    loop {
        match memchr::memchr3(b'>', b'"', b'\'', &bytes[at..]) {
            None => return bytes.len(),
            Some(found) => {
                at += found;
                let quote = bytes[at];
                if quote == b'>' {
                    return at;
                }
                // A quote opens a value only behind an equals sign.
                let opens = bytes[..at]
                    .iter()
                    .rposition(|byte| !byte.is_ascii_whitespace())
                    .is_some_and(|before| bytes[before] == b'=');
                at += 1;
                if opens {
                    match memchr::memchr(quote, &bytes[at..]) {
                        Some(end) => at += end + 1,
                        None => return bytes.len(),
                    }
                }
            }
        }
    }
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
    let mut open = vec![0u32; SLOTS];
    let (mut count, mut depth, mut formatting, mut steps, mut copies) = (0u64, 0u64, 0u64, 0, 0);
    for tag in tags(html) {
        count += 1;
        if is_one_of(tag.name, VOID) || is_one_of(tag.name, SELF_ENDING) {
            steps += depth;
            copies += formatting;
        } else {
            let slot = &mut open[slot(tag.name)];
            let formats = is_one_of(tag.name, FORMATTING);
            if !tag.closing {
                steps += depth;
                depth += 1;
                *slot += 1;
                formatting += u64::from(formats);
                copies += if formats { 0 } else { formatting };
            } else if *slot > 0 {
                *slot -= 1;
                depth -= 1;
                formatting -= u64::from(formats).min(formatting);
            } else {
                steps += depth;
            }
        }
        if count > MAX_TAGS || steps > MAX_STEPS || copies > MAX_COPIES {
            return Err(format!(
                "its tags are too many or too deep (more than {MAX_TAGS}, or never closed); split the page, or read it as it is with --as text"
            ));
        }
    }
    Ok(())
}

fn slot(name: &str) -> usize {
    name.bytes().fold(0usize, |hash, byte| {
        hash.wrapping_mul(31)
            .wrapping_add(usize::from(byte.to_ascii_lowercase()))
    }) % SLOTS
}

/// Ends `<script src="…"/>` and the like, which XHTML may write and which would otherwise swallow
/// the rest of the page as their content.
pub fn close_raw_text(html: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut done = 0;
    for tag in tags(html) {
        let empty = html.as_bytes()[..tag.end].ends_with(b"/");
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
