//! Shapes of structured records: one table that detection, `--shape` and the help read.
//!
//! A shape takes the fields that it understands out of the record; what is left goes to `meta`.
//! Field names match in any case, with and without spaces, underscores and hyphens, in English and
//! Russian.

mod answered;
mod answers;
mod asked;
mod beside;
mod candidates;
mod carried;
mod choice;
mod columns;
mod exchange;
mod fields;
mod fits;
mod grouped;
mod known;
mod lead;
mod marked;
mod meant;
mod messages;
mod names;
pub mod numbering;
mod operands;
mod option_name;
mod option_value;
mod own;
mod pairs;
mod passage_text;
mod passages;
mod preference;
mod recent;
mod rejected;
mod system;
mod table;
pub mod telegram;
mod tools;
mod transcript;
mod tree;
mod turn;
mod unread;
mod written;

use crate::document::Content;
pub use choice::is_option_column;
use fields::{find, has};
use known::Names;
pub use lead::{Lead, is_undesired};
pub use meant::{
    has_option_columns, holds_what_is_said, is_known_field, lists_options, names_a_pair,
    names_option, names_turns, says,
};
pub use messages::{is_dialogue, is_messages, record_of};
pub use passages::{asks_about_passage, has_passage, holds_questions, names_questions};
pub use recent::Recent;
use serde_json::{Map, Value};
pub use system::with_system;
pub use table::SHAPES;
pub use telegram::{PART, is_telegram_chat};

/// A record as JSON fields.
pub type Fields = Map<String, Value>;

/// Why a record, or one of its items, does not fit a shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Name of the error, as in the ledger.
    pub error: &'static str,
    /// Which field, what was expected and found.
    pub why: String,
    /// The item as JSON, `None` where all of the record does not fit.
    pub item: Option<String>,
}

impl Misfit {
    fn named(error: &'static str, why: String) -> Self {
        Self {
            error,
            why,
            item: None,
        }
    }

    /// A field is missing or holds something else than it should.
    pub(super) fn wrong(why: String) -> Self {
        Self::named("wrong_type", why)
    }

    fn no_answer(why: String) -> Self {
        Self::named("no_answer", why)
    }

    fn at(self, place: &str) -> Self {
        Self {
            why: format!("{place}: {}", self.why),
            ..self
        }
    }

    fn of(self, item: &Value) -> Self {
        self.of_text(item.to_string())
    }

    fn of_text(self, item: String) -> Self {
        Self {
            item: Some(item),
            ..self
        }
    }
}

/// One document of a record; most records hold one.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What it says.
    pub content: Content,
    /// Fields of its own that were not understood, beside those of the record.
    pub fields: Fields,
}

impl From<Content> for Item {
    fn from(content: Content) -> Self {
        Self {
            content,
            fields: Fields::new(),
        }
    }
}

/// The items of a record, each as a document or as what does not fit; or why none can be taken.
pub type Items = Result<Vec<Result<Item, Misfit>>, Misfit>;

/// One row of [`SHAPES`].
pub struct Shape {
    /// Name for `--shape` and reports.
    pub name: &'static str,
    /// What a record of it looks like.
    pub example: &'static str,
    /// The fields by which it is recognised: one of each group must be there.
    requires: &'static [Names<'static>],
    /// Whether the values are such as it has, where names alone do not tell.
    fits: fn(&Fields) -> bool,
    take: fn(&mut Fields) -> Items,
}

/// Refuses an answer that the field `label` of its record calls a bad one.
///
/// # Errors
/// When it does.
pub fn check_label(fields: &Fields) -> Result<(), Misfit> {
    pairs::check_label(fields)
}

impl Shape {
    /// The shape of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        SHAPES.iter().find(|shape| shape.name == name)
    }

    /// The first shape whose fields are all there.
    #[must_use]
    pub fn of(fields: &Fields) -> Option<&'static Self> {
        Self::named_by(fields).find(|shape| (shape.fits)(fields))
    }

    /// The shapes that these names have all fields of, whatever their values.
    fn named_by(fields: &Fields) -> impl Iterator<Item = &'static Self> {
        SHAPES.iter().filter(|shape| {
            let mut groups = shape.requires.iter();
            groups.all(|group| has(fields, *group))
        })
    }

    /// Whether it is running text, which little tells from a note beside something else.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.name == "text"
    }

    /// The fields of a record that this shape needs, under the record's own names.
    #[must_use]
    pub fn evidence(&self, fields: &Fields) -> Vec<String> {
        self.requires
            .iter()
            .filter_map(|group| find(fields, *group))
            .collect()
    }

    /// Takes this shape's fields out of `fields`; what is left belongs to every item.
    ///
    /// # Errors
    /// Names the field that is missing or of the wrong type.
    pub fn take(&self, fields: &mut Fields) -> Items {
        let items = (self.take)(fields)?;
        Ok(unread::checked(self.name, items, fields))
    }
}

/// The names of the shapes, each once.
#[must_use]
pub fn names() -> Vec<&'static str> {
    let mut names = Vec::new();
    for shape in SHAPES {
        if !names.contains(&shape.name) {
            names.push(shape.name);
        }
    }
    names
}

/// What a record without a known shape is told.
#[must_use]
pub fn unknown(fields: &Fields) -> String {
    let found: Vec<&str> = fields.keys().map(String::as_str).take(12).collect();
    let known = names();
    format!(
        "no known shape: the fields are [{}], known shapes are {}; --map question=FIELD,answer=FIELD or --map text=FIELD says which fields are what, --shape forces a shape; columns without names get them with --columns",
        found.join(", "),
        known.join(", ")
    )
}

#[cfg(test)]
mod tests;
