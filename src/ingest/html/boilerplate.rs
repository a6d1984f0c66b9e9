//! Which parts of a page are not its text: navigation, banners, forms, lists of links.
//!
//! Three signs, from sure to doubtful: what an element is (`<nav>`, role=search), what it is called
//! (class="navheader"), and how much of it is links. A name alone proves nothing (a section on
//! cookies, a sidebar of `DocBook` with prose), so names need links or brevity beside them.

use super::tree::{Kind, Node, Tree, attribute, is_silent};
use scraper::node::Element;
use std::ops::Range;

/// How strictly a page is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The main part alone, by all signs.
    Main,
    /// The same with lists of links: a page that is a table of contents.
    Links,
    /// The body without what is navigation by its element.
    Body,
    /// All text.
    All,
}

/// What of a page is its text.
pub struct Choice {
    /// Ranges of nodes that are read, in order.
    pub ranges: Vec<Range<usize>>,
    /// Nodes that are left out with all below them.
    pub left_out: Vec<bool>,
    /// Letters and digits that stay.
    pub letters: u32,
}

/// Share of the page's letters above which a part is no boilerplate, whatever it is called.
const LARGE: f64 = 0.4;
/// Share of links above which a list or table of several links is navigation.
const MOSTLY_LINKS: f64 = 0.75;
/// Share of links beside which a telling name is believed.
const SOME_LINKS: f64 = 0.4;
/// Letters of a part so short that a telling name is believed without links.
const SHORT: u32 = 40;
/// Letters of a banner at most.
const BANNER: u32 = 1_000;
/// Fewest links of a list that is navigation.
const SEVERAL: u32 = 4;

/// Roles of ARIA that are no text of the page.
const ROLES: &[&str] = &[
    "navigation",
    "banner",
    "contentinfo",
    "search",
    "complementary",
    "menu",
    "menubar",
    "toolbar",
    "tablist",
    "dialog",
    "alertdialog",
];
/// Parts of class names and ids of what is beside the text.
const NAMES: &[&str] = &[
    "nav",
    "navbar",
    "navheader",
    "navfooter",
    "navigation",
    "navbox",
    "menu",
    "submenu",
    "topbar",
    "breadcrumb",
    "breadcrumbs",
    "crumbs",
    "sidebar",
    "sphinxsidebar",
    "footer",
    "share",
    "sharing",
    "social",
    "pager",
    "pagination",
    "paginator",
    "related",
    "recommended",
    "ad",
    "ads",
    "advert",
    "advertisement",
    "banner",
    "promo",
    "sponsored",
    "skip",
    "skiplink",
    "editsection",
    "catlinks",
    "printfooter",
    "toolbar",
    "tags",
    "login",
];
/// Parts of names of lists of what is on the page.
const CONTENTS: &[&str] = &["toc", "contents"];
/// Parts of names of banners that ask for consent: one of these and one of [`BANNER_FORMS`].
const BANNER_TOPICS: &[&str] = &[
    "cookie",
    "cookies",
    "gdpr",
    "consent",
    "privacy",
    "newsletter",
];
const BANNER_FORMS: &[&str] = &[
    "banner",
    "bar",
    "consent",
    "notice",
    "popup",
    "modal",
    "message",
    "warning",
    "dialog",
    "overlay",
    "law",
    "alert",
    "box",
    "signup",
    "subscribe",
];
/// Numbers of lines beside code.
const LINE_NUMBERS: &[&str] = &["linenos", "lineno", "linenumber", "line-numbers", "gutter"];

/// Judges the page at `level`.
pub fn choose(tree: &Tree, level: Level) -> Choice {
    let nodes = &tree.nodes;
    let whole = nodes.first().map_or(0, |node| node.letters);
    let mut left_out = vec![false; nodes.len()];
    let (mut at, mut inside, mut in_article) = (0, 0, 0);
    while at < nodes.len() {
        let node = &nodes[at];
        if let Kind::Element(element) = node.kind {
            if matches!(element.name(), "main" | "article") {
                inside = inside.max(node.end);
            }
            if element.name() == "article" {
                in_article = in_article.max(node.end);
            }
            let place = Around {
                whole,
                in_main: at < inside,
                in_article: at < in_article,
            };
            if is_left_out(tree, at, element, level, place) {
                left_out[at] = true;
                at = node.end;
                continue;
            }
        }
        at += 1;
    }
    let all = 0..nodes.len();
    let letters = kept(nodes, &left_out, all.clone());
    if matches!(level, Level::Main | Level::Links)
        && let Some((ranges, letters)) = main_part(nodes, &left_out, letters)
    {
        return Choice {
            ranges,
            left_out,
            letters,
        };
    }
    Choice {
        ranges: vec![all],
        left_out,
        letters,
    }
}

/// The parts that the page itself calls its main ones, if they hold what it has to say.
fn main_part(nodes: &[Node], left_out: &[bool], all: u32) -> Option<(Vec<Range<usize>>, u32)> {
    let is_main = |element: &Element| {
        element.name() == "main"
            || attribute(element, "role") == Some("main")
            || attribute(element, "itemprop") == Some("articleBody")
    };
    let is_article = |element: &Element| element.name() == "article";
    for (marks, share) in [
        (&is_main as &dyn Fn(&Element) -> bool, 0.1),
        (&is_article, 0.5),
    ] {
        let ranges = outermost(nodes, left_out, marks);
        let letters = ranges
            .iter()
            .map(|range| kept(nodes, left_out, range.clone()))
            .sum();
        if letters > 0 && f64::from(letters) >= share * f64::from(all) {
            return Some((ranges, letters));
        }
    }
    None
}

/// The elements that `marks` marks, but for those inside others.
fn outermost(
    nodes: &[Node],
    left_out: &[bool],
    marks: &dyn Fn(&Element) -> bool,
) -> Vec<Range<usize>> {
    let (mut ranges, mut at) = (Vec::new(), 0);
    while at < nodes.len() {
        let node = &nodes[at];
        let marked = node.element().is_some_and(marks);
        if marked && !left_out[at] {
            ranges.push(at..node.end);
        }
        at = if marked || left_out[at] {
            node.end
        } else {
            at + 1
        };
    }
    ranges
}

/// Letters of `range` that are not left out.
fn kept(nodes: &[Node], left_out: &[bool], range: Range<usize>) -> u32 {
    let (mut letters, mut at) = (0, range.start);
    while at < range.end {
        let node = &nodes[at];
        if left_out[at] {
            at = node.end;
            continue;
        }
        if let Kind::Text(_) = node.kind {
            letters += node.letters;
        }
        at += 1;
    }
    letters
}

/// What is around an element.
#[derive(Clone, Copy)]
struct Around {
    /// Letters of the whole page.
    whole: u32,
    in_main: bool,
    in_article: bool,
}

fn is_left_out(tree: &Tree, at: usize, element: &Element, level: Level, place: Around) -> bool {
    let node = &tree.nodes[at];
    let name = element.name();
    if is_silent(name) {
        return true;
    }
    if level == Level::All {
        return false;
    }
    if is_hidden(element) || is_control(name) || is_permalink(tree, at, element) {
        return true;
    }
    let large = f64::from(node.letters) > LARGE * f64::from(place.whole);
    let role = attribute(element, "role");
    let structural = match name {
        "nav" => true,
        // In an article a header holds its title; a page's has it seldom.
        "header" => !place.in_main && !node.holds_main,
        // That of an article holds who wrote it and its sources; that of a page its copyright.
        "footer" if place.in_article => tree.text(at..node.end).contains('©'),
        "footer" => !node.holds_main || !place.in_main,
        "aside" => !is_note(element),
        "form" => !node.holds_main && !node.holds_code,
        _ => role.is_some_and(|role| ROLES.contains(&role)),
    };
    // A page inside one form, or one that calls all of itself a menu, still has its text.
    if structural && !large {
        return true;
    }
    if level == Level::Body {
        return false;
    }
    is_line_numbers(element, name)
        || is_called_boilerplate(node, element, name, level, large)
        || (level == Level::Main
            && !tree.nodes[node.parent]
                .element()
                .is_some_and(has_prose_name)
            && is_all_links(node, element, name))
}

fn is_hidden(element: &Element) -> bool {
    element.attrs().any(|(name, value)| match name {
        "hidden" => value != "until-found",
        "aria-hidden" => value.eq_ignore_ascii_case("true"),
        "style" => {
            let style: String = value.split_ascii_whitespace().collect();
            style.contains("display:none") || style.contains("visibility:hidden")
        }
        _ => false,
    })
}

fn is_control(name: &str) -> bool {
    matches!(
        name,
        "button" | "select" | "textarea" | "input" | "option" | "dialog" | "menu"
    )
}

/// The sign beside a heading that links to itself: ¶, #, §.
fn is_permalink(tree: &Tree, at: usize, element: &Element) -> bool {
    let node = &tree.nodes[at];
    element.name() == "a"
        && node.letters == 0
        && attribute(element, "href").is_some_and(|href| href.starts_with('#'))
        && tree.text(at..node.end).trim().chars().count() <= 2
}

/// Footnotes and admonitions are written as asides, too.
fn is_note(element: &Element) -> bool {
    words(element).any(|word| {
        [
            "footnote",
            "footnotes",
            "note",
            "admonition",
            "tip",
            "warning",
            "caution",
            "important",
        ]
        .contains(&word.as_str())
    })
}

fn is_line_numbers(element: &Element, name: &str) -> bool {
    matches!(name, "td" | "div" | "span" | "pre")
        && attribute(element, "class").is_some_and(|classes| {
            classes
                .split_ascii_whitespace()
                .any(|class| LINE_NUMBERS.contains(&class))
        })
}

/// The words of class and id, in lower case.
fn words(element: &Element) -> impl Iterator<Item = String> {
    element
        .attrs()
        .filter(|(name, _)| matches!(*name, "class" | "id"))
        .flat_map(|(_, value)| value.split(|c: char| !c.is_alphanumeric()))
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
}

fn is_called_boilerplate(
    node: &Node,
    element: &Element,
    name: &str,
    level: Level,
    large: bool,
) -> bool {
    let block = matches!(
        name,
        "div"
            | "section"
            | "ul"
            | "ol"
            | "dl"
            | "table"
            | "td"
            | "p"
            | "span"
            | "header"
            | "footer"
            | "center"
    );
    if !block || large {
        return false;
    }
    if name == "table"
        && attribute(element, "summary").is_some_and(|summary| summary.starts_with("Navigation"))
    {
        return true;
    }
    let (mut named, mut topic, mut form) = (false, false, false);
    for word in words(element) {
        let word = word.as_str();
        named |= NAMES.contains(&word);
        named |= level == Level::Main && CONTENTS.contains(&word);
        topic |= BANNER_TOPICS.contains(&word);
        form |= BANNER_FORMS.contains(&word);
    }
    if topic && form && node.letters <= BANNER {
        return true;
    }
    let brief = node.letters <= SHORT && !node.holds_main;
    named
        && !has_prose_name(element)
        && !node.holds_code
        && (node.link_density() >= SOME_LINKS || brief)
}

/// A list, a table or a block without a heading which is mostly links.
fn is_all_links(node: &Node, element: &Element, name: &str) -> bool {
    let density = node.link_density();
    if node.links < SEVERAL || density < MOSTLY_LINKS || node.holds_code {
        return false;
    }
    match name {
        "ul" | "ol" | "dl" | "table" | "div" | "section" | "td" | "footer" => {
            !node.holds_main && !has_prose_name(element)
        }
        // `Home | News | Contact`; a sentence of references has words of its own.
        "p" | "center" => density >= 0.9 && node.letters / node.links <= 20,
        _ => false,
    }
}

/// Blocks that are called a paragraph, a list of members, notes or sources are part of a text, however many
/// links they have.
fn has_prose_name(element: &Element) -> bool {
    words(element).any(|word| {
        matches!(
            word.as_str(),
            "para"
                | "simplelist"
                | "footnote"
                | "footnotes"
                | "endnotes"
                | "notes"
                | "references"
                | "reflist"
                | "bibliography"
                | "sources"
                | "signature"
        )
    })
}
