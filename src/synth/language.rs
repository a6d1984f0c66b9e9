//! The languages that are made: one table of rows; a further language is a further row.

/// What the text of a language is made from.
#[derive(Debug)]
pub struct Language {
    /// ISO 639-1 code.
    pub code: &'static str,
    /// Prose from which the vocabulary is taken.
    pub prose: &'static [&'static str],
    /// Whether a character belongs to a word of it.
    pub is_letter: fn(char) -> bool,
    /// Endings that are taken off a word, the longest first, each with the forms that its stem has.
    pub paradigms: &'static [Paradigm],
    /// Bytes of a character of running text, on average, in hundredths.
    pub bytes_per_100_characters: u64,
    /// First words of questions.
    pub questions: &'static [&'static str],
    /// Marks before and after what is said.
    pub speech: (&'static str, &'static str),
    /// System prompts.
    pub systems: &'static [&'static str],
}

/// Words of one class: how they are recognised and which forms they have.
#[derive(Debug)]
pub struct Paradigm {
    /// Endings by which a word is taken for one of the class; the empty one takes any word.
    pub endings: &'static [&'static str],
    /// Endings of its forms.
    pub forms: &'static [&'static str],
    /// Prefixes that make further words of it.
    pub prefixes: &'static [&'static str],
    /// Letters that a stem has at least.
    pub shortest_stem: usize,
}

macro_rules! prose {
    ($($file:literal),* $(,)?) => {
        &[$(include_str!(concat!("../../fixtures/text/", $file))),*]
    };
}

/// All languages.
pub const LANGUAGES: &[Language] = &[
    Language {
        code: "ru",
        prose: prose![
            "ru/01_lift.txt",
            "ru/02_kolodets.txt",
            "ru/03_prilivy.txt",
            "ru/04_shchi.md",
            "ru/05_backup.md",
            "ru/06_pochta.txt",
            "ru/07_pismo.txt",
            "ru/08_muzey.txt",
            "ru/09_veroyatnost.txt",
            "ru/10_skazka.txt",
            "ru/11_velosiped.md",
            "ru/12_onega.txt",
            "ru/13_pchyoly.txt",
        ],
        is_letter: |c| matches!(c, 'а'..='я' | 'ё'),
        paradigms: &[
            Paradigm {
                endings: &[
                    "ого", "ому", "ыми", "ими", "ый", "ий", "ая", "яя", "ое", "ее", "ые", "ие",
                    "ым", "ых", "ую", "ой",
                ],
                forms: &[
                    "ый",
                    "ая",
                    "ое",
                    "ые",
                    "ого",
                    "ому",
                    "ым",
                    "ых",
                    "ую",
                    "ой",
                    "ыми",
                    "о",
                    "ость",
                    "ости",
                    "остью",
                ],
                prefixes: &["не", "пре", "без", "сверх", "полу", "между"],
                shortest_stem: 3,
            },
            Paradigm {
                endings: &[
                    "ывать",
                    "ивать",
                    "лась",
                    "лись",
                    "ться",
                    "ются",
                    "ется",
                    "ится",
                    "ать",
                    "ить",
                    "еть",
                    "ять",
                    "ала",
                    "али",
                    "ил",
                    "ила",
                    "или",
                    "ет",
                    "ют",
                    "ит",
                    "ал",
                    "ешь",
                    "ишь",
                    "ём",
                    "ем",
                ],
                forms: &[
                    "ать",
                    "ал",
                    "ала",
                    "али",
                    "ало",
                    "ает",
                    "ают",
                    "аю",
                    "аешь",
                    "аться",
                    "ался",
                    "алась",
                    "ались",
                    "ается",
                    "ание",
                    "ания",
                    "анием",
                ],
                prefixes: &[
                    "по", "за", "вы", "пере", "про", "от", "при", "раз", "до", "под", "из",
                ],
                shortest_stem: 3,
            },
            Paradigm {
                endings: &[
                    "ями", "ами", "ях", "ах", "ов", "ев", "ам", "ям", "ом", "ей", "ия", "ью", "а",
                    "я", "у", "ю", "ы", "и", "е", "о", "ь", "",
                ],
                forms: &[
                    "",
                    "а",
                    "у",
                    "ом",
                    "е",
                    "ы",
                    "ов",
                    "ам",
                    "ами",
                    "ах",
                    "ка",
                    "ки",
                    "ку",
                    "ок",
                    "ник",
                    "ника",
                    "ники",
                    "ский",
                    "ская",
                    "ские",
                    "ского",
                    "ных",
                    "ные",
                ],
                prefixes: &["под", "пра", "микро", "сверх"],
                shortest_stem: 3,
            },
        ],
        bytes_per_100_characters: 180,
        questions: &[
            "Как",
            "Почему",
            "Что",
            "Зачем",
            "Когда",
            "Где",
            "Кто",
            "Сколько",
            "Какой",
            "Чем",
            "Можно ли",
            "Объясните, как",
            "Расскажите, почему",
            "Откуда",
        ],
        speech: ("— ", ""),
        systems: &[
            "Ты внимательный помощник. Отвечай коротко и по делу.",
            "Ты терпеливый учитель, который объясняет на примерах.",
            "Отвечай по-русски, без лишних слов.",
        ],
    },
    Language {
        code: "en",
        prose: prose![
            "en/01_story_piano.txt",
            "en/02_memoir_lighthouse.txt",
            "en/03_science_glaciers.md",
            "en/04_recipe_bread.md",
            "en/05_howto_restore_backup.md",
            "en/06_history_canals.txt",
            "en/07_letter_council.txt",
            "en/08_review_museum.md",
            "en/09_lecture_estimation.txt",
            "en/10_walk_saltings.txt",
        ],
        is_letter: |c| c.is_ascii_lowercase(),
        paradigms: &[
            Paradigm {
                endings: &["ing", "ed", "es", "er", "ers", "ly", "s", "e", "y"],
                forms: &[
                    "e", "ed", "es", "ing", "er", "ers", "ings", "able", "ation", "ations", "al",
                    "ally", "ive", "ism",
                ],
                prefixes: &["re", "un", "over", "out", "mis", "pre", "under", "counter"],
                shortest_stem: 3,
            },
            Paradigm {
                endings: &[""],
                forms: &[
                    "", "s", "ed", "ing", "er", "ers", "ly", "ness", "less", "ful", "like", "ish",
                    "ment", "ments", "ward", "ship", "work", "side",
                ],
                prefixes: &["re", "un", "over", "out", "mis", "pre", "under", "inter"],
                shortest_stem: 3,
            },
        ],
        bytes_per_100_characters: 100,
        questions: &[
            "How",
            "Why",
            "What",
            "When",
            "Where",
            "Who",
            "Which",
            "How many",
            "Can",
            "Explain how",
            "Tell me why",
            "Does",
        ],
        speech: ("\"", "\""),
        systems: &[
            "You are a careful assistant. Answer briefly and to the point.",
            "You are a patient teacher who explains with examples.",
            "Answer in English and without padding.",
        ],
    },
];

/// The language of that code.
#[must_use]
pub fn named(code: &str) -> Option<&'static Language> {
    LANGUAGES.iter().find(|language| language.code == code)
}
