//! What no text has, whatever its letter pairs: signs inside and directly before words (`√раф`), and
//! letters of other alphabets (`ќн`). A repair that would make it is none.

use crate::ingest::encoding::russian::{Case, Mark, Rarity, Symbol, is_cyrillic, symbol};

/// How much is a blemish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// What no hand writes. The lower case proves the rest.
    Plain,
    /// And what some hands write, but what capitals of windows-1251 turn into in `MacCyrillic`.
    Strict,
    /// The same, where the lower case proves nothing.
    OneCase,
}

/// Whether something stands in a text that none has.
pub fn is_blemished(text: impl Iterator<Item = char>, strictness: Strictness) -> bool {
    let mut before = (' ', Symbol::Space);
    let mut characters = text
        .map(|character| (character, symbol(character)))
        .peekable();
    while let Some(now) = characters.next() {
        let after = characters.peek().map_or(Symbol::Space, |next| next.1);
        if is_never(before.1, now, after)
            || strictness != Strictness::Plain && is_seldom(before.1, now, after)
        {
            return true;
        }
        before = now;
    }
    false
}

/// Signs that are written to words and single letters: §а, °С, •первое.
const AT_WORDS: &[char] = &['§', '°', '©', '®', '•', '·', '×', '±', '™', '€'];

fn is_never(before: Symbol, (character, now): (char, Symbol), after: Symbol) -> bool {
    let before_word = is_cyrillic(after);
    let in_word = is_cyrillic(before) && before_word;
    match now {
        // The frames of DOS texts stand at words, too.
        Symbol::Odd if ('\u{2500}'..='\u{259f}').contains(&character) => in_word,
        Symbol::Odd => before_word && !AT_WORDS.contains(&character),
        Symbol::Bad => before_word || is_cyrillic(before),
        // ґ is Ukrainian, as the common ones are.
        Symbol::Other(Rarity::Rare) => !matches!(character, 'ґ' | 'Ґ'),
        Symbol::Mark(Mark::Open | Mark::OpenForeign) => in_word,
        Symbol::Mark(Mark::Close) => character == '»' && before_word,
        // A ’ is an apostrophe: м’ята.
        Symbol::Mark(Mark::CloseForeign) => character == '”' && before_word,
        _ => false,
    }
}

fn is_seldom(before: Symbol, (character, now): (char, Symbol), after: Symbol) -> bool {
    let at_start = matches!(
        before,
        Symbol::Space | Symbol::Latin | Symbol::Mark(Mark::Space)
    );
    let before_word = is_cyrillic(after);
    match now {
        Symbol::Odd => !AT_WORDS.contains(&character),
        Symbol::Mark(Mark::Dash | Mark::Number) => before_word,
        Symbol::Mark(Mark::Close | Mark::CloseForeign) => at_start || before_word,
        Symbol::Mark(Mark::OpenForeign) => matches!(after, Symbol::Letter(_, Case::Lower)),
        Symbol::Mark(Mark::Space) => is_cyrillic(before) && before_word,
        // No word begins with ў; Щ becomes it.
        Symbol::Short => !is_cyrillic(before),
        _ => false,
    }
}
