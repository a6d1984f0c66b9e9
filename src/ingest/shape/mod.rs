//! Shapes of structured records: one table that detection, `--shape` and the help read.
//!
//! A shape takes the fields that it understands out of the record; what is left goes to `meta`.
//! Field names match in any case, with and without spaces, underscores and hyphens, in English and
//! Russian.

mod answers;
mod candidates;
mod choice;
mod fields;
mod fits;
mod grouped;
mod lead;
mod marked;
mod meant;
mod messages;
mod names;
pub mod numbering;
mod operands;
mod option_name;
mod own;
mod pairs;
mod passages;
mod preference;
mod recent;
mod system;
mod tools;
mod transcript;
mod tree;
mod written;

use crate::document::Content;
pub use choice::is_option_column;
use choice::{take_ending, take_marked_options, take_multiple_choice};
use fields::{find, take_text};
use fits::{
    always, has_answers_in_objects, has_mark, has_questions, is_list, is_list_of_texts,
    is_messages_in, is_text,
};
use grouped::{has_row, take_grouped, take_row};
pub use lead::{Lead, is_undesired};
use marked::{
    has_marked_answers, has_marks_of_each, has_options_marked, take_marked_answers,
    take_marks_of_each,
};
pub use meant::{
    has_option_columns, holds_what_is_said, is_known_field, lists_options, names_a_pair,
    names_option, says,
};
pub use messages::{is_dialogue, is_messages, record_of};
use messages::{take_messages, take_turn_texts};
use names::{
    A, ANSWER, ANSWERS, ASSISTANT, BEGINNING, BODY, CHOSEN, COMPLETION, CONVERSATIONS, CORRECT,
    DATA, DIALOG, ENDINGS, FIRST_OPTION, ID, IDEAL, INPUT, INSTANCES, INSTRUCTION, LABEL, MESSAGES,
    OPTIONS, OUTPUT, PASSAGE, PASSAGES, PROMPT, Q, QUESTION, QUESTION_ITEMS, QUESTIONS, REJECTED,
    ROW, SECOND_OPTION, TARGET, TEXT, TITLE, TREE, USER,
};
use own::{is_document, take_document};
use pairs::{
    take_alpaca, take_completion, take_context_question, take_forum, take_ideal, take_instances,
    take_pair, take_question,
};
pub use passages::{asks_about_passage, has_passage, holds_questions, names_questions};
use passages::{has_question_items, take_passage, take_passage_items, take_squad};
use preference::take_preference;
pub use recent::Recent;
use serde_json::{Map, Value};
pub use system::with_system;
use tree::take_tree;

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
    requires: &'static [&'static [&'static str]],
    /// Whether the values are such as it has, where names alone do not tell.
    fits: fn(&Fields) -> bool,
    take: fn(&mut Fields) -> Items,
}

/// All shapes, in the order in which a record is compared with them.
pub const SHAPES: &[Shape] = &[
    Shape {
        name: "document",
        example: r#"{"kind": "chat", "text": null, "messages": [{"role": "user", "content": "…"}, …], "rejected": null, "meta": "{…}", "lang_score": 0.9, "languages": null} (as `prep ingest` writes them)"#,
        requires: own::COLUMNS,
        fits: is_document,
        take: take_document,
    },
    Shape {
        name: "preference",
        example: r#"{"prompt": "…", "chosen": "…", "rejected": "…"} (text or lists of messages; or "instruction" and "input", or "messages" before the answers)"#,
        requires: &[CHOSEN, REJECTED],
        fits: always,
        take: |fields| one(take_preference(fields)),
    },
    Shape {
        name: "messages",
        example: r#"{"messages": [{"role": "user", "content": "…"}, …]}"#,
        requires: &[MESSAGES],
        fits: always,
        take: |fields| one(take_messages(fields, MESSAGES).map(Content::Chat)),
    },
    Shape {
        name: "messages",
        example: r#"{"dialog": [{"role": "user", "content": "…"}, …]} (or "turns", "chat")"#,
        requires: &[DIALOG],
        fits: |fields| is_messages_in(fields, DIALOG),
        take: |fields| one(take_messages(fields, DIALOG).map(Content::Chat)),
    },
    Shape {
        name: "sharegpt",
        example: r#"{"conversations": [{"from": "human", "value": "…"}, …]}"#,
        requires: &[CONVERSATIONS],
        fits: always,
        take: |fields| one(take_messages(fields, CONVERSATIONS).map(Content::Chat)),
    },
    Shape {
        name: "tree",
        example: r#"{"message_tree_id": "…", "prompt": {"text": "…", "role": "prompter", "replies": […]}}"#,
        requires: &[TREE, PROMPT],
        fits: always,
        take: |fields| one(take_tree(fields)),
    },
    Shape {
        name: "squad",
        example: r#"{"paragraphs": [{"context": "…", "qas": [{"question": "…", "answers": [{"text": "…"}]}]}]}"#,
        requires: &[PASSAGES],
        fits: has_questions,
        take: take_squad,
    },
    Shape {
        name: "passage",
        example: r#"{"context": "…", "questions": [{"question": "…", "answer": "…"}]} (or lists of "questions" and "answers" side by side)"#,
        requires: &[PASSAGE, QUESTIONS],
        fits: |fields| is_list(fields, QUESTIONS),
        take: take_passage,
    },
    Shape {
        name: "passage",
        example: r#"{"context": "…", "items": [{"question": "…", "answer": "…"}]}"#,
        requires: &[PASSAGE, QUESTION_ITEMS],
        fits: has_question_items,
        take: take_passage_items,
    },
    Shape {
        name: "instances",
        example: r#"{"instruction": "…", "instances": [{"input": "…", "output": "…"}]}"#,
        requires: &[INSTRUCTION, INSTANCES],
        fits: always,
        take: take_instances,
    },
    Shape {
        name: "alpaca",
        example: r#"{"instruction": "…", "input": "…", "output": "…"}"#,
        requires: &[INSTRUCTION, OUTPUT],
        fits: always,
        take: |fields| one(take_alpaca(fields)),
    },
    Shape {
        name: "multiple_choice",
        example: r#"{"question": "…", "A": "…", "B": "…", "answer": "B"} (or "options": […])"#,
        requires: &[QUESTION, ANSWER, FIRST_OPTION, SECOND_OPTION],
        fits: operands::has_options,
        take: |fields| one(take_multiple_choice(fields)),
    },
    Shape {
        name: "multiple_choice",
        example: r#"{"question": "…", "options": ["…", "…"], "answer": 1}"#,
        requires: &[QUESTION, ANSWER, OPTIONS],
        fits: always,
        take: |fields| one(take_multiple_choice(fields)),
    },
    Shape {
        name: "multiple_choice",
        example: r#"{"question": "…", "answers": ["…", "…"], "correct": 1}"#,
        requires: &[QUESTION, ANSWERS, CORRECT],
        fits: has_marked_answers,
        take: |fields| one(take_marked_answers(fields)),
    },
    Shape {
        name: "multiple_choice",
        example: r#"{"question": "…", "Option A": "…", "Option B": "…", "Correct": "B"}"#,
        requires: &[QUESTION, CORRECT, FIRST_OPTION, SECOND_OPTION],
        fits: has_mark,
        take: |fields| one(take_marked_options(fields)),
    },
    Shape {
        name: "multiple_choice",
        example: r#"{"question": "…", "options": ["…", "…"], "correct": 1}"#,
        requires: &[QUESTION, CORRECT, OPTIONS],
        fits: has_mark,
        take: |fields| one(take_marked_options(fields)),
    },
    Shape {
        name: "multiple_choice",
        example: r#"{"question": "…", "answers": [{"text": "…", "correct": false}, {"text": "…", "correct": true}]}"#,
        requires: &[QUESTION, ANSWERS],
        fits: has_marks_of_each,
        take: |fields| one(take_marks_of_each(fields)),
    },
    Shape {
        name: "multiple_choice",
        example: r#"{"question": "…", "options": [{"text": "…", "correct": false}, {"text": "…", "correct": true}]}"#,
        requires: &[QUESTION, OPTIONS],
        fits: has_options_marked,
        take: |fields| one(take_marks_of_each(fields)),
    },
    Shape {
        name: "ending",
        example: r#"{"ctx": "…", "endings": ["…", "…"], "label": 1}"#,
        requires: &[BEGINNING, ENDINGS, LABEL],
        fits: always,
        take: |fields| one(take_ending(fields)),
    },
    Shape {
        name: "question_answer",
        example: r#"{"question": "…", "answer": "…"} (with "context": "…" before the question)"#,
        requires: &[QUESTION, ANSWER],
        fits: always,
        take: |fields| one(take_question(fields)),
    },
    Shape {
        name: "question_answer",
        example: r#"{"q": "…", "a": "…"}"#,
        requires: &[Q, A],
        fits: |fields| find(fields, SECOND_OPTION).is_none(),
        take: |fields| one(take_pair(fields, Q, A)),
    },
    Shape {
        name: "question_answer",
        example: r#"{"user": "…", "assistant": "…"} (or "human" and "bot")"#,
        requires: &[USER, ASSISTANT],
        fits: |fields| {
            find(fields, TEXT).is_none() && is_text(fields, USER) && is_text(fields, ASSISTANT)
        },
        take: |fields| one(take_pair(fields, USER, ASSISTANT)),
    },
    Shape {
        name: "context_question",
        example: r#"{"context": "…", "question": "…", "answers": {"text": ["…"]}}"#,
        requires: &[QUESTION, ANSWERS],
        fits: always,
        take: |fields| one(take_context_question(fields)),
    },
    Shape {
        name: "prompt_completion",
        example: r#"{"prompt": "…", "completion": "…"}"#,
        requires: &[PROMPT, COMPLETION],
        fits: always,
        take: |fields| one(take_completion(fields, PROMPT, COMPLETION)),
    },
    Shape {
        name: "prompt_completion",
        example: r#"{"input": "…", "output": "…"}"#,
        requires: &[INPUT, OUTPUT],
        fits: always,
        take: |fields| one(take_completion(fields, INPUT, OUTPUT)),
    },
    Shape {
        name: "prompt_completion",
        example: r#"{"input": "…", "target": "…"}"#,
        requires: &[INPUT, TARGET],
        fits: |fields| is_text(fields, INPUT),
        take: |fields| one(take_completion(fields, INPUT, TARGET)),
    },
    Shape {
        name: "input_ideal",
        example: r#"{"input": [{"role": "system", "content": "…"}, …], "ideal": "…"}"#,
        requires: &[INPUT, IDEAL],
        fits: always,
        take: |fields| one(take_ideal(fields)),
    },
    Shape {
        name: "turns",
        example: r#"{"id": "…", "data": ["…", "…"]} (user and assistant in turn)"#,
        requires: &[ID, DATA],
        fits: |fields| is_list_of_texts(fields, DATA),
        take: |fields| one(take_turn_texts(fields, DATA)),
    },
    Shape {
        name: "turns",
        example: r#"{"dialog": ["…", "…"]} (user and assistant in turn)"#,
        requires: &[DIALOG],
        fits: |fields| is_list_of_texts(fields, DIALOG),
        take: |fields| one(take_turn_texts(fields, DIALOG)),
    },
    Shape {
        name: "forum",
        example: r#"{"title": "…", "body": "…", "answers": [{"body": "…", "is_accepted": true}]}"#,
        requires: &[TITLE, BODY, ANSWERS],
        fits: has_answers_in_objects,
        take: |fields| one(take_forum(fields)),
    },
    Shape {
        name: "text",
        example: r#"{"text": "…"}"#,
        requires: &[TEXT],
        fits: always,
        take: |fields| one(take_text(fields, TEXT).map(Content::Text)),
    },
    Shape {
        name: "questions",
        example: r#"{"topic": "…", "questions": [{"question": "…", "answer": "…"}]} (each in a shape of its own)"#,
        requires: &[QUESTIONS],
        fits: grouped::has_questions,
        take: take_grouped,
    },
    Shape {
        name: "questions",
        example: r#"{"topic": "…", "items": [{"question": "…", "answer": "…"}]}"#,
        requires: &[QUESTION_ITEMS],
        fits: grouped::has_questions,
        take: take_grouped,
    },
    Shape {
        name: "row",
        example: r#"{"row_idx": 0, "row": {"question": "…", "answer": "…"}} (the Hugging Face viewer)"#,
        requires: &[ROW],
        fits: has_row,
        take: take_row,
    },
];

/// Refuses an answer that the field `label` of its record calls a bad one.
///
/// # Errors
/// When it does.
pub fn check_label(fields: &Fields) -> Result<(), Misfit> {
    pairs::check_label(fields)
}

fn one(content: Result<Content, Misfit>) -> Items {
    Ok(vec![Ok(Item::from(content?))])
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
            groups.all(|group| find(fields, group).is_some())
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
            .filter_map(|group| find(fields, group))
            .collect()
    }

    /// Takes this shape's fields out of `fields`; what is left belongs to every item.
    ///
    /// # Errors
    /// Names the field that is missing or of the wrong type.
    pub fn take(&self, fields: &mut Fields) -> Items {
        (self.take)(fields)
    }
}

/// The names of the shapes, each once.
#[must_use]
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = SHAPES.iter().map(|shape| shape.name).collect();
    names.dedup();
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
