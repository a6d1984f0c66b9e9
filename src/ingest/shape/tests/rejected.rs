//! Worse answers beside a conversation or a pair.

use super::{chat, read};
use crate::document::{Content, Message};

#[test]
fn a_rejected_answer_beside_a_conversation_makes_a_preference() {
    let asked = r#"{"role":"user","content":"q"},{"role":"assistant","content":"#;
    let beside = |said: &str| format!(r#""messages":[{asked}"c"}}],{said}"#);
    let whole = |said: &str| format!(r#"[{asked}"{said}"}}]"#);
    for record in [
        beside(r#""rejected_response":"r""#),
        beside(r#""rejected":"r""#),
        beside(r#""rejected":[{"role":"assistant","content":"r"}]"#),
        beside(r#""rejected_response":{"role":"assistant","content":"r"}"#),
        beside(&format!(r#""rejected_messages":{}"#, whole("r"))),
        r#""conversations":[{"from":"human","value":"q"},{"from":"gpt","value":"c"}],"rejected":{"from":"gpt","value":"r"}"#.to_owned(),
        r#""messages":[{"role":"user","content":"q"}],"response":"c","rejected_response":"r""#.to_owned(),
        r#""query":"q","response":"c","rejected_response":"r""#.to_owned(),
        r#""question":"q","answer":"c","rejected":"r""#.to_owned(),
        r#""prompt":"q","completion":"c","rejected":"r""#.to_owned(),
        r#""instruction":"q","output":"c","rejected_output":"r""#.to_owned(),
    ] {
        let (name, content, meta) = read(&format!("{{{record}}}"));
        let wanted = Content::Preference {
            messages: vec![Message::new("user", "q"), Message::new("assistant", "c")],
            rejected: vec![Message::new("assistant", "r")],
        };
        assert_eq!((name, content, meta.as_str()), ("preference", Ok(wanted), "{}"), "{record}");
    }
    let several = r#"{"question":"q","answer":"c","rejected":["c","r","s"]}"#;
    let (_, content, meta) = read(several);
    let Ok(Content::Preference { rejected, .. }) = content else {
        panic!("{content:?}");
    };
    assert_eq!(rejected, [Message::new("assistant", "r")]);
    assert_eq!(meta, r#"{"rejected":["c","r","s"]}"#);
}

#[test]
fn what_is_no_worse_answer_to_the_same_is_told() {
    for (json, error) in [
        (
            r#"{"question":"q","answer":"c","rejected":"c "}"#,
            "same_answers",
        ),
        (
            r#"{"messages":[{"role":"user","content":"q"}],"rejected":"r"}"#,
            "no_answer",
        ),
        (
            r#"{"question":"q","answer":"c","rejected":[{"role":"user","content":"p"},{"role":"assistant","content":"r"}]}"#,
            "wrong_type",
        ),
    ] {
        assert_eq!(read(json).1.expect_err("a misfit").error, error, "{json}");
    }
    // A flag, or nothing: the record is what it is without.
    for rejected in ["false", "0", "null", r#""""#, r#""false""#, "[]"] {
        let json = format!(r#"{{"question":"q","answer":"a","rejected":{rejected}}}"#);
        let (_, content, meta) = read(&json);
        assert_eq!(
            content,
            Ok(chat(&[("user", "q"), ("assistant", "a")])),
            "{json}"
        );
        assert_eq!(meta, format!(r#"{{"rejected":{rejected}}}"#));
    }
}

#[test]
fn a_rejected_option_is_its_text() {
    let asked = Message::new("user", "q\nA) x\nB) y\nC) z");
    for (said, rejected, wanted) in [
        (r#""options":["x","y","z"],"answer":"B""#, r#""A""#, "x"),
        (r#""options":["x","y","z"],"answer":"y""#, r#""x""#, "x"),
        (r#""options":["x","y","z"],"correct":"B""#, r#""C""#, "z"),
        (r#""A":"x","B":"y","C":"z","answer":"B""#, r#""C""#, "z"),
        (r#""A":"x","B":"y","C":"z","correct":"B""#, r#""C""#, "z"),
        (r#""answers":["x","y","z"],"correct":"B""#, r#""C""#, "z"),
        (
            r#""options":["x","y","z"],"answer":"B""#,
            r#"{"role":"assistant","content":"A"}"#,
            "x",
        ),
        (
            r#""options":["x","y","z"],"answer":"B""#,
            r#"[{"from":"gpt","value":"C"}]"#,
            "z",
        ),
        (
            r#""options":["x","y","z"],"answer":"B""#,
            r#"["B","C"]"#,
            "z",
        ),
        (
            r#""options":["x","y","z"],"answer":"B""#,
            r#""It is none of them.""#,
            "It is none of them.",
        ),
    ] {
        let json = format!(r#"{{"question":"q",{said},"rejected":{rejected}}}"#);
        let wanted = Content::Preference {
            messages: vec![asked.clone(), Message::new("assistant", "y")],
            rejected: vec![Message::new("assistant", wanted)],
        };
        assert_eq!(read(&json).1, Ok(wanted), "{json}");
    }
    for (rejected, error) in [(r#""D""#, "no_such_option"), (r#""b)""#, "same_answers")] {
        let json = format!(
            r#"{{"question":"q","options":["x","y","z"],"answer":"B","rejected":{rejected}}}"#
        );
        assert_eq!(read(&json).1.expect_err("a misfit").error, error, "{json}");
    }
}

#[test]
fn two_options_that_are_compared_are_their_texts() {
    let listed = Message::new("user", "q\nA) x\nB) y");
    let options = r#""options":["x","y"]"#;
    for record in [
        format!(r#""question":"q",{options},"chosen":"B","rejected":"A""#),
        format!(r#""prompt":"q",{options},"chosen":"B","rejected":"A""#),
        format!(r#""prompt":"q",{options},"chosen":"B","rejected":"x""#),
        format!(r#""prompt":"q",{options},"chosen":"y","rejected":"A""#),
        r#""prompt":"q","A":"x","B":"y","chosen":"B","rejected":"A""#.to_owned(),
        r#""question":"q","choices":["x","y"],"chosen":1,"rejected":0"#.to_owned(),
        r#""question":"q","choices":["x","y"],"answer":1,"rejected":[1,0]"#.to_owned(),
    ] {
        let wanted = Content::Preference {
            messages: vec![listed.clone(), Message::new("assistant", "y")],
            rejected: vec![Message::new("assistant", "x")],
        };
        assert_eq!(read(&format!("{{{record}}}")).1, Ok(wanted), "{record}");
    }
    // Answers of their own, and a number that is no other option.
    let texts = format!(r#"{{"prompt":"q",{options},"chosen":"y","rejected":"x"}}"#);
    let wanted = Content::Preference {
        messages: vec![Message::new("user", "q"), Message::new("assistant", "y")],
        rejected: vec![Message::new("assistant", "x")],
    };
    assert_eq!(read(&texts).1, Ok(wanted));
    let sums = r#"{"prompt":"q","options":["4","5"],"chosen":4,"rejected":5}"#;
    assert!(
        matches!(read(sums).1, Ok(Content::Preference { messages, .. }) if messages[1].content == "4")
    );
    // 0 and 1 may say whether the answer was rejected.
    for flags in [[0, 0], [1, 0], [0, 1]] {
        let [answer, rejected] = flags;
        let json = format!(
            r#"{{"question":"q","choices":["x","y"],"answer":{answer},"rejected":{rejected}}}"#
        );
        assert_eq!(read(&json).0, "multiple_choice", "{json}");
    }
    let third = r#"{"question":"q","choices":["y","z","x"],"answer":0,"rejected":2}"#;
    assert!(
        matches!(read(third).1, Ok(Content::Preference { rejected, .. }) if rejected[0].content == "x")
    );
    let none = format!(r#"{{"question":"q",{options},"chosen":"C","rejected":"A"}}"#);
    assert_eq!(read(&none).1.expect_err("a misfit").error, "no_such_option");
}
