use super::*;

fn tell(text: &str) -> Language {
    detect([text].into_iter())
}

/// Sentences of everyday and technical text, written for this test.
const SENTENCES: &[(&str, &[&str])] = &[
    (
        "ru",
        &[
            "Было восемь часов утра — время, когда офицеры купались в море.",
            "Как мне безопасно съесть моего домашнего хомяка?",
            "Я объездил все морги и въехал во двор.",
            "Объявление не является публичной офертой.",
            "Откройте меню Settings, выберите Network и нажмите Apply.",
            "Какой объект дал название знаменитому театру «Ла Скала»?",
            "Функция json_decode() возвращает null, если строка не может быть разобрана.",
            "Мать мыла раму, а отец читал газету.",
            "Сколько будет пять плюс семь?",
            "Установите пакет командой apt install и перезагрузите сервер.",
            "Липучки регулируют полноту и объем, санки имеют удобную съемную спинку.",
            "Въ началѣ было слово, и слово было у Бога, и всё чрезъ него начало быть.",
        ],
    ),
    (
        "uk",
        &[
            "Була восьма година ранку, коли офіцери купалися в морі, і їхні знайомі теж.",
            "Відкрийте меню налаштувань і натисніть кнопку «Зберегти».",
            "Діти грали у дворі, поки мати готувала обід.",
            "Цей пакунок містить бібліотеки, потрібні для роботи програми.",
            "Скільки коштує квиток до Львова?",
            "Учора ввечері йшов сильний дощ, тому ми залишилися вдома.",
            "Уряд ухвалив новий закон про освіту.",
        ],
    ),
    (
        "be",
        &[
            "Была восьмая гадзіна раніцы, калі афіцэры купаліся ў моры, і знаёмыя ў горадзе.",
            "Дзеці гулялі на двары, пакуль маці гатавала абед.",
            "Адкрыйце меню налад і націсніце кнопку «Захаваць».",
            "Учора ўвечары ішоў моцны дождж, таму мы засталіся дома.",
            "Гэты пакет змяшчае бібліятэкі, патрэбныя для працы праграмы.",
        ],
    ),
    (
        "bg",
        &[
            "Беше осем часът сутринта, когато офицерите се къпеха в морето, след горещата нощ.",
            "Отворете менюто с настройки и натиснете бутона за съхранение.",
            "Вчера вечерта валя силен дъжд, затова останахме вкъщи.",
            "Този пакет съдържа библиотеки, които са нужни за работата на програмата.",
            "Първият въпрос е труден, но вторият е съвсем лесен.",
        ],
    ),
    (
        "kk",
        &[
            "Таңғы сағат сегіз болатын, офицерлер теңізде шомылып жүрген еді.",
            "Балалар аулада ойнап жүрді, ал анасы түскі ас дайындады.",
            "Бұл бағдарлама қазақ тіліндегі мәтіндерді тексереді.",
            "Кеше кешке қатты жаңбыр жауды, сондықтан біз үйде қалдық.",
        ],
    ),
    (
        "en",
        &[
            "It was eight in the morning, and the officers were bathing in the sea.",
            "This function returns the number of bytes that were written to the file.",
            "How would you implement a linked list in C++?",
            "She opened the door, and there he was with a letter in his hand.",
            "The word déjà vu is French, but it is used in English, too.",
            "What does NP mean in instant messaging language?",
            "Click Save, and then restart the service to apply the changes.",
            "Which of these reindeers has a name that means lightning?",
        ],
    ),
    (
        "de",
        &[
            "Es war acht Uhr morgens, und die Offiziere badeten nicht in der See, sondern auf dem Land.",
            "Diese Funktion gibt die Anzahl der Bytes zurück, die in die Datei geschrieben wurden.",
            "Die Kinder spielten im Hof, während die Mutter das Essen kochte.",
            "Öffnen Sie das Menü und klicken Sie auf die Schaltfläche Speichern.",
            "Gestern Abend hat es stark geregnet, deshalb sind wir zu Hause geblieben.",
        ],
    ),
    (
        "fr",
        &[
            "Il était huit heures du matin et les officiers se baignaient dans la mer, pour le plaisir.",
            "Cette fonction renvoie le nombre d'octets qui ont été écrits dans le fichier.",
            "Les enfants jouaient dans la cour pendant que leur mère préparait le repas.",
            "Ouvrez le menu et cliquez sur le bouton pour enregistrer les modifications.",
            "Hier soir, il a beaucoup plu, nous sommes donc restés à la maison.",
        ],
    ),
    (
        "es",
        &[
            "Eran las ocho de la mañana y los oficiales se bañaban en el mar con sus amigos.",
            "Esta función devuelve el número de bytes que se han escrito en el archivo.",
            "Los niños jugaban en el patio mientras su madre preparaba la comida.",
            "Abra el menú y haga clic en el botón para guardar los cambios.",
            "Anoche llovió mucho, por eso nos quedamos en casa con los niños.",
        ],
    ),
    (
        "other",
        &[
            "Erano le otto del mattino e gli ufficiali facevano il bagno nel mare, come sempre.",
            "Eram oito horas da manhã e os oficiais não estavam na praia, mas em casa.",
            "Była ósma rano i oficerowie kąpali się w morzu, jak to robią każdego dnia.",
            "Het was acht uur in de ochtend en de officieren waren niet op het strand.",
            "Klockan var åtta på morgonen och officerarna badade inte i havet, som de brukade.",
            "Sabah saat sekizdi ve subaylar bu sahilde denize girmek için bekliyordu.",
            "Било је осам сати ујутру и официри су се купали у мору, као и увек, љубазно.",
            "今日は天気がいいですね",
            "Ήταν οκτώ το πρωί και οι αξιωματικοί κολυμπούσαν στη θάλασσα.",
        ],
    ),
];

#[test]
fn sentences_are_in_their_language() {
    let (mut wrong, mut all) = (Vec::new(), 0);
    for (code, sentences) in SENTENCES {
        for sentence in *sentences {
            all += 1;
            let found = tell(sentence);
            if found.code != *code || !found.shares.is_empty() {
                wrong.push(format!("{code}: {found:?} {sentence}"));
            }
        }
        // Together they leave no doubt.
        let all = sentences.join("\n");
        assert_eq!(tell(&all).code, *code, "{all}");
    }
    assert!(wrong.is_empty(), "{} of {all}: {wrong:#?}", wrong.len());
}

/// Short ones, many without a common word or a letter that tells, written for this test.
const SHORT: &[(&str, &[&str])] = &[
    (
        "de",
        &[
            "Guten Morgen, wie geht es Ihnen heute?",
            "Welche Farbe hat der Himmel bei Sonnenuntergang?",
            "Berlin liegt an der Spree und zählt viele Brücken.",
            "Die Datei konnte nicht gelesen werden: keine Berechtigung.",
        ],
    ),
    (
        "fr",
        &[
            "Bonjour, comment allez-vous ?",
            "Quelle heure est-il à Paris ?",
            "Le chat dort sur la chaise verte.",
            "Impossible de lire le fichier : permission refusée.",
        ],
    ),
    (
        "es",
        &[
            "¿Dónde está la biblioteca?",
            "Error de lectura del archivo de entrada.",
            "La niña come una manzana roja.",
            "¿Cuántos años tiene tu hermano menor?",
        ],
    ),
    (
        "other",
        &[
            "Nie można odczytać pliku wejściowego.",
            "Gdzie mieszka twoja siostra?",
            "Não foi possível abrir o ficheiro.",
            "Onde fica a estação de comboios?",
            "Impossibile leggere il file di ingresso.",
            "Dove si trova la stazione ferroviaria?",
            "De kat slaapt op de groene stoel.",
        ],
    ),
    (
        "bg",
        &["Добър ден! Как сте днес?", "Файлът не може да се прочете."],
    ),
    ("uk", &["Дуже добре, дякую"]),
    ("be", &["Памылка чытання файла, паспрабуйце яшчэ раз."]),
    (
        "en",
        &[
            "Cannot read the input file.",
            "Unable to open display",
            "Where does your sister live?",
            "Invalid option",
            "The café served crème brûlée after dinner.",
            "Restart network service and reload configuration",
            "Antonio Banderas and Penélope Cruz were born in Spain.",
            "Compare mitosis with meiosis",
            "Translate \"Guten Tag\" please",
        ],
    ),
    (
        "ru",
        &[
            "Не удалось прочитать файл, попробуйте снова.",
            "Где живет твоя сестра?",
            "Кошка спит на зеленом стуле.",
            "Столица Испании?",
            "Да, конечно.",
            "Перевод слова на болгарский: книга",
            "Марина перемножила числа 81 и 100, сколько у нее получилось?",
            "Какая команда стала чемпионом?",
            "Я знаю эту работу. Знаешь ты эту работу? Да.",
        ],
    ),
];

#[test]
fn spellings_that_belarusian_has_not_are_known() {
    for text in [
        "Знаешь ты эту работу?",
        "Я плавала в квасе",
        "Я забралась на печку",
        "Тебя, время, доставка",
    ] {
        assert!(cyrillic::has_russian_spelling(text), "{text}");
    }
    let belarusian = SENTENCES
        .iter()
        .chain(SHORT)
        .filter(|(code, _)| *code == "be");
    for text in belarusian.flat_map(|(_, texts)| *texts) {
        assert!(!cyrillic::has_russian_spelling(text), "{text}");
    }
}

#[test]
fn short_texts_are_in_their_language() {
    for (code, texts) in SHORT {
        for text in *texts {
            let found = tell(text);
            assert_eq!(found.code, *code, "{found:?} {text}");
        }
    }
    // Lines that repeat lack the same letters once.
    let log = |number| {
        format!("2024-01-01 00:00:0{number} INFO [main] Запрос {number} обработан за 12 мс\n")
    };
    let found = tell(&(0..8).map(log).collect::<String>());
    assert_eq!(found.code, "ru", "{found:?}");
    // Nothing in it tells, and that is said.
    assert!(tell("Не вдалося прочитати файл, спробуйте ще раз.").score <= 0.6);
    assert!(tell("Invalid option").score <= 0.5);
}

#[test]
fn short_and_empty_texts_do_not_pretend() {
    assert_eq!(tell("93").code, "und");
    assert_eq!(tell("53×82=?").code, "und");
    assert_eq!(tell("Чили").code, "ru");
    assert!(tell("Paris").score <= 0.5);
    assert!(tell("let x = 4;\nlet y = x + 1;").score <= 0.5);
    assert_eq!(tell("let x = 4;\nlet y = x + 1;").code, "en");
}

#[test]
fn the_prose_tells_the_language_not_the_code() {
    let code = "```python\ndef add(x, y):\n    return x + y\nprint(add(2, 3))\n```\n";
    let indented = "def quick_sort(arr):\n    if len(arr) < 2:\n        return arr\n    else:\n        pivot = arr[0]\n";
    for (text, wanted) in [
        (format!("Напишите функцию.\n\n{}", code.repeat(20)), "ru"),
        (format!("Нужно прочитать код:\n\n{indented}"), "ru"),
        (format!("Write a function that adds two numbers.\n{code}"), "en"),
        (
            "Rewrite the snippet to use a ternary: if (x > y) { z = x; } else { z = y; }.\nlet x = 4; let y = 9;\nlet z = x > y ? x : y;".to_owned(),
            "en",
        ),
        ("Какая компания сняла «Пиратов»?\nThe Walt Disney Company, Jerry Bruckheimer Productions".to_owned(), "ru"),
        ("Установите пакет:\n\nsudo apt-get install --no-install-recommends build-essential libssl-dev".to_owned(), "ru"),
    ] {
        let found = tell(&text);
        assert_eq!((found.code, found.shares.len()), (wanted, 0), "{found:?} {text}");
    }
}

#[test]
fn a_mixed_document_has_shares_of_its_letters() {
    let ru = "Это предложение написано по-русски, и таких предложений здесь много.\n";
    let en = "This sentence is in English, and there are many of them in this text.\n";
    let uk = "Це речення написане українською, і таких речень тут теж чимало є.\n";
    let found = tell(&format!("{}{}", ru.repeat(30), en.repeat(10)));
    assert_eq!(found.code, "ru");
    let codes: Vec<&str> = found.shares.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, ["ru", "en"]);
    assert!(
        (found.shares[0].1 - 0.75).abs() < 0.06,
        "{:?}",
        found.shares
    );
    // Longer than the sample, the other language at the very end.
    let found = tell(&format!("{}{}", ru.repeat(1_000), en.repeat(500)));
    assert!(
        (found.shares[1].1 - 0.25).abs() < 0.12,
        "{:?}",
        found.shares
    );
    let found = tell(&format!("{}{}", ru.repeat(10), uk.repeat(12)));
    assert_eq!((found.code, found.shares.len()), ("uk", 2), "{found:?}");
    // A name or a term makes no document mixed.
    assert_eq!(
        tell(&format!("{}Alice in Wonderland.\n", ru.repeat(3))).shares,
        []
    );
}

#[test]
fn the_sample_is_cut_between_characters_of_every_piece() {
    let pieces: Vec<String> = (1..60).map(|n| "щ日a".repeat(n * 7)).collect();
    let found = detect(pieces.iter().map(String::as_str));
    assert_eq!(found.code, "ru");
}
