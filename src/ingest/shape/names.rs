//! Names of fields as they are found, in English and Russian. Case, white space, underscores
//! and hyphens are all one.

use super::known::Names;

pub(super) const MESSAGES: Names<'static> = Names::of(&["messages", "сообщения"]);
pub(super) const CONVERSATIONS: Names<'static> =
    Names::of(&["conversations", "conversation", "диалог"]);
/// Names of a list of turns that other things have, too.
pub(super) const DIALOG: Names<'static> = Names::of(&[
    "dialog",
    "dialogue",
    "turns",
    "chat",
    "chat_messages",
    "чат",
]);
/// A list of turns in an object that is only around it.
pub(super) const TURNS: Names<'static> = Names::of(&[
    "messages",
    "conversations",
    "conversation",
    "turns",
    "dialog",
    "dialogue",
    "chat_messages",
]);
pub(super) const PROMPT: Names<'static> = Names::of(&["prompt"]);
pub(super) const CHOSEN: Names<'static> = Names::of(&["chosen", "preferred_output"]);
pub(super) const REJECTED: Names<'static> = Names::of(&["rejected", "non_preferred_output"]);
/// A worse answer beside a conversation that ends with the better one.
pub(super) const REJECTED_BESIDE: Names<'static> = Names::of(&[
    "rejected_response",
    "rejected_answer",
    "rejected_output",
    "rejected_completion",
    "rejected_message",
    "rejected_messages",
    "rejected",
    "non_preferred_output",
]);
pub(super) const INSTRUCTION: Names<'static> = Names::of(&["instruction", "инструкция", "задание"]);
pub(super) const INPUT: Names<'static> = Names::of(&["input", "ввод", "вход"]);
/// An input that has a target beside it.
pub(super) const INPUTS: Names<'static> = Names::of(&["input", "inputs", "ввод", "вход"]);
pub(super) const OUTPUT: Names<'static> =
    Names::of(&["output", "response", "вывод", "выход", "ответ"]);
pub(super) const HISTORY: Names<'static> = Names::of(&["history"]);
pub(super) const QUESTION: Names<'static> = Names::of(&[
    "question",
    "question_text",
    "вопрос",
    "query",
    "запрос",
    "problem",
    "задача",
]);
pub(super) const ANSWER: Names<'static> = Names::of(&[
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
]);
/// What is asked, under the names that all shapes have for it.
pub(super) const ASKED: Names<'static> = Names::of(&[
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
]);
/// What may name an option: an answer, under the names that all shapes have for it, or a label.
pub(super) const NAMES_OPTION: Names<'static> = Names::of(&[
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
]);
/// Which of several answers is right.
pub(super) const CORRECT: Names<'static> = Names::of(&[
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
]);
/// Whether the answer that it belongs to is right.
pub(super) const IS_CORRECT: Names<'static> = Names::of(&[
    "is_correct",
    "correct",
    "is_right",
    "right",
    "правильный",
    "верный",
]);
/// How a problem is solved, beside which an answer may be no more than its result.
pub(super) const SOLUTION: Names<'static> = Names::of(&["solution", "решение"]);
pub(super) const COMPLETION: Names<'static> =
    Names::of(&["completion", "response", "output", "answer"]);
/// Names of running text that a question has, too.
pub(super) const ASKING_TEXT: Names<'static> = Names::of(&["text", "content", "body", "текст"]);
/// Names that only answers have, beside such a text; the last two only where they hold answers.
pub(super) const SAID_TO_TEXT: Names<'static> = Names::of(&[
    "answer",
    "response",
    "answer_text",
    "accepted_answer",
    "best_answer",
    "correct_answer",
    "ответ",
    "правильный_ответ",
    "лучший_ответ",
    "completion",
    "output",
    "solution",
    "решение",
    "answers",
    "ответы",
]);
/// What is said to turns that end with the user's.
pub(super) const REPLY: Names<'static> =
    Names::of(&["answer", "response", "completion", "output", "ответ"]);
pub(super) const SYSTEM: Names<'static> = Names::of(&[
    "system",
    "system_prompt",
    "system_message",
    "система",
    "системный_промпт",
]);
pub(super) const TEXT: Names<'static> = Names::of(&[
    "text",
    "content",
    "body",
    "document",
    "raw_content",
    "текст",
]);
pub(super) const CONTEXT: Names<'static> = Names::of(&["context", "passage", "контекст"]);
/// What one question beside it is about, where its name says little by itself.
pub(super) const ABOUT: Names<'static> =
    Names::of(&["paragraph", "article", "story", "абзац", "text", "текст"]);
/// What questions beside it are about.
pub(super) const PASSAGE: Names<'static> = Names::of(&[
    "context",
    "passage",
    "контекст",
    "story",
    "paragraph",
    "article",
    "абзац",
]);
pub(super) const ANSWERS: Names<'static> = Names::of(&["answers", "ответы"]);
pub(super) const TITLE: Names<'static> = Names::of(&["title", "заголовок"]);
pub(super) const BODY: Names<'static> = Names::of(&["body"]);
pub(super) const ACCEPTED_ID: Names<'static> = Names::of(&["accepted_answer_id"]);
pub(super) const IS_ACCEPTED: Names<'static> =
    Names::of(&["is_accepted", "accepted", "selected", "is_selected"]);
/// How good one of several answers was found.
pub(super) const SCORE: Names<'static> = Names::of(&[
    "pm_score", "score", "scores", "votes", "upvotes", "rating", "ratings",
]);
/// The same, the best first.
pub(super) const RANK: Names<'static> = Names::of(&["rank", "ranks", "ranking"]);
pub(super) const PASSAGES: Names<'static> = Names::of(&["paragraphs", "passages", "абзацы"]);
pub(super) const QUESTIONS: Names<'static> = Names::of(&["qas", "questions", "вопросы"]);
/// The same names over one question, as a column of a table has them.
pub(super) const QUESTIONS_COLUMN: Names<'static> = Names::of(&["questions", "вопросы"]);
pub(super) const ANSWERS_COLUMN: Names<'static> =
    Names::of(&["answers", "ответы", "answer", "ответ"]);
/// A list of questions beside a passage, where its name does not say so.
pub(super) const QUESTION_ITEMS: Names<'static> =
    Names::of(&["items", "data", "entries", "examples", "qa_pairs"]);
pub(super) const INSTANCES: Names<'static> = Names::of(&["instances"]);
pub(super) const IDEAL: Names<'static> = Names::of(&["ideal"]);
pub(super) const TREE: Names<'static> = Names::of(&["message_tree_id"]);
pub(super) const OPTIONS: Names<'static> = Names::of(&[
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
]);
/// Lists that are the options of a question where the answer names one of them, and else its other
/// wordings or further answers.
pub(super) const MAYBE_OPTIONS: Names<'static> =
    Names::of(&["variants", "alternatives", "answers", "ответы"]);
pub(super) const ENDINGS: Names<'static> = Names::of(&["endings"]);
pub(super) const BEGINNING: Names<'static> = Names::of(&["ctx"]);
pub(super) const LABEL: Names<'static> = Names::of(&["label"]);
/// Marks of single answers, where they are 0 or 1.
pub(super) const LABELS: Names<'static> = Names::of(&["label", "labels"]);
pub(super) const FIRST_OPTION: Names<'static> = Names::of(&[
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
]);
pub(super) const SECOND_OPTION: Names<'static> = Names::of(&[
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
]);
/// The same columns where only an answer that names one of them says that they are options.
pub(super) const MAYBE_FIRST_OPTION: Names<'static> = Names::of(&[
    "answer_a",
    "ответ_а",
    "ответ_a",
    "answer0",
    "answer1",
    "ответ0",
    "ответ1",
    "0",
    "1",
]);
pub(super) const MAYBE_SECOND_OPTION: Names<'static> = Names::of(&[
    "answer_b",
    "ответ_б",
    "ответ_b",
    "answer2",
    "answer1",
    "ответ2",
    "ответ1",
    "2",
    "1",
]);
/// What stands before the letter or number of an option in a column of its own.
pub(super) const OPTION_STEMS: Names<'static> = Names::of(&["option", "choice", "вариант"]);
pub(super) const ID: Names<'static> = Names::of(&["id"]);
pub(super) const DATA: Names<'static> = Names::of(&["data"]);
/// Answers of which numbers beside them say which is better.
pub(super) const CANDIDATES: Names<'static> = Names::of(&[
    "responses",
    "completions",
    "answers",
    "outputs",
    "candidates",
    "generations",
    "ответы",
]);
/// What stands before the number or letter of such an answer in a column of its own.
pub(super) const CANDIDATE_STEMS: Names<'static> = Names::of(&[
    "response",
    "completion",
    "answer",
    "output",
    "candidate",
    "generation",
    "ответ",
]);
/// A question and its answer by their first letters, which only together mean that.
pub(super) const Q: Names<'static> = Names::of(&["q"]);
pub(super) const A: Names<'static> = Names::of(&["a"]);
/// What comes out for an `input`.
pub(super) const TARGET: Names<'static> = Names::of(&["target", "targets"]);
/// Who says it, as the name of what is said.
pub(super) const USER: Names<'static> = Names::of(&["user", "human", "пользователь"]);
pub(super) const ASSISTANT: Names<'static> = Names::of(&["assistant", "bot", "ассистент", "бот"]);
/// The record in what the viewer of Hugging Face puts around it.
pub(super) const ROW: Names<'static> = Names::of(&["row"]);
