//! Which values are records, one byte at a time.

use super::*;

fn records(json: &str) -> Vec<String> {
    // One byte at a time: the cut must not depend on how much is buffered.
    let records = records_by(1, json);
    for bytes in [2, 7, 1 << 20] {
        assert_eq!(
            records_by(bytes, json),
            records,
            "{bytes} at a time: {json}"
        );
    }
    records
}

fn records_by(bytes: u64, json: &str) -> Vec<String> {
    let mut cutter = JsonCutter::new(None);
    let mut reader = json.as_bytes();
    let mut out = Vec::new();
    let mut take = |cutter: &mut JsonCutter| {
        while let Some(block) = cutter.cut() {
            match block {
                Block::Lines { bytes, .. } => {
                    out.extend(
                        String::from_utf8(bytes)
                            .expect("UTF-8")
                            .lines()
                            .map(str::to_owned),
                    );
                }
                other => out.push(format!("{other:?}")),
            }
        }
    };
    loop {
        let more = cutter
            .fill(&mut (&mut reader).take(bytes))
            .expect("memory does not fail");
        take(&mut cutter);
        if !more {
            return out;
        }
    }
}

#[test]
fn elements_of_arrays_are_records_wherever_the_array_is() {
    for json in [
        "[{\"a\": 1},\n {\"b\": \"x,]}\\\"\"}]",
        "{\"empty\": [], \"data\": [{\"a\": 1}, {\"b\": \"x,]}\\\"\"}]}",
        "\u{feff}{\"train\": [{\"a\": 1}], \"validation\": [{\"b\": \"x,]}\\\"\"}]}",
        "{\"a\": 1}\n{\"b\": \"x,]}\\\"\"}\n",
    ] {
        assert_eq!(
            records(json),
            ["{\"a\": 1}", "{\"b\": \"x,]}\\\"\"}"],
            "{json}"
        );
    }
}

#[test]
fn one_object_is_one_record() {
    let chat = "{\n \"id\": 1,\n \"messages\": [{\"role\": \"user\"}]\n}";
    assert_eq!(
        records(chat),
        ["{  \"id\": 1,  \"messages\": [{\"role\": \"user\"}] }"]
    );
    assert_eq!(
        records("{\"tags\": [\"a\", \"b\"], \"text\": \"t\"}"),
        ["{\"tags\": [\"a\", \"b\"], \"text\": \"t\"}"]
    );
    assert_eq!(records("  [ ] "), Vec::<String>::new());
}

#[test]
fn a_record_with_lists_of_objects_stays_one_record() {
    for json in [
        r#"{"text": "t", "images": [{"url": 1}]}"#,
        r#"{"data": [{"a": 1}], "text": "t"}"#,
        r#"{"instruction": "i", "output": "o", "examples": [{"input": "x", "output": "y"}]}"#,
        r#"{"examples": [{"question": "q", "answer": "a"}], "instruction": "i", "output": "o"}"#,
        r#"{"context": "c", "questions": [{"question": "q", "answer": "a"}]}"#,
        r#"{"\u0438нструкция": "i", "вывод": "o", "data": [{"text": "t"}]}"#,
        // Neither fields nor arrays are known: the whole is rejected as a record.
        r#"{"answers": ["a"], "questions": ["q"]}"#,
        r#"{"things": [{"name": "n"}], "title": "t"}"#,
    ] {
        assert_eq!(records(json), [json]);
    }
}

#[test]
fn every_array_of_a_frame_gives_its_records_and_the_rest_is_counted() {
    for (json, wanted) in [
        (
            r#"{"note": "n", "data": [{"text": "a"}], "more": [{"x": 1}], "tags": ["t"], "license": {"id": 1}}"#,
            &[
                r#"FrameFields { fields: [("tags", 1)] }"#,
                r#"FrameFields { fields: [("note", 1), ("license", 1)] }"#,
                r#"{"text": "a"}"#,
                r#"{"x": 1}"#,
            ] as &[_],
        ),
        (
            r#"{"train": ["a", "b"], "test": ["c"], "title": null}"#,
            &[r#""a""#, r#""b""#, r#""c""#],
        ),
        (
            r#"{"poems": [{"text": "a"}, 1, null]}"#,
            &[r#"{"text": "a"}"#, "1", "null"],
        ),
        (
            r#"{"chats": [[{"role": "user"}], [{"role": "user"}]]}"#,
            &[r#"[{"role": "user"}]"#, r#"[{"role": "user"}]"#],
        ),
        (
            r#"{"data": [{"a": 1}], "test": [1, 2], "validation": {"b": 2}}"#,
            &[r#"{"a": 1}"#, "1", "2", r#"{"b":2}"#],
        ),
        (
            r#"{"data": [{"text": "a"}], "text": "t"}"#,
            &[r#"{"text": "a"}"#, r#"{"data": [], "text": "t"}"#],
        ),
        (
            r#"{"data": [{"a": 1}], "prompt": "p",}"#,
            &[r#"{"a": 1}"#, r#"{"data": [], "prompt": "p",}"#],
        ),
    ] {
        assert_eq!(records(json), wanted, "{json}");
    }
}

#[test]
fn a_long_frame_is_cut_before_it_ends() {
    let json = r#"{"version": "two", "data": [{"text": "a"}, {"text": "b"}], "n": {"d": [7, {"text": "d"}]}, "more": [{"c": 1}], "text": "t"}"#;
    let held = |bytes: usize| {
        let mut cutter = JsonCutter::new(None);
        cutter.reader.held_bytes = bytes;
        for byte in json.bytes() {
            cutter.reader.byte(byte, &mut cutter.sink);
        }
        String::from_utf8(cutter.sink.lines).expect("UTF-8")
    };
    let whole = held(1 << 20);
    assert!(whole.starts_with(
        "{\"text\": \"a\"}\n{\"text\": \"b\"}\n7\n{\"text\": \"d\"}\n{\"c\": 1}\n{\"version\""
    ));
    for bytes in 2..json.len() {
        assert_eq!(held(bytes), whole, "{bytes} held");
    }
}

#[test]
fn a_cut_off_file_keeps_its_whole_records() {
    let found = records("[{\"a\": 1}, {\"b\": \"no end");
    assert_eq!(found[0], "{\"a\": 1}");
    assert!(found[1].starts_with("Unreadable"), "{found:?}");
    let found = records("{\"data\": [{\"text\": \"a\"}, {\"b\": \"no end");
    assert_eq!(found[0], "{\"text\": \"a\"}");
    assert!(found[1].starts_with("Unreadable"), "{found:?}");
    for cut_off in [
        r#"[{"text": "a"}, {"text": "b"}"#,
        r#"{"data": [{"text": "a"}, {"text": "b"} "#,
        r#"{"train": {"data": [{"text": "a"}, {"text": "b"}"#,
    ] {
        let found = records(cut_off);
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(found[1].trim(), r#"{"text": "b"}"#);
        assert!(found[2].starts_with("Unreadable { record: 3"), "{found:?}");
    }
    // How much is lost is said, of which only the beginning is shown.
    let long = format!("[1, \"{}", "x".repeat(1_999));
    assert!(
        records(&long)[1].contains("a value, 2.0 kB behind"),
        "{}",
        records(&long)[1]
    );
    // A number may go on.
    assert_eq!(records("[1, 2").len(), 2);
}

#[test]
fn each_element_of_an_array_is_told_by_itself() {
    let all = |json: &str| records(json).join(" ");
    for (json, wanted) in [
        (
            r#"{"foo":[null,{"text":"t"},{"text":"u"}],"data":[{"text":"c"}]}"#,
            r#"null {"text":"t"} {"text":"u"} {"text":"c"}"#,
        ),
        (
            r#"{"data":[null,{"text":"t"},{"text":"u"}]}"#,
            r#"null {"text":"t"} {"text":"u"}"#,
        ),
        (
            r#"{"foo":[{"id":1},{"text":"t"}]}"#,
            r#"{"id":1} {"text":"t"}"#,
        ),
        (
            r#"{"list":["hdr",7,{"text":"t"},"end",[2]]}"#,
            r#"["hdr"] 7 {"text":"t"} ["end"] [2]"#,
        ),
        (
            r#"{"other":[[1],[{"role":"user"}]]}"#,
            r#"[1] [{"role":"user"}]"#,
        ),
        (
            r#"{"other":[["a"],"b",3],"data":[{"text":"t"}]}"#,
            r#"FrameFields { fields: [("other", 3)] } {"text":"t"}"#,
        ),
    ] {
        assert_eq!(all(json), wanted, "{json}");
    }
}

#[test]
fn frames_in_frames_are_cut() {
    for (json, wanted) in [
        (
            r#"{"sets":{"a":[{"text":"x"}],"tags":["t","u"],"n":1}}"#,
            &[
                r#"FrameFields { fields: [("sets.tags", 2)] }"#,
                r#"FrameFields { fields: [("sets.n", 1)] }"#,
                r#"{"text":"x"}"#,
            ] as &[_],
        ),
        (
            r#"{"train":{"data":[{"text":"x"}]},"test":{"data":[{"text":"y"}]}}"#,
            &[r#"{"text":"x"}"#, r#"{"text":"y"}"#],
        ),
        // An object that is a record has lists of its own.
        (
            r#"{"data":[{"text":"x"}],"more":{"messages":[{"role":"user","content":"q"}]}}"#,
            &[
                r#"{"text":"x"}"#,
                r#"{"messages":[{"role":"user","content":"q"}]}"#,
            ],
        ),
    ] {
        assert_eq!(records(json), wanted, "{json}");
    }
}

#[test]
fn damage_between_elements_costs_no_element_beside_it() {
    for (json, wanted) in [
        (
            r#"[{"a":1} {"b":2},{"c":3}]"#,
            &["MissingCommas(1)", r#"{"a":1}"#, r#"{"b":2}"#, r#"{"c":3}"#] as &[_],
        ),
        (
            "{\"train\":[\"a\"\n\"b\",\"c\"]}",
            &["MissingCommas(1)", r#""a""#, r#""b""#, r#""c""#],
        ),
        // A brace that is missing costs its own element.
        (
            r#"[{"a":1},{"b":2 {"c":3},{"d":4}]"#,
            &[r#"{"a":1}"#, r#"{"b":2"#, r#"{"c":3}"#, r#"{"d":4}"#],
        ),
        (
            r#"[{"a":1},{"b":2,{"c":3},{"d":4}]"#,
            &[r#"{"a":1}"#, r#"{"b":2,"#, r#"{"c":3}"#, r#"{"d":4}"#],
        ),
        (
            r#"{"data":[{"a":1},"b":2},{"c":3}],"more":[{"d":4}]}"#,
            &[r#"{"a":1}"#, r#""b":2}"#, r#"{"c":3}"#, r#"{"d":4}"#],
        ),
        // Damage within an element stays there.
        (
            r#"[{"a":[{"b":1} {"b":2}]},{"c":3}]"#,
            &[r#"{"a":[{"b":1} {"b":2}]}"#, r#"{"c":3}"#],
        ),
        (
            r#"[[{"b":1} {"b":2}],{"c":3}]"#,
            &[r#"[{"b":1} {"b":2}]"#, r#"{"c":3}"#],
        ),
    ] {
        let mut found = records(json);
        found.sort_by_key(|record| !record.starts_with("MissingCommas"));
        let found: Vec<&str> = found.iter().map(|record| record.trim_end()).collect();
        assert_eq!(found, wanted, "{json}");
    }
}

#[test]
fn a_quote_that_is_never_closed_costs_its_element() {
    let pretty = "[\n  {\n    \"id\": 1,\n    \"text\": \"a,\n    \"notes\": [\n      {\n        \"id\": 7\n      }\n    ]\n  },\n  {\n    \"id\": 2\n  }\n]";
    assert_eq!(records(pretty)[1].trim(), "{     \"id\": 2   }");
    for (json, wanted) in [
        (
            "[{\"t\":\"a\"},\n{\"t\":\"b},\n{\"t\":\"c\"},\n{\"t\":\"d\"}]",
            &[
                r#"{"t":"a"}"#,
                r#"{"t":"b},"#,
                r#"{"t":"c"}"#,
                r#"{"t":"d"}"#,
            ] as &[_],
        ),
        // The first element, a key, a line that lost its end, and all on one line.
        (
            "[ {\"t\":\"a}, {\"t\" : \"b\"}]",
            &[r#"{"t":"a},"#, r#"{"t" : "b"}"#],
        ),
        (
            "[{\"t\":1},\n{\"t:2},\n{\"t\":3}]",
            &[r#"{"t":1}"#, r#"{"t:2},"#, r#"{"t":3}"#],
        ),
        (
            "[{\"t\":\"a\"},\n{\"t\":\"b\n{\"t\":\"c\"}]",
            &[r#"{"t":"a"}"#, r#"{"t":"b"#, r#"{"t":"c"}"#],
        ),
        // A quote too many in a text.
        (
            r#"[{"t":"a 5" b","n":1}, {"t":"c","n":2}]"#,
            &[r#"{"t":"a 5" b","n":1},"#, r#"{"t":"c","n":2}"#],
        ),
        // In frames, of texts, and of lists.
        (
            "{\"data\":[{\"t\":\"a},\n{\"t\":\"b\"}],\"more\":[{\"u\":\"c}, {\"u\":\"d\"}]}",
            &[
                r#"{"t":"a},"#,
                r#"{"t":"b"}"#,
                r#"{"u":"c},"#,
                r#"{"u":"d"}"#,
            ],
        ),
        (
            "[\n \"a\",\n \"b,\n \"c\",\n \"d\"\n]",
            &[r#""a""#, r#""b,"#, r#""c""#, r#""d""#],
        ),
        (
            "[[{\"role\":\"user\"}],\n[{\"role\":\"user}],\n[{\"role\":\"user\"}]]",
            &[
                r#"[{"role":"user"}]"#,
                r#"[{"role":"user}],"#,
                r#"[{"role":"user"}]"#,
            ],
        ),
        // Turns within a damaged record are no records.
        (
            "[{\"id\":1},\n{\"id\":2,\"m\":[{\"role\":\"u},\n{\"role\":\"a\"}]},\n{\"id\":3}]",
            &[
                r#"{"id":1}"#,
                "{\"id\":2,\"m\":[{\"role\":\"u},\u{1}{\"role\":\"a\"}]},",
                r#"{"id":3}"#,
            ],
        ),
        // Texts that only look so are whole: with line ends that should be written, and with brackets.
        (
            "[{\"t\":\"x,\n{\"},\n{\"t\":\"y, {\",\"n\":1},{\"t\":\"z\"}]",
            &[
                "{\"t\":\"x,\u{1}{\"}",
                r#"{"t":"y, {","n":1}"#,
                r#"{"t":"z"}"#,
            ],
        ),
        (
            "[\"a,\n\", \"b [\", \"\"]",
            &["\"a,\u{1}\"", r#""b [""#, r#""""#],
        ),
    ] {
        let found = records(json);
        let found: Vec<&str> = found.iter().map(|record| record.trim()).collect();
        assert_eq!(found, wanted, "{json}");
    }
}

#[test]
fn a_passage_before_many_questions_goes_with_each() {
    let json = r#"{"title":"t","context":"c","items":[{"question":"q","answer":"a"},{"question":"r","answer":"b","context":"own"},{"note":1}],"data":[{"question":"s","answer":"d"}],"n":1}"#;
    let mut cutter = JsonCutter::new(None);
    cutter.reader.held_bytes = 40;
    for byte in json.bytes() {
        cutter.reader.byte(byte, &mut cutter.sink);
    }
    let lines = String::from_utf8(cutter.sink.lines).expect("UTF-8");
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(
        lines,
        [
            r#"{"title":"t","context":"c","items":[{"question":"q","answer":"a"}]}"#,
            r#"{"question":"r","answer":"b","context":"own"}"#,
            r#"{"note":1}"#,
            r#"{"title":"t","context":"c","data":[{"question":"s","answer":"d"}]}"#,
        ]
    );
    assert!(
        matches!(&cutter.sink.ready[..], [Block::FrameFields { fields }] if *fields == [("n".to_owned(), 1)]),
        "{:?}",
        cutter.sink.ready
    );
    // One that is held whole is one record.
    assert_eq!(records(json), [json]);
}

#[test]
fn what_stands_beside_records_is_read_as_python_writes_it() {
    // A NaN is a null, of which there is nothing to count.
    let mut found = records(r#"{"score":NaN,"version":"1","data":[{"a":1}]}"#);
    found.sort();
    assert_eq!(
        found,
        [r#"FrameFields { fields: [("version", 1)] }"#, r#"{"a":1}"#]
    );
}

#[test]
fn records_by_their_ids_are_not_held() {
    let mut cutter = JsonCutter::new(None);
    cutter.reader.held_bytes = 64;
    let mut json = "{".to_owned();
    for id in 0..500 {
        let comma = if id == 0 { "" } else { "," };
        json.push_str(&format!(
            "{comma}\n \"k\\u0020{id}\" : {{\"question\":\"q\",\"answer\":\"{id}\"}} "
        ));
    }
    json.push_str(", \"own\": {\"id\": 7, \"question\":\"q\",\"answer\":\"a\"}, \"n\": 1}");
    for byte in json.bytes() {
        cutter.reader.byte(byte, &mut cutter.sink);
        let held = cutter.reader.bytes();
        assert!(held < 300, "{held} bytes are held");
    }
    let lines = String::from_utf8(std::mem::take(&mut cutter.sink.lines)).expect("UTF-8");
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines.len(), 501);
    assert_eq!(
        lines[499],
        r#"{"id":"k 499","question":"q","answer":"499"}"#
    );
    assert_eq!(lines[500], r#"{"id": 7, "question":"q","answer":"a"}"#);
    assert!(
        matches!(&cutter.sink.ready[..], [Block::FrameFields { fields }] if *fields == [("n".to_owned(), 1)]),
        "{:?}",
        cutter.sink.ready
    );
}
