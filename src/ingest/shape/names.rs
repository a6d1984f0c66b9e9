//! Names of fields as they are found, in English and Russian, in lower case.

pub(super) const MESSAGES: &[&str] = &["messages", "сообщения"];
pub(super) const CONVERSATIONS: &[&str] = &["conversations", "conversation", "диалог"];
/// A list of turns in an object that is only around it.
pub(super) const TURNS: &[&str] = &[
    "messages",
    "conversations",
    "conversation",
    "turns",
    "dialog",
    "dialogue",
];
pub(super) const PROMPT: &[&str] = &["prompt"];
pub(super) const CHOSEN: &[&str] = &["chosen"];
pub(super) const REJECTED: &[&str] = &["rejected"];
pub(super) const INSTRUCTION: &[&str] = &["instruction", "инструкция"];
pub(super) const INPUT: &[&str] = &["input", "ввод"];
pub(super) const OUTPUT: &[&str] = &["output", "response", "вывод", "ответ"];
pub(super) const HISTORY: &[&str] = &["history"];
pub(super) const QUESTION: &[&str] = &[
    "question",
    "question_text",
    "вопрос",
    "query",
    "problem",
    "задача",
];
pub(super) const ANSWER: &[&str] = &[
    "answer",
    "response",
    "answer_text",
    "answerkey",
    "answer_key",
    "correct_answer",
    "best_answer",
    "ответ",
    "solution",
    "решение",
];
pub(super) const COMPLETION: &[&str] = &["completion", "response", "output", "answer"];
pub(super) const SYSTEM: &[&str] = &["system", "system_prompt"];
pub(super) const TEXT: &[&str] = &[
    "text",
    "content",
    "body",
    "document",
    "raw_content",
    "текст",
];
pub(super) const CONTEXT: &[&str] = &["context", "passage", "контекст"];
/// What questions beside it are about.
pub(super) const PASSAGE: &[&str] = &[
    "context",
    "passage",
    "контекст",
    "story",
    "paragraph",
    "article",
];
pub(super) const ANSWERS: &[&str] = &["answers"];
pub(super) const PASSAGES: &[&str] = &["paragraphs", "passages", "абзацы"];
pub(super) const QUESTIONS: &[&str] = &["qas", "questions", "вопросы"];
pub(super) const INSTANCES: &[&str] = &["instances"];
pub(super) const IDEAL: &[&str] = &["ideal"];
pub(super) const TREE: &[&str] = &["message_tree_id"];
pub(super) const OPTIONS: &[&str] = &["options", "choices", "варианты"];
pub(super) const ENDINGS: &[&str] = &["endings"];
pub(super) const BEGINNING: &[&str] = &["ctx"];
pub(super) const LABEL: &[&str] = &["label"];
pub(super) const FIRST_OPTION: &[&str] = &["a", "option_a", "option1", "а", "вариант_а"];
pub(super) const SECOND_OPTION: &[&str] = &["b", "option_b", "option2", "б", "вариант_б"];
pub(super) const ID: &[&str] = &["id"];
pub(super) const DATA: &[&str] = &["data"];
