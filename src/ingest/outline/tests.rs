//! Lines are told for what they are, and where documents may end.

use super::*;

/// The strength of the place before each line that is not blank, but for the first.
fn strengths(text: &str) -> Vec<(Strength, &str)> {
    Outline::new(text, true)
        .filter(|place| place.next < text.len())
        .map(|place| {
            (
                place.strength,
                text[place.next..].lines().next().unwrap_or("").trim(),
            )
        })
        .collect()
}

fn of(text: &str, line: &str) -> Strength {
    let found = strengths(text);
    found
        .iter()
        .find(|(_, next)| next.starts_with(line))
        .unwrap_or_else(|| panic!("no place before {line} in {found:?}"))
        .0
}

#[test]
fn chapters_are_told_from_sentences_that_begin_like_them() {
    for heading in [
        "Глава I",
        "ГЛАВА ПЕРВАЯ",
        "Глава 12. Дуэль",
        "Часть вторая",
        "CHAPTER 1",
        "CHAPTER I. Down the Rabbit-Hole",
        "Book the First",
        "ACT II",
        "Эпилог",
        "PROLOGUE.",
        "# Title",
        "Глава 5\nЗагрузка",
    ] {
        let text = format!("Один.\n\n{heading}\n\nДва.\n");
        let first = heading.lines().next().expect("a line");
        assert_eq!(of(&text, first), Strength::Section, "{heading}");
    }
    for (heading, wanted) in [
        ("XIV", Strength::Heading),
        ("## 2. Struggle", Strength::Heading),
        ("СИСТЕМНЫЕ ТРЕБОВАНИЯ", Strength::Heading),
        ("ЯВЛЕНИЕ III", Strength::Heading),
        ("12", Strength::Heading),
        ("Глава халдейских мудрецов,", Strength::Paragraph),
        ("Часть солдат ушла.", Strength::Paragraph),
        ("Book shelves were empty.", Strength::Paragraph),
        (
            "Книга вторая лежала на столе, и рядом с нею,",
            Strength::Paragraph,
        ),
        ("#include <stdio.h>", Strength::Paragraph),
        ("и дальше", Strength::Indented),
    ] {
        let text = format!("Один.\n\n{heading}\n\nДва.\n");
        assert_eq!(of(&text, heading), wanted, "{heading}");
    }
}

#[test]
fn separators_part_texts_but_rules_of_tables_and_headings_do_not() {
    for separator in ["***", "* * *", "%", "---", "===", "⁂", "_ _ _", "-------"] {
        let text = format!("Один.\n\n{separator}\n\nДва.\n");
        assert_eq!(of(&text, "Два."), Strength::Section, "{separator}");
        assert_eq!(of(&text, separator), Strength::Inside, "{separator}");
    }
    assert_eq!(of("Один.\n%\nДва.\n", "Два."), Strength::Section);
    let two = "Один.\n\n * * *\n\n* * *\n\nДва.\n";
    assert_eq!(of(two, "Два."), Strength::Section);
    assert!(
        strengths(two)[..2]
            .iter()
            .all(|(strength, _)| *strength == Strength::Inside)
    );
    assert_eq!(
        of("См. Приложение и\nРаздел 2.2 и дальше.\n", "Раздел"),
        Strength::Line
    );
    for (text, line, wanted) in [
        // Underlined headings.
        (
            "Текст.\n\nTitle\n=====\nText.\n",
            "Title",
            Strength::Section,
        ),
        (
            "Текст.\n\nTitle\n-----\n\nText.\n",
            "Title",
            Strength::Heading,
        ),
        (
            "Текст.\n\nTitle\n-----\n\nText.\n",
            "-----",
            Strength::Inside,
        ),
        // A table of pandoc and one of Markdown.
        ("Т.\n\n-----\na b\n-----\nc d\n", "a b", Strength::Line),
        ("Т.\n\n|a|b|\n|---|---|\n|c|d|\n", "|c|d|", Strength::Line),
        ("Т.\n\n---- ----\n\nC d\n", "C d", Strength::Indented),
    ] {
        assert_eq!(of(text, line), wanted, "{text}");
    }
}

#[test]
fn code_and_front_matter_are_not_torn_and_a_heading_keeps_its_text() {
    let text = "---\ntitle: x\n\n---\n\nA.\n\n```rust\nfn a() {}\n\n# no heading\n\nb\n```\n\nC.\n";
    let found = strengths(text);
    let inside = ["title: x", "---", "fn a() {}", "# no heading", "b", "```"];
    for (strength, line) in found {
        assert_eq!(
            strength == Strength::Inside,
            inside.contains(&line),
            "{line}"
        );
    }
    // A fence that nothing closes is none.
    assert_eq!(of("A.\n\n```\nx\n\nB.\n", "B."), Strength::Paragraph);
    assert_eq!(of("A.\n\nГлава I\n\nB.\n", "B."), Strength::Inside);
    assert_eq!(
        of("A.\n\n    code\n\n    more\n", "more"),
        Strength::Indented
    );
    assert_eq!(of("A.\n\n\n\nB.\n", "B."), Strength::Gap);
    assert_eq!(of("A.\x0c\nB.\n", "B."), Strength::Page);
    assert_eq!(of("A.\n\x0cB.\n", "B."), Strength::Page);
    assert_eq!(of("Стих,\nстрока.\nЕщё\n", "строка."), Strength::Line);
    assert_eq!(
        of("Конец.\n     Абзац,\nещё.\n", "Абзац"),
        Strength::Indented
    );
    assert_eq!(of("Стих,\nстрока.\nЕщё\n", "Ещё"), Strength::Sentence);
}

#[test]
fn characters_of_a_line_are_counted_whatever_its_length() {
    for character in ["x", "ж", "—", "😀", "xж—😀"] {
        for length in (0..40).chain([254, 255, 256, 4_000, 40_000]) {
            let line = character.repeat(length);
            assert_eq!(characters(&line), line.chars().count() as u64, "{length}");
        }
    }
}

#[test]
fn places_say_where_they_are_in_bytes_lines_and_characters() {
    let text = "\nдва\n\nтри\n";
    let places: Vec<Place> = Outline::new(text, true).collect();
    assert_eq!(places.len(), 2);
    let first = places[0];
    assert_eq!(&text[..first.end], "\nдва\n");
    assert_eq!(&text[first.next..], "три\n");
    assert_eq!(
        (first.lines, first.characters, first.characters_next),
        (3, 5, 6)
    );
    assert_eq!(
        (places[1].end, places[1].strength),
        (text.len(), Strength::Page)
    );
    assert_eq!(Outline::new(" \n\n", true).count(), 0);
}
