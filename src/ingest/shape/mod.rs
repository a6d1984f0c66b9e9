//! Shapes of structured records: one table that detection, `--shape` and the help read.
//!
//! A shape takes the fields that it understands out of the record; what is left goes to `meta`.
//! Field names match in any case, in English and Russian.

mod choice;
mod fields;
mod messages;
mod pairs;

use crate::document::Content;
use choice::take_multiple_choice;
use fields::{find, take_text};
use messages::{take_messages, take_preference, take_tree};
use pairs::{
    take_alpaca, take_context_question, take_ideal, take_instances, take_pair, take_squad,
};
use serde_json::{Map, Value};

/// A record as JSON fields.
pub type Fields = Map<String, Value>;

/// Why a record does not fit a shape: which field, what was expected and found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit(pub String);

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

type Items = Result<Vec<Item>, Misfit>;

/// One row of [`SHAPES`].
pub struct Shape {
    /// Name for `--shape` and reports.
    pub name: &'static str,
    /// What a record of it looks like.
    pub example: &'static str,
    /// The fields by which it is recognised: one of each group must be there.
    requires: &'static [&'static [&'static str]],
    take: fn(&mut Fields) -> Items,
}

const MESSAGES: &[&str] = &["messages"];
const CONVERSATIONS: &[&str] = &["conversations", "conversation"];
const PROMPT: &[&str] = &["prompt"];
const CHOSEN: &[&str] = &["chosen"];
const REJECTED: &[&str] = &["rejected"];
const INSTRUCTION: &[&str] = &["instruction", "инструкция"];
const INPUT: &[&str] = &["input", "ввод"];
const OUTPUT: &[&str] = &["output", "response", "вывод", "ответ"];
const QUESTION: &[&str] = &["question", "question_text", "вопрос", "query"];
const ANSWER: &[&str] = &[
    "answer",
    "response",
    "answer_text",
    "answerkey",
    "answer_key",
    "ответ",
];
const COMPLETION: &[&str] = &["completion"];
const SYSTEM: &[&str] = &["system", "system_prompt"];
const TEXT: &[&str] = &[
    "text",
    "content",
    "body",
    "document",
    "raw_content",
    "текст",
];
const CONTEXT: &[&str] = &["context", "passage", "контекст"];
const ANSWERS: &[&str] = &["answers"];
const PARAGRAPHS: &[&str] = &["paragraphs"];
const INSTANCES: &[&str] = &["instances"];
const IDEAL: &[&str] = &["ideal"];
const TREE: &[&str] = &["message_tree_id"];
const OPTIONS: &[&str] = &["options", "choices", "варианты"];
const FIRST_OPTION: &[&str] = &["a", "option_a", "option1"];
const SECOND_OPTION: &[&str] = &["b", "option_b", "option2"];

/// Names of lists that hold records, in an object that is only their frame.
const FRAMES: &[&str] = &[
    "data",
    "train",
    "training",
    "validation",
    "valid",
    "val",
    "dev",
    "test",
    "eval",
    "rows",
    "records",
    "items",
    "examples",
    "samples",
    "entries",
    "documents",
    "docs",
    "results",
    "questions",
    "dialogs",
    "dialogues",
    "chats",
    "данные",
    "вопросы",
];

/// Whether a list of objects in the field `name` is a list of records.
#[must_use]
pub fn is_frame_field(name: &str) -> bool {
    FRAMES.contains(&name.trim().to_lowercase().as_str())
}

/// Whether a field of this name means something to a shape.
#[must_use]
pub fn is_known_field(name: &str) -> bool {
    let known = [
        INSTRUCTION,
        OUTPUT,
        QUESTION,
        ANSWER,
        COMPLETION,
        PROMPT,
        CHOSEN,
        TEXT,
        CONTEXT,
    ];
    known.iter().any(|names| names.contains(&name))
}

/// All shapes, in the order in which a record is compared with them.
pub const SHAPES: &[Shape] = &[
    Shape {
        name: "preference",
        example: r#"{"prompt": "…", "chosen": "…", "rejected": "…"} (text or lists of messages)"#,
        requires: &[CHOSEN, REJECTED],
        take: |fields| one(take_preference(fields)),
    },
    Shape {
        name: "messages",
        example: r#"{"messages": [{"role": "user", "content": "…"}, …]}"#,
        requires: &[MESSAGES],
        take: |fields| one(take_messages(fields, MESSAGES).map(Content::Chat)),
    },
    Shape {
        name: "sharegpt",
        example: r#"{"conversations": [{"from": "human", "value": "…"}, …]}"#,
        requires: &[CONVERSATIONS],
        take: |fields| one(take_messages(fields, CONVERSATIONS).map(Content::Chat)),
    },
    Shape {
        name: "tree",
        example: r#"{"message_tree_id": "…", "prompt": {"text": "…", "role": "prompter", "replies": […]}}"#,
        requires: &[TREE, PROMPT],
        take: |fields| one(take_tree(fields)),
    },
    Shape {
        name: "squad",
        example: r#"{"paragraphs": [{"context": "…", "qas": [{"question": "…", "answers": [{"text": "…"}]}]}]}"#,
        requires: &[PARAGRAPHS],
        take: take_squad,
    },
    Shape {
        name: "instances",
        example: r#"{"instruction": "…", "instances": [{"input": "…", "output": "…"}]}"#,
        requires: &[INSTRUCTION, INSTANCES],
        take: take_instances,
    },
    Shape {
        name: "alpaca",
        example: r#"{"instruction": "…", "input": "…", "output": "…"}"#,
        requires: &[INSTRUCTION, OUTPUT],
        take: |fields| one(take_alpaca(fields)),
    },
    Shape {
        name: "multiple_choice",
        example: r#"{"question": "…", "A": "…", "B": "…", "answer": "B"} (or "options": […])"#,
        requires: &[QUESTION, ANSWER, FIRST_OPTION, SECOND_OPTION],
        take: |fields| one(take_multiple_choice(fields)),
    },
    Shape {
        name: "multiple_choice",
        example: r#"{"question": "…", "options": ["…", "…"], "answer": 1}"#,
        requires: &[QUESTION, ANSWER, OPTIONS],
        take: |fields| one(take_multiple_choice(fields)),
    },
    Shape {
        name: "question_answer",
        example: r#"{"question": "…", "answer": "…"} (with "context": "…" before the question)"#,
        requires: &[QUESTION, ANSWER],
        take: |fields| one(take_pair(fields, QUESTION, ANSWER)),
    },
    Shape {
        name: "context_question",
        example: r#"{"context": "…", "question": "…", "answers": {"text": ["…"]}}"#,
        requires: &[QUESTION, ANSWERS],
        take: |fields| one(take_context_question(fields)),
    },
    Shape {
        name: "prompt_completion",
        example: r#"{"prompt": "…", "completion": "…"}"#,
        requires: &[PROMPT, COMPLETION],
        take: |fields| one(take_pair(fields, PROMPT, COMPLETION)),
    },
    Shape {
        name: "input_ideal",
        example: r#"{"input": [{"role": "system", "content": "…"}, …], "ideal": "…"}"#,
        requires: &[INPUT, IDEAL],
        take: |fields| one(take_ideal(fields)),
    },
    Shape {
        name: "text",
        example: r#"{"text": "…"}"#,
        requires: &[TEXT],
        take: |fields| one(take_text(fields, TEXT).map(Content::Text)),
    },
];

fn one(content: Result<Content, Misfit>) -> Items {
    Ok(vec![Item::from(content?)])
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
        SHAPES.iter().find(|shape| {
            shape
                .requires
                .iter()
                .all(|group| find(fields, group).is_some())
        })
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
        "no known shape: the fields are [{}], known shapes are {}; --shape forces one; columns without names get them with --columns",
        found.join(", "),
        known.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Message;

    fn read(json: &str) -> (&'static str, Result<Content, Misfit>, String) {
        let (name, items, meta) = read_items(json);
        (name, items.map(|mut items| items.remove(0).content), meta)
    }

    fn read_items(json: &str) -> (&'static str, Items, String) {
        let mut fields: Fields = serde_json::from_str(json).expect("valid JSON");
        let shape = Shape::of(&fields).expect("a known shape");
        let content = shape.take(&mut fields);
        (
            shape.name,
            content,
            serde_json::to_string(&fields).expect("serializes"),
        )
    }

    fn chat(turns: &[(&str, &str)]) -> Content {
        Content::Chat(
            turns
                .iter()
                .map(|(role, content)| Message::new(*role, *content))
                .collect(),
        )
    }

    #[test]
    fn every_shape_is_recognised_and_keeps_what_it_does_not_know() {
        let two = chat(&[("user", "q"), ("assistant", "a")]);
        for (json, name, content, meta) in [
            (
                r#"{"id":7,"question":"q","answer":"a"}"#,
                "question_answer",
                two.clone(),
                r#"{"id":7}"#,
            ),
            (
                r#"{"Вопрос":"q","Ответ":"a"}"#,
                "question_answer",
                two.clone(),
                "{}",
            ),
            (
                r#"{"question":"q","answer":42}"#,
                "question_answer",
                chat(&[("user", "q"), ("assistant", "42")]),
                "{}",
            ),
            (
                r#"{"instruction":"q","input":"","output":"a"}"#,
                "alpaca",
                two.clone(),
                "{}",
            ),
            (
                r#"{"instruction":"q","input":"x","response":"a"}"#,
                "alpaca",
                chat(&[("user", "q\n\nx"), ("assistant", "a")]),
                "{}",
            ),
            (
                r#"{"prompt":"q","completion":"a","n":1}"#,
                "prompt_completion",
                two.clone(),
                r#"{"n":1}"#,
            ),
            (
                r#"{"conversations":[{"from":"human","value":"q"},{"from":"gpt","value":"a"}]}"#,
                "sharegpt",
                two.clone(),
                "{}",
            ),
            (
                r#"{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a","weight":0}]}"#,
                "messages",
                two.clone(),
                r#"{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a","weight":0}]}"#,
            ),
            (
                r#"{"title":"t","text":"body"}"#,
                "text",
                Content::Text("body".to_owned()),
                r#"{"title":"t"}"#,
            ),
        ] {
            assert_eq!(read(json), (name, Ok(content), meta.to_owned()), "{json}");
        }
    }

    #[test]
    fn preferences_come_as_text_and_as_messages() {
        let wanted = Content::Preference {
            messages: vec![Message::new("user", "q"), Message::new("assistant", "good")],
            rejected: vec![Message::new("assistant", "bad")],
        };
        for json in [
            r#"{"prompt":"q","chosen":"good","rejected":"bad"}"#,
            r#"{"prompt":[{"role":"user","content":"q"}],"chosen":[{"role":"assistant","content":"good"}],"rejected":[{"role":"assistant","content":"bad"}]}"#,
            r#"{"chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"good"}],"rejected":[{"role":"user","content":"q"},{"role":"assistant","content":"bad"}]}"#,
        ] {
            assert_eq!(read(json).1, Ok(wanted.clone()), "{json}");
        }
    }

    #[test]
    fn nothing_of_turns_and_other_answers_is_lost() {
        for (json, meta) in [
            (
                r#"{"prompt":"q","chosen":[{"role":"assistant","content":"a","weight":1}],"rejected":[{"role":"assistant","content":"b"}]}"#,
                r#"{"chosen":[{"role":"assistant","content":"a","weight":1}]}"#,
            ),
            (
                r#"{"input":"q","ideal":["a","b"]}"#,
                r#"{"ideal":["a","b"]}"#,
            ),
            (r#"{"input":"q","ideal":["a"]}"#, "{}"),
            // A number that is an option itself is no index.
            (r#"{"question":"q","options":["3","1"],"answer":"1"}"#, "{}"),
        ] {
            let (_, content, left) = read(json);
            assert_eq!(left, meta, "{json}");
            let Ok(Content::Chat(messages) | Content::Preference { messages, .. }) = content else {
                panic!("{json}: {content:?}")
            };
            let wanted = if json.contains("options") { "1" } else { "a" };
            assert_eq!(messages[1].content, wanted, "{json}");
        }
    }

    #[test]
    fn wrong_types_are_named_with_their_place() {
        for (json, needle) in [
            (r#"{"question":"q","answer":null}"#, "`answer` is null"),
            (r#"{"question":["a"],"answer":"x"}"#, "`question` is a list"),
            (r#"{"text":42}"#, "`text` is a number"),
            (
                r#"{"messages":[{"role":"narrator","content":"x"}]}"#,
                "messages[0]: unknown role `narrator`",
            ),
            (r#"{"messages":"x"}"#, "expected a list"),
        ] {
            let Err(Misfit(why)) = read(json).1 else {
                panic!("{json} must not fit")
            };
            assert!(why.contains(needle), "{why}");
        }
        assert!(Shape::of(&serde_json::from_str(r#"{"a":1}"#).expect("valid")).is_none());
    }

    fn contents(json: &str) -> Vec<Content> {
        let items = read_items(json).1.expect("fits");
        items.into_iter().map(|item| item.content).collect()
    }

    #[test]
    fn passages_options_instances_and_trees() {
        let about = chat(&[("user", "c\n\nq"), ("assistant", "a")]);
        assert_eq!(
            contents(r#"{"context":"c","question":"q","answers":{"text":["a","b"]}}"#),
            std::slice::from_ref(&about)
        );
        assert_eq!(
            contents(
                r#"{"title":"t","paragraphs":[{"context":"c","qas":[{"question":"q","answers":[{"text":"a"}]},{"question":"q","answers":[{"text":"a"}]}]}]}"#
            ),
            [about.clone(), about]
        );
        let choice = [chat(&[("user", "q\nA) x\nB) y"), ("assistant", "y")])];
        for json in [
            r#"{"question":"q","A":"x","B":"y","C":"","answer":"B"}"#,
            r#"{"question":"q","A":"x","B":"y","answer":"y"}"#,
            r#"{"question":"q","options":["x","y"],"answer":1}"#,
            r#"{"question":"q","options":["x","y"],"answer":"1"}"#,
            r#"{"question":"q","option1":"x","option2":"y","answer":"2"}"#,
            r#"{"question":"q","choices":{"text":["x","y"],"label":["1","2"]},"answerKey":"2"}"#,
            r#"{"question":"q","choices":{"text":["x","y"],"label":["C","D"]},"answerKey":"D"}"#,
        ] {
            assert_eq!(contents(json), choice, "{json}");
        }
        let two = r#"{"instruction":"i","instances":[{"input":"x","output":"a"},{"input":"","output":"b"}]}"#;
        assert_eq!(
            contents(two),
            [
                chat(&[("user", "i\n\nx"), ("assistant", "a")]),
                chat(&[("user", "i"), ("assistant", "b")])
            ]
        );
        let tree = r#"{"message_tree_id":"1","prompt":{"text":"q","role":"prompter","replies":[
            {"text":"worse","role":"assistant","rank":1,"replies":[]},
            {"text":"better","role":"assistant","rank":0,"replies":[{"text":"and?","role":"prompter","replies":[]}]}]}}"#;
        assert_eq!(
            contents(tree),
            [chat(&[("user", "q"), ("assistant", "better")])]
        );
        let ideal = r#"{"input":[{"role":"system","content":"s"},{"role":"user","content":"q"}],"ideal":["a","b"]}"#;
        assert_eq!(
            contents(ideal),
            [chat(&[("system", "s"), ("user", "q"), ("assistant", "a")])]
        );
    }
}
