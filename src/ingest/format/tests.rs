use super::*;

fn detect(name: &str, head: &str) -> Result<Format, Unread> {
    Format::detect(name, head.as_bytes(), None)
}

#[test]
fn content_overrules_a_name_that_lies() {
    let record = "{\"question\":\"a?\",\"answer\":\"b\"}\n";
    for (name, head, wanted) in [
        ("a.txt", record.repeat(2).as_str(), Format::Jsonl),
        ("a.csv", record.repeat(2).as_str(), Format::Jsonl),
        (
            "a",
            "[\n {\"text\": \"a\"},\n {\"text\": \"b\"}]",
            Format::Json,
        ),
        ("a", "{\n \"data\": [{\"text\": \"a\"}]\n}", Format::Json),
        ("a", record.repeat(2).as_str(), Format::Jsonl),
        ("a.jsonl", "[{\"text\": \"a\"}]", Format::Json),
        ("a.txt", "<!DOCTYPE html><p>x", Format::Html),
        (
            "a.jsonl",
            "<?xml version='1.0'?>\n<!-- x --><HTML>",
            Format::Html,
        ),
        ("a.html", "no tags < here", Format::Text),
        ("a.php", "<html><p>x", Format::Html),
        ("a", "plain words", Format::Text),
        ("a.json", "WARC/1.0\r\n", Format::Warc),
        ("a.txt", "PK\x03\x04", Format::Zip),
    ] {
        assert_eq!(detect(name, head), Ok(wanted), "{name} {head}");
    }
}

#[test]
fn text_that_begins_like_something_else_stays_text() {
    for head in [
        "[1] Smith, a reference.\n",
        "{braces} begin this.\n",
        "[link](a.html) and words\n",
        "{\"a\": 1} is JSON, these words are not\n",
        "{\"level\": \"info\", \"ts\": 1}\n{\"level\": \"info\", \"ts\": 2}\n",
        "<b>bold</b> words\n",
    ] {
        assert_eq!(detect("a.txt", head), Ok(Format::Text), "{head}");
    }
    assert_eq!(detect("a.md", "<html>"), Ok(Format::Text));
}

#[test]
fn what_is_not_read_is_named_with_its_remedy() {
    for (name, head, says) in [
        ("a.txt", "%PDF-1.4", "pdftotext"),
        ("a.xml", "<?xml version='1.0'?><doc/>", "--as text"),
        ("a", "<?xml version='1.0'?><doc/>", "--as text"),
        ("a.rst", "Title\n=====\n", ".rst"),
    ] {
        let message = detect(name, head).expect_err("not read").message;
        assert!(message.contains(says), "{message}");
    }
    let xml = b"<?xml version='1.0'?><doc/>";
    assert_eq!(
        Format::detect("a.xml", xml, Some(Format::Text)),
        Ok(Format::Xml)
    );
    assert_eq!(
        Format::detect("a.zip", b"PK\x03\x04", Some(Format::Text)),
        Ok(Format::Zip)
    );
    assert_eq!(
        Format::detect("a.html", b"<html>", Some(Format::Text)),
        Ok(Format::Text)
    );
}
