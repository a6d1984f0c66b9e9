//! Encodings: their names, their marks, and what is told of texts written for the tests.

mod accuracy;

use super::*;
use accuracy::reads_right;
use std::sync::atomic::Ordering;

#[test]
fn every_encoding_has_one_row_and_its_names_parse() {
    for row in ENCODINGS {
        assert_eq!(row.encoding.name(), row.name);
        for name in row.aliases.iter().chain([&row.name]) {
            assert_eq!(Encoding::parse(name), Ok(row.encoding), "{name}");
        }
    }
    assert!(Encoding::parse("utf-7").unwrap_err().contains("koi8-r"));
}

/// `text` in `encoding`; characters that it lacks are made ASCII, as people did.
pub(crate) fn encode(encoding: Encoding, text: &str) -> Vec<u8> {
    let mut bytes = encoding.mark().to_vec();
    let units16 = || text.encode_utf16();
    match encoding {
        Encoding::Utf8 | Encoding::Utf8Bom => bytes.extend(text.as_bytes()),
        Encoding::Utf16Le | Encoding::Utf16LeBom => {
            bytes.extend(units16().flat_map(u16::to_le_bytes));
        }
        Encoding::Utf16Be | Encoding::Utf16BeBom => {
            bytes.extend(units16().flat_map(u16::to_be_bytes));
        }
        Encoding::Utf32Le | Encoding::Utf32LeBom => {
            bytes.extend(text.chars().flat_map(|c| (c as u32).to_le_bytes()));
        }
        Encoding::Utf32Be | Encoding::Utf32BeBom => {
            bytes.extend(text.chars().flat_map(|c| (c as u32).to_be_bytes()));
        }
        _ => {
            let table = super::single_byte::characters(encoding);
            bytes.extend(text.chars().map(|character| {
                let plain = match character {
                    '—' | '–' => '-',
                    '«' | '»' | '“' | '”' | '„' => '"',
                    '’' => '\'',
                    '\u{a0}' => ' ',
                    '…' => '.',
                    _ => '?',
                };
                let place = |wanted| table.iter().position(|known| *known == wanted);
                place(character)
                    .or_else(|| place(plain))
                    .unwrap_or(b'?'.into()) as u8
            }));
        }
    }
    bytes
}

/// `text` in a single-byte `encoding`; characters that it lacks become question marks.
pub(crate) fn encode_or_question_mark(encoding: Encoding, text: &str) -> Vec<u8> {
    let table = super::single_byte::characters(encoding);
    let place = |wanted| table.iter().position(|known| *known == wanted);
    text.chars()
        .map(|character| place(character).unwrap_or(b'?'.into()) as u8)
        .collect()
}

#[test]
fn western_and_other_cyrillic_text_is_told() {
    for (text, encoding) in [
        (
            "Il était une fois, à l'orée d'une forêt où personne n'osait pénétrer, un garçon très âgé.",
            Encoding::Windows1252,
        ),
        (
            "Über den Flüssen schwebten Möwen, und die größten saßen auf den Dächern.",
            Encoding::Windows1252,
        ),
        (
            "El niño corrió por el jardín buscando una canción, ¿quién sabrá cuál?",
            Encoding::Windows1252,
        ),
        (
            "It cost £20 at the café, which isn’t much – “a bargain”, he said…",
            Encoding::Windows1252,
        ),
        (
            "Була восьма година ранку, коли офіцери після гарячої задушливої ночі купалися в морі",
            Encoding::Windows1251,
        ),
        (
            "Була восьма година ранку, коли офіцери після гарячої ночі купалися в морі",
            Encoding::Koi8U,
        ),
        ("УКРАЇНСЬКА МОВА І ЛІТЕРАТУРА. ЄДНІСТЬ", Encoding::Koi8U),
        (
            "Була восьма година ранку, коли офіцери після гарячої ночі купалися в морі",
            Encoding::Cp1125,
        ),
        ("УКРАЇНСЬКА МОВА І ЛІТЕРАТУРА", Encoding::Cp1125),
        (
            "╔══════════╦═════╗\n║ Название ║ Год ║\n╠══════════╬═════╣\n╚══════════╩═════╝",
            Encoding::Koi8R,
        ),
        (
            "Була восьма година ранку, коли офіцери після гарячої ночі купалися в морі",
            Encoding::MacCyrillic,
        ),
        (
            "Была восьмая гадзіна раніцы, калі афіцэры пасля душнай ночы купаліся ў моры",
            Encoding::Windows1251,
        ),
        (
            "Беше осем часът сутринта, когато офицерите след горещата нощ се къпеха в морето",
            Encoding::Windows1251,
        ),
        (
            "СОЮЗ СОВЕТСКИХ СОЦИАЛИСТИЧЕСКИХ РЕСПУБЛИК, РСФСР, УССР, БССР",
            Encoding::Koi8R,
        ),
        (
            "ПРИКАЗ № 15 ПО ЗАВОДУ «КРАСНЫЙ ПРОЛЕТАРИЙ»",
            Encoding::Windows1251,
        ),
        (
            "// Проверка\nint main(void) { return check(); } /* конец */",
            Encoding::Cp866,
        ),
        ("имя;возраст\nАнна;31\nПётр;29\n", Encoding::Windows1251),
        (
            "┌──────────┬─────┐\n│ Название │ Год │\n└──────────┴─────┘",
            Encoding::Cp866,
        ),
    ] {
        let bytes = encode(encoding, text);
        let found = detect(&bytes);
        assert!(
            reads_right(found.encoding, encoding, &bytes),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn marks_decide_and_are_left_out() {
    for row in ENCODINGS.iter().filter(|row| !row.mark.is_empty()) {
        let bytes = encode(row.encoding, "Привет, мир!\n");
        assert_eq!(detect(&bytes).encoding, row.encoding);
        assert_eq!(row.encoding.decode(&bytes).text, "Привет, мир!\n");
    }
    let plain = detect(b"");
    assert_eq!((plain.encoding, plain.confidence), (Encoding::Utf8, 1.0));
}

#[test]
fn utf8_with_damage_and_cut_edges_stays_utf8() {
    let text = "Привет, «мир»! ".repeat(40);
    for cut in 1..4 {
        let sample = &text.as_bytes()[cut..text.len() - cut];
        assert_eq!(detect(sample).encoding, Encoding::Utf8);
    }
    let mut bytes = text.into_bytes();
    bytes.extend(b"caf\xe9 na\xefve");
    assert_eq!(detect(&bytes).encoding, Encoding::Utf8);
    let decoded = Encoding::Utf8.decode(b"a\xe9b\xd0");
    assert_eq!(decoded.text, "a\u{fffd}b\u{fffd}");
    assert_eq!(decoded.invalid, [1..2, 3..4]);
}

#[test]
fn noise_is_doubtful() {
    let mut state = 1u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(4096)
    .collect();
    assert!(detect(&noise).confidence < 0.5, "{:?}", detect(&noise));
}

#[test]
fn single_lines_of_another_encoding_are_rescued() {
    let line = encode(Encoding::Windows1251, "Вопрос: в каком году основан город?");
    assert_eq!(rescue_line(&line).unwrap().1, Encoding::Windows1251);
    assert_eq!(
        rescue_line(b"Beyonc\xe9 Knowles").unwrap().0,
        "Beyoncé Knowles"
    );
    assert_eq!(rescue_line(b"\xd0\x9f\xd1\x80\xff\xfe\x00\x98\x81"), None);
}

#[test]
fn streams_read_as_utf8_at_any_chunk() {
    struct Trickle<'a>(&'a [u8], usize);
    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }
    let text = "Съешь ещё этих мягких французских булок, 😀 da.\n".repeat(30);
    for row in ENCODINGS {
        let bytes = encode(row.encoding, &text);
        let wanted = row.encoding.decode(&bytes).text;
        for size in [1, 3, 7, 100_000] {
            let mut read = String::new();
            let mut reader = row.encoding.reader(Trickle(&bytes, size));
            reader.read_to_string(&mut read).unwrap();
            assert_eq!(read, wanted, "{} by {size}", row.name);
            assert_eq!(reader.invalid().load(Ordering::Relaxed), 0);
        }
    }
    let mut read = String::new();
    let mut reader = Encoding::Utf16Le.reader(&b"a\0\x00\xd8b\0c"[..]);
    reader.read_to_string(&mut read).unwrap();
    let invalid = reader.invalid().load(Ordering::Relaxed);
    assert_eq!((read.as_str(), invalid), ("a\u{fffd}b\u{fffd}", 2));
    let decoded = Encoding::Utf16Le.decode(b"a\0\x00\xd8b\0c");
    assert_eq!(decoded.invalid, [2..4, 6..7]);
    let decoded = Encoding::Utf32Be.decode(b"\0\0\0a\0\x11\0\0\0");
    assert_eq!(
        (decoded.text.as_str(), decoded.invalid),
        ("a\u{fffd}\u{fffd}", vec![4..8, 8..9])
    );
}

#[test]
fn latin_text_with_a_few_signs_is_no_cyrillic() {
    let prose = "It was a dark and stormy night, and the rain fell in torrents on the old house. "
        .repeat(20);
    for sign in [
        "£5",
        "½ ¼",
        "§ 4",
        "¶ 2",
        "50 ¢",
        "3 × 4",
        "£5, it’s “so”",
        "café",
        "20 °C",
        "©",
        "naïve",
        "Ä",
        "µm",
        "±2",
    ] {
        let text = format!("{prose}{sign} and so on. {prose}");
        let (bytes, _, lossy) = encoding_rs::WINDOWS_1252.encode(&text);
        assert!(!lossy, "{sign}");
        let found = detect(&bytes);
        assert_eq!(found.encoding, Encoding::Windows1252, "{sign}: {found:?}");
    }
    // A Russian word in English prose stays Russian.
    let text = format!("{prose}Москва и Тверь. {prose}");
    for (encoding, expected) in [
        (encoding_rs::WINDOWS_1251, Encoding::Windows1251),
        (encoding_rs::KOI8_R, Encoding::Koi8R),
    ] {
        let found = detect(&encoding.encode(&text).0);
        assert_eq!(found.encoding, expected, "{found:?}");
    }
}

#[test]
fn lines_of_utf8_among_lines_of_another_encoding_are_both_read() {
    let lines = [
        "{\"question\":\"Сколько будет два плюс два?\",\"answer\":\"Четыре.\"}",
        "{\"question\":\"Кто написал «Му-му»?\",\"answer\":\"Иван Тургенев.\"}",
        "{\"question\":\"Где находится Байкал?\",\"answer\":\"В Сибири, недалеко от Иркутска.\"}",
        "{\"question\":\"Почему небо голубое?\",\"answer\":\"Воздух рассеивает синий свет сильнее.\"}",
        "{\"question\":\"Как зовут лису?\",\"answer\":\"Алиса, если верить сказке.\"}",
    ];
    for encoding in [Encoding::Windows1251, Encoding::Koi8R, Encoding::Cp866] {
        // One of so many lines is UTF-8, or all others are.
        for (every, is_utf8) in [(5, true), (2, true), (2, false), (5, false), (10, false)] {
            let mut file = Vec::new();
            for at in 0..60 {
                let line = lines[at % lines.len()];
                let encoding = if at.is_multiple_of(every) == is_utf8 {
                    Encoding::Utf8
                } else {
                    encoding
                };
                file.extend(encode(encoding, line));
                file.push(b'\n');
            }
            let found = detect(&file);
            assert_eq!(found.encoding, Encoding::Utf8, "{encoding:?} {every}");
            for line in file.split(|byte| *byte == b'\n') {
                if std::str::from_utf8(line).is_err() {
                    let (_, rescued) = rescue_line(line).expect("certain");
                    assert_eq!(rescued, encoding);
                }
            }
        }
        // A text of a few lines.
        let few: Vec<u8> = [
            Encoding::Utf8,
            Encoding::Utf8,
            Encoding::Utf8,
            encoding,
            encoding,
        ]
        .iter()
        .zip(lines)
        .flat_map(|(encoding, line)| [encode(*encoding, line), b"\n".to_vec()].concat())
        .collect();
        let found = detect(&few);
        assert_eq!(found.encoding, Encoding::Utf8, "{encoding:?}");
        let all: Vec<u8> = lines
            .iter()
            .flat_map(|line| [encode(encoding, line), b"\n".to_vec()].concat())
            .collect();
        assert_eq!(detect(&all).encoding, encoding, "{encoding:?}");
    }
}
