//! How many samples of fixtures and books are told right, by encoding and length.

#![expect(
    clippy::print_stdout,
    reason = "the tables of a measurement, and why one was skipped"
)]

use super::*;
use std::collections::BTreeMap;
use std::path::PathBuf;

const CYRILLIC: [Encoding; 5] = [
    Encoding::Windows1251,
    Encoding::Koi8R,
    Encoding::Cp866,
    Encoding::Iso8859_5,
    Encoding::MacCyrillic,
];

fn fixtures(language: &str) -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/text")
        .join(language);
    texts_of(
        std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path()),
    )
}

fn texts_of(paths: impl Iterator<Item = PathBuf>) -> Vec<(String, String)> {
    let mut paths: Vec<_> = paths.collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                text,
            )
        })
        .collect()
}

/// Whether `found` reads `bytes` as `text` was meant.
pub(super) fn reads_right(found: Encoding, truth: Encoding, bytes: &[u8]) -> bool {
    found == truth || found.decode(bytes).text == truth.decode(bytes).text
}

/// Lengths of samples, in bytes.
const LENGTHS: [usize; 5] = [100, 300, 1_000, 3_000, 10_000];

/// Shares of samples read right, by length.
fn accuracy(texts: &[(String, String)], encoding: Encoding, step: usize) -> [(usize, usize); 5] {
    LENGTHS.map(|length| {
        let (mut right, mut all) = (0, 0);
        for (_, text) in texts {
            let bytes = encode(encoding, text);
            let width = if encoding.is_utf32() { 4 } else { 2 };
            let mut start = 0;
            while start + length.min(bytes.len()) <= bytes.len() && start < bytes.len() {
                let sample = &bytes[start..(start + length).min(bytes.len())];
                // Samples of ASCII alone are the same in all.
                if !encoding.decode(sample).text.is_ascii() {
                    let found = detect(sample);
                    all += 1;
                    if reads_right(found.encoding, encoding, sample) {
                        right += 1;
                    }
                }
                start += (length * step).max(width) / 4 * 4;
            }
        }
        (right, all)
    })
}

fn report(title: &str, texts: &[(String, String)], encodings: &[Encoding], step: usize) {
    for encoding in encodings {
        let row = accuracy(texts, *encoding, step);
        let cells: Vec<_> = row
            .iter()
            .map(|(right, all)| {
                format!(
                    "{right}/{all} {:.2}%",
                    100.0 * *right as f64 / (*all).max(1) as f64
                )
            })
            .collect();
        println!("{title:10} {:15} {}", encoding.name(), cells.join("  "));
        // Mac and Windows differ in capitals and я only: three lines of lower case may have neither.
        let least = if *encoding == Encoding::MacCyrillic {
            975
        } else {
            998
        };
        let (right, all) = row[0];
        assert!(
            right * 1000 >= all * least,
            "{} at 100 bytes: {right} of {all}",
            encoding.name()
        );
        for (right, all) in &row[1..] {
            assert!(
                right * 1000 >= all * 998,
                "{}: {right} of {all}",
                encoding.name()
            );
        }
    }
}

const WIDE: [Encoding; 6] = [
    Encoding::Utf8,
    Encoding::Utf16Le,
    Encoding::Utf16Be,
    Encoding::Utf32Le,
    Encoding::Utf32Be,
    Encoding::Utf8Bom,
];

#[test]
fn russian_fixtures_are_told_in_every_encoding() {
    let texts = fixtures("ru");
    report("fixtures", &texts, &CYRILLIC, 1);
    report("fixtures", &texts, &WIDE[..5], 1);
}

#[test]
fn english_fixtures_are_told() {
    let texts = fixtures("en");
    report("en", &texts, &[Encoding::Windows1252, Encoding::Utf8], 1);
}

#[test]
fn books_are_told_in_every_encoding() {
    let Some(data) = std::env::var_os("PREP_DATA") else {
        println!("skipped: PREP_DATA names no folder of real books");
        return;
    };
    let data = PathBuf::from(data);
    let russian = texts_of(
        [
            "chekhov_duel",
            "chekhov_drama_na_ohote",
            "pushkin_kapitanskaya_dochka",
            "pushkin_onegin_verse",
        ]
        .iter()
        .map(|name| data.join(format!("text/ru/{name}.txt"))),
    );
    report("books ru", &russian, &CYRILLIC, 3);
    report("books ru", &russian, &WIDE[..5], 3);
    for (name, encoding) in [
        ("gogol_taras_bulba.cp1251.txt", Encoding::Windows1251),
        ("lermontov_geroy.koi8r.txt", Encoding::Koi8R),
        ("pushkin_pugachev.cp866.txt", Encoding::Cp866),
    ] {
        let bytes = std::fs::read(data.join("text/ru").join(name)).unwrap();
        let found = detect(&bytes);
        assert_eq!(found.encoding, encoding);
        assert!(found.confidence > 0.99);
    }
    let bytes = std::fs::read(data.join("qa/rubq.semicolon.cp1251.csv")).unwrap();
    assert_eq!(detect(&bytes).encoding, Encoding::Windows1251);
    let bytes = std::fs::read(data.join("text/messy/opentrivia_general.bad_utf8.txt")).unwrap();
    assert_eq!(detect(&bytes).encoding, Encoding::Utf8);
}

/// A French and a German text, written for the tests.
const WESTERN: &str = "Le musée a rouvert ses portes après trois années de travaux. Les visiteurs y découvrent \
désormais une collection élargie, où les œuvres régionales côtoient celles des maîtres étrangers. \
L'entrée reste gratuite le premier dimanche du mois, à condition de réserver à l'avance. « Nous \
espérons accueillir cent mille personnes dès cet été », a déclaré la directrice, très émue. Für die \
Gäste aus Österreich und der Schweiz gibt es Führungen auf Deutsch: über die größten Säle, die \
schönsten Möbel und die Geschichte des Gebäudes. Wer müde ist, trinkt im Café gegenüber eine heiße \
Schokolade. Später öffnet auch der Garten, in dem früher Äpfel und Nüsse wuchsen. ";

/// A Ukrainian and a Belarusian text, written for the tests.
const UKRAINIAN: &str = "Уранці ми вийшли з дому, коли ще було темно, і пішли вулицею до річки. \
Місто спало, тільки десь далеко їхав перший трамвай. Біля мосту стояв старий рибалка; він мовчки \
дивився на воду і не помітив, як ми підійшли. «Чи є сьогодні риба?» — запитав мій брат. Рибалка \
усміхнувся: «Риба є завжди, її треба лише вміти чекати». Потім зійшло сонце, і над лукою піднявся \
легкий туман. Ми сіли на траву, з’їли хліб із сиром та яблуками й довго слухали, як співають птахи. \
Увечері ми повернулися додому втомлені, але щасливі. Бабуся вже чекала нас біля воріт і питала, де \
ми були цілий день. Її подруга з Чернігова надіслала листа: в них усе гаразд, діти вчаться, а дід \
лагодить дах. Я прочитав його вголос двічі. На ґанку спав кіт. Є дні, які пам'ятаєш усе життя. ";
const BELARUSIAN: &str = "Раніцай мы выйшлі з дому, калі яшчэ было цёмна, і пайшлі вуліцай да ракі. Горад \
спаў, толькі недзе далёка ехаў першы трамвай. Каля моста стаяў стары рыбак; ён моўчкі глядзеў на ваду \
і не заўважыў, як мы падышлі. Потым узышло сонца, і над лугам падняўся лёгкі туман. Мы селі на траву, \
з'елі хлеб з сырам і доўга слухалі, як спяваюць птушкі. Увечары мы вярнуліся дадому стомленыя. ";

/// Of the samples of each length: how many of an encoding were told (recall), and how many of those
/// that were told to be of it are (precision). A reading that gives the same text is right.
#[test]
fn accuracy_of_detection() {
    let (ru, en) = (fixtures("ru"), fixtures("en"));
    let western = vec![("western".to_owned(), WESTERN.repeat(16))];
    let ukrainian = vec![("ukrainian".to_owned(), UKRAINIAN.repeat(16))];
    let belarusian = vec![("belarusian".to_owned(), BELARUSIAN.repeat(32))];
    let unicode = [Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be];
    let mut truths: Vec<(&[(String, String)], Encoding)> = Vec::new();
    truths.extend(CYRILLIC.map(|encoding| (ru.as_slice(), encoding)));
    for texts in [ru.as_slice(), &en, &western] {
        truths.extend(unicode.map(|encoding| (texts, encoding)));
    }
    truths.extend(
        [
            Encoding::Windows1251,
            Encoding::Koi8U,
            Encoding::Cp1125,
            Encoding::MacCyrillic,
        ]
        .map(|encoding| (ukrainian.as_slice(), encoding)),
    );
    truths.extend([
        (belarusian.as_slice(), Encoding::Windows1251),
        (&belarusian, Encoding::Koi8U),
        (en.as_slice(), Encoding::Windows1252),
        (&western, Encoding::Windows1252),
    ]);
    println!(
        "{:6} {:15} {:>8} {:>10} {:>10}",
        "bytes", "encoding", "samples", "recall", "precision"
    );
    for length in LENGTHS {
        // Samples, those told, those taken for it.
        let mut table: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
        for (texts, truth) in &truths {
            for (_, text) in *texts {
                let bytes = encode(*truth, text);
                for sample in bytes.chunks(length).filter(|sample| sample.len() == length) {
                    if truth.decode(sample).text.is_ascii() {
                        continue;
                    }
                    let found = detect(sample).encoding;
                    let is_right = reads_right(found, *truth, sample);
                    let row = table.entry(truth.name()).or_default();
                    row[0] += 1;
                    row[1] += u64::from(is_right);
                    if is_right {
                        row[2] += 1;
                    } else {
                        table.entry(found.name()).or_default()[2] += 1;
                    }
                }
            }
        }
        for (name, [all, right, taken]) in table {
            let recall = right as f64 / all.max(1) as f64;
            let precision = right as f64 / taken.max(1) as f64;
            println!(
                "{length:6} {name:15} {all:8} {:9.2}% {:9.2}%",
                recall * 100.0,
                precision * 100.0
            );
            // Mac and Windows differ in capitals and я only, which three lines may lack.
            let least = if length == 100 { 0.97 } else { 0.998 };
            assert!(
                recall >= least && precision >= least,
                "{name} at {length} bytes"
            );
        }
    }
}
