#![expect(
    clippy::print_stdout,
    reason = "the tables of a measurement, and why one was skipped"
)]

use super::*;
use crate::ingest::encoding::tests::encode;
use crate::ingest::encoding::{Encoding, detect};

fn cleaned(text: &str) -> (String, Counts) {
    let mut counts = Counts::default();
    let text = clean(text, Switches::all(), &mut counts).into_owned();
    (text, counts)
}

#[test]
fn rows_are_in_order_and_names_parse() {
    for (index, row) in REPAIRS.iter().enumerate() {
        assert_eq!(row.repair as usize, index, "{}", row.name);
        let switches = Switches::parse_off(row.name).unwrap();
        assert!(!switches.has(row.repair));
        assert_eq!(switches.names().len(), REPAIRS.len() - 1);
    }
    assert_eq!(Switches::parse_off("all"), Ok(Switches::none()));
    assert!(Switches::parse_off("nfd").unwrap_err().contains("nfc"));
    let mut counts = Counts::default();
    counts.add(Repair::Nfc, 2);
    let text = serde_json::to_string(&counts).unwrap();
    assert_eq!(serde_json::from_str::<Counts>(&text).unwrap(), counts);
}

#[test]
fn healthy_text_is_not_copied() {
    let mut counts = Counts::default();
    for text in [
        "Он сказал: «Ёлка — это…» № 5,\u{a0}да. “Quoted” – it’s\n\tTab\r\n",
        "Їжак їсть ґанок, ў Мінску; ќе, ђак. Ѣ и ѳ. Straße, naïve, ½ × ÷ ≤ ∞",
        "👨\u{200d}👩\u{200d}👧 नमस्\u{200d}ते می\u{200c}خواهم, 中文かな 한국어",
        "",
    ] {
        assert!(
            matches!(clean(text, Switches::all(), &mut counts), Cow::Borrowed(_)),
            "{text}"
        );
    }
    assert_eq!(counts.total(), 0);
}

#[test]
fn terminals_leave_nothing() {
    let (text, counts) = cleaned(
        "\x1b[32m\x1b[K818\x1b[m\x1b[K:\x1b[01;31mБазаров\x1b[m \x1b]0;title\x07x\x1b]8;;http://a\x1b\\b\x1b(B\u{9b}1mc",
    );
    assert_eq!(text, "818:Базаров xbc");
    assert_eq!(counts.get(Repair::Ansi), 10);
    let (text, counts) = cleaned(
        "N\x08NA\x08AM\x08ME\x08E\n  _\x08x_\x08y bold\x08d +\x08o item\n_\x08_\n\x08a 12\x08\x08\x0834\n",
    );
    assert_eq!(text, "NAME\n  xy bold • item\n_\na342\n");
    assert!(counts.get(Repair::Overstrikes) > 8);
}

#[test]
fn invisible_characters_go_and_breaks_stay() {
    let (text, counts) = cleaned(
        "вс\0\0\x07\x0b\x0cмяг\u{ad}кий нуле\u{200b}вая, \u{202e}порядок\u{202c} \u{feff}BOM\u{2028}строка\u{2029}абзац\u{85}\n",
    );
    assert_eq!(text, "вс\nмягкий нулевая, порядок BOM\nстрока\nабзац\n");
    assert_eq!(counts.get(Repair::Controls), 6);
    assert_eq!(counts.get(Repair::SoftHyphens), 1);
    assert_eq!(counts.get(Repair::ZeroWidth), 2);
    assert_eq!(counts.get(Repair::Bidi), 2);
    assert_eq!(counts.get(Repair::LineSeparators), 2);
    let mut counts = Counts::default();
    let off = Switches::all().without(Repair::SoftHyphens);
    assert_eq!(clean("мяг\u{ad}кий\0", off, &mut counts), "мяг\u{ad}кий");
    assert_eq!(
        cleaned("a\u{200d}b שלום\u{200f}, x").0,
        "ab שלום\u{200f}, x"
    );
}

#[test]
fn quotes_and_dashes_of_windows_1252_are_what_they_were() {
    let (text, counts) = cleaned(
        "It\u{92}s a \u{93}quoted\u{94} word \u{96} 5 \u{80}\u{85}\nслово \u{97} слово\u{85} и\u{81} всё",
    );
    assert_eq!(text, "It’s a “quoted” word – 5 €…\nслово — слово… и всё");
    assert_eq!(counts.get(Repair::Windows1252), 8);
    assert_eq!(counts.get(Repair::Controls), 1, "U+0081 is nothing");
    // › takes nothing of the text with it, though letters follow, and is one sequence among escapes.
    for (text, wanted, sequences) in [
        ("hello\u{9b} next", "hello› next", 0),
        (
            "\u{8b}mine\u{9b}, \u{8b}\u{9b}3 more",
            "‹mine›, ‹›3 more",
            0,
        ),
        ("\x1b[1mhello\x1b[m\u{9b} next", "hello› next", 2),
        ("\u{9b}1;31mred\u{9b}0m\u{9b}K", "red", 3),
        ("\x1b[1mred\u{9b}0;1m and", "red and", 2),
    ] {
        let (found, counts) = cleaned(text);
        assert_eq!(
            (found.as_str(), counts.get(Repair::Ansi)),
            (wanted, sequences)
        );
    }
    // Alone it breaks a line unless a space follows.
    assert_eq!(cleaned("one\u{85}two\u{85} three").0, "one\ntwo… three");
    let off = Switches::all().without(Repair::Windows1252);
    let mut counts = Counts::default();
    assert_eq!(clean("It\u{92}s", off, &mut counts), "Its");
}

#[test]
fn letters_in_pieces_are_composed() {
    let (text, counts) = cleaned("йод\nи\u{306}од е\u{308}лка cafe\u{301}\nпуть\n");
    assert_eq!(text, "йод\nйод ёлка café\nпуть\n");
    assert_eq!(counts.get(Repair::Nfc), 1);
}

#[test]
fn cut_words_are_joined() {
    let (text, counts) =
        cleaned("many 16-bit charac\u{2010}\n       ters and file\u{2010}\n names\nnon-\nASCII\n");
    assert_eq!(
        text,
        "many 16-bit characters\n       and filenames\nnon-\nASCII\n"
    );
    assert_eq!(counts.get(Repair::Hyphens), 2);
    // groff from 1.23 on writes its own hyphens so too.
    let (text, _) = cleaned(
        "a well‐known and a well\u{2010}\n  known word; the SIGX\u{2010}\n  CPU and exam\u{2010}\n  ple\n",
    );
    assert_eq!(
        text,
        "a well‐known and a well‐known\n  word; the SIGXCPU\n  and example\n"
    );
}

#[test]
fn pages_become_running_text() {
    let page = |number: usize, body: &str| {
        format!(
            "РУКОВОДСТВО                  Глава {}\n\n\n{body}\n\n                  {number}\n",
            number / 2
        )
    };
    let text = [
        page(
            1,
            "    После заверше-\nния установки кто-\nнибудь придёт, и завершения не бу-",
        ),
        page(
            2,
            "дет видно. Обычный текст.\n\n2.1      Заголовок\nЕщё строка.",
        ),
        page(3, "  1. Первый\n     пункт\n  2. Второй"),
        page(4, "Конец."),
    ]
    .join("\x0c");
    let mut counts = Counts::default();
    let running = pages(&text, Switches::all(), &mut counts).unwrap();
    assert_eq!(
        running.text,
        "После завершения\nустановки кто-нибудь\nпридёт, и завершения не будет\nвидно. Обычный текст.\n\n2.1 Заголовок\nЕщё строка.\n\n1. Первый\n   пункт\n2. Второй\n\nКонец.\n"
    );
    let source: Vec<&str> = text.split('\n').collect();
    for (line, number) in running.text.lines().zip(&running.lines) {
        let beginning: String = line.chars().take(6).collect();
        let beginning = beginning.trim_end();
        // A title loses the spaces behind its number.
        let beginning = beginning.split(' ').next().unwrap_or(beginning);
        let there = source[*number as usize];
        assert!(there.contains(beginning), "{line:?} is not {there:?}");
    }
    assert_eq!(running.text.lines().count(), running.lines.len());
    assert_eq!(counts.get(Repair::Pages), 8);
    assert_eq!(counts.get(Repair::Hyphens), 3);
    let separate = "Первый рассказ.\nКонец.\n\x0cВторой рассказ.\nИ всё.\n";
    assert_eq!(pages(separate, Switches::all(), &mut counts), None);
    assert_eq!(pages("нет страниц\n", Switches::all(), &mut counts), None);
}

#[test]
fn speed_on_healthy_text() {
    let Some(data) = std::env::var_os("PREP_DATA") else {
        println!("skipped: PREP_DATA names no folder of real texts");
        return;
    };
    let data = std::path::PathBuf::from(data);
    for name in [
        "text/ru/chekhov_drama_na_ohote.txt",
        "text/en/stoker_dracula.txt",
    ] {
        let text = std::fs::read_to_string(data.join(name)).unwrap();
        let narrow = encode(Encoding::Windows1251, &text);
        let wide = encode(Encoding::Utf16Le, &text);
        let time = |title: &str, run: &dyn Fn() -> usize| {
            let timed = || {
                let start = std::time::Instant::now();
                std::hint::black_box(run());
                start.elapsed().as_secs_f64()
            };
            let best = (0..20).map(|_| timed()).fold(f64::INFINITY, f64::min);
            println!("{name} {title}: {:.0} MB/s", text.len() as f64 / best / 1e6);
        };
        let counts = Counts::default;
        time("clean", &|| {
            clean(&text, Switches::all(), &mut counts()).len()
        });
        time("mojibake_lines", &|| {
            mojibake_lines(&text, &mut counts()).len()
        });
        time("detect utf-8", &|| {
            detect(text.as_bytes()).confidence as usize
        });
        time("detect windows-1251", &|| {
            detect(&narrow).confidence as usize
        });
        time("decode windows-1251", &|| {
            Encoding::Windows1251.decode(&narrow).text.len()
        });
        time("reader utf-16le", &|| {
            let mut all = String::new();
            let mut reader = Encoding::Utf16Le.reader(&wide[..]);
            std::io::Read::read_to_string(&mut reader, &mut all).unwrap()
        });
    }
}

#[test]
fn numbers_of_chapters_stay_and_those_of_pages_go() {
    // Pages 7 to 18, of which every third begins a chapter with its number alone on a line.
    let page = |at: usize| {
        let chapter = if at.is_multiple_of(3) {
            format!("{}\n\n", at / 3 + 1)
        } else {
            String::new()
        };
        format!(
            "{chapter}и река течёт мимо мельницы к морю,\nи никто не знал почему,\n\n{}\n",
            at + 7
        )
    };
    let text = (0..12).map(page).collect::<Vec<_>>().join("\u{c}");
    let mut counts = Counts::default();
    let running = pages(&text, Switches::all(), &mut counts).expect("pages");
    assert_eq!(counts.get(Repair::Pages), 12);
    let numbers: Vec<&str> = running
        .text
        .lines()
        .filter(|line| line.bytes().all(|byte| byte.is_ascii_digit()) && !line.is_empty())
        .collect();
    assert_eq!(numbers, ["1", "2", "3", "4"]);
}

#[test]
fn form_feeds_between_chapters_questions_and_tables_take_nothing_away() {
    let prose = "Река течёт мимо старой мельницы к морю. Никто не знал почему.";
    let chapter = |n: u32| format!("Глава {n}\n\n{prose}\n\n{prose}\n");
    let question = |n: u32| format!("Вопрос {n}\n\n{prose}\nОтвет: {}\n", n * 7);
    let table = |n: u32| format!("Год  Доход\n{}  {}\n{}  {}\n", 1900 + n, n, 1901 + n, n * 3);
    let makers: [&dyn Fn(u32) -> String; 3] = [&chapter, &question, &table];
    for make in makers {
        let text = (1..12).map(make).collect::<Vec<_>>().join("\u{c}");
        let mut counts = Counts::default();
        assert_eq!(
            super::pages(&text, Switches::all(), &mut counts),
            None,
            "{text}"
        );
    }
}

#[test]
fn code_in_pages_keeps_its_steps() {
    let page =
        |number: usize, body: &str| format!("РУКОВОДСТВО ПРОГРАММИСТА\n\n{body}\n\n{number}\n");
    let python = "def f(n):\n    if n > 0:\n        return 1\n    total = 0\n\n    for i in range(n):\n        total += i\n    return total\n\nif x:\n    y\nz";
    let loops = "Names:\n\nfor name in names:\n    Show(name)\nend\n\nfoo();\n    Bar();\nbaz();";
    let prose = "    Первый абзац начинается здесь и\nидёт дальше до самого конца.\n    Второй абзац тоже короткий и\nкончается здесь.";
    let text = [
        page(1, python),
        page(2, loops),
        page(3, prose),
        page(4, "Конец."),
    ]
    .join("\x0c");
    let running = pages(&text, Switches::all(), &mut Counts::default()).expect("pages");
    let wanted = format!(
        "{python}\n\n{loops}\n\nПервый абзац начинается здесь и\nидёт дальше до самого конца.\nВторой абзац тоже короткий и\nкончается здесь.\n\nКонец.\n"
    );
    assert_eq!(running.text, wanted);
    // A listing that is set in as a whole loses that and nothing more.
    let inset: Vec<String> = python
        .lines()
        .map(|line| {
            if line.is_empty() {
                String::new()
            } else {
                format!("      {line}")
            }
        })
        .collect();
    let text = [
        page(1, &inset.join("\n")),
        page(2, loops),
        page(3, prose),
        page(4, "Конец."),
    ]
    .join("\x0c");
    let running = pages(&text, Switches::all(), &mut Counts::default()).expect("pages");
    assert!(
        running.text.starts_with(&format!("{python}\n\n")),
        "{}",
        running.text
    );
}
