//! Writes the chosen nodes as text: blank lines between blocks, `# ` before headings, `- ` and `1. `
//! before items, ` | ` between the cells of a row, code between fences with its white space kept, `^` and
//! `_` before digits that are raised or lowered behind digits.

use super::boilerplate::Choice;
use super::tree::{Kind, Node, Tree, attribute};
use scraper::node::Element;
use std::ops::Range;

/// The text of what `choice` keeps.
pub fn render(tree: &Tree, choice: &Choice) -> String {
    let mut writer = Writer::default();
    for range in &choice.ranges {
        writer.end_line(2);
        write(tree, choice, range.clone(), &mut writer);
    }
    writer.out
}

/// Text on its way out; white space is written only when a word follows it.
#[derive(Default)]
struct Writer {
    out: String,
    /// Line ends that are due: 1 for a new line, 2 for a blank one between.
    gap: usize,
    space: bool,
    /// What begins the next line: `- `, `2. `, `## `.
    mark: Option<String>,
    /// Nothing but the mark stands on the line yet: what it marks begins beside it.
    tight: bool,
    /// Open lists: `None` for bullets, the last number else.
    lists: Vec<Option<u64>>,
}

impl Writer {
    fn end_line(&mut self, gap: usize) {
        let gap = if self.tight { gap.min(1) } else { gap };
        self.gap = self.gap.max(gap);
    }

    /// Writes what is due before a word.
    fn begin(&mut self) {
        if self.gap > 0 || self.mark.is_some() {
            if !self.out.is_empty() {
                self.out.extend(std::iter::repeat_n('\n', self.gap.max(1)));
            }
            let depth = self.lists.len();
            let levels = if self.mark.is_some() {
                depth.saturating_sub(1)
            } else {
                depth
            };
            self.out.extend(std::iter::repeat_n("  ", levels));
            if let Some(mark) = self.mark.take() {
                self.out.push_str(&mark);
            }
        } else if self.space && !self.out.is_empty() {
            self.out.push(' ');
        }
        self.gap = 0;
        self.space = false;
        self.tight = false;
    }

    fn text(&mut self, text: &str) {
        let blank = |byte: u8| byte.is_ascii_whitespace();
        self.space |= text.bytes().next().is_some_and(blank);
        for (number, word) in text.split_ascii_whitespace().enumerate() {
            self.space |= number > 0;
            self.begin();
            self.out.push_str(word);
        }
        self.space |= text.bytes().last().is_some_and(blank);
    }

    /// Keeps what is raised or lowered apart from a number before it: 10<sup>24</sup> is 10^24.
    fn set_off(&mut self, name: &str, text: &str) {
        let is_due = self.gap == 0 && !self.space && self.mark.is_none();
        let number = text.trim_start_matches(['-', '−', '+', '–']);
        let digit = |c: char| c.is_ascii_digit();
        if is_due && self.out.ends_with(digit) && number.starts_with(digit) {
            self.out.push(if name == "sup" { '^' } else { '_' });
        }
    }

    fn code(&mut self, code: &str, language: &str) {
        let code = code.trim_end();
        let code = code.strip_prefix('\n').unwrap_or(code);
        if code.trim().is_empty() {
            return;
        }
        // An item that begins with code keeps its mark on the line before.
        if self.mark.is_some() {
            self.begin();
            self.out.truncate(self.out.trim_end_matches(' ').len());
        }
        self.end_line(2);
        if !self.out.is_empty() {
            self.out.extend(std::iter::repeat_n('\n', self.gap));
        }
        let mut fence = "```".to_owned();
        while code.contains(&fence) {
            fence.push('`');
        }
        for part in [&fence, language, "\n", code, "\n", &fence] {
            self.out.push_str(part);
        }
        (self.gap, self.space, self.tight) = (2, false, false);
    }
}

/// What is done where an element ends.
enum Close {
    /// Ends the line, with so many line ends.
    Line(usize),
    /// Ends a heading whose mark may not have been used.
    Heading,
    Item,
    List,
    /// Ends a pair of quotes.
    Quote,
}

/// Writes `range` without what is left out.
fn write(tree: &Tree, choice: &Choice, range: Range<usize>, writer: &mut Writer) {
    let mut open: Vec<(usize, Close)> = Vec::new();
    let mut at = range.start;
    loop {
        while let Some((end, _)) = open.last()
            && *end <= at
        {
            if let Some((_, action)) = open.pop() {
                close(action, writer);
            }
        }
        if at >= range.end {
            return;
        }
        let node = &tree.nodes[at];
        if choice.left_out[at] {
            at = node.end;
            continue;
        }
        match node.kind {
            Kind::Text(text) => writer.text(text),
            Kind::Element(element) => match element.name() {
                "pre" | "listing" | "xmp" | "plaintext" => {
                    let code = code(tree, choice, at..node.end);
                    writer.code(&code, language(tree, at));
                    at = node.end;
                    continue;
                }
                "table" if is_data(tree, choice, at) => {
                    rows(tree, choice, at..node.end, writer);
                    at = node.end;
                    continue;
                }
                "math" if let Some(formula) = formula(tree, at..node.end) => {
                    writer.text(&formula);
                    at = node.end;
                    continue;
                }
                name => {
                    if matches!(name, "sup" | "sub") {
                        writer.set_off(name, &tree.text(at..node.end));
                    }
                    if let Some(action) = enter(name, element, writer) {
                        open.push((node.end, action));
                    }
                }
            },
        }
        at += 1;
    }
}

/// Does what the beginning of an element asks for; returns what its end does.
fn enter(name: &str, element: &Element, writer: &mut Writer) -> Option<Close> {
    match name {
        "br" => {
            writer.gap = (writer.gap + 1).min(2);
            None
        }
        "hr" => {
            writer.end_line(2);
            None
        }
        "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
            writer.end_line(2);
            let level = usize::from(name.as_bytes()[1] - b'0');
            writer.mark = Some("#".repeat(level) + " ");
            writer.tight = true;
            Some(Close::Heading)
        }
        "ul" | "ol" | "menu" | "dir" => {
            if writer.lists.is_empty() {
                writer.end_line(2);
            } else {
                // A list in an item follows its text at once.
                writer.gap = 1;
            }
            let first = attribute(element, "start").and_then(|start| start.parse::<u64>().ok());
            writer
                .lists
                .push((name == "ol").then(|| first.unwrap_or(1).saturating_sub(1)));
            Some(Close::List)
        }
        "li" => {
            writer.end_line(1);
            let mark = match writer.lists.last_mut() {
                Some(Some(number)) => {
                    *number += 1;
                    format!("{number}. ")
                }
                _ => "- ".to_owned(),
            };
            writer.mark = Some(mark);
            writer.tight = true;
            Some(Close::Item)
        }
        "dd" => {
            writer.end_line(1);
            writer.tight = true;
            Some(Close::Line(1))
        }
        "p" | "blockquote" | "figure" | "dl" | "table" | "details" | "fieldset" | "address" => {
            writer.end_line(2);
            Some(Close::Line(2))
        }
        "dt" | "div" | "section" | "article" | "main" | "header" | "footer" | "aside" | "nav"
        | "tr" | "td" | "th" | "caption" | "figcaption" | "summary" | "center" | "form"
        | "body" | "legend" | "hgroup" | "option" => {
            writer.end_line(1);
            Some(Close::Line(1))
        }
        "q" => {
            writer.begin();
            writer.out.push('"');
            Some(Close::Quote)
        }
        "img" => {
            // A formula that is drawn is written in its description.
            let formula = attribute(element, "class").is_some_and(|class| {
                ["tex", "math", "latex"]
                    .iter()
                    .any(|kind| class.contains(kind))
            });
            if formula && let Some(description) = attribute(element, "alt") {
                writer.text(description);
            }
            None
        }
        _ => None,
    }
}

fn close(action: Close, writer: &mut Writer) {
    match action {
        Close::Line(gap) => writer.end_line(gap),
        Close::Heading => {
            writer.mark = None;
            writer.tight = false;
            writer.end_line(2);
        }
        Close::Item => {
            // Items follow each other without a blank line, whatever they hold.
            writer.mark = None;
            writer.tight = false;
            writer.gap = 1;
        }
        Close::List => {
            writer.lists.pop();
            writer.end_line(if writer.lists.is_empty() { 2 } else { 1 });
        }
        Close::Quote => writer.out.push('"'),
    }
}

/// The text of `<pre>` as it is written. Lines may be blocks in it, with or without line ends of their own.
fn code(tree: &Tree, choice: &Choice, range: Range<usize>) -> String {
    let (mut out, mut at) = (String::new(), range.start);
    // Where the blocks that are open end.
    let mut blocks: Vec<usize> = Vec::new();
    // Whether a block begins or ended since the last text.
    let mut edge = false;
    while at < range.end {
        while blocks.pop_if(|end| *end <= at).is_some() {
            edge = true;
        }
        let node = &tree.nodes[at];
        if choice.left_out[at] {
            at = node.end;
            continue;
        }
        let text = match node.kind {
            Kind::Text(text) => text,
            Kind::Element(element) if element.name() == "br" => "\n",
            Kind::Element(element) => {
                if at > range.start && is_line(element) {
                    edge = true;
                    blocks.push(node.end);
                }
                ""
            }
        };
        // The line end of the source between two blocks is no line of its own.
        if edge && !text.is_empty() {
            edge = false;
            let ends = out.is_empty() || out.ends_with('\n');
            let begins = text.starts_with('\n') && !blocks.iter().any(|end| *end > at);
            if !ends && !begins {
                out.push('\n');
            }
        }
        out.push_str(text);
        at += 1;
    }
    out
}

/// Whether an element in `<pre>` is a line, or several.
fn is_line(element: &Element) -> bool {
    let is_block = matches!(
        element.name(),
        "div" | "p" | "li" | "ol" | "ul" | "tr" | "table" | "section" | "blockquote" | "pre"
    );
    is_block
        || attribute(element, "style").is_some_and(|style| {
            let style: String = style.split_ascii_whitespace().collect();
            style.contains("display:block")
        })
}

/// What a formula of `MathML` says of itself in TeX.
fn formula(tree: &Tree, math: Range<usize>) -> Option<String> {
    let mut math = math;
    let at = math.find(|at| {
        tree.nodes[*at].name() == "annotation"
            && tree.nodes[*at].element().is_some_and(|element| {
                attribute(element, "encoding").is_some_and(|kind| kind.contains("tex"))
            })
    })?;
    Some(tree.text(at..tree.nodes[at].end))
}

/// The language that the class of `<pre>`, of `<code>` in it or of the block around it names.
fn language<'a>(tree: &Tree<'a>, pre: usize) -> &'a str {
    let parent = tree.nodes[pre].parent;
    let child = (pre + 1).min(tree.nodes.len() - 1);
    [pre, child, parent, tree.nodes[parent].parent]
        .into_iter()
        .filter_map(|at| attribute(tree.nodes[at].element()?, "class"))
        .flat_map(str::split_ascii_whitespace)
        .find_map(|class| {
            ["language-", "lang-", "highlight-source-", "brush:"]
                .iter()
                .find_map(|prefix| class.strip_prefix(prefix))
        })
        .filter(|name| {
            name.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+#-".contains(&byte))
        })
        .unwrap_or("")
}

/// Whether a table holds data: rows of cells without tables, headings or code in them. Others only
/// place blocks beside each other.
fn is_data(tree: &Tree, choice: &Choice, table: usize) -> bool {
    let node = &tree.nodes[table];
    let below: &[Node] = &tree.nodes[table + 1..node.end];
    let plain =
        !node.holds_code && !node.holds_main && below.iter().all(|node| node.name() != "table");
    let role = node
        .element()
        .and_then(|element| attribute(element, "role"));
    let filled = |cell: &Range<usize>| tree.nodes[cell.clone()].iter().any(|node| node.letters > 0);
    plain
        && role != Some("presentation")
        && cells(tree, choice, table..node.end)
            .iter()
            .any(|row| row.iter().filter(|cell| filled(cell)).count() > 1)
}

/// The cells of each row.
fn cells(tree: &Tree, choice: &Choice, table: Range<usize>) -> Vec<Vec<Range<usize>>> {
    let mut rows: Vec<Vec<Range<usize>>> = Vec::new();
    let mut at = table.start + 1;
    while at < table.end {
        let node = &tree.nodes[at];
        let left_out = choice.left_out[at];
        match node.name() {
            "tr" if !left_out => rows.push(Vec::new()),
            "caption" if !left_out => {
                rows.push(std::iter::once(at + 1..node.end).collect());
                at = node.end;
                continue;
            }
            "td" | "th" => {
                if !left_out && let Some(row) = rows.last_mut() {
                    row.push(at + 1..node.end);
                }
                at = node.end;
                continue;
            }
            _ => {}
        }
        at = if left_out { node.end } else { at + 1 };
    }
    rows
}

fn rows(tree: &Tree, choice: &Choice, table: Range<usize>, writer: &mut Writer) {
    writer.end_line(2);
    // Rows that a cell of an earlier one reaches into, for each column.
    let mut reached: Vec<u64> = Vec::new();
    for row in cells(tree, choice, table) {
        let mut cells: Vec<String> = Vec::new();
        let mut is_reached = false;
        for cell in row {
            while let Some(rows) = reached.get_mut(cells.len())
                && *rows > 0
            {
                *rows -= 1;
                is_reached = true;
                cells.push(String::new());
            }
            let column = cells.len();
            reached.resize(reached.len().max(column + 1), 0);
            let cell_at = cell.start - 1;
            reached[column] = span(tree, cell_at, "rowspan") - 1;
            let mut inner = Writer::default();
            write(tree, choice, cell, &mut inner);
            let words: Vec<&str> = inner.out.split_ascii_whitespace().collect();
            let text = words.join(" ");
            // A cell may be filled with a space that does not break.
            cells.push(if text.trim().is_empty() {
                String::new()
            } else {
                text
            });
            // What follows a wide cell stands above its own column.
            for _ in 1..span(tree, cell_at, "colspan") {
                let column = cells.len();
                reached.resize(reached.len().max(column + 1), 0);
                reached[column] = reached[column - 1];
                cells.push(String::new());
            }
        }
        // One cell alone is a line of its own.
        let alone = cells.iter().filter(|cell| !cell.trim().is_empty()).count() == 1;
        let line = if alone && !is_reached {
            cells.concat()
        } else {
            cells.join(" | ")
        };
        let line = line.trim_end_matches([' ', '|']);
        if !line.trim().is_empty() {
            writer.begin();
            writer.out.push_str(line);
            writer.end_line(1);
        }
    }
    writer.end_line(2);
}

/// Rows or columns that a cell is in, as its attribute `which` says.
fn span(tree: &Tree, cell: usize, which: &str) -> u64 {
    let element = tree.nodes[cell].element();
    let said = element.and_then(|element| attribute(element, which));
    let most = if which == "colspan" { 100 } else { 1000 };
    said.and_then(|said| said.trim().parse().ok())
        .map_or(1, |cells: u64| cells.clamp(1, most))
}
