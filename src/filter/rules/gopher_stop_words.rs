//! Stop words.
//!
//! - **Drops**: a text with fewer than two different stop words of its language.
//! - **Why**: running text cannot do without them; lists of goods and tags can.
//! - **Example**: "Болт М8, гайка М8, шайба М8 …" is dropped.
//! - **Source**: Gopher quality (`gopher_enough_stop_words`), FineWeb-2's list for Russian. Web profiles
//!   only.
//! - **Departs**: stop words match in lower case, capitalised and in capitals, so that a sentence-initial
//!   «В» counts; the source matches lower case only.

use crate::filter::hash::hash_of_word;
use crate::filter::{Bound, Check, Column, Fidelity, Rule, TextMeasures, number};

/// Row of the table.
pub const STOP_WORDS: Rule = Rule {
    name: "gopher_enough_stop_words",
    what: "Fewer different stop words than the threshold",
    source: "Gopher quality, Rae et al. 2021, arXiv 2112.11446; datatrove gopher_quality_filter.py; ru: fineweb-2 rus_Cyrl.yml",
    drop_when: Bound::Below,
    en: Some(2.0),
    ru: Some(2.0),
    check: Check::Text(different),
};

const ENGLISH: &[&str] = &["the", "be", "to", "of", "and", "that", "have", "with"];
const RUSSIAN: &[&str] = &[
    "в",
    "и",
    "на",
    "с",
    "года",
    "по",
    "году",
    "из",
    "был",
    "к",
    "не",
    "от",
    "что",
    "за",
    "для",
    "его",
    "как",
    "а",
    "он",
    "также",
    "до",
    "после",
];

fn different(text: &TextMeasures) -> Option<f64> {
    let list = match text.column {
        Column::English => ENGLISH,
        Column::Russian => RUSSIAN,
    };
    let mut forms: Vec<(u64, usize)> = Vec::with_capacity(3 * list.len());
    // One bit for each form's last six bits, so that most words are settled by one look.
    let mut possible = 0_u64;
    for (index, word) in list.iter().enumerate() {
        for form in forms_of(word, text.fidelity) {
            let hash = hash_of_word(form.as_bytes(), 0, form.len());
            forms.push((hash, index));
            possible |= 1 << (hash & 63);
        }
    }
    let mut found = 0_u32;
    for hash in &text.words().hashes {
        if possible >> (hash & 63) & 1 == 1
            && let Some((_, index)) = forms.iter().find(|(form, _)| form == hash)
        {
            found |= 1 << index;
        }
    }
    Some(number(found.count_ones() as usize))
}

fn forms_of(word: &str, fidelity: Fidelity) -> Vec<String> {
    let upper = word.to_uppercase();
    let mut letters = word.chars();
    let capitalised = letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect());
    match fidelity {
        Fidelity::Source => vec![word.to_owned()],
        Fidelity::Prep => [word.to_owned(), upper]
            .into_iter()
            .chain(capitalised)
            .collect(),
    }
}
