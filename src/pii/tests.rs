use super::{Counts, Masker, TYPES};

fn mask(text: &str) -> String {
    let masker = Masker::new(&["all".to_owned()]).unwrap();
    let mut counts = Counts::new();
    let masked = masker.mask(text, &mut counts);
    assert_eq!(masked.is_some(), !counts.is_empty(), "{text}");
    masked.unwrap_or_else(|| text.to_owned())
}

#[track_caller]
fn masked(text: &str, expected: &str) {
    assert_eq!(mask(text), expected);
}

#[track_caller]
fn alone(text: &str) {
    assert_eq!(mask(text), text);
}

#[test]
fn email() {
    masked("Пишите на ivan.petrov+news@mail.ru.", "Пишите на <EMAIL>.");
    masked("почта:иван@почта.рф,", "почта:<EMAIL>,");
    masked("ivan@mail.ru.Ответ придёт", "<EMAIL>.Ответ придёт");
    masked("<a@b.co>", "<<EMAIL>>");
    masked("...ivan@mail.ru", "...<EMAIL>");
    masked("x@xn--80a1acny.xn--p1ai", "<EMAIL>");
    alone("user@example.com, a@sub.example.org, root@localhost");
    alone("icon@2x.png lodash@4.17.21 @types/node a @ b foo@bar git@github.com:a/b.git");
    alone("a@-b.com a@b..com @mail.ru");
}

#[test]
fn addresses() {
    masked("from 93.184.216.34:8080", "from <IP>:8080");
    masked("http://93.184.216.34/", "http://<IP>/");
    alone("192.168.1.1 10.0.0.1 127.0.0.1 172.16.5.4 100.64.0.1 203.0.113.9 255.255.255.0 0.0.0.0");
    alone("Section 8.14.2.1, версия 93.184.216.34, v93.184.216.34, 93.184.216.34.5, 1.2.3");
    alone("26.3.3.2. Standalone\n## 52.3.1.4.\u{a0}Startup");
    masked("\n93.184.216.34 ok", "\n<IP> ok");
    masked("[2a00:1450:4010:c0e::71]", "[<IP>]");
    alone("2001:db8::1 fe80::1 ::1 std::vector 12:30:45 abc::def");
}

#[test]
fn phones() {
    for number in [
        "+7 (916) 123-45-67",
        "+79161234567",
        "8 (495) 123-45-67",
        "8-800-555-35-35",
        "89161234567",
        "8 916 123 45 67",
        "+44 20 7946 0958",
        "+1-202-555-0143",
        "(495) 123-45-67",
        "(555) 234-5678",
        "555-234-5678",
        "1-800-555-1234",
        "+380 44 123 45 67",
    ] {
        masked(&format!("Тел.: {number}."), "Тел.: <PHONE>.");
    }
    alone("1234567890 и 81234567890, 2020-2021, 555 234 5678");
    alone("3.14159265358979, +5, x+7, 10-12-2024, 1 000 000 000, 978-5-699-12014-7");
    alone("+20210101, +1 200 000 000, +15 000 000 рублей, 84951234567, 7 916 123 45 67");
    masked(
        "Телефон 84951234567, моб. 7 916 123 45 67",
        "Телефон <PHONE>, моб. <PHONE>",
    );
    alone("100-200-3000 123-45-67 (2020) 1-2-3");
    masked("+7 916 123-45-67, +7 916 123-45-68", "<PHONE>, <PHONE>");
    masked("8 916 123-45-67 8 916 123-45-68", "<PHONE> <PHONE>");
}

#[test]
fn cards() {
    masked("4111 1111 1111 1111", "<CARD>");
    masked("№5555555555554444,", "№<CARD>,");
    masked("3782 822463 10005", "<CARD>");
    masked("2200-7706-1234-5670", "<CARD>");
    // One digit wrong, no issuer, one digit too many.
    alone("4111 1111 1111 1112");
    alone("1111 1111 1111 1117");
    alone("41111111111111111");
    alone("0.4111111111111111");
}

#[test]
fn russian_documents() {
    masked("СНИЛС 112-233-445 95", "СНИЛС <SNILS>");
    masked("СНИЛС: 11223344595", "СНИЛС: <SNILS>");
    alone("112-233-445 96");
    alone("код 11223344595");
    masked("ИНН 500100732259", "ИНН <INN>");
    masked("инн/кпп 7707083893", "инн/кпп <INN>");
    alone("ИНН 500100732258");
    alone("номер 500100732259");
    masked("паспорт 45 08 123456 выдан", "паспорт <PASSPORT> выдан");
    masked("Паспорт: серия 4508 № 123456", "Паспорт: серия <PASSPORT>");
    alone("в 45 08 123456 случаях");
}

#[test]
fn only_the_kinds_asked_for_are_masked() {
    let masker = Masker::new(&["email".to_owned()]).unwrap();
    let mut counts = Counts::new();
    let text = "ivan@mail.ru, +79161234567, ivan@mail.ru";
    let masked = masker.mask(text, &mut counts).unwrap();
    assert_eq!(masked, "<EMAIL>, +79161234567, <EMAIL>");
    assert_eq!(counts.get("email"), Some(&2));
    let error = Masker::new(&["fax".to_owned()]).unwrap_err();
    assert!(
        TYPES.iter().all(|kind| error.contains(kind.name)),
        "{error}"
    );
}

#[test]
fn placeholders_are_not_personal() {
    for kind in TYPES {
        alone(kind.placeholder);
    }
}

/// Whatever stands in a text, masking what is masked changes nothing more.
#[test]
fn masking_twice_is_masking_once() {
    const PIECES: [&str; 16] = [
        "@", ".", "7", "8", "+7", "916", "12", "-", " ", "(", ")", "ru", "я", ":", "::", "4111",
    ];
    let mut state = 7_u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..24 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            text.push_str(PIECES[(state >> 60) as usize]);
        }
        let once = mask(&text);
        if !once.contains('<') {
            assert_eq!(once, text);
        }
        let twice = mask(&once);
        let count = |text: &str| text.matches('<').count();
        assert!(count(&twice) >= count(&once), "{text}");
    }
}
