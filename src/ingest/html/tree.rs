//! The tree of a page as one vector in reading order, with how much text and how many links each
//! element holds. What follows are plain loops over it, however deep the page is nested.

use scraper::Html;
use scraper::node::{Element, Node as Parsed};
use std::ops::Range;

/// What a node is.
#[derive(Clone, Copy, Debug)]
pub enum Kind<'a> {
    /// An element.
    Element(&'a Element),
    /// Text.
    Text(&'a str),
}

/// A node of the page.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    /// What it is.
    pub kind: Kind<'a>,
    /// Index behind the last node below it.
    pub end: usize,
    /// Index of the element that it is in; its own for the first.
    pub parent: usize,
    /// Letters and digits in it, without scripts and the like.
    pub letters: u32,
    /// Those of them that are in links to somewhere.
    pub link_letters: u32,
    /// Links with text in it.
    pub links: u32,
    /// Whether a heading, `<main>` or `<article>` is below it.
    pub holds_main: bool,
    /// Whether `<pre>` is below it.
    pub holds_code: bool,
    /// Whether a table is below it.
    pub holds_table: bool,
}

impl<'a> Node<'a> {
    /// The element, `None` for text.
    pub fn element(&self) -> Option<&'a Element> {
        match self.kind {
            Kind::Element(element) => Some(element),
            Kind::Text(_) => None,
        }
    }

    /// The name of the element in lower case, empty for text.
    pub fn name(&self) -> &'a str {
        self.element().map_or("", Element::name)
    }

    /// Share of its letters that are in links, from 0 to 1.
    pub fn link_density(&self) -> f64 {
        f64::from(self.link_letters) / f64::from(self.letters.max(1))
    }
}

/// A page.
pub struct Tree<'a> {
    /// Its nodes in reading order.
    pub nodes: Vec<Node<'a>>,
}

/// Elements whose text is none of the page's.
const SILENT: &[&str] = &[
    "script",
    "style",
    "noscript",
    "template",
    "head",
    "svg",
    "iframe",
    "object",
    "embed",
    "canvas",
    "audio",
    "video",
    "noframes",
    "noembed",
    "applet",
    "map",
    "datalist",
    "rp",
    "rt",
    "annotation",
    "annotation-xml",
];

/// Whether the text in an element of this name is none of the page's.
pub fn is_silent(name: &str) -> bool {
    SILENT.contains(&name)
}

/// An attribute of an element, without the cost of making a name of it.
pub fn attribute<'a>(element: &'a Element, wanted: &str) -> Option<&'a str> {
    element
        .attrs()
        .find(|(name, _)| *name == wanted)
        .map(|(_, value)| value)
}

impl<'a> Tree<'a> {
    /// The nodes of `page`, measured.
    pub fn of(page: &'a Html) -> Self {
        let mut nodes = flatten(page);
        measure(&mut nodes);
        Self { nodes }
    }

    /// What stands in `<title>`, in one line.
    pub fn title(&self) -> Option<String> {
        // One inside a drawing is another thing.
        let head = self.nodes.iter().position(|node| node.name() == "head")?;
        let range = head..self.nodes[head].end;
        let title = range
            .into_iter()
            .find(|at| self.nodes[*at].name() == "title")?;
        let text = self.text(title..self.nodes[title].end);
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        (!line.is_empty()).then_some(line)
    }

    /// What the page says to browsers that run no scripts or show no frames, as HTML.
    pub fn alternative(&self) -> String {
        let mut html = String::new();
        for (at, node) in self.nodes.iter().enumerate() {
            if matches!(node.name(), "noscript" | "noframes") {
                html += &self.text(at..node.end);
                html.push('\n');
            }
        }
        html
    }

    /// All text of `range` as it is written.
    pub fn text(&self, range: Range<usize>) -> String {
        self.nodes[range]
            .iter()
            .filter_map(|node| match node.kind {
                Kind::Text(text) => Some(text),
                Kind::Element(_) => None,
            })
            .collect()
    }
}

fn flatten(page: &Html) -> Vec<Node<'_>> {
    let mut nodes: Vec<Node> = Vec::new();
    let root = page.tree.root();
    let (mut at, mut open) = (root, Vec::new());
    loop {
        let kind = match at.value() {
            Parsed::Element(element) => Some(Kind::Element(element)),
            Parsed::Text(text) => Some(Kind::Text(text)),
            _ => None,
        };
        let index = kind.map(|kind| {
            nodes.push(Node {
                kind,
                end: nodes.len() + 1,
                parent: open.iter().rev().find_map(|index| *index).unwrap_or(0),
                letters: 0,
                link_letters: 0,
                links: 0,
                holds_main: false,
                holds_code: false,
                holds_table: false,
            });
            nodes.len() - 1
        });
        if let Some(child) = at.first_child() {
            open.push(index);
            at = child;
            continue;
        }
        // Up to the next node that has a younger sibling.
        loop {
            if let Some(next) = at.next_sibling() {
                at = next;
                break;
            }
            let Some(parent) = at.parent() else {
                return nodes;
            };
            if let Some(index) = open.pop().flatten() {
                nodes[index].end = nodes.len();
            }
            at = parent;
        }
    }
}

fn measure(nodes: &mut [Node]) {
    // Whether a node is inside a link or inside what is no text, from the top down.
    let (mut linked_to, mut silent_to) = (0, 0);
    for (at, node) in nodes.iter_mut().enumerate() {
        match node.kind {
            Kind::Element(element) => {
                let name = element.name();
                if is_silent(name) {
                    silent_to = silent_to.max(node.end);
                }
                if name == "a" && attribute(element, "href").is_some() && at >= linked_to {
                    linked_to = node.end;
                    node.links = u32::from(at >= silent_to);
                }
                node.holds_main = matches!(name, "main" | "article" | "h1" | "h2" | "h3" | "h4");
                node.holds_code = name == "pre";
                node.holds_table = name == "table";
            }
            Kind::Text(text) if at >= silent_to => {
                node.letters = text.chars().filter(|c| c.is_alphanumeric()).count() as u32;
                node.link_letters = if at < linked_to { node.letters } else { 0 };
            }
            Kind::Text(_) => {}
        }
    }
    // Then the sums from the bottom up: a parent stands before what is in it.
    for at in (1..nodes.len()).rev() {
        let node = nodes[at];
        let parent = &mut nodes[node.parent];
        parent.letters += node.letters;
        parent.link_letters += node.link_letters;
        parent.links += if node.name() == "a" && node.letters == 0 {
            0
        } else {
            node.links
        };
        parent.holds_main |= node.holds_main;
        parent.holds_code |= node.holds_code;
        parent.holds_table |= node.holds_table;
    }
}
