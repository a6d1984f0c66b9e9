//! What is cut off at both ends of a chunk.

/// Quotes of spaCy's `LIST_QUOTES`.
pub fn is_quote(c: char) -> bool {
    matches!(
        c,
        '\'' | '"'
            | '”'
            | '“'
            | '`'
            | '‘'
            | '´'
            | '’'
            | '‚'
            | '„'
            | '»'
            | '«'
            | '「'
            | '」'
            | '『'
            | '』'
            | '（'
            | '）'
            | '〔'
            | '〕'
            | '【'
            | '】'
            | '《'
            | '》'
            | '〈'
            | '〉'
    )
}

/// Punctuation of spaCy's `LIST_PUNCT`, which is cut off at both ends.
fn is_punctuation(c: char) -> bool {
    matches!(
        c,
        '…' | ','
            | ':'
            | ';'
            | '!'
            | '?'
            | '¿'
            | '¡'
            | '('
            | ')'
            | '['
            | ']'
            | '{'
            | '}'
            | '<'
            | '>'
            | '_'
            | '#'
            | '*'
            | '&'
            | '。'
            | '？'
            | '！'
            | '，'
            | '、'
            | '；'
            | '：'
            | '～'
            | '·'
    )
}

fn is_currency(c: char) -> bool {
    matches!(
        c,
        '$' | '£' | '€' | '¥' | '฿' | '﷼' | '\u{20a0}'..='\u{20bf}'
    )
}

/// Pictures: the Unicode category So without the degree sign, in the blocks that texts use.
pub fn is_picture(c: char) -> bool {
    matches!(
        c,
        '¦' | '©' | '®' | '҂' | '™' | '№' | '℃' | '℉' | '\u{2195}'..='\u{2199}' | '\u{219c}'..='\u{219f}'
            | '\u{21a1}' | '\u{21a2}' | '\u{21a4}' | '\u{21a5}' | '\u{21a7}'..='\u{21ad}'
            | '\u{21af}'..='\u{21cd}' | '\u{21d0}' | '\u{21d1}' | '\u{21d3}' | '\u{21d5}'..='\u{21f3}'
            | '\u{2300}'..='\u{2307}' | '\u{230c}'..='\u{231f}' | '\u{2322}'..='\u{2328}'
            | '\u{232b}'..='\u{237b}' | '\u{237d}'..='\u{239a}' | '\u{23b4}'..='\u{23db}'
            | '\u{23e2}'..='\u{2426}' | '\u{249c}'..='\u{24e9}' | '\u{2500}'..='\u{25b6}'
            | '\u{25b8}'..='\u{25c0}' | '\u{25c2}'..='\u{25f7}' | '\u{2600}'..='\u{266e}'
            | '\u{2670}'..='\u{2767}' | '\u{2794}'..='\u{27bf}' | '\u{2800}'..='\u{28ff}'
            | '\u{2b00}'..='\u{2b2f}' | '\u{1f000}'..='\u{1faff}'
    )
}

/// Bytes of the prefix of `rest`, 0 for none.
pub fn prefix(rest: &str) -> usize {
    let mut chars = rest.chars();
    let Some(first) = chars.next() else { return 0 };
    let second = chars.next();
    if is_punctuation(first)
        || is_quote(first)
        || is_currency(first)
        || is_picture(first)
        || matches!(first, '§' | '%' | '=' | '—' | '–')
        || first == '+' && !second.is_some_and(|c| c.is_ascii_digit())
    {
        return first.len_utf8();
    }
    if first == '.' && second == Some('.') {
        return rest.len() - rest.trim_start_matches('.').len();
    }
    ["US$", "C$", "A$"]
        .iter()
        .find(|dollar| rest.starts_with(**dollar))
        .map_or(0, |dollar| dollar.len())
}

const UNITS: &[&str] = &[
    "km", "km²", "km³", "m", "m²", "m³", "dm", "dm²", "dm³", "cm", "cm²", "cm³", "mm", "mm²",
    "mm³", "ha", "µm", "nm", "yd", "in", "ft", "kg", "g", "mg", "µg", "t", "lb", "oz", "m/s",
    "km/h", "kmh", "mph", "hPa", "Pa", "mbar", "mb", "MB", "kb", "KB", "gb", "GB", "tb", "TB", "T",
    "G", "M", "K", "%", "км", "км²", "км³", "м", "м²", "м³", "дм", "дм²", "дм³", "см", "см²",
    "см³", "мм", "мм²", "мм³", "нм", "кг", "г", "мг", "м/с", "км/ч", "кПа", "Па", "мбар", "Кб",
    "КБ", "кб", "Мб", "МБ", "мб", "Гб", "ГБ", "гб", "Тб", "ТБ", "тб",
];

/// Bytes of the suffix of `rest`, 0 for none: of several the longest.
pub fn suffix(rest: &str) -> usize {
    let dots = rest.len() - rest.trim_end_matches('.').len();
    if dots >= 2 {
        return dots;
    }
    if let Some(genitive) = ["'s", "'S", "’s", "’S"]
        .iter()
        .find(|s| rest.ends_with(**s))
    {
        return genitive.len();
    }
    let after_digit = |unit: &str| {
        rest.strip_suffix(unit)
            .is_some_and(|number| number.ends_with(|c: char| c.is_ascii_digit()))
    };
    if let Some(unit) = UNITS
        .iter()
        .chain(&["US$", "C$", "A$"])
        .filter(|unit| after_digit(unit))
        .max_by_key(|unit| unit.len())
    {
        return unit.len();
    }
    let mut chars = rest.chars().rev();
    let Some(last) = chars.next() else { return 0 };
    let (before, second) = (chars.next(), chars.next());
    let digit_before = before.is_some_and(|c| c.is_ascii_digit());
    let cut = is_punctuation(last)
        || is_quote(last)
        || is_picture(last)
        || matches!(last, '—' | '–')
        || digit_before && (last == '+' || is_currency(last))
        || last == '.'
            && before.is_some_and(|c| {
                c.is_ascii_digit()
                    || is_lower(c)
                    || matches!(c, '%' | '²' | '-' | '+' | '|' | '?' | ':')
                    || is_punctuation(c)
                    || is_quote(c)
                    || c.is_uppercase() && second.is_some_and(char::is_uppercase)
            });
    if cut { last.len_utf8() } else { 0 }
}

/// Lower-case letters, and those of scripts without case.
pub fn is_lower(c: char) -> bool {
    c.is_alphabetic() && !c.is_uppercase()
}
