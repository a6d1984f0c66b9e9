//! Text as HTML, and numbers as cells that say where in report.json they are.

use crate::plan::quantity::Lang;
use crate::units::grouped;
use serde_json::Value;

/// Rows of a table; what is left out is counted below it.
pub const MOST_ROWS: usize = 200;

/// `text` for an element or a quoted attribute.
///
/// What would change the page or how it reads is shown as its code: control characters, and the marks
/// that turn the direction of writing or cannot be seen (Unicode technical report 36, section 2.5).
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for letter in text.chars() {
        match letter {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            '\n' | '\t' => out.push(letter),
            letter if is_hidden(letter) => out += &format!("⟦U+{:04X}⟧", letter as u32),
            letter => out.push(letter),
        }
    }
    out
}

fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e007f}')
}

/// The first `most` characters of a text, with … where it goes on.
#[must_use]
pub fn short(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A step of a JSON pointer (RFC 6901).
#[must_use]
pub fn step(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// A number as it is written in the language: Russian has a comma where English has a point.
#[must_use]
pub fn local(number: String, lang: Lang) -> String {
    match lang {
        Lang::En => number,
        Lang::Ru => number.replace('.', ","),
    }
}

/// A number as a person reads it: whole ones in groups, others with four digits.
#[must_use]
pub fn number(value: &Value, lang: Lang) -> String {
    local(written(value), lang)
}

fn written(value: &Value) -> String {
    if let Some(count) = value.as_u64() {
        return grouped(count).replace(' ', "\u{a0}");
    }
    match value.as_f64() {
        Some(0.0) => "0".to_owned(),
        Some(number) if (1e-4..1e3).contains(&number.abs()) => {
            let digits = (3 - number.abs().log10().floor() as i32).clamp(0, 6) as usize;
            format!("{number:.digits$}")
        }
        Some(number) if (1e3..1e9).contains(&number) => {
            grouped(number.round() as u64).replace(' ', "\u{a0}")
        }
        Some(number) => format!("{number:.3e}"),
        None => "–".to_owned(),
    }
}

/// The value at `pointer` of a report as a `data` element with its place and its value; a dash where
/// there is none.
#[must_use]
pub fn value(report: &Value, pointer: &str, lang: Lang) -> String {
    match report.pointer(pointer) {
        Some(found) if !found.is_null() => {
            let (raw, shown) = match found {
                Value::String(text) => (text.clone(), text.clone()),
                found => (found.to_string(), number(found, lang)),
            };
            format!(
                "<data data-key=\"{}\" data-value=\"{raw}\" value=\"{raw}\">{}</data>",
                escape(pointer),
                escape(&shown),
                raw = escape(&raw)
            )
        }
        _ => "–".to_owned(),
    }
}

/// A table whose cells are HTML already; the first of a row is its header.
#[must_use]
pub fn table(caption: &str, header: &[&str], rows: &[Vec<String>], more: Option<String>) -> String {
    let caption = escape(caption);
    let mut out = format!(
        "<div class=\"scroll\" role=\"region\" aria-label=\"{caption}\" tabindex=\"0\"><table><caption>{caption}</caption><thead><tr>"
    );
    for (place, name) in header.iter().enumerate() {
        let class = if place == 0 { "" } else { " class=\"n\"" };
        out += &format!("<th scope=\"col\"{class}>{}</th>", escape(name));
    }
    out += "</tr></thead><tbody>";
    for row in rows.iter().take(MOST_ROWS) {
        out += "<tr>";
        for (place, cell) in row.iter().enumerate() {
            out += &if place == 0 {
                format!("<th scope=\"row\">{cell}</th>")
            } else {
                format!("<td class=\"n\">{cell}</td>")
            };
        }
        out += "</tr>\n";
    }
    out += "</tbody></table></div>";
    if let Some(more) = more {
        out += &format!("<p class=\"note\">{}</p>", escape(&more));
    }
    out
}
