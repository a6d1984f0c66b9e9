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
use std::sync::LazyLock;

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
    static FORMS: LazyLock<[[Forms; 2]; 2]> = LazyLock::new(|| {
        [ENGLISH, RUSSIAN].map(|list| {
            [Fidelity::Prep, Fidelity::Source].map(|fidelity| Forms::new(list, fidelity))
        })
    });
    let column = usize::from(text.column == Column::Russian);
    let forms = &FORMS[column][usize::from(text.fidelity == Fidelity::Source)];
    let found = text
        .words()
        .hashes
        .iter()
        .filter_map(|hash| forms.index(*hash))
        .fold(0_u32, |found, index| found | 1 << index);
    Some(number(found.count_ones() as usize))
}

/// The hashes of all forms of a list of stop words.
struct Forms {
    /// Hash of a form, and the number of its word in the list.
    hashes: Vec<(u64, usize)>,
    /// One bit for the last 12 bits of each hash, so that one look settles nearly every word.
    possible: [u64; 64],
}

impl Forms {
    fn new(list: &[&str], fidelity: Fidelity) -> Self {
        let mut forms = Self {
            hashes: Vec::with_capacity(3 * list.len()),
            possible: [0; 64],
        };
        for (index, word) in list.iter().enumerate() {
            for form in forms_of(word, fidelity) {
                let hash = hash_of_word(form.as_bytes(), 0, form.len());
                forms.hashes.push((hash, index));
                forms.possible[hash as usize >> 6 & 63] |= 1 << (hash & 63);
            }
        }
        forms
    }

    fn index(&self, hash: u64) -> Option<usize> {
        if self.possible[hash as usize >> 6 & 63] >> (hash & 63) & 1 == 0 {
            return None;
        }
        let found = self.hashes.iter().find(|(form, _)| *form == hash);
        found.map(|(_, index)| *index)
    }
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
