use super::html::{escape, number, step, value};
use super::page::Page;
use super::reduced::Reduced;
use super::strings::{ALL, INGEST, NONE};
use crate::plan::quantity::Lang;
use serde_json::json;

#[test]
fn what_would_change_the_page_is_text() {
    assert_eq!(
        escape("<script>alert('x')</script> & \"y\""),
        "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;y&quot;"
    );
    // A right-to-left override, a null, a bell, an invisible joiner of words; lines stay.
    assert_eq!(
        escape("a\u{202e}b\0\u{7}\u{2060}\n\tё"),
        "a⟦U+202E⟧b⟦U+0000⟧⟦U+0007⟧⟦U+2060⟧\n\tё"
    );
    // Hebrew and a family of joined emoji are no marks.
    assert_eq!(escape("שלום 👨\u{200d}👩"), "שלום 👨\u{200d}👩");
}

#[test]
fn numbers_say_where_they_are_from() {
    let report = json!({"by": {"a/b~<c>": 1_234_567, "x": 0.123_456}, "none": null, "gpu": "cpu"});
    let pointer = format!("/by{}", step("a/b~<c>"));
    assert_eq!(report.pointer(&pointer), Some(&json!(1_234_567)));
    assert_eq!(
        value(&report, &pointer, Lang::En),
        "<data data-key=\"/by/a~1b~0&lt;c&gt;\" data-value=\"1234567\" value=\"1234567\">1\u{a0}234\u{a0}567</data>"
    );
    assert!(value(&report, "/by/x", Lang::En).ends_with(">0.1235</data>"));
    assert!(value(&report, "/by/x", Lang::Ru).ends_with(">0,1235</data>"));
    assert!(value(&report, "/gpu", Lang::En).ends_with(">cpu</data>"));
    assert_eq!(value(&report, "/none", Lang::En), "–");
    assert_eq!(value(&report, "/else", Lang::En), "–");
    for (of, want) in [
        (json!(0.0), "0"),
        (json!(3.5), "3.500"),
        (json!(16_977.2), "16\u{a0}977"),
        (json!(0.000_216_9), "0.000217"),
        (json!(2e-9), "2.000e-9"),
    ] {
        assert_eq!(number(&of, Lang::En), want, "{of}");
    }
}

#[test]
fn phrases_are_in_both_languages_and_need_no_escaping() {
    for phrase in ALL {
        let [english, russian] = [Lang::En, Lang::Ru].map(|lang| phrase.of(lang));
        assert_eq!(escape(english), english);
        assert_eq!(escape(russian), russian);
        assert!(english.is_ascii(), "{english}");
        assert!(
            russian.chars().any(|c| ('а'..='я').contains(&c)),
            "{english} has no Russian"
        );
    }
}

#[test]
fn a_page_has_landmarks_and_a_language() {
    let report = Reduced::from(json!({"n": 7}));
    let mut page = Page::new(Lang::Ru, &report);
    page.title(INGEST);
    page.section(NONE, page.cards(&[(NONE, "/n")]));
    let html = page.render();
    for needle in [
        "<html lang=\"ru\">",
        "<main id=\"main\">",
        "<nav aria-label=",
        "<section aria-labelledby=\"s0\"><h2 id=\"s0\">",
        "data-key=\"/n\" data-value=\"7\"",
    ] {
        assert!(html.contains(needle), "{needle}");
    }
    // The scripts and styles of the page are its own.
    assert_eq!(html.matches("<script").count(), 1);
    assert!(!html.contains("http://") && !html.contains("https://"));
}
