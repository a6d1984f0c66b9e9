//! Profiles: which rules, in which order.

use crate::document::Kind;

/// An ordered choice of rules.
#[derive(Debug)]
pub struct Profile {
    /// Name in flags and reports.
    pub name: &'static str,
    /// One sentence: what it is for.
    pub what: &'static str,
    /// Names of its rules, in order.
    pub rules: &'static [&'static str],
    /// Thresholds of its own, for every language, where those of the rules do not fit.
    pub thresholds: &'static [(&'static str, f64)],
    /// The rule from which on texts are judged, and kept, without the lines that C4 cuts.
    pub clean_before: Option<&'static str>,
}

/// All profiles.
pub const PROFILES: &[Profile] = &[
    Profile {
        name: "default",
        what: "`prose` for texts and `qa` for chats and preferences, in one corpus",
        rules: &DEFAULT,
        thresholds: PROSE_THRESHOLDS,
        clean_before: None,
    },
    Profile {
        name: "prose",
        what: "Books, documentation, articles, mixed languages: only what is broken in any of them",
        rules: &PROSE,
        thresholds: PROSE_THRESHOLDS,
        clean_before: None,
    },
    Profile {
        name: "qa",
        what: "Question-answer pairs, conversations and preferences",
        rules: &QA,
        thresholds: &[],
        clean_before: None,
    },
    Profile {
        name: "none",
        what: "Trusted data: nothing is dropped",
        rules: &[],
        thresholds: &[],
        clean_before: None,
    },
    Profile {
        name: "fineweb-en",
        what: "English web text, as FineWeb",
        rules: &FINEWEB_EN,
        thresholds: &[],
        clean_before: Some("line_punct_ratio"),
    },
    Profile {
        name: "fineweb2-ru",
        what: "Russian web text, as FineWeb-2",
        rules: &FINEWEB2_RU,
        thresholds: &[],
        clean_before: None,
    },
];

/// The profile of documents of `kind` when the user names none.
#[must_use]
pub fn default_profile(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "prose",
        Kind::Chat | Kind::Preference => "qa",
    }
}

/// The profile of that name, or a message that names all.
pub(super) fn profile(name: &str) -> Result<&'static Profile, String> {
    PROFILES
        .iter()
        .find(|profile| profile.name == name)
        .ok_or_else(|| {
            let names: Vec<_> = PROFILES.iter().map(|profile| profile.name).collect();
            format!(
                "no profile is named \"{name}\"; the profiles are {}",
                names.join(", ")
            )
        })
}

const PROSE: [&str; 15] = [
    "no_letters",
    "lost_characters",
    "gopher_below_avg_threshold",
    "gopher_above_avg_threshold",
    "gopher_below_alpha_threshold",
    "dup_line_frac",
    "top_2_gram",
    "top_3_gram",
    "top_4_gram",
    "dup_5_gram",
    "dup_6_gram",
    "dup_7_gram",
    "dup_8_gram",
    "dup_9_gram",
    "dup_10_gram",
];

/// The sources' thresholds were fitted to web pages, where most of what repeats is template. Manuals
/// and textbooks repeat terms, phrases and code on purpose: those thresholds dropped 25 % of
/// Microsoft's Russian documentation, 16 % of the Rust books (chapters of "The Book" among them) and
/// 13 % of the Postgres manual. So `prose` drops what is mostly repetition, mostly without words, or
/// of words twice as long as those of a language. A page of the PHP manual that repeats the name of its
/// class in every sentence has pairs of words up to a third of its characters.
const PROSE_THRESHOLDS: &[(&str, f64)] = &[
    ("gopher_above_avg_threshold", 13.0),
    ("gopher_below_alpha_threshold", 0.4),
    ("dup_line_frac", 0.5),
    ("top_2_gram", 0.35),
    ("top_3_gram", 0.35),
    ("top_4_gram", 0.35),
    ("dup_5_gram", 0.7),
    ("dup_6_gram", 0.68),
    ("dup_7_gram", 0.66),
    ("dup_8_gram", 0.64),
    ("dup_9_gram", 0.62),
    ("dup_10_gram", 0.6),
];

const QA: [&str; 11] = [
    "qa_no_assistant_turn",
    "qa_assistant_first",
    "qa_two_users_in_a_row",
    "qa_empty_question",
    "qa_empty_answer",
    "qa_no_letters_or_digits",
    "qa_lost_characters",
    "qa_answer_equals_question",
    "qa_refusal",
    "qa_other_language",
    "qa_chosen_equals_rejected",
];

const GOPHER_REPETITION: [&str; 13] = [
    "dup_para_frac",
    "dup_para_char_frac",
    "dup_line_frac",
    "dup_line_char_frac",
    "top_2_gram",
    "top_3_gram",
    "top_4_gram",
    "dup_5_gram",
    "dup_6_gram",
    "dup_7_gram",
    "dup_8_gram",
    "dup_9_gram",
    "dup_10_gram",
];

const GOPHER_QUALITY: [&str; 10] = [
    "gopher_short_doc",
    "gopher_long_doc",
    "gopher_below_avg_threshold",
    "gopher_above_avg_threshold",
    "gopher_too_many_hashes",
    "gopher_too_many_ellipsis",
    "gopher_too_many_bullets",
    "gopher_too_many_end_ellipsis",
    "gopher_below_alpha_threshold",
    "gopher_enough_stop_words",
];

const C4: [&str; 3] = ["c4_lorem_ipsum", "c4_curly_bracket", "c4_too_few_sentences"];

const FINEWEB: [&str; 4] = [
    "line_punct_ratio",
    "short_line_ratio",
    "char_dup_ratio",
    "list_ratio",
];

const DEFAULT: [&str; 26] = join(&[&PROSE, &QA]);
const FINEWEB_EN: [&str; 31] = join(&[
    &["language_en"],
    &GOPHER_REPETITION,
    &GOPHER_QUALITY,
    &C4,
    &FINEWEB,
]);
const FINEWEB2_RU: [&str; 28] = join(&[
    &["language_ru"],
    &GOPHER_REPETITION,
    &FINEWEB,
    &GOPHER_QUALITY,
]);

/// One list of several, checked by the compiler to be complete.
const fn join<const N: usize>(lists: &[&[&'static str]]) -> [&'static str; N] {
    let mut all = [""; N];
    let (mut list, mut count) = (0, 0);
    while list < lists.len() {
        let mut at = 0;
        while at < lists[list].len() {
            all[count] = lists[list][at];
            count += 1;
            at += 1;
        }
        list += 1;
    }
    assert!(count == N, "N is the sum of the lists");
    all
}
