//! The answer is only a refusal.
//!
//! - **Drops**: an exchange in which more than half of the assistant's answers say nothing but that it
//!   cannot or will not answer.
//! - **Why**: refusals of the model that wrote a data set teach the next model to refuse.
//! - **Example**: «Извините, как языковая модель, я не могу ответить на этот вопрос.» is dropped; «Как
//!   языковая модель, я не имею мнения. Но столица Франции — Париж.» is kept.
//! - **Source**: prep, after FILTERS.md (Q&A rules).
//! - **Departs**: phrases alone drop nothing. An answer is only a refusal when it has at most 400
//!   characters and each of its sentences is a refusal (an inability, and the model's nature or the
//!   request, with no "but" after it), an apology, or an offer to help otherwise. Translations of such
//!   sentences and people who cannot come to dinner stay.

use super::super::sentences::sentences;
use crate::chars;
use crate::document::count_characters;
use crate::filter::{Bound, Check, Exchange, Rule, fraction};
use aho_corasick::AhoCorasick;
use std::sync::LazyLock;

/// Row of the table.
pub const REFUSAL: Rule = Rule {
    name: "qa_refusal",
    what: "Share of answers that are only a refusal above the threshold",
    source: "prep",
    drop_when: Bound::Above,
    en: Some(0.5),
    ru: Some(0.5),
    check: Check::Exchange(refusals),
};

const LONGEST_CHARACTERS: usize = 400;
const LONGEST_APOLOGY_CHARACTERS: usize = 60;

/// What a refusing assistant says it is.
const NATURE: &[&str] = &[
    "as an ai",
    "as a language model",
    "as a large language model",
    "i am an ai",
    "i'm an ai",
    "i am a language model",
    "i'm a language model",
    "i am just an ai",
    "i'm just an ai",
    "ai language model",
    "ai assistant",
    "как языковая модель",
    "как ии",
    "как искусственный интеллект",
    "я языковая модель",
    "я всего лишь языковая модель",
    "я искусственный интеллект",
    "я - языковая модель",
    "я — языковая модель",
    "я — искусственный интеллект",
    "как большая языковая модель",
    "я всего лишь ии",
    "как виртуальный помощник",
    "как виртуальный ассистент",
    "как ai",
    "нейросетевая языковая модель",
];
/// What it cannot or will not.
const INABILITY: &[&str] = &[
    "i cannot",
    "i can't",
    "i can not",
    "i am unable",
    "i'm unable",
    "i am not able",
    "i'm not able",
    "i do not have",
    "i don't have",
    "i won't",
    "i will not",
    "not programmed to",
    "unable to",
    "cannot fulfill",
    "can't fulfill",
    "не могу",
    "не имею",
    "не способен",
    "не способна",
    "не в состоянии",
    "у меня нет",
    "не обладаю",
    "не умею",
    "не смогу",
    "не должен",
    "не должна",
    "отказываюсь",
];
/// What is refused, where the nature is not mentioned.
const REQUEST: &[&str] = &[
    "assist with that",
    "assist you with that",
    "assist with this",
    "assist you with this",
    "help with that",
    "help you with that",
    "help with this",
    "help you with this",
    "this request",
    "that request",
    "your request",
    "answer that question",
    "answer this question",
    "answer your question",
    "answer that",
    "answer this",
    "provide that information",
    "provide this information",
    "discuss that topic",
    "discuss this topic",
    "с этим помочь",
    "помочь с этим",
    "помочь вам с этим",
    "помочь тебе с этим",
    "этот запрос",
    "ваш запрос",
    "твой запрос",
    "такой запрос",
    "на этот вопрос",
    "на ваш вопрос",
    "на твой вопрос",
    "на такой вопрос",
    "на такие вопросы",
    "на эту тему",
    "эту тему",
    "предоставить эту информацию",
    "предоставить такую информацию",
    "в этом помочь",
    "помочь в этом",
];
const APOLOGY: &[&str] = &[
    "sorry",
    "i'm sorry",
    "i am sorry",
    "i apologize",
    "my apologies",
    "извини",
    "прости",
    "прошу прощения",
    "к сожалению",
    "приношу извинения",
    "сожалею",
    "мне жаль",
];
const OFFER: &[&str] = &[
    "anything else",
    "something else",
    "other question",
    "another question",
    "another topic",
    "different topic",
    "feel free to ask",
    "other way",
    "happy to help",
    "чем-то ещё",
    "чем-то еще",
    "чем-нибудь ещё",
    "чем-нибудь еще",
    "чем-нибудь другим",
    "чем-то другим",
    "другие вопросы",
    "другой вопрос",
    "другую тему",
    "другой теме",
    "ещё вопросы",
    "еще вопросы",
    "что-нибудь ещё",
    "что-нибудь еще",
    "рад помочь",
    "буду рад",
    "буду рада",
];
/// What after an inability shows that an answer follows it.
const TURN: &[&str] = &[
    " but ",
    " however",
    " although",
    " though",
    ", но ",
    " однако",
    " зато ",
    " хотя ",
    ": ",
    " тем не менее",
];

static INABILITIES: LazyLock<AhoCorasick> = LazyLock::new(|| any_of(INABILITY));
static OFFERS: LazyLock<AhoCorasick> = LazyLock::new(|| any_of(OFFER));
static NATURES: LazyLock<AhoCorasick> = LazyLock::new(|| any_of(NATURE));

#[expect(clippy::expect_used, reason = "the phrases are ours, few and short")]
fn any_of(phrases: &[&str]) -> AhoCorasick {
    AhoCorasick::new(phrases).expect("so few phrases make an automaton")
}

fn refusals(exchange: &Exchange) -> Option<f64> {
    let answers = exchange.answers().count();
    Some(fraction(
        exchange
            .answers()
            .filter(|answer| is_refusal(answer))
            .count(),
        answers,
    ))
}

/// Whether `answer` says nothing but that it refuses.
fn is_refusal(answer: &str) -> bool {
    // Four bytes a character at most: most answers are settled by their length in bytes.
    if answer.len() > 4 * LONGEST_CHARACTERS || count_characters(answer) > LONGEST_CHARACTERS {
        return false;
    }
    let lower = chars::lowercase(answer).replace('’', "'");
    let mut refused = false;
    for sentence in sentences(&lower) {
        if refuses(sentence) {
            refused = true;
        } else if !apologises(sentence) && !OFFERS.is_match(sentence) && !is_nature(sentence) {
            return false;
        }
    }
    refused
}

fn refuses(sentence: &str) -> bool {
    // Nearly no sentence has any, and one look for all of them tells.
    if !INABILITIES.is_match(sentence) {
        return false;
    }
    let Some(end) = INABILITY
        .iter()
        .filter_map(|phrase| sentence.find(phrase).map(|at| at + phrase.len()))
        .max()
    else {
        return false;
    };
    (NATURES.is_match(sentence) || has(&sentence[end..], REQUEST)) && !has(&sentence[end..], TURN)
}

fn apologises(sentence: &str) -> bool {
    count_characters(sentence) <= LONGEST_APOLOGY_CHARACTERS
        && APOLOGY.iter().any(|phrase| sentence.starts_with(phrase))
}

/// "I am an AI language model." and nothing more.
fn is_nature(sentence: &str) -> bool {
    count_characters(sentence) <= LONGEST_APOLOGY_CHARACTERS && NATURES.is_match(sentence)
}

fn has(text: &str, phrases: &[&str]) -> bool {
    phrases.iter().any(|phrase| text.contains(phrase))
}
