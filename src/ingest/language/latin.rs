//! Latin prose: told by its common words; where they do not tell, by them together with the letters beyond
//! ASCII and with trigrams (`whatlang`, of the languages whose words are known and their neighbours).
//!
//! English is what a text is unless something speaks against it: its technical terms look like any
//! language. Each piece of evidence adds to a score that is compared with [`FOREIGN`]. Measured on texts of
//! 40 to 200 characters: of 10,268 messages of programs in German, French, Spanish, Polish, Portuguese and
//! Italian 8 in 100 are misread, of 2,230 English ones 1 in 220, of 27,448 English questions and sentences of
//! any length 1 in 2,100.

use super::Told;
use super::said::Said;
use super::words::{Hits, OTHER};
use std::sync::LazyLock;
use whatlang::{Detector, Lang};

/// How sure Latin text is that no word speaks for.
pub(super) const SILENT: f32 = 0.4;
/// How sure it is where something speaks for another language, and not enough.
const DOUBTFUL: f32 = 0.3;
/// Letters below which nothing tells.
const LEAST_LETTERS: u32 = 12;
/// Letters from which common words tell enough.
const SHORT_LETTERS: u32 = 200;
/// The score from which a text is not English; trigrams alone give at most 1.
const FOREIGN: f32 = 0.9;
/// What a common word more than English has adds, for so many at most.
const WORD: f32 = 0.3;
const MOST_WORDS: f32 = 3.0;
/// What a letter beyond ASCII adds, for so many at most.
const LETTER: f32 = 0.4;
const MOST_LETTERS: usize = 2;

/// Languages that trigrams are compared with.
static TRIGRAMS: LazyLock<Detector> = LazyLock::new(|| {
    Detector::with_allowlist(vec![
        Lang::Eng,
        Lang::Deu,
        Lang::Fra,
        Lang::Spa,
        Lang::Por,
        Lang::Ita,
        Lang::Nld,
        Lang::Pol,
        Lang::Ces,
        Lang::Slk,
        Lang::Slv,
        Lang::Hrv,
        Lang::Swe,
        Lang::Dan,
        Lang::Nob,
        Lang::Tur,
        Lang::Ron,
        Lang::Fin,
        Lang::Est,
        Lang::Hun,
        Lang::Lit,
        Lang::Lav,
        Lang::Ind,
        Lang::Vie,
    ])
});

/// The language of Latin prose. `is_doubtful` says that it is no prose, or stands beside Cyrillic prose:
/// names and terms, of which trigrams are not asked.
pub(super) fn language(hits: &Hits, said: &Said<'_>, letters: u32, is_doubtful: bool) -> Told {
    if let Some(code) = hits.language() {
        let sure = (0.6 + 3.0 * hits.share()).min(1.0);
        // Of neighbours with the same words a letter tells.
        let is_short = letters < SHORT_LETTERS && code != "en";
        let sign = is_short.then(|| signs(said.text())).flatten();
        let sign = sign.filter(|sign| hits.distinct(sign) > 1);
        let code = sign.map_or(code, Hits::told);
        return Told { code, sure };
    }
    let english = hits.distinct("en");
    let silent = Told {
        code: "en",
        sure: SILENT,
    };
    if letters < LEAST_LETTERS || is_doubtful {
        // A name, a number with a unit: English is the likeliest, not certain.
        return silent;
    }
    let (likeliest, foreign) = hits.foreign();
    let lead = (foreign as f32 - english as f32).clamp(-MOST_WORDS, MOST_WORDS);
    let text = said.text();
    let beyond = text.chars().filter(|c| !c.is_ascii() && c.is_alphabetic());
    let beyond = beyond.take(MOST_LETTERS).count() as f32;
    // English has a café, too.
    let letter = if lead < 0.0 { LETTER / 4.0 } else { LETTER };
    let known = WORD * lead + letter * beyond;
    let as_english = Told {
        code: "en",
        sure: match english {
            0 => SILENT,
            words => 0.5 + 0.1 * words.min(4) as f32,
        },
    };
    if known + 1.0 < FOREIGN {
        return as_english;
    }
    let Some(found) = TRIGRAMS.detect(text).map(|found| found.lang()) else {
        return silent;
    };
    let score = known + against_english(found, text);
    if score < FOREIGN {
        let doubt = score > FOREIGN / 2.0;
        return if doubt {
            Told {
                code: "en",
                sure: DOUBTFUL,
            }
        } else {
            as_english
        };
    }
    let code = signs(text).unwrap_or_else(|| {
        let found = code_of(found);
        let own = hits.distinct(found);
        // Words of one language say more than trigrams of another.
        if foreign > own { likeliest } else { found }
    });
    Told {
        code: Hits::told(code),
        sure: (0.5 + 0.4 * (score - FOREIGN)).min(0.9),
    }
}

/// How much clearer `found` is than English by its trigrams, -1 to 1.
fn against_english(found: Lang, text: &str) -> f32 {
    if found == Lang::Eng {
        return 0.0;
    }
    let pair = Detector::with_allowlist(vec![Lang::Eng, found]).detect(text);
    pair.map_or(0.0, |pair| {
        let sure = pair.confidence() as f32;
        if pair.lang() == Lang::Eng {
            -sure
        } else {
            sure
        }
    })
}

/// The code of the words of a language, [`OTHER`] without any.
fn code_of(lang: Lang) -> &'static str {
    match lang {
        Lang::Deu => "de",
        Lang::Fra => "fr",
        Lang::Spa => "es",
        Lang::Por => "pt",
        Lang::Ita => "it",
        Lang::Nld => "nl",
        Lang::Pol => "pl",
        Lang::Ces => "cs",
        Lang::Swe => "sv",
        Lang::Dan => "da",
        Lang::Tur => "tr",
        Lang::Ron => "ro",
        Lang::Fin => "fi",
        Lang::Hun => "hu",
        Lang::Ind => "id",
        _ => OTHER,
    }
}

/// Letters of Polish, Czech, the Nordic, Turkish, Romanian, Hungarian and Baltic languages.
const FARTHER: &str = "ąćčďđēėęěğģīįıķļłńņřșśšşțůűūųźżžăāåæøő";

/// The language that a letter gives away.
fn signs(text: &str) -> Option<&'static str> {
    text.chars().filter(|c| !c.is_ascii()).find_map(|letter| {
        match letter.to_lowercase().next()? {
            '¿' | '¡' | 'ñ' => Some("es"),
            'ß' => Some("de"),
            'œ' => Some("fr"),
            'ã' | 'õ' => Some("pt"),
            letter if FARTHER.contains(letter) => Some(OTHER),
            _ => None,
        }
    })
}
