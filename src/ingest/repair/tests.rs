use super::*;
use crate::ingest::encoding::Encoding;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

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
        running,
        "После завершения\nустановки кто-нибудь\nпридёт, и завершения не будет\nвидно. Обычный текст.\n\n2.1 Заголовок\nЕщё строка.\n\n1. Первый\n   пункт\n2. Второй\n\nКонец.\n"
    );
    assert_eq!(counts.get(Repair::Pages), 8);
    assert_eq!(counts.get(Repair::Hyphens), 3);
    let separate = "Первый рассказ.\nКонец.\n\x0cВторой рассказ.\nИ всё.\n";
    assert_eq!(pages(separate, Switches::all(), &mut counts), None);
    assert_eq!(pages("нет страниц\n", Switches::all(), &mut counts), None);
}

/// `text` through a chain of wrong readings: UTF-8 bytes read as each in turn.
fn misread(text: &str, wrong: &[Encoding]) -> String {
    wrong.iter().fold(text.to_owned(), |text, encoding| {
        encoding.decode(text.as_bytes()).text
    })
}

const LINES: &[&str] = &[
    "Привет, мир! Это обычная строка.",
    "– Вы уходите? – начала она, ласково заглядывая ему в лицо.",
    "«Ёлка» № 7: Россия, Рига, Иван, Азов; цена — 5 € за штуку…",
    "СИСТЕМНЫЕ ТРЕБОВАНИЯ И ПРИЛОЖЕНИЯ",
];

#[test]
fn layers_of_utf8_come_off() {
    use Encoding::{Cp866, Iso8859_5, Koi8R, MacCyrillic, Windows1251, Windows1252};
    for line in LINES {
        for wrong in [
            &[Windows1252][..],
            &[Windows1251],
            &[Koi8R],
            &[Cp866],
            &[MacCyrillic],
            &[Iso8859_5],
            &[Windows1252, Windows1252],
            &[Windows1251, Windows1251],
            &[Windows1252, Windows1251],
            &[Windows1252, Windows1252, Windows1252],
        ] {
            let damaged = misread(line, wrong);
            assert_eq!(
                mojibake(&damaged).as_deref(),
                Some(*line),
                "{wrong:?}: {damaged}"
            );
        }
    }
    for (damaged, meant) in [
        ("It isnâ€™t â€œsoâ€\u{9d}, heâ€¦", "It isn’t “so”, he…"),
        ("cafÃ© and 5 Â£", "café and 5 £"),
        ("Ã©tÃ©", "été"),
        ("Р�Р·РІРѕР»СЏС‚ РѕРґРµРІР°С‚СЊСЃСЏ", "Изволят одеваться"),
        ("â€œWaverlyâ€� penned", "“Waverly” penned"),
        ("lol ðŸ˜€", "lol 😀"),
        ("donвЂ™t", "don’t"),
    ] {
        assert_eq!(mojibake(damaged).as_deref(), Some(meant), "{damaged}");
    }
}

#[test]
fn swapped_encodings_are_swapped_back() {
    use Encoding::{Cp866, Iso8859_5, Koi8R, MacCyrillic, Windows1251, Windows1252};
    let line = "Пудель, вероятно возбужденный необычайностью всего, вдруг припал на лапы";
    for wrong in [
        Windows1252,
        Windows1251,
        Koi8R,
        Cp866,
        Iso8859_5,
        MacCyrillic,
    ] {
        for right in [Windows1251, Koi8R, Cp866, Iso8859_5, MacCyrillic] {
            // Those two have all of the lower case but я in common.
            let alike = [MacCyrillic, Windows1251];
            if wrong == right || alike.contains(&wrong) && alike.contains(&right) {
                continue;
            }
            let bytes = crate::ingest::encoding::tests::encode(right, line);
            let damaged = wrong.decode(&bytes).text;
            let repaired = mojibake(&damaged);
            // Those two have the lower case in common.
            if damaged != line {
                assert_eq!(
                    repaired.as_deref(),
                    Some(line),
                    "{right:?} as {wrong:?}: {damaged}"
                );
            }
        }
    }
}

#[test]
fn healthy_lines_never_change() {
    for line in [
        "СССР, РСФСР, УССР, БССР, ВКП(б), НКВД, ГУЛАГ",
        "ССР",
        "РСФСР",
        "«С»",
        "«Р»",
        "С… Р… С…",
        "СЁМГА И РЁБРА",
        "Рік, Рівне, Різдво, Сіль, Свято",
        "Рід наш красний. Рік за роком",
        "ЇЖАК, ЄВРОПА, ҐАНОК, ІНДІЯ",
        "Ў Мінску, Беларусь: ЎЛАДА",
        "Ђорђе, Љубица, Њујорк, Ћуприја, Џеп",
        "ЂОРЂЕ ПЕТРОВИЋ, ЉУБЉАНА, ЊЕГОШ",
        "Съ нимъ бѣда: вѣкъ, мѣсто, міръ, Ѳедоръ, сѵнодъ",
        "ВЪ НАЧАЛѢ БѢ СЛОВО",
        "България, въглища, Търново, ЪГЪЛ",
        "Қазақстан, Әлем, Ғылым, Өмір, Ұлы, Һ",
        "ЗАГОЛОВОК ПРОПИСНЫМИ БУКВАМИ: ГЛАВА ПЕРВАЯ",
        "ПрИвЕт, КаК дЕлА? зАбОрЧиКоМ пИшУ",
        "кОГДА ЗАБЫЛ ВЫКЛЮЧИТЬ КАПС",
        "ЖШ, ЩЫ, ЪЬ",
        "Э-э-э… А-а-а! Ы-ы-ы",
        "АаБбВвГгДдЕеЁёЖжЗз",
        "É à ù: été, naïveté, Noël, œuvre, ÇA VA, «VOILÀ», À…",
        "IRMÃ” “MAÇÔ «NÃO» AMANHÃ…",
        "El niño, ¿qué?, ESPAÑA», Ñ… «Ñ» “Ñ”",
        "Größe, daß“, Fuß», Spaß…, Ä“ „Ä“ Ö” ÜBER",
        "Þórr, það, Ísland, æðruleysi, ÞÚFUR",
        "Ångström, Åäö, København, ØØØ",
        "Tiếng Việt: đã, được, người",
        "İstanbul, şeker, çağ, ığ",
        "Zażółć gęślą jaźń; Příliš žluťoučký kůň",
        "∑x² ≤ √2·π ± ∞, α → β, ∂f/∂x ≈ 3×10⁻⁵",
        "┌──┬──┐\n│ а │ б │\n└──┴──┘",
        "═══ ГЛАВА ═══",
        "10 °C, 5 €, £3, ©, ®, ™, §, ¶, µ, ½",
        "let x: Vec<u8> = b\"\\xd0\\x9f\".to_vec(); // \"Ð\"",
        "Буква Ð в исландском, буква Ñ в испанском",
        "Ð, Ñ, Ã, Â — четыре буквы",
        "Ελληνικά: Ωμέγα",
        "שלום עולם",
        "日本語テキスト",
        "👍🏽 ок",
        "??? ??????? ????",
        "�� ���������� ����",
        "а",
        "Я",
        "",
        "Да. – Нет.",
    ] {
        for line in line.split('\n') {
            assert_eq!(mojibake(line), None, "{line}");
        }
    }
}

fn data() -> Option<PathBuf> {
    let data = std::env::var_os("PREP_DATA");
    if data.is_none() {
        println!("skipped: PREP_DATA names no folder of real texts");
    }
    data.map(PathBuf::from)
}

/// Every file under `folder` that is UTF-8, decompressed by the tools of the machine.
fn read_all(folder: &Path, texts: &mut Vec<(String, String)>) {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read_all(&path, texts);
            continue;
        }
        let tool = match path.extension().and_then(|ending| ending.to_str()) {
            Some("gz") => "zcat",
            Some("zst") => "zstdcat",
            Some("parquet") => continue,
            _ => "cat",
        };
        let Ok(output) = std::process::Command::new(tool).arg(&path).output() else {
            continue;
        };
        if let Ok(text) = String::from_utf8(output.stdout) {
            texts.push((path.display().to_string(), text));
        }
    }
}

#[test]
fn mojibake_of_the_truth_file() {
    let Some(data) = data() else { return };
    let text = std::fs::read_to_string(data.join("text/messy/mojibake_ru.txt")).unwrap();
    let truth = std::fs::read_to_string(data.join("truth/mojibake_ru.jsonl")).unwrap();
    // Repaired as they should, repaired to something else, left.
    let mut kinds: BTreeMap<String, [u32; 3]> = BTreeMap::new();
    for (line, known) in text.split('\n').zip(truth.lines()) {
        let known: serde_json::Value = serde_json::from_str(known).unwrap();
        let kind = known["kind"].as_str().unwrap();
        let outcome = match mojibake(line) {
            None => 2,
            Some(repaired) if damages_to(&repaired, kind, line) => 0,
            Some(repaired) => {
                println!("{kind}: {line}\n   {repaired}");
                1
            }
        };
        if outcome == 2 && !matches!(kind, "clean" | "question_marks" | "replacement_chars") {
            println!("left {kind}: {line}");
        }
        kinds.entry(kind.to_owned()).or_default()[outcome] += 1;
    }
    println!("{:20} right wrong left", "kind");
    for (kind, [right, wrong, left]) in &kinds {
        println!("{kind:20} {right:5} {wrong:5} {left:4}");
        let lossless = !matches!(
            kind.as_str(),
            "clean" | "question_marks" | "replacement_chars"
        );
        assert_eq!(
            (*wrong, if lossless { *left } else { *right }),
            (0, 0),
            "{kind}"
        );
    }
}

/// Whether `repaired`, damaged as `kind` says, is `line` again.
fn damages_to(repaired: &str, kind: &str, line: &str) -> bool {
    let latin1 = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| char::from(*byte))
            .collect::<String>()
    };
    let read = |right: Encoding, wrong: Encoding| {
        let bytes = crate::ingest::encoding::tests::encode_or_question_mark(right, repaired);
        wrong.decode(&bytes).text
    };
    let damaged = match kind {
        "utf8_as_latin1" => latin1(repaired.as_bytes()),
        "double_utf8_cp1252" => latin1(latin1(repaired.as_bytes()).as_bytes()),
        "utf8_as_cp1251" => Encoding::Windows1251
            .decode(repaired.as_bytes())
            .text
            .replace('\u{98}', "\u{fffd}"),
        "cp1251_as_latin1" => latin1(&crate::ingest::encoding::tests::encode_or_question_mark(
            Encoding::Windows1251,
            repaired,
        )),
        "cp1251_as_koi8" => read(Encoding::Windows1251, Encoding::Koi8R),
        "koi8_as_cp1251" => read(Encoding::Koi8R, Encoding::Windows1251),
        _ => return false,
    };
    damaged == line
}

#[test]
fn healthy_text_never_changes() {
    let Some(data) = data() else { return };
    let mut texts = Vec::new();
    for folder in [
        "text/ru",
        "text/en",
        "text/mixed",
        "text/natural_dups",
        "text/html",
        "qa",
    ] {
        read_all(&data.join(folder), &mut texts);
    }
    let (mut lines, mut bytes, mut changed) = (0, 0, 0);
    for (name, text) in &texts {
        for line in text.split('\n') {
            lines += 1;
            bytes += line.len();
            if let Some(repaired) = mojibake(line) {
                changed += 1;
                // The one source with mojibake of its own (SOURCES.md).
                assert!(
                    name.ends_with("opentrivia.csv") && line.contains('â'),
                    "{name}: {line}"
                );
                assert!(
                    repaired.contains(['“', '”', '’', '‘', '—', '–', '…', 'é', '£', '½']),
                    "{repaired}"
                );
            }
        }
    }
    println!(
        "{} files, {lines} lines, {bytes} bytes, {changed} lines changed",
        texts.len()
    );
}

#[test]
fn speed_of_each_function() {
    let Some(data) = data() else { return };
    for name in [
        "text/ru/chekhov_drama_na_ohote.txt",
        "text/en/stoker_dracula.txt",
    ] {
        let text = std::fs::read_to_string(data.join(name)).unwrap();
        let time = |title: &str, run: &mut dyn FnMut()| {
            let mut best = f64::INFINITY;
            for _ in 0..20 {
                let start = std::time::Instant::now();
                run();
                best = best.min(start.elapsed().as_secs_f64());
            }
            println!("{name} {title}: {:.0} MB/s", text.len() as f64 / best / 1e6);
        };
        let mut counts = Counts::default();
        time("clean", &mut || {
            assert!(matches!(
                clean(&text, Switches::all(), &mut counts),
                Cow::Borrowed(_)
            ))
        });
        time("mojibake_lines", &mut || {
            assert!(matches!(
                mojibake_lines(&text, &mut counts),
                Cow::Borrowed(_)
            ))
        });
        time("pages", &mut || {
            assert!(pages(&text, Switches::all(), &mut counts).is_none())
        });
        time("detect utf-8", &mut || {
            assert_eq!(
                crate::ingest::encoding::detect(text.as_bytes()).encoding,
                Encoding::Utf8
            )
        });
        let bytes = crate::ingest::encoding::tests::encode(Encoding::Windows1251, &text);
        time("detect windows-1251", &mut || {
            assert!(crate::ingest::encoding::detect(&bytes).confidence > 0.0)
        });
        time("decode windows-1251", &mut || {
            assert!(!Encoding::Windows1251.decode(&bytes).text.is_empty())
        });
        time("decode utf-8", &mut || {
            assert!(!Encoding::Utf8.decode(text.as_bytes()).text.is_empty())
        });
        let wide = crate::ingest::encoding::tests::encode(Encoding::Utf16Le, &text);
        time("reader utf-16le", &mut || {
            let mut all = String::new();
            std::io::Read::read_to_string(&mut Encoding::Utf16Le.reader(&wide[..]), &mut all)
                .unwrap();
            assert_eq!(all.len(), text.len());
        });
    }
}
