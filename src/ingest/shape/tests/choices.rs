//! What an answer to a multiple choice names.

use super::{Turns, check};

const LISTED: Turns = &[("user", "q\nA) x\nB) y"), ("assistant", "y")];

#[test]
fn an_answer_names_its_column() {
    check(&[
        (
            r#"{"question":"q","option1":"x","option2":"y","answer":"option2"}"#,
            Ok(LISTED),
        ),
        (
            r#"{"question":"q","option_a":"x","option_b":"y","answer":"optionB"}"#,
            Ok(LISTED),
        ),
        (
            r#"{"question":"q","option_a":"x","option_b":"y","answer":"option_b"}"#,
            Ok(LISTED),
        ),
        (
            r#"{"question":"q","A":"x","B":"y","answer":"option_b"}"#,
            Ok(LISTED),
        ),
        (
            r#"{"question":"q","options":["x","y"],"answer":"option2"}"#,
            Err("no_such_option"),
        ),
        (
            r#"{"question":"q","option1":"x","option2":"y","answer":"option3"}"#,
            Err("no_such_option"),
        ),
    ]);
}

#[test]
fn letters_that_options_carry_are_not_given_twice() {
    for (options, answer) in [
        (r#"["A. x","B. y"]"#, "B"),
        (r#"["(a) x","(b) y"]"#, "b"),
        (r#"["A) x","B) y"]"#, "B) y"),
        (r#"["1. x","2. y"]"#, "2"),
    ] {
        let json = format!(r#"{{"question":"q","options":{options},"answer":"{answer}"}}"#);
        check(&[(&json, Ok(LISTED))]);
    }
    check(&[
        (
            r#"{"question":"q","A":"A: x","B":"B: y","answer":"B"}"#,
            Ok(LISTED),
        ),
        (
            r#"{"question":"q","options":["А) x","Б) y"],"answer":"Б"}"#,
            Ok(&[("user", "q\nА) x\nБ) y"), ("assistant", "y")]),
        ),
        // A name with an initial is none.
        (
            r#"{"question":"q","options":["A. Lincoln","G. Washington"],"answer":1}"#,
            Ok(&[
                ("user", "q\nA) A. Lincoln\nB) G. Washington"),
                ("assistant", "G. Washington"),
            ]),
        ),
    ]);
}

#[test]
fn truth_values_and_numbers_are_the_options_that_say_the_same() {
    let yes = &[("user", "q\nA) yes\nB) no"), ("assistant", "yes")][..];
    let half = &[
        ("user", "q\nA) 0.5\nB) 0.25\nC) 0.75"),
        ("assistant", "0.5"),
    ][..];
    check(&[
        (
            r#"{"question":"q","options":["yes","no"],"answer":true}"#,
            Ok(yes),
        ),
        (
            r#"{"question":"q","options":["yes","no"],"answer":"True"}"#,
            Ok(yes),
        ),
        (
            r#"{"question":"q","options":["x","y"],"answer":true}"#,
            Err("no_such_option"),
        ),
        (
            r#"{"question":"q","options":["0.5","0.25","0.75"],"answer":"1/2"}"#,
            Ok(half),
        ),
        (
            r#"{"question":"q","options":["0.5","0.25","0.75"],"answer":"1/3"}"#,
            Err("no_such_option"),
        ),
        (
            r#"{"question":"q","options":["0.5","0.25","0.75"],"answer":"0,5"}"#,
            Ok(half),
        ),
    ]);
}

#[test]
fn names_with_their_text_and_lists_in_text_are_resolved() {
    let both = &[("user", "q\nA) x\nB) y\nC) z"), ("assistant", "x\nz")][..];
    check(&[
        (
            r#"{"question":"q","options":["x","y"],"answer":"B - y"}"#,
            Ok(LISTED),
        ),
        (
            r#"{"question":"q","options":["x","y"],"answer":"B — Y"}"#,
            Ok(LISTED),
        ),
        (
            r#"{"question":"q","options":["x","y"],"answer":"B - x"}"#,
            Err("no_such_option"),
        ),
        (
            r#"{"question":"q","options":["x","y"],"answer":"['B']"}"#,
            Ok(LISTED),
        ),
        (
            r#"{"question":"q","options":"['x', 'y']","answer":"[1]"}"#,
            Ok(LISTED),
        ),
        (
            r#"{"question":"q","options":["x","y","z"],"answer":"[0, 2]"}"#,
            Ok(both),
        ),
        (
            r#"{"question":"q","options":["x","y","z"],"answer":"[0, 3]"}"#,
            Err("no_such_option"),
        ),
        (
            r#"{"question":"q","options":["x","y"],"correct":"z z"}"#,
            Err("no_such_option"),
        ),
        (
            r#"{"question":"q","options":["x","y"],"answer":"C) z"}"#,
            Err("no_such_option"),
        ),
        (
            r#"{"question":"q","options":["x","y"],"answer":"true"}"#,
            Err("no_such_option"),
        ),
        // An interval.
        (
            r#"{"question":"q","options":["[0, 1]","[0, 2]"],"answer":"[0, 2]"}"#,
            Ok(&[("user", "q\nA) [0, 1]\nB) [0, 2]"), ("assistant", "[0, 2]")]),
        ),
    ]);
}

#[test]
fn operands_are_no_options() {
    let sum = &[("user", "q"), ("assistant", "8")][..];
    check(&[
        (r#"{"question":"q","answer":"8","a":3,"b":5}"#, Ok(sum)),
        (r#"{"question":"q","answer":"8","a":"3","b":"5"}"#, Ok(sum)),
        (
            r#"{"question":"q","answer":1,"a":7,"b":-6}"#,
            Err("ambiguous_option"),
        ),
        (
            r#"{"question":"q","answer":5,"a":3,"b":5}"#,
            Ok(&[("user", "q\nA) 3\nB) 5"), ("assistant", "5")]),
        ),
        (
            r#"{"question":"q","answer":"B","a":3,"b":5}"#,
            Ok(&[("user", "q\nA) 3\nB) 5"), ("assistant", "5")]),
        ),
    ]);
}
