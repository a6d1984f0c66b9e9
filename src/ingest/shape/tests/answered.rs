//! Texts that a field beside them answers, and those that it does not.

use super::{Turns, check, read};
use crate::document::Content;

const ONE: Turns = &[("user", "q"), ("assistant", "a")];

#[test]
fn a_text_beside_an_answer_asks() {
    let titled: Turns = &[("user", "t\n\nq"), ("assistant", "a")];
    check(&[
        (r#"{"Title":"t","Body":"q","Answer":"a"}"#, Ok(titled)),
        (
            r#"{"title":"t","body":"q","accepted_answer":"a"}"#,
            Ok(titled),
        ),
        (
            r#"{"title":"t","text":"t q","answer":"a"}"#,
            Ok(&[("user", "t q"), ("assistant", "a")]),
        ),
        (r#"{"title":"q","body":"","answer":"a"}"#, Ok(ONE)),
        (r#"{"text":"q","answer":"a"}"#, Ok(ONE)),
        (r#"{"текст":"q","ответ":"a"}"#, Ok(ONE)),
        (r#"{"text":"q","response":"a"}"#, Ok(ONE)),
        (r#"{"text":"q","output":"a"}"#, Ok(ONE)),
        (r#"{"text":"q","completion":"a"}"#, Ok(ONE)),
        (
            r#"{"text":"q","response":"200 рублей стоит билет"}"#,
            Ok(&[("user", "q"), ("assistant", "200 рублей стоит билет")]),
        ),
        (
            r#"{"text":"q","response":"404 people found it"}"#,
            Ok(&[("user", "q"), ("assistant", "404 people found it")]),
        ),
        (r#"{"content":"q","answer":"a"}"#, Ok(ONE)),
        (r#"{"text":"q","answer":"","output":"a"}"#, Ok(ONE)),
        (r#"{"body":"q","answers":["a"]}"#, Ok(ONE)),
        (
            r#"{"body":"q","answers":[{"body":"b","score":1},{"body":"a","score":2}]}"#,
            Ok(ONE),
        ),
        (
            r#"{"text":"q","answer":4}"#,
            Ok(&[("user", "q"), ("assistant", "4")]),
        ),
        (
            r#"{"text":"5 or 7","answer":"7"}"#,
            Ok(&[("user", "5 or 7"), ("assistant", "7")]),
        ),
        (
            r#"{"text":"q","answer":"a","system":"s","history":[["h","i"]]}"#,
            Ok(&[
                ("system", "s"),
                ("user", "h"),
                ("assistant", "i"),
                ("user", "q"),
                ("assistant", "a"),
            ]),
        ),
        (
            r#"{"text":"q","options":["x","y"],"answer":"B"}"#,
            Ok(&[("user", "q\nA) x\nB) y"), ("assistant", "y")]),
        ),
        (
            r#"{"text":"q","selections":["x","y"],"answer":"B"}"#,
            Err("ambiguous_option"),
        ),
        (
            r#"{"text":"q","answer":"a","label":0}"#,
            Err("undesired_answer"),
        ),
        // A passage with its question stays one.
        (
            r#"{"text":"c","question":"q","answer":"a"}"#,
            Ok(&[("user", "c\n\nq"), ("assistant", "a")]),
        ),
        // Beside an instruction a text may be the answer once more.
        (r#"{"instruction":"q","text":"x","output":"a"}"#, Ok(ONE)),
    ]);
}

#[test]
fn what_only_stands_beside_a_text_answers_nothing() {
    for beside in [
        r#""label":"good""#,
        r#""summary":"s""#,
        r#""answer":"""#,
        r#""answer":null"#,
        r#""answer":true"#,
        r#""answers":"3""#,
        r#""answers":3"#,
        r#""answers":[]"#,
        r#""answers":{"text":["t"],"answer_start":[0]}"#,
        r#""answers":[{"text":"t","answer_start":0}]"#,
        r#""accepted_answer":"4711""#,
        r#""response":200"#,
        r#""response":"200 OK""#,
        r#""response":" 404 not found""#,
        r#""response":"HTTP/1.1 200""#,
        r#""response":"HTTP/2 503 Come back later""#,
        r#""response":"nan""#,
        r#""accepted_answer":"True""#,
        r#""question":"q","completion":"a""#,
        r#""answer":true,"output":"a""#,
    ] {
        let json = format!(r#"{{"text":"t",{beside}}}"#);
        let (name, content, meta) = read(&json);
        assert_eq!(
            (name, content),
            ("text", Ok(Content::Text("t".to_owned()))),
            "{json}"
        );
        assert_eq!(meta, format!("{{{beside}}}"), "{json}");
    }
    // The record once more, as a prompt.
    for text in [
        "Question: q Answer: a",
        "### Ответ:\\na",
        "Q: q A: a",
        "q #### a",
        "<|im_start|>user\\nq<|im_end|>\\n<|im_start|>assistant\\na<|im_end|>",
        "assistant<|end_header_id|>\\n\\na<|eot_id|>",
        "<s>[INST] q [/INST] a </s>",
    ] {
        let json = format!(r#"{{"text":"{text}","answer":"a"}}"#);
        assert_eq!(read(&json).0, "text", "{json}");
    }
}

#[test]
fn a_history_comes_before_every_question() {
    let turns: Turns = &[
        ("user", "h"),
        ("assistant", "i"),
        ("user", "q"),
        ("assistant", "a"),
    ];
    let of_list = r#""completion":[{"role":"assistant","content":"a"}]"#;
    for (asked, said) in [
        ("query", r#""response":"a""#),
        ("question", r#""answer":"a""#),
        ("question", r#""answers":"a""#),
        ("prompt", r#""response":"a""#),
        ("prompt", of_list),
        ("input", r#""output":"a""#),
        ("instruction", r#""output":"a""#),
    ] {
        for history in [
            r#"[["h","i"]]"#,
            r#""[['h', 'i']]""#,
            r#"[{"role":"user","content":"h"},{"role":"assistant","content":"i"}]"#,
            r#"[{"question":"h","answer":"i"}]"#,
        ] {
            let json = format!(r#"{{"{asked}":"q",{said},"history":{history}}}"#);
            check(&[(&json, Ok(turns))]);
        }
        for (last, wanted) in [("q", Ok(turns)), ("r", Err("wrong_type"))] {
            let history = format!(
                r#"[{{"role":"user","content":"h"}},{{"role":"assistant","content":"i"}},{{"role":"user","content":"{last}"}}]"#
            );
            let json = format!(r#"{{"{asked}":"q",{said},"history":{history}}}"#);
            check(&[(&json, wanted)]);
        }
        let note = format!(r#"{{"{asked}":"q",{said},"history":"as told"}}"#);
        check(&[(&note, Ok(&turns[2..]))]);
        let unclear = format!(r#"{{"{asked}":"q",{said},"history":["one","two","three"]}}"#);
        let misfit = read(&unclear).1.expect_err("no turns");
        assert!(misfit.why.contains("--map"), "{misfit:?}");
    }
}

#[test]
fn a_history_comes_before_options_too() {
    let turns: Turns = &[
        ("user", "h"),
        ("assistant", "i"),
        ("user", "q\nA) x\nB) y"),
        ("assistant", "y"),
    ];
    for record in [
        r#""question":"q","options":["x","y"],"answer":"B""#,
        r#""question":"q","A":"x","B":"y","answer":"B""#,
        r#""question":"q","options":["x","y"],"correct":"B""#,
        r#""question":"q","answers":["x","y"],"correct":"B""#,
        r#""question":"q","variants":["x","y"],"answer":"B""#,
        r#""question":"q","answers":[{"text":"x","correct":false},{"text":"y","correct":true}]"#,
        r#""prompt":"q","options":["x","y"],"answer":"B""#,
        r#""instruction":"q","options":["x","y"],"output":"B""#,
    ] {
        let json = format!(r#"{{{record},"history":[["h","i"]]}}"#);
        check(&[(&json, Ok(turns))]);
        assert_eq!(read(&json).2, "{}", "{json}");
        let note = format!(r#"{{{record},"history":"as told"}}"#);
        check(&[(&note, Ok(&turns[2..]))]);
    }
}
