//! Names of fields as they are found, in English and Russian. Case, white space, underscores
//! and hyphens are all one.

pub(super) const MESSAGES: &[&str] = &["messages", "сообщения"];
pub(super) const CONVERSATIONS: &[&str] = &["conversations", "conversation", "диалог"];
/// Names of a list of turns that other things have, too.
pub(super) const DIALOG: &[&str] = &[
    "dialog",
    "dialogue",
    "turns",
    "chat",
    "chat_messages",
    "чат",
];
/// A list of turns in an object that is only around it.
pub(super) const TURNS: &[&str] = &[
    "messages",
    "conversations",
    "conversation",
    "turns",
    "dialog",
    "dialogue",
    "chat_messages",
];
pub(super) const PROMPT: &[&str] = &["prompt"];
pub(super) const CHOSEN: &[&str] = &["chosen", "preferred_output"];
pub(super) const REJECTED: &[&str] = &["rejected", "non_preferred_output"];
pub(super) const INSTRUCTION: &[&str] = &["instruction", "инструкция", "задание"];
pub(super) const INPUT: &[&str] = &["input", "ввод", "вход"];
/// An input that has a target beside it.
pub(super) const INPUTS: &[&str] = &["input", "inputs", "ввод", "вход"];
pub(super) const OUTPUT: &[&str] = &["output", "response", "вывод", "выход", "ответ"];
pub(super) const HISTORY: &[&str] = &["history"];
pub(super) const QUESTION: &[&str] = &[
    "question",
    "question_text",
    "вопрос",
    "query",
    "запрос",
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
    "правильный_ответ",
    "solution",
    "решение",
    "cop",
];
/// What is asked, under the names that all shapes have for it.
pub(super) const ASKED: &[&str] = &[
    "question",
    "question_text",
    "вопрос",
    "query",
    "запрос",
    "problem",
    "задача",
    "prompt",
    "instruction",
    "инструкция",
    "задание",
    "input",
    "ввод",
    "вход",
];
/// What may name an option: an answer, under the names that all shapes have for it, or a label.
pub(super) const NAMES_OPTION: &[&str] = &[
    "answer",
    "response",
    "answer_text",
    "answerkey",
    "answer_key",
    "correct_answer",
    "best_answer",
    "ответ",
    "правильный_ответ",
    "solution",
    "решение",
    "cop",
    "output",
    "вывод",
    "выход",
    "target",
    "targets",
    "completion",
    "label",
];
/// Which of several answers is right.
pub(super) const CORRECT: &[&str] = &[
    "correct",
    "correct_answer",
    "correct_index",
    "correct_answer_index",
    "correct_option",
    "answer_index",
    "answer_idx",
    "correct_answers",
    "correct_answer_id",
    "correct_answer_ids",
    "correct_answer_idx",
    "correct_answers_indices",
    "correct_id",
    "correct_idx",
    "correct_indices",
    "correct_option_id",
    "correct_options",
    "correct_choice",
    "right_answer",
    "правильные_ответы",
    "правильный",
    "правильный_ответ",
];
/// Whether the answer that it belongs to is right.
pub(super) const IS_CORRECT: &[&str] = &[
    "is_correct",
    "correct",
    "is_right",
    "right",
    "правильный",
    "верный",
];
/// How a problem is solved, beside which an answer may be no more than its result.
pub(super) const SOLUTION: &[&str] = &["solution", "решение"];
pub(super) const COMPLETION: &[&str] = &["completion", "response", "output", "answer"];
/// What is said to turns that end with the user's.
pub(super) const REPLY: &[&str] = &["answer", "response", "completion", "output", "ответ"];
pub(super) const SYSTEM: &[&str] = &[
    "system",
    "system_prompt",
    "system_message",
    "система",
    "системный_промпт",
];
pub(super) const TEXT: &[&str] = &[
    "text",
    "content",
    "body",
    "document",
    "raw_content",
    "текст",
];
pub(super) const CONTEXT: &[&str] = &["context", "passage", "контекст"];
/// What one question beside it is about, where its name says little by itself.
pub(super) const ABOUT: &[&str] = &["paragraph", "article", "story", "абзац", "text", "текст"];
/// What questions beside it are about.
pub(super) const PASSAGE: &[&str] = &[
    "context",
    "passage",
    "контекст",
    "story",
    "paragraph",
    "article",
    "абзац",
];
pub(super) const ANSWERS: &[&str] = &["answers", "ответы"];
pub(super) const TITLE: &[&str] = &["title", "заголовок"];
pub(super) const BODY: &[&str] = &["body"];
pub(super) const ACCEPTED_ID: &[&str] = &["accepted_answer_id"];
pub(super) const IS_ACCEPTED: &[&str] = &["is_accepted", "accepted", "selected", "is_selected"];
/// How good one of several answers was found.
pub(super) const SCORE: &[&str] = &[
    "pm_score", "score", "scores", "votes", "upvotes", "rating", "ratings",
];
/// The same, the best first.
pub(super) const RANK: &[&str] = &["rank", "ranks", "ranking"];
pub(super) const PASSAGES: &[&str] = &["paragraphs", "passages", "абзацы"];
pub(super) const QUESTIONS: &[&str] = &["qas", "questions", "вопросы"];
/// The same names over one question, as a column of a table has them.
pub(super) const QUESTIONS_COLUMN: &[&str] = &["questions", "вопросы"];
pub(super) const ANSWERS_COLUMN: &[&str] = &["answers", "ответы", "answer", "ответ"];
/// A list of questions beside a passage, where its name does not say so.
pub(super) const QUESTION_ITEMS: &[&str] = &["items", "data", "entries", "examples", "qa_pairs"];
pub(super) const INSTANCES: &[&str] = &["instances"];
pub(super) const IDEAL: &[&str] = &["ideal"];
pub(super) const TREE: &[&str] = &["message_tree_id"];
pub(super) const OPTIONS: &[&str] = &[
    "options",
    "choices",
    "possible_answers",
    "answer_choices",
    "answer_options",
    "choice_list",
    "choices_list",
    "option_list",
    "options_list",
    "варианты",
    "варианты_ответа",
    "варианты_ответов",
];
/// Lists that are the options of a question where the answer names one of them, and else its other
/// wordings or further answers.
pub(super) const MAYBE_OPTIONS: &[&str] = &["variants", "alternatives", "answers", "ответы"];
pub(super) const ENDINGS: &[&str] = &["endings"];
pub(super) const BEGINNING: &[&str] = &["ctx"];
pub(super) const LABEL: &[&str] = &["label"];
/// Marks of single answers, where they are 0 or 1.
pub(super) const LABELS: &[&str] = &["label", "labels"];
pub(super) const FIRST_OPTION: &[&str] = &[
    "a",
    "option_a",
    "option0",
    "option1",
    "choice_a",
    "choice0",
    "choice1",
    "opa",
    "а",
    "вариант_а",
    "вариант_a",
    "вариант0",
    "вариант1",
];
pub(super) const SECOND_OPTION: &[&str] = &[
    "b",
    "option_b",
    "option2",
    "choice_b",
    "choice2",
    "opb",
    "б",
    "вариант_б",
    "вариант_b",
    "вариант2",
    // The Russian letter that looks like a B.
    "в",
    // Behind an option of the number 0.
    "option1",
    "choice1",
    "вариант1",
];
/// The same columns where only an answer that names one of them says that they are options.
pub(super) const MAYBE_FIRST_OPTION: &[&str] = &[
    "answer_a",
    "ответ_а",
    "ответ_a",
    "answer0",
    "answer1",
    "ответ0",
    "ответ1",
    "0",
    "1",
];
pub(super) const MAYBE_SECOND_OPTION: &[&str] = &[
    "answer_b",
    "ответ_б",
    "ответ_b",
    "answer2",
    "answer1",
    "ответ2",
    "ответ1",
    "2",
    "1",
];
/// What stands before the letter or number of an option in a column of its own.
pub(super) const OPTION_STEMS: &[&str] = &["option", "choice", "вариант"];
pub(super) const ID: &[&str] = &["id"];
pub(super) const DATA: &[&str] = &["data"];
/// Answers of which numbers beside them say which is better.
pub(super) const CANDIDATES: &[&str] = &[
    "responses",
    "completions",
    "answers",
    "outputs",
    "candidates",
    "generations",
    "ответы",
];
/// What stands before the number or letter of such an answer in a column of its own.
pub(super) const CANDIDATE_STEMS: &[&str] = &[
    "response",
    "completion",
    "answer",
    "output",
    "candidate",
    "generation",
    "ответ",
];
/// A question and its answer by their first letters, which only together mean that.
pub(super) const Q: &[&str] = &["q"];
pub(super) const A: &[&str] = &["a"];
/// What comes out for an `input`.
pub(super) const TARGET: &[&str] = &["target", "targets"];
/// Who says it, as the name of what is said.
pub(super) const USER: &[&str] = &["user", "human", "пользователь"];
pub(super) const ASSISTANT: &[&str] = &["assistant", "bot", "ассистент", "бот"];
/// The record in what the viewer of Hugging Face puts around it.
pub(super) const ROW: &[&str] = &["row"];
