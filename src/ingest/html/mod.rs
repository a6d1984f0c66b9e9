//! The main text of an HTML page: no navigation, no scripts, code and tables readable.
//!
//! ```text
//! bytes ─charset─▶ text ─limits─▶ html5ever's tree ─tree─▶ flat nodes with letters and links
//!       ─boilerplate─▶ what is left out ─render─▶ paragraphs, # headings, - items, a | b rows, ``` code
//! ```
//!
//! A page that has text never becomes empty: where the strict rules leave next to nothing (a table of
//! contents is all links) the weaker ones are taken, and last the whole body. A page is parsed whole,
//! so its size, its tags and their nesting are bounded before: at most about 200 MB for the worst of
//! pages, 10 MB for common ones.

mod boilerplate;
pub mod charset;
mod limits;
mod render;
mod tree;

use boilerplate::Level;
pub use limits::MAX_BYTES;
use tree::Tree;

/// Letters below which the result of a strict level is doubted.
const FEW_LETTERS: u32 = 60;

/// What a page says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The main text; empty where the page has none.
    pub text: String,
    /// What stands in `<title>`, in one line.
    pub title: Option<String>,
}

/// The main text of `html`.
///
/// # Errors
/// When its tags are too many or too deep to be parsed in bounded memory and time; says which.
pub fn extract(html: &str) -> Result<Page, String> {
    let (page, alternative) = main_text(html)?;
    if page.text.is_empty() {
        // A page of frames or of scripts alone says its text to old browsers, if it is more than that
        // they are too old.
        let (other, _) = main_text(&alternative)?;
        if letters(&other.text) >= FEW_LETTERS as usize {
            let title = page.title.or(other.title);
            return Ok(Page {
                text: other.text,
                title,
            });
        }
    }
    Ok(page)
}

fn letters(text: &str) -> usize {
    text.chars().filter(|c| c.is_alphanumeric()).count()
}

/// The main text, and what stands for it where scripts or frames do not work.
fn main_text(html: &str) -> Result<(Page, String), String> {
    limits::check(html)?;
    let html = limits::close_raw_text(html);
    let page = scraper::Html::parse_document(&html);
    let tree = Tree::of(&page);
    let mut best = None;
    for level in [Level::Main, Level::Links, Level::Body, Level::All] {
        let choice = boilerplate::choose(&tree, level);
        let enough = choice.letters >= FEW_LETTERS;
        // A weaker level must be worth its noise.
        if best.as_ref().is_none_or(|best: &boilerplate::Choice| {
            best.letters == 0 || choice.letters > 2 * best.letters
        }) {
            best = Some(choice);
        }
        if enough {
            break;
        }
    }
    let text = best.map_or_else(String::new, |choice| render::render(&tree, &choice));
    let alternative = if text.is_empty() {
        tree.alternative()
    } else {
        String::new()
    };
    let title = tree.title();
    Ok((Page { text, title }, alternative))
}

#[cfg(test)]
mod tests;
