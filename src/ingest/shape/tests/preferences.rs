//! Preferences with numbers for answers, transcripts, and answers that are no two.

use super::{Turns, read};
use crate::document::{Content, Message};

/// Turns and the rejected answer, or an error.
type Pair<'a> = Result<(Turns<'a>, &'a str), &'a str>;

/// A record's turns and rejected turns, or the error.
fn check(json: &str, wanted: Pair) {
    let found = read(json).1.map_err(|misfit| misfit.error);
    let wanted = wanted.map(|(turns, rejected)| Content::Preference {
        messages: turns
            .iter()
            .map(|(role, text)| Message::new(*role, *text))
            .collect(),
        rejected: vec![Message::new("assistant", rejected)],
    });
    assert_eq!(found, wanted, "{json}");
}

const GOOD: Pair = Ok((&[("user", "q"), ("assistant", "b")], "a"));

#[test]
fn numbers_are_the_answers_that_they_name() {
    for rest in [
        r#""chosen":1,"rejected":0,"response_0":"a","response_1":"b""#,
        r#""chosen":"1","rejected":"0","response_0":"a","response_1":"b""#,
        r#""chosen":2,"rejected":1,"response_1":"a","response_2":"b""#,
        r#""chosen":"B","rejected":"A","answer_a":"a","answer_b":"b""#,
        r#""chosen":"response_b","rejected":"response_a","response_a":"a","response_b":"b""#,
        r#""chosen":1,"rejected":0,"responses":["a","b"]"#,
        r#""chosen":1,"rejected":0,"responses":"['a', 'b']""#,
    ] {
        check(&format!(r#"{{"prompt":"q",{rest}}}"#), GOOD);
    }
    for rest in [
        r#""chosen":1,"rejected":0"#,
        r#""chosen":"1","rejected":"0""#,
        r#""chosen":2,"rejected":1,"responses":["a","b"]"#,
        r#""chosen":1,"rejected":"it says so","response_0":"a","response_1":"b""#,
    ] {
        check(
            &format!(r#"{{"prompt":"q",{rest}}}"#),
            Err("no_such_answer"),
        );
    }
    // Answers that are numbers.
    let sum = Ok((&[("user", "2+2"), ("assistant", "4")][..], "5"));
    check(r#"{"prompt":"2+2","chosen":4,"rejected":5}"#, sum);
    check(r#"{"prompt":"2+2","chosen":"4","rejected":"5"}"#, sum);
}

#[test]
fn transcripts_are_read_also_beside_a_prompt() {
    let sides =
        r#""chosen":"\n\nHuman: q\n\nAssistant: b","rejected":"\n\nHuman: q\n\nAssistant: a""#;
    for prompt in [
        "",
        r#""prompt":"q","#,
        r#""prompt":"\n\nHuman: q\n\nAssistant:","#,
    ] {
        check(&format!("{{{prompt}{sides}}}"), GOOD);
    }
    check(&format!(r#"{{"prompt":"r",{sides}}}"#), Err("wrong_type"));
    for prompt in [r"Human: q\n\nAssistant:", r"Human: q\nAssistant: "] {
        check(
            &format!(r#"{{"prompt":"{prompt}","chosen":"b","rejected":"a"}}"#),
            GOOD,
        );
    }
    check(
        r#"{"prompt":"Human: p\n\nAssistant: s\n\nHuman: q\n\nAssistant:","chosen":"b","rejected":"a"}"#,
        Ok((
            &[
                ("user", "p"),
                ("assistant", "s"),
                ("user", "q"),
                ("assistant", "b"),
            ],
            "a",
        )),
    );
}

#[test]
fn two_answers_must_be_two() {
    for (sides, error) in [
        (r#""chosen":"a","rejected":"a ""#, "same_answers"),
        (r#""chosen":"a","rejected":"""#, "no_answer"),
        (r#""chosen":" ","rejected":"a""#, "no_answer"),
        (
            r#""chosen":"a","rejected":[{"role":"assistant","content":""}]"#,
            "no_answer",
        ),
    ] {
        check(&format!(r#"{{"prompt":"q",{sides}}}"#), Err(error));
    }
}

#[test]
fn history_and_input_belong_to_what_is_asked() {
    for name in ["prompt", "question", "instruction"] {
        let json = format!(
            r#"{{"{name}":"q","input":"x","history":[["h","i"]],"chosen":"b","rejected":"a"}}"#
        );
        check(
            &json,
            Ok((
                &[
                    ("user", "h"),
                    ("assistant", "i"),
                    ("user", "q\n\nx"),
                    ("assistant", "b"),
                ],
                "a",
            )),
        );
    }
}

#[test]
fn what_is_answered_stands_in_the_answers_or_in_an_input() {
    let turns = |said: &str| {
        format!(r#"[{{"role":"user","content":"q"}},{{"role":"assistant","content":"{said}"}}]"#)
    };
    let (chosen, rejected) = (turns("b"), turns("a"));
    for conversation in [
        r#"[{"input":"q","output":null}]"#,
        r#"[{"input":"q","output":"as it was"}]"#,
    ] {
        let json =
            format!(r#"{{"conversation":{conversation},"chosen":{chosen},"rejected":{rejected}}}"#);
        check(&json, GOOD);
        let left = format!(r#"{{"conversation":{conversation}}}"#);
        assert_eq!(read(&json).2, left);
    }
    let openai = r#"{"input":{"messages":[{"role":"user","content":"q"}],"tools":[]},"preferred_output":[{"role":"assistant","content":"b"}],"non_preferred_output":[{"role":"assistant","content":"a"}]}"#;
    check(openai, GOOD);
    // What is rejected is not learned, whatever its weight.
    check(
        r#"{"prompt":"q","chosen":"b","rejected":[{"role":"assistant","content":"a","weight":0}]}"#,
        GOOD,
    );
}
