#![expect(
    clippy::print_stdout,
    reason = "the tables of a measurement, and why one was skipped"
)]

use super::*;
use crate::ingest::encoding::Encoding;
use crate::ingest::encoding::tests::{encode, encode_or_question_mark};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

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
            let bytes = encode(right, line);
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

/// Words of which most letters are near the one before, unlike a list of letters.
#[test]
fn words_of_neighbouring_letters_are_swapped_back() {
    for line in [
        "Свежий космос",
        "кости лопуха",
        "Кости и космос",
        "Свежий кортеж",
        "зимой моржи, кости, моста",
    ] {
        let damaged = Encoding::Windows1252
            .decode(&encode(Encoding::Windows1251, line))
            .text;
        assert_eq!(mojibake(&damaged).as_deref(), Some(line), "{damaged}");
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
        "àáâãäå èéêë",
        "regex [ìíîïðñòóôõö] and [ñòóôõ]",
        "Replace îïðñòó by îïñò in names",
        "ÀÁÂÃÄÅ ÈÉÊË",
        "à á â ã ä å æ ç è é ê ë ì í î ï ð ñ ò ó ô õ ö ù ú û ü ý þ ÿ",
        "À, Á, Â, Ã, Ä, Å, Ç, È, É, Ê, Ë, Ì, Í, Î, Ï, Ñ, Ò, Ó, Ô, Õ, Ö, Ù, Ú, Û, Ü, Ý",
        "Àà Áá Ââ Ãã Ää Åå Ææ Çç Èè Éé Êê Ëë",
        "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿ",
        "aàáâãäå eèéêë iìíîï oòóôõö uùúûü",
        "«àáâãäåæçèéêëìíîï», ñòóôõö",
        "à â ä ç è é ê ë î ï ô ö ù û ü ÿ",
        "éèêë àâ îï ôö ùûü ç",
        "á é í ó ú ü ñ",
        "ãáàâ çéê íóôõ ú",
        "[a-zàâçéèêëîïôûùüÿñæœ]+",
        "áčďéěíňóřšťúůýž",
        "äöüß ÄÖÜ",
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

#[test]
fn texts_about_misreadings_are_left_alone() {
    for line in [
        "Строка РџСЂРёРІРµС‚ означает Привет.",
        "Вместо «Привет» видно Ð¿Ñ€Ð¸Ð²ÐµÑ‚, а в KOI8-R — п÷я─п╦п╡п╣я┌.",
        "The string Ð¿Ñ€Ð¸Ð²ÐµÑ‚ means привет.",
        "ОШИБКА: РџСЂРёРІРµС‚",
    ] {
        assert_eq!(mojibake(line), None, "{line}");
        let mut counts = Counts::default();
        assert_eq!(mojibake_lines(line, &mut counts), line);
        assert_eq!(
            (counts.get(Repair::Mojibake), counts.left),
            (0, 1),
            "{line}"
        );
    }
    // Without a healthy word beside it, it is as certain as ever.
    for (damaged, meant) in [
        ("Log: РџСЂРёРІРµС‚ (ok)", "Log: Привет (ok)"),
        ("РўРµРєСЃС‚ donвЂ™t", "Текст don’t"),
    ] {
        assert_eq!(mojibake(damaged).as_deref(), Some(meant), "{damaged}");
    }
}

/// Russian with a Latin letter at many capitals.
const GLUED: &[&str] = &[
    r#"text = "Граф\nИ что же нам теперь делать?\n\nЖульета\nИ все то же, что и вчера.\nА ты?\n\nГраф\nТо и делай.\nАх, как же!\nИ не спорь.\n""#,
    "text = \"Граф nИ что же нам теперь делать? nЖульета nИ все то же, что и вчера. nА ты? nГраф nТо и делай. nАх, как же! nИ не спорь.",
    r"\nСколь вы учтивы,\nТак милостивы!\nА, барин мой, какой мешочек,\nАх, полный такой кошелечек!\nАх, сколько злата,\nКак я богата...\nИ все-то мне?\n\nГраф\nТо все тебе.\n\nЖульета\nИ все-то мне?\n\nГ",
    r"\tИ вот.\tЗа ним.\tК нему.\tС ним.\tО нем.\tУ него.\tВ нем.\tА он.\tЯ тут.\tИ все.\tИ мы.\tИ вы.\tИ он.",
    "uИван uПетр uСеменъ uТит uЗахар uИгнат uЙод uЕлена uФома uУльяна uХаритон uЦезарь uЧук uШура uЩука uЭдик uЮра uЯша",
    "xА yБ zВ xГ yД zЕ xЖ yЗ zИ xК yЛ zМ xН yО zП xР yС zТ xУ yФ zХ xЦ yЧ zШ xЩ yЭ zЮ xЯ и а и а и а и а",
    "концеИ начало, домТо и садАх, где жеИ кто, что этоТы и онИ она, весьСад былЗелен, иИ так далееИ далееИ далееИ",
    "nИ nК nС nТ nИ nУ nЗ nИ nК nС nТ nИ nУ nЗ nи nк nс nт nи",
];

#[test]
fn latin_letters_at_capitals_are_no_sign_of_a_wrong_reading() {
    for line in GLUED {
        for line in [(*line).to_owned(), line.repeat(20)] {
            assert_eq!(mojibake(&line), None, "{line}");
        }
    }
}

#[test]
fn latin_letters_at_capitals_hide_no_wrong_reading() {
    use Encoding::{Koi8R, MacCyrillic, Windows1251, Windows1252};
    for line in [
        r"Граф\nИ что же нам теперь делать, если он не придет и не скажет ни слова?",
        r"Жульета\nТак милостивы! Ах, полный такой кошелечек, какой мешочек\nКак я богата",
    ] {
        for (right, wrong) in [
            (Windows1251, Windows1252),
            (Windows1251, Koi8R),
            (Koi8R, Windows1251),
            (MacCyrillic, Koi8R),
        ] {
            let damaged = wrong.decode(&encode(right, line)).text;
            let repaired = mojibake(&damaged);
            assert_eq!(repaired.as_deref(), Some(line), "{right:?} as {wrong:?}");
        }
    }
}

#[test]
fn capitals_that_were_read_as_macintosh_come_back() {
    let line =
        "Граф Ушаков, Петр Ильич, Федор Кузьмич, Иван Захарович, Елена Тимофеевна и Жанна Львовна";
    for (right, wrong) in [
        (Encoding::Windows1251, Encoding::MacCyrillic),
        (Encoding::MacCyrillic, Encoding::Windows1251),
    ] {
        let damaged = wrong.decode(&encode(right, line)).text;
        let repaired = mojibake(&damaged);
        assert_eq!(repaired.as_deref(), Some(line), "{damaged}");
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
fn accuracy_of_mojibake_on_the_truth_file() {
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
    println!("{:20} right wrong  left    recall precision", "kind");
    for (kind, [right, wrong, left]) in &kinds {
        let share = |part: u32, of: u32| match of {
            0 => "–".to_owned(),
            of => format!("{:.2}%", f64::from(part) * 100.0 / f64::from(of)),
        };
        let lossless = !matches!(
            kind.as_str(),
            "clean" | "question_marks" | "replacement_chars"
        );
        // Of healthy and lost lines none can be repaired: only that they are left counts.
        let repairable = if lossless { right + wrong + left } else { 0 };
        let recall = share(*right, repairable);
        let precision = share(*right, right + wrong);
        println!("{kind:20} {right:5} {wrong:5} {left:5} {recall:>9} {precision:>9}");
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
        let bytes = encode_or_question_mark(right, repaired);
        wrong.decode(&bytes).text
    };
    let damaged = match kind {
        "utf8_as_latin1" => latin1(repaired.as_bytes()),
        "double_utf8_cp1252" => latin1(latin1(repaired.as_bytes()).as_bytes()),
        "utf8_as_cp1251" => Encoding::Windows1251
            .decode(repaired.as_bytes())
            .text
            .replace('\u{98}', "\u{fffd}"),
        "cp1251_as_latin1" => latin1(&encode_or_question_mark(Encoding::Windows1251, repaired)),
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
            if mojibake(line).is_some() {
                changed += 1;
                // The one source with mojibake of its own (SOURCES.md).
                assert!(
                    name.ends_with("opentrivia.csv") && line.contains(['â', 'Ã', 'Â', 'Ð']),
                    "{name}: {line}"
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
fn pieces_of_healthy_russian_never_change() {
    const PIECES: usize = 6_000;
    let Some(data) = data() else { return };
    let mut texts = Vec::new();
    read_all(&data.join("text/ru"), &mut texts);
    let mut state = 1_u64;
    let mut draw = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut bytes = 0;
    for piece in 0..PIECES {
        let (name, text) = &texts[piece % texts.len()];
        let length = [40, 80, 150, 300, 600, 1_200, 4_800][draw(7)];
        let start = text.floor_char_boundary(draw(text.len()));
        let end = text.ceil_char_boundary((start + length).min(text.len()));
        // As one line, whatever lines it had, too.
        let lines = &text[start..end];
        let line = lines.split_whitespace().collect::<Vec<_>>().join(" ");
        let escaped = lines.replace('\n', "\\n");
        for line in lines.split('\n').chain([line.as_str(), escaped.as_str()]) {
            bytes += line.len();
            assert_eq!(mojibake(line), None, "{name} {start}: {line}");
        }
    }
    println!("{} files, {PIECES} pieces, {bytes} bytes", texts.len());
}
