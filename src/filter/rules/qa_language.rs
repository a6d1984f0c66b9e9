//! The answer is in another language than the question.
//!
//! - **Drops**: an exchange with more answers in another language than the threshold, which is 0.
//! - **Why**: it teaches to answer Russian in English, the most common failure of mixed models.
//! - **Example**: a question in Russian with three English sentences is dropped; one about SQL with a
//!   query, a list of English titles or "Apollo 11" is kept, and so is every translation.
//! - **Source**: prep, after FILTERS.md (Q&A rules).
//! - **Departs**: only sure cases count. Code blocks and inline code are left out on both sides. Between
//!   Cyrillic and Latin: nine of ten letters on each side (20 letters asked, 80 answered, two sentences,
//!   and, for an English answer, every fifth word one of the commonest). Within one script: 300 letters
//!   on each side and two reliable, different detections. Any mention of a language or of translating
//!   exempts the exchange. Rejected answers are not looked at: the language may be why they were rejected.

use super::super::sentences::{letters_by_script, sentences};
use super::super::words::words;
use crate::chars;
use crate::filter::{Bound, Check, Exchange, Rule, fraction, number};
use std::borrow::Cow;
use whatlang::detect;

/// Row of the table.
pub const OTHER_LANGUAGE: Rule = Rule {
    name: "qa_other_language",
    what: "More answers in another language than their question than the threshold",
    source: "prep",
    drop_when: Bound::Above,
    en: Some(0.0),
    ru: Some(0.0),
    check: Check::Exchange(mismatches),
};

const FEWEST_QUESTION_LETTERS: usize = 20;
const FEWEST_ANSWER_LETTERS: usize = 80;
const FEWEST_LETTERS_OF_ONE_SCRIPT: usize = 300;
const SURE_SHARE: f64 = 0.9;
const ENGLISH_WORDS_SHARE: f64 = 0.2;
/// Beginnings of words that make an exchange a matter of languages, in lower case.
const LANGUAGES: &[&str] = &[
    "translat",
    "language",
    "english",
    "russian",
    "french",
    "german",
    "spanish",
    "italian",
    "chinese",
    "japanese",
    "ukrainian",
    "latin",
    "перевод",
    "перевед",
    "перевест",
    "язык",
    "англий",
    "русск",
    "французск",
    "немецк",
    "испанск",
    "итальянск",
    "китайск",
    "японск",
    "украинск",
    "латин",
    "транслит",
];
const COMMONEST_ENGLISH: &[&str] = &[
    "the", "of", "and", "to", "that", "is", "a", "in", "for", "with", "it", "you", "i", "are",
    "be", "as", "on", "this", "your", "can", "or", "was", "have", "not", "they", "from",
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    Cyrillic,
    Other,
}

fn mismatches(exchange: &Exchange) -> Option<f64> {
    let found = exchange
        .pairs()
        .filter(|(question, answer)| is_other(question, answer))
        .count();
    let exempt = found > 0 && exchange.instructions().any(speaks_of_languages);
    Some(number(if exempt { 0 } else { found }))
}

fn is_other(question: &str, answer: &str) -> bool {
    let (question, answer) = (without_code(question), without_code(answer));
    let (Some((asked, question_letters)), Some((answered, answer_letters))) =
        (script(&question), script(&answer))
    else {
        return false;
    };
    if question_letters < FEWEST_QUESTION_LETTERS
        || answer_letters < FEWEST_ANSWER_LETTERS
        || !has_sentences(&answer)
    {
        return false;
    }
    match (asked, answered) {
        (Script::Cyrillic, Script::Other) => is_english_prose(&answer),
        (Script::Other, Script::Cyrillic) => true,
        _ if question_letters.min(answer_letters) < FEWEST_LETTERS_OF_ONE_SCRIPT => false,
        _ => match (detect(&question), detect(&answer)) {
            (Some(one), Some(other)) => {
                one.is_reliable() && other.is_reliable() && one.lang() != other.lang()
            }
            _ => false,
        },
    }
}

/// The script of nine of ten letters, and how many letters there are.
fn script(text: &str) -> Option<(Script, usize)> {
    let (cyrillic, other) = letters_by_script(text);
    let letters = cyrillic + other;
    let share = fraction(cyrillic, letters);
    if share >= SURE_SHARE {
        Some((Script::Cyrillic, letters))
    } else if share <= 1.0 - SURE_SHARE && letters > 0 {
        Some((Script::Other, letters))
    } else {
        None
    }
}

/// At least two sentences that end in a mark: lists of titles and code have none.
fn has_sentences(text: &str) -> bool {
    sentences(text)
        .filter(|sentence| sentence.ends_with(['.', '!', '?', '…', '"', '»']))
        .take(2)
        .count()
        == 2
}

fn is_english_prose(text: &str) -> bool {
    let (mut all, mut common) = (0, 0);
    for word in words(text) {
        all += 1;
        let word = &text[word.start..word.end];
        common += usize::from(
            COMMONEST_ENGLISH
                .iter()
                .any(|known| known.eq_ignore_ascii_case(word)),
        );
    }
    fraction(common, all) >= ENGLISH_WORDS_SHARE
}

fn speaks_of_languages(instruction: &str) -> bool {
    let lower = chars::lowercase(instruction);
    LANGUAGES.iter().any(|language| lower.contains(language))
}

/// `text` without ``` blocks and `inline code`; an unclosed block reaches to the end.
fn without_code(text: &str) -> Cow<'_, str> {
    if !text.contains('`') {
        return Cow::Borrowed(text);
    }
    let prose: String = text.split("```").step_by(2).collect::<Vec<_>>().join("\n");
    Cow::Owned(prose.split('`').step_by(2).collect::<Vec<_>>().join(" "))
}
