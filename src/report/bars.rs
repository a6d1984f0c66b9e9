//! Bars as SVG: a name, a number and a bar in two lines a row, so that they fit a phone.

use super::html::{escape, short};

/// One bar.
pub struct Bar {
    /// What it is.
    pub name: String,
    /// How long it is.
    pub value: f64,
    /// The number beside it.
    pub shown: String,
    /// Which of the four colours.
    pub colour: usize,
}

/// Width of the drawing; it scales with the page.
const WIDTH: f64 = 360.0;
/// Width of a letter of a label, about.
const LETTER: f64 = 8.0;
/// Height of a row.
const ROW: f64 = 30.0;
/// Characters of a name that fit beside a number.
const NAME: usize = 40;

/// A figure of bars below each other; `id` is unique on the page.
#[must_use]
pub fn horizontal(id: &str, title: &str, bars: &[Bar]) -> String {
    let most = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let height = ROW * bars.len() as f64;
    let mut rows = String::new();
    for (place, bar) in bars.iter().enumerate() {
        let top = ROW * place as f64;
        let length = if most > 0.0 {
            WIDTH * bar.value / most
        } else {
            0.0
        };
        // A bar of little is still seen.
        let length = if bar.value > 0.0 {
            length.max(1.5)
        } else {
            0.0
        };
        rows += &format!(
            "<g><title>{}: {}</title><text x=\"0\" y=\"{:.0}\">{}</text><text class=\"soft\" x=\"{WIDTH}\" y=\"{:.0}\" text-anchor=\"end\">{}</text>\
             <rect class=\"track\" x=\"0\" y=\"{:.0}\" width=\"{WIDTH}\" height=\"8\" rx=\"2\"/><rect class=\"f{}\" x=\"0\" y=\"{:.0}\" width=\"{length:.1}\" height=\"8\" rx=\"2\"/></g>",
            escape(&bar.name),
            escape(&bar.shown),
            top + 12.0,
            escape(&short(&bar.name, NAME)),
            top + 12.0,
            escape(&bar.shown),
            top + 16.0,
            bar.colour,
            top + 16.0,
        );
    }
    let described: Vec<String> = bars
        .iter()
        .map(|bar| format!("{} {}", bar.name, bar.shown))
        .collect();
    figure(id, title, height, &described.join("; "), &rows, "")
}

/// A figure of columns beside each other, each with the label of its beginning.
#[must_use]
pub fn vertical(id: &str, title: &str, bars: &[Bar]) -> String {
    let most = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let (height, floor) = (170.0, 145.0);
    let width = WIDTH / bars.len().max(1) as f64;
    // Labels have room for about six characters each.
    let every = (42.0 / width).ceil().max(1.0) as usize;
    let mut columns = format!(
        "<line class=\"grid\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{floor}\" y2=\"{floor}\"/>\
         <text class=\"soft\" x=\"0\" y=\"10\">{}</text>",
        bars.iter()
            .max_by(|a, b| a.value.total_cmp(&b.value))
            .map_or_else(String::new, |bar| escape(&bar.shown))
    );
    for (place, bar) in bars.iter().enumerate() {
        let tall = if most > 0.0 {
            (floor - 18.0) * bar.value / most
        } else {
            0.0
        };
        let tall = if bar.value > 0.0 { tall.max(1.0) } else { 0.0 };
        let left = width * place as f64;
        columns += &format!(
            "<g><title>{}: {}</title><rect class=\"f{}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{tall:.1}\"/>",
            escape(&bar.name),
            escape(&bar.shown),
            bar.colour,
            left + 1.0,
            floor - tall,
            width - 2.0,
        );
        if place % every == 0 {
            // A label that would end beyond the drawing ends with it.
            let wide = LETTER * bar.name.chars().count() as f64;
            let (x, anchor) = if left + wide > WIDTH {
                (WIDTH, "end")
            } else {
                (left, "start")
            };
            columns += &format!(
                "<text class=\"soft\" x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"{anchor}\">{}</text>",
                floor + 14.0,
                escape(&bar.name)
            );
        }
        columns += "</g>";
    }
    let described: Vec<String> = bars
        .iter()
        .map(|bar| format!("{}: {}", bar.name, bar.shown))
        .collect();
    figure(id, title, height, &described.join("; "), &columns, "")
}

/// A figure around a drawing, with its title and description for those who do not see it.
#[must_use]
pub fn figure(
    id: &str,
    title: &str,
    height: f64,
    description: &str,
    drawing: &str,
    below: &str,
) -> String {
    format!(
        "<figure><figcaption>{title}</figcaption><svg viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-labelledby=\"{id}t {id}d\">\
         <title id=\"{id}t\">{title}</title><desc id=\"{id}d\">{}</desc>{drawing}</svg>{below}</figure>\n",
        escape(description),
        title = escape(title),
    )
}
