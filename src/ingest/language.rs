//! Which language a document is in, without a model to download.
//!
//! Scripts are counted first. Cyrillic languages are told apart by the letters that only some of
//! them have, Latin ones by their most common words, then by trigrams (`whatlang`). At most the
//! first [`SAMPLE_BYTES`] of a document are read.

use std::collections::BTreeMap;

/// Bytes of a document that are looked at.
pub const SAMPLE_BYTES: usize = 8 << 10;
/// Letters below which trigrams guess rather than tell.
const ENOUGH_LETTERS: u32 = 24;

/// A language and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Language {
    /// ISO 639-1 code; `und` without letters, `other` for scripts and languages not told apart.
    pub code: &'static str,
    /// 0 to 1: the share of letters in its script times how clearly it is this language.
    pub score: f32,
}

/// Tells the language of a document from its pieces.
pub fn detect<'a>(pieces: impl Iterator<Item = &'a str>) -> Language {
    let mut sample = String::new();
    for piece in pieces {
        let room = SAMPLE_BYTES - sample.len();
        if piece.len() <= room {
            sample.push_str(piece);
            sample.push('\n');
        } else {
            let end = (0..=room)
                .rev()
                .find(|end| piece.is_char_boundary(*end))
                .unwrap_or(0);
            sample.push_str(&piece[..end]);
        }
        if sample.len() >= SAMPLE_BYTES - 4 {
            break;
        }
    }
    let letters = Letters::count(&sample);
    let all = letters.latin + letters.cyrillic + letters.other;
    if all == 0 {
        return Language {
            code: "und",
            score: 0.0,
        };
    }
    let share = |part: u32| part as f32 / all as f32;
    if letters.cyrillic * 2 >= all {
        let (code, sure) = letters.cyrillic_language();
        Language {
            code,
            score: share(letters.cyrillic) * sure,
        }
    } else if letters.latin * 2 >= all {
        let (code, sure) = latin_language(&sample, letters.latin);
        Language {
            code,
            score: share(letters.latin) * sure,
        }
    } else {
        Language {
            code: "other",
            score: share(letters.other.max(letters.latin).max(letters.cyrillic)),
        }
    }
}

/// Letters by script, and the Cyrillic ones that tell languages apart.
#[derive(Default)]
struct Letters {
    latin: u32,
    cyrillic: u32,
    other: u32,
    /// ы э ё: Russian and Belarusian.
    yeru: u32,
    /// і: Ukrainian, Belarusian, Kazakh.
    dotted_i: u32,
    /// ї є ґ: Ukrainian alone.
    ukrainian: u32,
    /// ў: Belarusian alone.
    short_u: u32,
    /// ә ғ қ ң ө ұ ү һ: Kazakh.
    kazakh: u32,
    /// ъ: about one letter in 50 in Bulgarian, one in 3,000 in Russian.
    hard_sign: u32,
    /// ј љ њ ђ ћ џ ѓ ќ ѕ: Serbian and Macedonian.
    south_slavic: u32,
}

impl Letters {
    fn count(text: &str) -> Self {
        let mut n = Self::default();
        for c in text.chars() {
            match c {
                'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' => n.latin += 1,
                '\u{400}'..='\u{52f}' => {
                    n.cyrillic += 1;
                    match c {
                        'ы' | 'э' | 'ё' | 'Ы' | 'Э' | 'Ё' => n.yeru += 1,
                        'і' | 'І' => n.dotted_i += 1,
                        'ї' | 'є' | 'ґ' | 'Ї' | 'Є' | 'Ґ' => n.ukrainian += 1,
                        'ў' | 'Ў' => n.short_u += 1,
                        'ә' | 'ғ' | 'қ' | 'ң' | 'ө' | 'ұ' | 'ү' | 'һ' | 'Ә' | 'Ғ' | 'Қ' | 'Ң'
                        | 'Ө' | 'Ұ' | 'Ү' => {
                            n.kazakh += 1;
                        }
                        'ъ' | 'Ъ' => n.hard_sign += 1,
                        'ј' | 'љ' | 'њ' | 'ђ' | 'ћ' | 'џ' | 'ѓ' | 'ќ' | 'ѕ' => {
                            n.south_slavic += 1;
                        }
                        _ => {}
                    }
                }
                c if c.is_alphabetic() => n.other += 1,
                _ => {}
            }
        }
        n
    }

    /// The Cyrillic language that the letters speak for, and how surely.
    fn cyrillic_language(&self) -> (&'static str, f32) {
        let per_mille = |count: u32| count as f32 * 1000.0 / self.cyrillic as f32;
        if per_mille(self.kazakh) > 20.0 {
            ("kk", 0.95)
        } else if per_mille(self.south_slavic) > 15.0 {
            ("other", 0.9)
        } else if per_mille(self.short_u) > 4.0 && per_mille(self.dotted_i) > 15.0 {
            ("be", 0.95)
        } else if per_mille(self.dotted_i + self.ukrainian) > 15.0 && per_mille(self.yeru) < 8.0 {
            ("uk", 0.95)
        } else if per_mille(self.hard_sign) > 6.0
            && self.yeru == 0
            && self.cyrillic >= ENOUGH_LETTERS
        {
            ("bg", 0.9)
        } else if self.yeru > 0 || self.cyrillic < 4 * ENOUGH_LETTERS {
            // Russian text of 100 letters without ы, э and ё is one in thousands.
            ("ru", 1.0)
        } else {
            ("ru", 0.8)
        }
    }
}

/// Words that make up a fifth or more of running text in their language and are rare in the others.
const COMMON_WORDS: &[(&str, &[&str])] = &[
    (
        "en",
        &[
            "the", "of", "and", "to", "is", "that", "it", "was", "for", "with", "you", "this",
            "are", "be", "what", "how", "which",
        ],
    ),
    (
        "de",
        &[
            "der", "die", "und", "das", "ist", "nicht", "ein", "eine", "mit", "zu", "den", "von",
            "auf", "sich", "auch",
        ],
    ),
    (
        "fr",
        &[
            "le", "les", "des", "et", "est", "une", "dans", "que", "qui", "pour", "pas", "sur",
            "du", "au", "il",
        ],
    ),
    (
        "es",
        &[
            "el", "los", "las", "y", "es", "una", "que", "en", "por", "con", "para", "del", "se",
            "no", "su",
        ],
    ),
];

fn latin_language(text: &str, letters: u32) -> (&'static str, f32) {
    let mut words = 0_u32;
    let mut hits: BTreeMap<&str, u32> = BTreeMap::new();
    for word in text
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| !word.is_empty())
    {
        words += 1;
        if word.len() > 5 {
            continue;
        }
        let word = word.to_ascii_lowercase();
        for (code, common) in COMMON_WORDS {
            if common.contains(&word.as_str()) {
                *hits.entry(code).or_default() += 1;
            }
        }
    }
    let mut ranked: Vec<(u32, &'static str)> = COMMON_WORDS
        .iter()
        .map(|(code, _)| (hits.get(code).copied().unwrap_or(0), *code))
        .collect();
    ranked.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let [(first, code), (second, _), ..] = ranked[..] else {
        return ("other", 0.0);
    };
    let share = first as f32 / words.max(1) as f32;
    if share > 0.10 && first >= 3 && first >= 2 * second {
        return (code, (0.6 + 3.0 * share).min(1.0));
    }
    if letters < ENOUGH_LETTERS {
        // A name, a number with a unit, a line of code: English is the likeliest, not certain.
        return ("en", 0.5);
    }
    match whatlang::detect(text) {
        Some(found) => match found.lang() {
            whatlang::Lang::Eng => ("en", 0.5 + 0.4 * found.confidence() as f32),
            whatlang::Lang::Deu if found.is_reliable() => ("de", 0.9),
            whatlang::Lang::Fra if found.is_reliable() => ("fr", 0.9),
            whatlang::Lang::Spa if found.is_reliable() => ("es", 0.9),
            _ if found.is_reliable() && second == 0 && first == 0 => ("other", 0.8),
            _ => ("en", 0.4),
        },
        None => ("en", 0.4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> &'static str {
        detect([text].into_iter()).code
    }

    #[test]
    fn neighbours_are_told_apart() {
        assert_eq!(
            code("Было восемь часов утра — время, когда офицеры купались в море."),
            "ru"
        );
        assert_eq!(
            code("Була восьма година ранку, коли офіцери купалися в морі, і їхні знайомі теж."),
            "uk"
        );
        assert_eq!(
            code("Была восьмая гадзіна раніцы, калі афіцэры купаліся ў моры, і знаёмыя ў горадзе."),
            "be"
        );
        assert_eq!(
            code(
                "Беше осем часът сутринта, когато офицерите се къпеха в морето, след горещата нощ."
            ),
            "bg"
        );
        assert_eq!(
            code("Таңғы сағат сегіз болатын, офицерлер теңізде шомылып жүрген еді."),
            "kk"
        );
        assert_eq!(
            code("It was eight in the morning, and the officers were bathing in the sea."),
            "en"
        );
        assert_eq!(
            code(
                "Es war acht Uhr morgens, und die Offiziere badeten nicht in der See, sondern auf dem Land."
            ),
            "de"
        );
        assert_eq!(
            code(
                "Il était huit heures du matin et les officiers se baignaient dans la mer, pour le plaisir."
            ),
            "fr"
        );
        assert_eq!(
            code("Eran las ocho de la mañana y los oficiales se bañaban en el mar con sus amigos."),
            "es"
        );
    }

    #[test]
    fn short_and_empty_texts_do_not_pretend() {
        assert_eq!(code("93"), "und");
        assert_eq!(code("Чили"), "ru");
        assert!(detect(["Paris"].into_iter()).score <= 0.5);
        assert_eq!(code("今日は天気がいいですね"), "other");
    }
}
