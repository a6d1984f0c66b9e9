//! `prep ingest` of web pages: HTML files, web archives, XML.

use crate::support::archives::gzip;
use crate::support::corpus::{assert_balances, documents, places, rejects, text};
use crate::support::{Prep, cp1251, place, read_json, tree, write};
use std::fmt::Write as _;
use std::path::Path;

const PROSE: &str =
    "Длинный абзац о погоде, о море и о том, что было на берегу вчера вечером, после дождя.";

fn page(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html><html><head><title>{title}</title><script>var x = 1 < 2;</script></head>\
         <body><nav><a href=/>На главную</a></nav>{body}<footer>© 2026</footer></body></html>"
    )
}

fn ingest(dir: &Path, name: &str, bytes: &[u8], code: i32) -> std::path::PathBuf {
    let (source, corpus) = (dir.join(name), dir.join(format!("corpus of {name}")));
    write(&source, bytes);
    assert_balances(&Prep::ingest(&source, &corpus).code(code).json());
    corpus
}

#[test]
fn a_page_is_one_document_whatever_it_is_called_and_however_it_is_written() {
    let place = place();
    let html = page(
        "Погода",
        &format!("<h1>Море</h1><p>{PROSE}</p><pre>let a = 1;\n\n  b</pre>"),
    );
    let wanted = format!("# Море\n\n{PROSE}\n\n```\nlet a = 1;\n\n  b\n```");
    let meta = html.replace("<head>", "<head><meta charset=windows-1251>");
    let wide: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(html.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    for (name, bytes, encoding) in [
        ("a.html", html.clone().into_bytes(), "utf-8"),
        ("a.HTM", cp1251(&meta), "windows-1251"),
        ("b.html", cp1251(&html), "windows-1251"),
        ("wide.html", wide, "utf-16le-bom"),
        ("page", html.clone().into_bytes(), "utf-8"),
        ("lies.txt", html.clone().into_bytes(), "utf-8"),
        ("a.html.gz", gzip(html.as_bytes()), "utf-8"),
    ] {
        let corpus = ingest(place.path(), name, &bytes, 0);
        let [document] = &documents(&corpus)[..] else {
            panic!("one document of {name}")
        };
        assert_eq!(text(document), wanted, "{name}");
        assert_eq!((document.record, document.lang.as_str()), (1, "ru"));
        assert_eq!(document.meta.as_deref(), Some("{\"title\":\"Погода\"}"));
        let manifest = read_json(&corpus.join("manifest.json"));
        assert_eq!(manifest["sources"][0]["format"], "html", "{name}");
        assert_eq!(manifest["sources"][0]["encoding"], encoding, "{name}");
    }
}

#[test]
fn a_page_that_cannot_be_parsed_in_bounded_memory_is_a_reject_with_a_remedy() {
    let place = place();
    for (name, bytes, error) in [
        (
            "large.html",
            format!("<p>{}", "слово ".repeat(1_600_000)),
            "record_too_long",
        ),
        ("deep.html", "<div>".repeat(200_000), "unreadable_html"),
        (
            "empty.html",
            "<html><script>x</script></html>".to_owned(),
            "empty_text",
        ),
    ] {
        let corpus = ingest(place.path(), name, bytes.as_bytes(), 1);
        let [reject] = &rejects(&corpus)[..] else {
            panic!("one reject of {name}")
        };
        assert_eq!((reject.record, reject.error.as_str()), (1, error));
        assert_eq!(reject.bytes, bytes.len() as u64);
        assert!(
            error == "empty_text" || reject.message.contains("--as text"),
            "{}",
            reject.message
        );
    }
}

/// The text between tags, with the entities that the real pages have in code.
fn stripped(html: &str) -> String {
    let (mut out, mut inside) = (String::new(), false);
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

/// What stands between two strings, each time.
fn between<'a>(text: &'a str, from: &str, to: &str) -> Vec<&'a str> {
    text.split(from)
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(to)?.0))
        .collect()
}

#[test]
fn real_pages_keep_their_text_and_lose_their_navigation() {
    let Some(data) = std::env::var_os("PREP_DATA").map(std::path::PathBuf::from) else {
        prep::output::note("skipped: PREP_DATA is not set, it names the directory of real pages");
        return;
    };
    let place = place();
    let report = Prep::ingest(&data.join("text/html"), place.path()).json();
    assert_balances(&report);
    let documents = documents(place.path());
    assert_eq!(documents.len(), 41);
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (mut codes, mut paragraphs) = (0, 0);
    for document in &documents {
        let path = data.join("text").join(&document.source);
        let html = String::from_utf8(crate::support::read(&path)).expect("UTF-8");
        let (text, name) = (text(document), &document.source);
        for code in between(&html, "<pre class=\"programlisting\">", "</pre>") {
            let code = stripped(code);
            assert!(
                text.contains(code.trim_matches('\n').trim_end()),
                "{name} lacks {code}"
            );
            codes += 1;
        }
        let one_line = squeezed(text);
        let body = html
            .split("<div class=\"navheader\">")
            .nth(1)
            .unwrap_or(&html);
        for paragraph in between(body, "<p>", "</p>") {
            let paragraph = squeezed(&stripped(paragraph).replace('\u{200b}', ""));
            let contents = ["Содержание", "Table of Contents"].contains(&paragraph.as_str());
            if !paragraph.contains('&') && !contents {
                assert!(one_line.contains(&paragraph), "{name} lacks {paragraph}");
                paragraphs += 1;
            }
        }
        for navigation in ["\nPrev", "Next\n", "| Up |", "След.", "Начало\n", "Home |"] {
            assert!(!text.contains(navigation), "{name} has {navigation:?}");
        }
        assert!(!text.contains("<div") && !text.contains("&nbsp;"), "{name}");
        let meta = document.meta.as_deref().expect("has a title");
        assert!(meta.starts_with("{\"title\":\""), "{meta}");
    }
    assert!(
        codes > 30 && paragraphs > 500,
        "{codes} codes, {paragraphs} paragraphs"
    );
}

/// A record of a web archive.
fn record(kind: &str, media: &str, url: &str, content: &[u8]) -> Vec<u8> {
    let mut out = format!(
        "WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:1>\r\nWARC-Target-URI: {url}\r\n\
         WARC-Date: 2026-01-02T03:04:05Z\r\nContent-Type: {media}\r\nContent-Length: {}\r\n\r\n",
        content.len()
    )
    .into_bytes();
    out.extend_from_slice(content);
    out.extend_from_slice(b"\r\n\r\n");
    out
}

fn response(url: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut content = format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n").into_bytes();
    content.extend_from_slice(body);
    record(
        "response",
        "application/http; msgtype=response",
        url,
        &content,
    )
}

fn chunked(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in body.chunks(50) {
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

/// The records of a crawl.
fn crawl() -> Vec<Vec<u8>> {
    let html = page("Море", &format!("<p>{PROSE}</p>"));
    vec![
        record("warcinfo", "application/warc-fields", "", b"software: test"),
        record(
            "request",
            "application/http; msgtype=request",
            "http://a/1",
            b"GET / HTTP/1.1\r\n\r\n",
        ),
        response(
            "http://a/1",
            "Content-Type: text/html; charset=windows-1251",
            &cp1251(&html),
        ),
        response(
            "http://a/2",
            "Content-Type: text/html\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip",
            &chunked(&gzip(html.as_bytes())),
        ),
        response(
            "http://a/3",
            "Content-Type: text/plain; charset=utf-8",
            PROSE.as_bytes(),
        ),
        response("http://a/4", "Content-Type: image/png", b"\x89PNG"),
        response(
            "http://a/5",
            "Content-Type: text/html\r\nContent-Encoding: br",
            b"\x0b\x02",
        ),
        response(
            "http://a/6",
            "Content-Type: text/html",
            b"<script>nothing</script>",
        ),
        record(
            "metadata",
            "application/warc-fields",
            "http://a/1",
            b"fetchTimeMs: 1",
        ),
        record("conversion", "text/plain", "http://a/7", PROSE.as_bytes()),
    ]
}

#[test]
fn a_web_archive_gives_its_pages_and_counts_the_rest() {
    let place = place();
    let records = crawl();
    let plain = records.concat();
    let members: Vec<u8> = records.iter().flat_map(|record| gzip(record)).collect();
    for (name, bytes) in [
        ("crawl.warc", plain.clone()),
        ("crawl.warc.gz", members),
        ("crawl.warc.wet.gz", gzip(&plain)),
        ("no ending", plain.clone()),
    ] {
        let corpus = ingest(place.path(), name, &bytes, 1);
        let found: Vec<(u64, String)> = documents(&corpus)
            .iter()
            .map(|document| (document.record, text(document).to_owned()))
            .collect();
        let wanted = [3, 4, 5, 10].map(|record| (record, PROSE.to_owned()));
        assert_eq!(found, wanted, "{name}");
        let meta: serde_json::Value =
            serde_json::from_str(documents(&corpus)[1].meta.as_deref().expect("has one"))
                .expect("JSON");
        assert_eq!(
            meta,
            serde_json::json!({"url": "http://a/2", "date": "2026-01-02T03:04:05Z", "title": "Море"})
        );
        let wanted = [
            (7, "unsupported_encoding".to_owned()),
            (8, "empty_text".to_owned()),
        ];
        assert_eq!(places(&rejects(&corpus), name), wanted);
        let report = read_json(&corpus.join("report.json"));
        for reason in [
            "warc_warcinfo",
            "warc_request",
            "warc_metadata",
            "media_type",
        ] {
            assert_eq!(
                report["ledger"]["dropped"][reason]["records"], 1,
                "{reason}"
            );
        }
        assert_eq!(report["ledger"]["read"]["records"], 10);
    }
}

#[test]
fn a_large_web_archive_does_not_depend_on_threads_and_survives_damage() {
    let place = place();
    let mut bytes = Vec::new();
    for number in 0..3_000 {
        let mut body = String::new();
        for paragraph in 0..10 {
            write!(body, "<p>{PROSE} Страница {number}, абзац {paragraph}.</p>").expect("memory");
        }
        let html = page("Страница", &body);
        bytes.extend(response(
            &format!("http://a/{number}"),
            "Content-Type: text/html",
            html.as_bytes(),
        ));
        if number == 1_500 {
            bytes.extend_from_slice(b"Some bytes that are no record\r\nbetween two.\r\n");
        }
    }
    // A record that is too large passes by.
    let huge = vec![b'x'; 17 << 20];
    bytes.extend(response("http://a/huge", "Content-Type: text/html", &huge));
    bytes.extend(record(
        "conversion",
        "text/plain",
        "http://a/last",
        PROSE.as_bytes(),
    ));
    let source = place.path().join("a.warc");
    write(&source, &bytes);
    let corpora = ["1", "2", "7"].map(|threads| {
        let corpus = place.path().join(format!("corpus {threads}"));
        assert_balances(
            &Prep::ingest(&source, &corpus)
                .args(["--threads", threads])
                .code(1)
                .json(),
        );
        corpus
    });
    tree::assert_same(&corpora[0], &corpora[1]);
    tree::assert_same(&corpora[0], &corpora[2]);
    let wanted = [
        (1_502, "invalid_warc".to_owned()),
        (3_002, "record_too_long".to_owned()),
    ];
    assert_eq!(places(&rejects(&corpora[0]), "a.warc"), wanted);
    let documents = documents(&corpora[0]);
    assert_eq!((documents.len(), documents[3_000].record), (3_001, 3_003));
}

#[test]
fn xml_is_text_when_asked_for_and_named_with_the_remedy_else() {
    let place = place();
    let source = place.path().join("book.fb2");
    let cp1251 = cp1251(&format!(
        "<?xml version=\"1.0\" encoding=\"windows-1251\"?>\n<FictionBook><body><section><title><p>Глава</p></title>\
         <p>{PROSE}</p><p>{PROSE} <emphasis>Конец</emphasis>.</p></section></body></FictionBook>"
    ));
    write(&source, cp1251);
    let corpus = place.path().join("corpus");
    Prep::ingest(&source, &corpus).code(1).json();
    let [reject] = &rejects(&corpus)[..] else {
        panic!("one reject")
    };
    assert!(reject.message.contains("--as text"), "{}", reject.message);
    let corpus = place.path().join("corpus as text");
    Prep::ingest(&source, &corpus).args(["--as", "text"]).json();
    assert_eq!(
        text(&documents(&corpus)[0]),
        format!("Глава\n\n{PROSE}\n\n{PROSE} Конец.")
    );
}

#[test]
fn xml_without_text_between_its_tags_is_no_failed_download() {
    let place = place();
    let (source, corpus) = (place.path().join("Posts.xml"), place.path().join("corpus"));
    write(
        &source,
        "<?xml version=\"1.0\"?>\n<posts>\n  <row Id=\"1\" Title=\"Как?\" />\n</posts>\n",
    );
    Prep::ingest(&source, &corpus)
        .args(["--as", "text"])
        .code(1)
        .json();
    let errors = rejects(&corpus);
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].error, "empty_source");
    assert!(
        errors[0].message.contains("in attributes"),
        "{}",
        errors[0].message
    );
}
