//! Words as spaCy's blank English and Russian pipelines cut them, for `--faithful`.
//!
//! datatrove counts spaCy's tokens, and thresholds are fitted to them: in manuals full of code and
//! addresses they are up to a third fewer than words. The published procedure: cut at white space; of
//! each chunk take prefixes and suffixes off until none is left or the rest is a known exception; keep
//! addresses whole; cut the rest at infixes. Exceptions are the common ones (contractions,
//! abbreviations, faces), not spaCy's whole list.
//! Source: spaCy 3, "Tokenizer", and `lang/punctuation.py`.

use super::Column;

/// Calls `each` with the byte range of every token of `text`, in order.
pub fn tokens(text: &str, column: Column, mut each: impl FnMut(usize, usize)) {
    let mut at = 0;
    for chunk in text.split(char::is_whitespace) {
        if !chunk.is_empty() {
            cut_chunk(chunk, column, &mut |start, end| each(at + start, at + end));
        }
        // The separator is one character of any width.
        at += chunk.len();
        at += text[at..].chars().next().map_or(0, char::len_utf8);
    }
}

fn cut_chunk(chunk: &str, column: Column, each: &mut impl FnMut(usize, usize)) {
    let (mut start, mut end) = (0, chunk.len());
    let mut suffixes = Vec::new();
    let mut known = exception(chunk, column);
    while known.is_none() && start < end {
        let rest = &chunk[start..end];
        let before = prefix(rest);
        if before > 0 && before < rest.len() {
            known = exception(&rest[before..], column);
            if known.is_some() {
                each(start, start + before);
                start += before;
                break;
            }
        }
        let after = suffix(&rest[before..]);
        if after > 0 && after < rest.len() {
            known = exception(&rest[..rest.len() - after], column);
            if known.is_some() {
                suffixes.push((end - after, end));
                end -= after;
                break;
            }
        }
        if before == 0 && after == 0 {
            break;
        }
        if before > 0 {
            each(start, start + before);
            start += before;
        }
        if after > 0 {
            suffixes.push((end - after, end));
            end -= after;
        }
        known = exception(&chunk[start..end], column);
    }
    let rest = &chunk[start..end];
    if let Some(cuts) = known {
        let mut from = start;
        for cut in cuts.into_iter().chain([rest.len()]) {
            each(from, start + cut);
            from = start + cut;
        }
    } else if is_address(rest) {
        each(start, end);
    } else {
        cut_infixes(rest, &mut |from, to| each(start + from, start + to));
    }
    for (from, to) in suffixes.into_iter().rev() {
        each(from, to);
    }
}

/// Quotes of spaCy's `LIST_QUOTES`.
fn is_quote(c: char) -> bool {
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
fn is_picture(c: char) -> bool {
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
fn prefix(rest: &str) -> usize {
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
fn suffix(rest: &str) -> usize {
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
fn is_lower(c: char) -> bool {
    c.is_alphabetic() && !c.is_uppercase()
}

/// Cuts `rest` at its infixes.
fn cut_infixes(rest: &str, each: &mut impl FnMut(usize, usize)) {
    let mut start = 0;
    let mut before = None;
    let mut skip = 0;
    for (at, c) in rest.char_indices() {
        if at >= skip {
            let length = infix(&rest[at..], before, c);
            skip = at + length;
            // One at the beginning of what is left stays with what follows.
            if length > 0 && at > start {
                each(start, at);
                each(at, at + length);
                start = at + length;
            }
        }
        before = Some(c);
    }
    if start < rest.len() {
        each(start, rest.len());
    }
}

/// Bytes of the infix at the beginning of `rest`, whose first character is `c`; 0 for none.
fn infix(rest: &str, before: Option<char>, c: char) -> usize {
    let after = |length: usize| rest[length..].chars().next();
    let alpha = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let next = after(c.len_utf8());
    if c == '.' && next == Some('.') {
        return rest.len() - rest.trim_start_matches('.').len();
    }
    let operator =
        matches!(c, '+' | '-' | '*' | '^') && digit(before) && (digit(next) || next == Some('-'));
    let stop = c == '.'
        && before.is_some_and(|c| is_lower(c) || is_quote(c))
        && next.is_some_and(|c| c.is_uppercase() || is_quote(c));
    let comma = c == ',' && alpha(before) && alpha(next);
    let relation =
        matches!(c, ':' | '<' | '>' | '=' | '/') && (alpha(before) || digit(before)) && alpha(next);
    if c == '…' || is_picture(c) || operator || stop || comma || relation {
        return c.len_utf8();
    }
    if !alpha(before) {
        return 0;
    }
    ["-", "–", "—", "--", "---", "——", "~"]
        .iter()
        .find(|hyphen| rest.starts_with(**hyphen) && alpha(after(hyphen.len())))
        .map_or(0, |hyphen| hyphen.len())
}

/// Whether `rest` is an internet address: scheme, user, host with a top-level domain, port, path.
fn is_address(rest: &str) -> bool {
    let mut host = rest;
    if let Some((scheme, after)) = rest.split_once("://")
        && scheme.chars().count() >= 2
        && scheme
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '+' | '-' | '.'))
    {
        host = after;
    }
    is_host(host)
        || host
            .rmatch_indices('@')
            .any(|(at, _)| at > 0 && is_host(&host[at + 1..]))
}

fn is_host(host: &str) -> bool {
    let end = host.find(['/', '?', '#']).unwrap_or(host.len());
    let (name, port) = match host[..end].split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (&host[..end], None),
    };
    let port_is_fine = port.is_none_or(|port| {
        (2..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit())
    });
    let Some((labels, top)) = name.rsplit_once('.') else {
        return false;
    };
    let inner = |c: char| c.is_ascii_alphanumeric() || c >= '\u{a1}';
    let labels_are_fine = labels.split('.').all(|label| {
        !label.is_empty()
            && label.starts_with(inner)
            && label.ends_with(inner)
            && label.chars().all(|c| inner(c) || matches!(c, '_' | '-'))
    });
    let letters = top.chars().count();
    let top_is_fine = (2..=63).contains(&letters) && top.chars().all(is_lower);
    let numbers = name.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| {
        let [first, ..] = ip.octets();
        (1..=223).contains(&first) && first != 127 && !ip.is_private() && !ip.is_link_local()
    });
    port_is_fine && (labels_are_fine && top_is_fine || numbers)
}

const ABBREVIATIONS_EN: &[&str] = &[
    "Adm.", "Ala.", "Apr.", "Ariz.", "Ark.", "Aug.", "Bros.", "Calif.", "Co.", "Colo.", "Conn.",
    "Corp.", "D.C.", "Dec.", "Del.", "Dr.", "E.g.", "Feb.", "Fla.", "Ga.", "Gen.", "Gov.", "I.e.",
    "Ill.", "Inc.", "Ind.", "Jan.", "Jr.", "Jul.", "Jun.", "Kan.", "Ky.", "La.", "Ltd.", "Mar.",
    "Mass.", "Md.", "Mich.", "Minn.", "Miss.", "Mo.", "Mont.", "Mr.", "Mrs.", "Ms.", "Mt.", "N.C.",
    "N.Y.", "Nov.", "Oct.", "Pa.", "Ph.D.", "Prof.", "Rep.", "Rev.", "Sen.", "Sep.", "Sept.",
    "St.", "Tenn.", "Va.", "Wash.", "a.m.", "co.", "e.g.", "i.e.", "p.m.", "v.s.", "vs.", "C++",
    "and/or", "w/o", "ma'am", "o'clock",
];

const ABBREVIATIONS_RU: &[&str] = &[
    "г.",
    "гг.",
    "г.г.",
    "д.",
    "к.",
    "п.",
    "с.",
    "у.",
    "х.",
    "ш.",
    "ю.",
    "т.д.",
    "т.е.",
    "т.к.",
    "т.н.",
    "т.п.",
    "т.г.",
    "им.",
    "см.",
    "ср.",
    "ст.",
    "стр.",
    "сб.",
    "ул.",
    "пл.",
    "пер.",
    "пос.",
    "обл.",
    "наб.",
    "кв.",
    "ком.",
    "оф.",
    "прим.",
    "проф.",
    "доц.",
    "акад.",
    "руб.",
    "тыс.",
    "долл.",
    "чел.",
    "янв.",
    "фев.",
    "февр.",
    "мар.",
    "апр.",
    "июн.",
    "июл.",
    "авг.",
    "сен.",
    "сент.",
    "окт.",
    "ноя.",
    "нояб.",
    "дек.",
    "пн.",
    "вт.",
    "чт.",
    "пт.",
    "вс.",
    "г-н",
    "г-жа",
    "д-р",
    "р-н",
    "б/у",
    "п/р",
    "и.о.",
    "тов.",
    "сокр.",
    "респ.",
    "м2",
    "дор.",
    "дир.",
];

const FACES: &[&str] = &[
    ":)", ":(", ":D", ":P", ":p", ":O", ":o", ":x", ":X", ":/", ":|", ":]", ":}", ":>", ":3", ":0",
    ":1", ":*", ":))", ":((", ":-)", ":-(", ";)", ";D", ";-)", "=)", "=(", "=/", "=|", "=]", "=[",
    "=D", "=3", "(:", "(;", "(=", "):", "[:", "[=", "]=", "8)", "8D", "8-)", "<3", "</3", "^_^",
    "-_-", "._.", "0.0", "0_0", "o_o", "O_O", "o.o", "O.O", "XD", "xD", "v_v", "V_V", ">.<", "''",
    "'", "’", "’’", "—", "\\n", "\\t", "\\\")", "'em", "'ll", "'re", "'s", "'d", "'cause",
];

const NEGATED: &[&str] = &[
    "ai", "are", "ca", "could", "dare", "did", "do", "does", "had", "has", "have", "is", "may",
    "might", "must", "need", "ought", "sha", "should", "was", "were", "wo", "would",
];

const PRONOUNS: &[&str] = &[
    "i", "you", "he", "she", "it", "we", "they", "that", "there", "these", "this", "those", "who",
    "what", "when", "where", "why", "how", "let", "could", "would", "should", "might", "must",
    "not",
];

/// Where a known exception is cut inside: nowhere, mostly. `None` when `rest` is no exception.
fn exception(rest: &str, column: Column) -> Option<Vec<usize>> {
    if FACES.contains(&rest) || is_letter_with_stop(rest) {
        return Some(Vec::new());
    }
    match column {
        Column::Russian => {
            let lower = rest.to_lowercase();
            ABBREVIATIONS_RU.contains(&lower.as_str()).then(Vec::new)
        }
        Column::English => {
            if ABBREVIATIONS_EN.contains(&rest) {
                return Some(if rest == "and/or" {
                    vec![3, 4]
                } else {
                    Vec::new()
                });
            }
            contraction(rest).or_else(|| hour(rest))
        }
    }
}

/// `a.` to `z.`: an initial, or the letter of a list.
fn is_letter_with_stop(rest: &str) -> bool {
    matches!(rest.as_bytes(), [letter, b'.'] if letter.is_ascii_lowercase())
}

/// don't, I'll, they've, cannot: in small letters or with a capital first.
fn contraction(rest: &str) -> Option<Vec<usize>> {
    if !rest.starts_with(|c: char| c.is_ascii_alphabetic())
        || rest.chars().skip(1).any(char::is_uppercase)
    {
        return None;
    }
    let lower = rest.to_lowercase();
    match lower.as_str() {
        "cannot" | "gonna" | "gotta" | "let's" | "let’s" => return Some(vec![3]),
        "im" | "id" => return Some(vec![1]),
        "wed" | "hed" | "hes" => return Some(vec![lower.len() - 1]),
        _ => {}
    }
    let plain = lower.replace(['\'', '’'], "");
    if NEGATED
        .iter()
        .any(|verb| plain.strip_prefix(verb) == Some("nt"))
    {
        let marked = lower.find(['\'', '’']);
        return Some(vec![marked.map_or(plain.len() - 2, |at| at - 1)]);
    }
    let mark = lower.find(['\'', '’'])?;
    let end = &plain[mark..];
    (PRONOUNS.contains(&&lower[..mark]) && matches!(end, "ll" | "d" | "ve" | "re" | "s" | "m"))
        .then(|| vec![mark])
}

/// 10am, 5p.m.
fn hour(rest: &str) -> Option<Vec<usize>> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let number: u32 = rest[..digits].parse().ok()?;
    ((1..=12).contains(&number) && matches!(&rest[digits..], "am" | "pm" | "a.m." | "p.m."))
        .then(|| vec![digits])
}

/// Whether `c` is of datatrove's `PUNCTUATION_SET`: words of such characters only are symbol words.
pub fn is_datatrove_punctuation(c: char) -> bool {
    c.is_ascii_punctuation()
        || c.is_control()
        || matches!(
            c,
            '—' | '”'
                | '：'
                | '％'
                | '１'
                | '〈'
                | '、'
                | '━'
                | '【'
                | '「'
                | '」'
                | '，'
                | '】'
                | '；'
                | '“'
                | '《'
                | '„'
                | '’'
                | '∶'
                | '´'
                | '．'
                | '（'
                | '–'
                | '？'
                | '！'
                | '～'
                | '«'
                | '〉'
                | '》'
                | '）'
                | '。'
                | '…'
                | '►'
                | '»'
                | '‼'
                | '‽'
                | '⁇'
                | '⁈'
                | '⁉'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn cut(text: &str, column: Column, expected: &[&str]) {
        let mut found = Vec::new();
        tokens(text, column, |start, end| found.push(&text[start..end]));
        assert_eq!(found, expected);
    }

    /// What `spacy.blank("en")` prints.
    #[test]
    fn english() {
        let en = |text: &str, expected: &[&str]| cut(text, Column::English, expected);
        en(
            "Don't stop, (please)!",
            &["Do", "n't", "stop", ",", "(", "please", ")", "!"],
        );
        en(
            "it's $5.50... a dog's.",
            &["it", "'s", "$", "5.50", "...", "a", "dog", "'s", "."],
        );
        en(
            "see https://a.b.org/x?y=1, ok",
            &["see", "https://a.b.org/x?y=1", ",", "ok"],
        );
        en(
            "well-known co-op 10km 3+4",
            &[
                "well", "-", "known", "co", "-", "op", "10", "km", "3", "+", "4",
            ],
        );
        en("foo(bar) -> x::y", &["foo(bar", ")", "-", ">", "x::y"]);
        en(
            "e.g. Mr. X. U.S.A. end.",
            &["e.g.", "Mr.", "X.", "U.S.A.", "end", "."],
        );
        en(
            "a/b key=value one,two",
            &["a", "/", "b", "key", "=", "value", "one", ",", "two"],
        );
    }

    /// What `spacy.blank("ru")` prints.
    #[test]
    fn russian() {
        let ru = |text: &str, expected: &[&str]| cut(text, Column::Russian, expected);
        ru(
            "«Да», — сказал он.",
            &["«", "Да", "»", ",", "—", "сказал", "он", "."],
        );
        ru(
            "В 1990 г. было 5кг и т.д.",
            &["В", "1990", "г.", "было", "5", "кг", "и", "т.д."],
        );
        ru("кто-то", &["кто", "-", "то"]);
    }
}
