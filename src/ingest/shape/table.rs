//! The table of shapes, in the order in which a record is compared with them.

use super::answered::{is_answered, take_answered};
use super::asked::{
    asks_with_options, names_one_of_columns, names_one_of_list, take_asked_choice, take_renamed,
};
use super::choice::{take_ending, take_marked_options, take_multiple_choice};
use super::fields::{has, take_text};
use super::fits::{
    always, has_answers_in_objects, has_mark, has_mark_of_columns, has_questions, is_list,
    is_list_of_texts, is_messages_in, is_text,
};
use super::grouped::{has_row, take_grouped, take_row};
use super::marked::{
    has_labelled_answers, has_marked_answers, has_marks_of_each, has_options_marked,
    take_labelled_answers, take_marked_answers, take_marks_of_each,
};
use super::messages::{take_messages, take_turn_texts};
use super::names::{
    A, ANSWER, ANSWERS, ANSWERS_COLUMN, ASKED, ASKING_TEXT, ASSISTANT, BEGINNING, BODY, CHOSEN,
    COMPLETION, CONVERSATIONS, CORRECT, DATA, DIALOG, ENDINGS, FIRST_OPTION, ID, IDEAL, INPUT,
    INPUTS, INSTANCES, INSTRUCTION, LABEL, MAYBE_FIRST_OPTION, MAYBE_OPTIONS, MAYBE_SECOND_OPTION,
    MESSAGES, NAMES_OPTION, OPTIONS, OUTPUT, PASSAGE, PASSAGES, PROMPT, Q, QUESTION,
    QUESTION_ITEMS, QUESTIONS, QUESTIONS_COLUMN, REJECTED, REJECTED_BESIDE, ROW, SAID_TO_TEXT,
    SECOND_OPTION, TARGET, TEXT, TITLE, TREE, USER,
};
use super::own::{self, is_document, take_document};
use super::pairs::{
    take_alpaca, take_column_pair, take_completion, take_context_question, take_forum,
    take_history, take_ideal, take_instances, take_pair, take_question,
};
use super::passages::{has_question_items, take_passage, take_passage_items, take_squad};
use super::preference::take_preference;
use super::rejected::{has_rejected, prefers_option, take_preferred_option, take_with_rejected};
use super::telegram::{is_export, take_export};
use super::tree::take_tree;
use super::{Fields, Item, Items, Misfit, Shape, grouped, operands};
use crate::document::Content;

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
        example: r#"{"question": "…", "options": ["…", "…"], "chosen": "B", "rejected": "A"}"#,
        requires: &[CHOSEN, REJECTED],
        fits: prefers_option,
        take: take_preferred_option,
    },
    Shape {
        name: "preference",
        example: r#"{"prompt": "…", "chosen": "…", "rejected": "…"} (text or lists of messages; or "instruction" and "input", or "messages" before the answers)"#,
        requires: &[CHOSEN, REJECTED],
        fits: always,
        take: |fields| one(take_preference(fields)),
    },
    Shape {
        name: "preference",
        example: r#"{"messages": [{"role": "user", "content": "…"}, …], "rejected_response": "…"} (the better answer is the last turn; or "rejected" beside a question and its answer)"#,
        requires: &[REJECTED_BESIDE],
        fits: has_rejected,
        take: take_with_rejected,
    },
    Shape {
        name: "telegram",
        example: r#"{"name": "…", "messages": [{"type": "message", "from": "…", "text": "…"}, …]} (Telegram's `result.json`: text, `Name: text` for each message)"#,
        requires: &[MESSAGES],
        fits: is_export,
        take: take_export,
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
        name: "multiple_choice",
        example: r#"{"prompt": "…", "options": ["…", "…"], "answer": "B"} (or "instruction", "input"; "output", "target", "completion", "label")"#,
        requires: &[ASKED, NAMES_OPTION, OPTIONS],
        fits: asks_with_options,
        take: |fields| choice(fields, take_asked_choice),
    },
    Shape {
        name: "multiple_choice",
        example: r#"{"prompt": "…", "A": "…", "B": "…", "answer": "B"} (or "instruction", "input"; "output", "target", "completion", "label")"#,
        requires: &[ASKED, NAMES_OPTION, FIRST_OPTION, SECOND_OPTION],
        fits: asks_with_options,
        take: |fields| choice(fields, take_asked_choice),
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
        take: |fields| choice(fields, take_multiple_choice),
    },
    Shape {
        name: "multiple_choice",
        example: r#"{"question": "…", "options": ["…", "…"], "answer": 1}"#,
        requires: &[QUESTION, ANSWER, OPTIONS],
        fits: always,
        take: |fields| choice(fields, take_multiple_choice),
    },
    Shape {
        name: "multiple_choice",
        example: r#"{"question": "…", "answers": ["…", "…"], "correct": 1}"#,
        requires: &[QUESTION, ANSWERS, CORRECT],
        fits: has_marked_answers,
        take: |fields| choice(fields, take_marked_answers),
    },
    Shape {
        name: "multiple_choice",
        example: r#"{"question": "…", "answers": ["…", "…"], "label": 1}"#,
        requires: &[QUESTION, ANSWERS, LABEL],
        fits: has_labelled_answers,
        take: |fields| choice(fields, take_labelled_answers),
    },
    Shape {
        name: "multiple_choice",
        example: r#"{"question": "…", "Option A": "…", "Option B": "…", "Correct": "B"}"#,
        requires: &[QUESTION, CORRECT, FIRST_OPTION, SECOND_OPTION],
        fits: has_mark_of_columns,
        take: |fields| choice(fields, take_marked_options),
    },
    Shape {
        name: "multiple_choice",
        example: r#"{"question": "…", "options": ["…", "…"], "correct": 1}"#,
        requires: &[QUESTION, CORRECT, OPTIONS],
        fits: has_mark,
        take: |fields| choice(fields, take_marked_options),
    },
    Shape {
        name: "multiple_choice",
        example: r#"{"question": "…", "answers": ["…", "…"], "answer": 1} (or "variants", where the answer names one)"#,
        requires: &[QUESTION, ANSWER, MAYBE_OPTIONS],
        fits: names_one_of_list,
        take: |fields| choice(fields, take_renamed),
    },
    Shape {
        name: "multiple_choice",
        example: r#"{"question": "…", "Answer A": "…", "Answer B": "…", "Correct Answer": "B"} (or "1", "2", where the answer names one)"#,
        requires: &[QUESTION, ANSWER, MAYBE_FIRST_OPTION, MAYBE_SECOND_OPTION],
        fits: names_one_of_columns,
        take: |fields| choice(fields, take_renamed),
    },
    Shape {
        name: "multiple_choice",
        example: r#"{"question": "…", "answers": [{"text": "…", "correct": false}, {"text": "…", "correct": true}]}"#,
        requires: &[QUESTION, ANSWERS],
        fits: has_marks_of_each,
        take: |fields| choice(fields, take_marks_of_each),
    },
    Shape {
        name: "multiple_choice",
        example: r#"{"question": "…", "options": [{"text": "…", "correct": false}, {"text": "…", "correct": true}]}"#,
        requires: &[QUESTION, OPTIONS],
        fits: has_options_marked,
        take: |fields| choice(fields, take_marks_of_each),
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
        fits: |fields| !has(fields, SECOND_OPTION),
        take: |fields| one(take_pair(fields, Q, A)),
    },
    Shape {
        name: "question_answer",
        example: r#"{"user": "…", "assistant": "…"} (or "human" and "bot")"#,
        requires: &[USER, ASSISTANT],
        fits: |fields| !has(fields, TEXT) && is_text(fields, USER) && is_text(fields, ASSISTANT),
        take: |fields| one(take_pair(fields, USER, ASSISTANT)),
    },
    Shape {
        name: "question_answer",
        example: r#"{"questions": "…", "answers": "…"} (columns of a table: one of each)"#,
        requires: &[QUESTIONS_COLUMN, ANSWERS_COLUMN],
        fits: |fields| is_text(fields, QUESTIONS_COLUMN) && is_text(fields, ANSWERS_COLUMN),
        take: |fields| one(take_column_pair(fields)),
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
        requires: &[INPUTS, TARGET],
        fits: |fields| is_text(fields, INPUTS),
        take: |fields| one(take_completion(fields, INPUTS, TARGET)),
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
        name: "question_answer",
        example: r#"{"text": "…", "answer": "…"} (with "title": "…" before the text; or "response", "completion", "output", "accepted_answer")"#,
        requires: &[ASKING_TEXT, SAID_TO_TEXT],
        fits: is_answered,
        take: take_answered,
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

/// A question with its options, behind what was said before it.
fn choice(fields: &mut Fields, take: fn(&mut Fields) -> Result<Content, Misfit>) -> Items {
    let mut turns = take_history(fields)?;
    one(take(fields).map(|content| match content {
        Content::Chat(said) => {
            turns.extend(said);
            Content::Chat(turns)
        }
        other => other,
    }))
}

fn one(content: Result<Content, Misfit>) -> Items {
    Ok(vec![Ok(Item::from(content?))])
}
