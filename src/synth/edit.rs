//! Copies that differ: near-duplicates at a wanted similarity, copies that differ in form alone, and
//! texts of one template.
//!
//! Changing one word changes the five shingles that it is in, so J = (1 - f) / (1 + f) where f is
//! the changed share of shingles. Changes are spread over the document; what five does not divide
//! is changed at the end, one word a shingle. The true similarity is then measured, and the number
//! of changes corrected twice at most.

use super::jaccard::{jaccard, shingles};
use super::prose::{Prose, push_capital};
use super::rng::Rng;
use crate::document::Content;

/// Shingles that change with one word.
const SHINGLES_A_WORD: usize = 5;
/// How far from the wanted similarity a copy may be before it is made again.
const TOLERANCE: f64 = 0.01;
const ATTEMPTS: usize = 3;
/// Where in its stretch of the document a change lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the middle half, and at the end of the document what five does not divide.
    Anywhere,
    /// In the first third alone: such changes and those in the last third never meet.
    First,
    /// In the last third alone.
    Last,
}

/// Ranks of words that are put in: common enough to be natural, rare enough to be another word.
const NEW_WORDS: std::ops::Range<u64> = 100..10_000;

/// Every piece of text of `content`, to be changed.
fn pieces_mut(content: &mut Content) -> Vec<&mut String> {
    match content {
        Content::Text(text) => vec![text],
        Content::Chat(turns) => turns.iter_mut().map(|turn| &mut turn.content).collect(),
        Content::Preference { messages, rejected } => messages
            .iter_mut()
            .chain(rejected)
            .map(|turn| &mut turn.content)
            .collect(),
    }
}

/// A copy of `content` with a similarity near `wanted`, and the similarity that it has.
#[must_use]
pub fn near(
    content: &Content,
    wanted: f64,
    place: Place,
    prose: &Prose,
    rng: &mut Rng,
) -> (Content, f64) {
    let original = shingles(content);
    let words: usize = content.pieces().map(|piece| tokens(piece).count()).sum();
    let share = (1.0 - wanted) / (1.0 + wanted);
    let aim = share * original.len() as f64;
    let mut changed = aim;
    let mut best: Option<(Content, f64)> = None;
    for _ in 0..ATTEMPTS {
        let places = places(words, changed.round().max(1.0) as usize, place, rng);
        let copy = change(content, &places, prose, rng);
        let similarity = jaccard(&original, &shingles(&copy));
        let off = (similarity - wanted).abs();
        if best
            .as_ref()
            .is_none_or(|(_, found)| off < (found - wanted).abs())
        {
            best = Some((copy, similarity));
        }
        if off < TOLERANCE {
            break;
        }
        let measured = (1.0 - similarity) / (1.0 + similarity) * original.len() as f64;
        changed = (changed * aim / measured.max(1.0)).min(original.len() as f64);
    }
    best.unwrap_or_else(|| (content.clone(), 1.0))
}

/// Which of `words` words change so that about `shingles` shingles do, in order.
fn places(words: usize, shingles: usize, place: Place, rng: &mut Rng) -> Vec<usize> {
    let (from, inside, at_end) = match place {
        Place::Anywhere => (0.25, shingles / SHINGLES_A_WORD, shingles % SHINGLES_A_WORD),
        Place::First => (0.0, shingles.div_ceil(SHINGLES_A_WORD), 0),
        Place::Last => (0.66, shingles.div_ceil(SHINGLES_A_WORD), 0),
    };
    let width = if place == Place::Anywhere { 0.5 } else { 0.33 };
    let room = words.saturating_sub(SHINGLES_A_WORD + at_end).max(1);
    let mut places: Vec<usize> = (0..inside)
        .map(|i| ((i as f64 + from + rng.unit() * width) * room as f64 / inside as f64) as usize)
        .collect();
    places.extend(words.saturating_sub(at_end)..words);
    places.dedup();
    places
}

/// `content` with the words at `places` replaced, or (one in eight) left out, or another put before
/// them (one in eight).
fn change(content: &Content, places: &[usize], prose: &Prose, rng: &mut Rng) -> Content {
    let mut copy = content.clone();
    let (mut next, mut number) = (0, 0);
    for piece in pieces_mut(&mut copy) {
        let mut out = String::with_capacity(piece.len() + 64);
        let mut copied = 0;
        for (at, word) in tokens(piece) {
            if places.get(next) == Some(&number) {
                next += 1;
                let inner = core(word);
                out.push_str(&piece[copied..at + inner.start]);
                copied = at + inner.end;
                let old = &word[inner];
                match rng.below(8) {
                    // The first word of a piece stays, or the piece could become empty.
                    0 if out.ends_with(' ') => {}
                    1 => {
                        push_other_word(old, prose, rng, &mut out);
                        out.push(' ');
                        out.push_str(old);
                    }
                    _ => push_other_word(old, prose, rng, &mut out),
                }
            }
            number += 1;
        }
        out.push_str(&piece[copied..]);
        *piece = out;
    }
    copy
}

/// A word that is not `old`, with a capital if `old` has one.
fn push_other_word(old: &str, prose: &Prose, rng: &mut Rng, out: &mut String) {
    let mut rank = NEW_WORDS.start + rng.below(NEW_WORDS.end - NEW_WORDS.start);
    if prose.words.word(rank as usize) == old.to_lowercase() {
        rank += 1;
    }
    let word = prose.words.word(rank as usize);
    if old.starts_with(char::is_uppercase) {
        push_capital(word, out);
    } else {
        out.push_str(word);
    }
}

/// The words of `text` that have a letter, each with where it begins.
fn tokens(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let start = text.as_ptr() as usize;
    text.split_whitespace()
        .filter(|word| word.contains(char::is_alphabetic))
        .map(move |word| (word.as_ptr() as usize - start, word))
}

/// Where the letters of `word` are, without the punctuation around them.
fn core(word: &str) -> std::ops::Range<usize> {
    let begin = word.find(char::is_alphabetic).unwrap_or(0);
    let end = word
        .char_indices()
        .rfind(|(_, c)| c.is_alphabetic())
        .map_or(word.len(), |(at, c)| at + c.len_utf8());
    begin..end
}

/// A copy that differs in what the comparison key folds: capitals and commas.
#[must_use]
pub fn same_key(content: &Content) -> Content {
    let mut copy = content.clone();
    for piece in pieces_mut(&mut copy) {
        let mut text = piece.replace(", ", "; ");
        let first = tokens(&text)
            .next()
            .map(|(at, word)| (at..at + word.len(), word.to_uppercase()));
        if let Some((place, upper)) = first {
            text.replace_range(place, &upper);
        }
        *piece = text;
    }
    copy
}

/// `skeleton` with every `every`-th word replaced: a page made from a template.
#[must_use]
pub fn fill(skeleton: &Content, every: usize, prose: &Prose, rng: &mut Rng) -> Content {
    let words: usize = skeleton.pieces().map(|piece| tokens(piece).count()).sum();
    let places: Vec<usize> = (every / 2..words).step_by(every).collect();
    change(skeleton, &places, prose, rng)
}

/// `content` behind a text that others begin with too; in a chat the first answer is.
#[must_use]
pub fn prefixed(mut content: Content, prefix: &str) -> Content {
    let place = match &mut content {
        Content::Text(text) => Some(text),
        Content::Chat(turns)
        | Content::Preference {
            messages: turns, ..
        } => turns
            .iter_mut()
            .find(|turn| turn.role == "assistant")
            .map(|turn| &mut turn.content),
    };
    if let Some(text) = place {
        text.insert_str(0, "\n\n");
        text.insert_str(0, prefix);
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::comparison_key::content_key;
    use crate::synth::language::LANGUAGES;
    use crate::synth::rng::Purpose;

    fn text(prose: &Prose, rng: &mut Rng) -> Content {
        let mut text = String::new();
        prose.text(2_000, rng, &mut text);
        Content::Text(text)
    }

    #[test]
    fn near_copies_have_the_similarity_that_was_wanted() {
        let mut rng = Rng::new(5, Purpose::Edit, 0);
        for language in LANGUAGES {
            let prose = Prose::new(language);
            for wanted in [0.95, 0.9, 0.8, 0.7, 0.5] {
                for _ in 0..20 {
                    let original = text(&prose, &mut rng);
                    let (copy, similarity) =
                        near(&original, wanted, Place::Anywhere, &prose, &mut rng);
                    assert!((similarity - wanted).abs() < 0.02, "{similarity} {wanted}");
                    assert_eq!(similarity, jaccard(&shingles(&original), &shingles(&copy)));
                }
            }
        }
    }

    #[test]
    fn the_same_key_in_other_bytes() {
        let mut rng = Rng::new(6, Purpose::Edit, 0);
        for language in LANGUAGES {
            let original = text(&Prose::new(language), &mut rng);
            let copy = same_key(&original);
            assert_ne!(copy, original);
            assert_eq!(content_key(copy.pieces()), content_key(original.pieces()));
        }
    }
}
