//! Chunks that are cut, or stay whole, against the rules: contractions, abbreviations, faces.

use crate::filter::Column;

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
pub fn exception(rest: &str, column: Column) -> Option<Vec<usize>> {
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
