//! Options beside questions, answers and options of other names, and answers that name one of a list
//! which nothing read.

use super::{Turns, check};
use crate::ingest::shape::numbering::{self, Numbering};

const LISTED: Turns = &[("user", "q\nA) x\nB) y"), ("assistant", "y")];
const Y: Turns = &[("user", "q"), ("assistant", "y")];

#[test]
fn options_belong_to_prompts_and_instructions_too() {
    check(&[
        (
            r#"{"id":0,"prompt":"q","A":"x","B":"y","answer":"B"}"#,
            Ok(LISTED),
        ),
        (
            r#"{"instruction":"q","options":["x","y"],"output":"B"}"#,
            Ok(LISTED),
        ),
        (
            r#"{"prompt":"q","choices":["x","y"],"answer":1}"#,
            Ok(LISTED),
        ),
        (
            r#"{"input":"q","options":["x","y"],"target":"B"}"#,
            Ok(LISTED),
        ),
        (
            r#"{"question":"q","options":["x","y"],"target":"y"}"#,
            Ok(LISTED),
        ),
        (
            r#"{"question":"q","choices":["x","y"],"label":1}"#,
            Ok(LISTED),
        ),
        (
            r#"{"prompt":"q","A":"x","B":"y","completion":"y"}"#,
            Ok(LISTED),
        ),
        (
            r#"{"instruction":"i","input":"q","options":["x","y"],"output":"y"}"#,
            Ok(&[("user", "i\n\nq\nA) x\nB) y"), ("assistant", "y")]),
        ),
        (
            r#"{"prompt":"q","options":["x","y"],"answer":"E"}"#,
            Err("no_such_option"),
        ),
        // The prompt has them: the letter is one of its own.
        (
            r#"{"prompt":"q\nA) x\nB) y","options":["x","y"],"answer":"B"}"#,
            Ok(&[("user", "q\nA) x\nB) y"), ("assistant", "B")]),
        ),
        // Settings of a model, and an answer in words.
        (
            r#"{"prompt":"q","response":"y","options":{"temperature":0.7,"seed":1}}"#,
            Ok(Y),
        ),
        (
            r#"{"prompt":"q","response":"2","options":{"temperature":0.7,"seed":1}}"#,
            Ok(&[("user", "q"), ("assistant", "2")]),
        ),
        (
            r#"{"instruction":"q","options":["x","y"],"output":"of both"}"#,
            Ok(&[("user", "q"), ("assistant", "of both")]),
        ),
        // Operands of a calculation.
        (
            r#"{"prompt":"q","a":3,"b":5,"answer":8}"#,
            Ok(&[("user", "q"), ("assistant", "8")]),
        ),
    ]);
}

#[test]
fn options_have_many_names() {
    let three = &[("user", "q\nA) x\nB) y\nC) z"), ("assistant", "y")][..];
    numbering::within(Numbering::Unknown, || {
        check(&[(
            r#"{"question":"q","1":"x","2":"y","3":"z","answer":"2"}"#,
            Ok(three),
        )]);
    });
    check(&[
        (
            r#"{"Question":"q","Answer A":"x","Answer B":"y","Answer C":"z","Correct Answer":"B"}"#,
            Ok(three),
        ),
        (
            r#"{"question":"q","answer_a":"x","answer_b":"y","correct_answer":"answer_b"}"#,
            Ok(LISTED),
        ),
        (
            r#"{"question":"q","option_0":"x","option_1":"y","answer":1}"#,
            Ok(LISTED),
        ),
        (
            r#"{"question":"q","option_0":"x","option_1":"y","option_2":"z","answer":"1"}"#,
            Ok(three),
        ),
        (
            r#"{"question":"q","0":"x","1":"y","2":"z","answer":1}"#,
            Ok(three),
        ),
        (
            r#"{"question":"q","variants":["x","y"],"answer":"B"}"#,
            Ok(LISTED),
        ),
        (
            r#"{"question":"q","choice_list":["x","y"],"answer":"B"}"#,
            Ok(LISTED),
        ),
        (
            r#"{"question":"q","answers":["x","y","z"],"answer":1}"#,
            Ok(three),
        ),
        // Further answers and other wordings are none.
        (
            r#"{"question":"q","answers":["y","yy"],"answer":"y"}"#,
            Ok(Y),
        ),
        (
            r#"{"question":"q","answers":["2","two"],"answer":2}"#,
            Ok(&[("user", "q"), ("assistant", "2")]),
        ),
        (
            r#"{"question":"(A) x (B) y","responses":["r1","r2"],"answer":"B"}"#,
            Ok(&[("user", "(A) x (B) y"), ("assistant", "B")]),
        ),
        (
            r#"{"prompt":"q\nA. x\nB. y","options":["A. x","B. y"],"completion":"B"}"#,
            Ok(&[("user", "q\nA. x\nB. y"), ("assistant", "B")]),
        ),
        (
            r#"{"question":"q","answers":["8","eight"],"answer":8}"#,
            Ok(&[("user", "q"), ("assistant", "8")]),
        ),
        (
            r#"{"question":"q","variants":["q2?","q3?"],"answer":1}"#,
            Ok(&[("user", "q"), ("assistant", "1")]),
        ),
        (
            r#"{"question":"q","answer1":"y","answer2":"yy","answer":"y"}"#,
            Ok(Y),
        ),
        (r#"{"question":"q","option1":"x","answer":"y"}"#, Ok(Y)),
    ]);
}

#[test]
fn a_letter_beside_options_that_nothing_reads_is_refused() {
    for (rest, is_refused) in [
        (r#""selections":["x","y"],"answer":"B""#, true),
        (r#""selections":"['x', 'y']","answer":"b)""#, true),
        (r#""варики":["x","y"],"answer":"Б""#, true),
        (r#""picks":{"A":"x","B":"y"},"answer":"B""#, true),
        (r#""pick_a":"x","pick_b":"y","answer":"A""#, true),
        (r#""my_options":["x","y"],"answer":1"#, true),
        // Not a place of that list, or not a list of options.
        (r#""selections":["x","y"],"answer":"E""#, false),
        (r#""lists":["x","y"],"answer":2"#, false),
        (r#""my_options":["x","y"],"answer":7"#, false),
        (r#""tags":["x","y"],"answer":"B""#, false),
        (r#""keywords":["x","y","z"],"answer":2"#, false),
        (r#""steps":["x","y","z"],"answer":3"#, false),
        (r#""selections":["A","B"],"answer":"B""#, false),
        (r#""hint_1":"x","hint_2":"y","answer":2"#, false),
        (r#""wordings":["q1?","q2?"],"answer":"A""#, false),
        (r#""distractor1":"x","distractor2":"y","answer":2"#, false),
        (r#""incorrect_answers":["x","y"],"answer":"B""#, false),
        (r#""accepted_answers":["two","zwei"],"answer":2"#, false),
        (r#""optimizer_logs":["x","y"],"answer":2"#, false),
        (r#""opts":["x","y"],"answer":2"#, true),
    ] {
        for asked in ["question", "prompt", "instruction"] {
            let rest = if asked == "instruction" {
                rest.replace("answer", "output")
            } else {
                rest.to_owned()
            };
            let json = format!(r#"{{"{asked}":"q",{rest}}}"#);
            let found = super::read(&json).1.map_err(|misfit| misfit.error);
            match found {
                Err(error) => assert!(is_refused && error == "ambiguous_option", "{json}: {error}"),
                Ok(content) => assert!(!is_refused, "{json}: {content:?}"),
            }
        }
    }
}
