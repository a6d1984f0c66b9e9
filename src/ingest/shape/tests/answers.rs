//! Of several answers the one that is marked as right is learned, or none.

use super::{Turns, check};

const LISTED: Turns = &[("user", "q\nA) x\nB) y"), ("assistant", "y")];
const BEST: Turns = &[("user", "q"), ("assistant", "y")];

#[test]
fn marks_of_each_answer_are_obeyed() {
    check(&[
        (
            r#"{"question":"q","answers":[{"text":"x","correct":false},{"text":"y","correct":true}]}"#,
            Ok(LISTED),
        ),
        (
            r#"{"question":"q","answers":[{"text":"x","is_correct":0},{"text":"y","is_correct":1}]}"#,
            Ok(LISTED),
        ),
        (
            r#"{"question":"q","answers":[{"answer":"x","isCorrect":"no"},{"answer":"y","isCorrect":"yes"}]}"#,
            Ok(LISTED),
        ),
        (
            r#"{"question":"q","options":[{"text":"x","right":false},{"text":"y","right":true}]}"#,
            Ok(LISTED),
        ),
        // Answers of several lines are no options of a list.
        (
            r#"{"question":"q","answers":[{"text":"x\nx","right":false},{"text":"y","right":true}]}"#,
            Ok(BEST),
        ),
        (
            r#"{"question":"q","answer":[{"text":"x","correct":false},{"text":"y","correct":true}]}"#,
            Ok(BEST),
        ),
        (
            r#"{"question":"q","answers":{"text":["x","y"],"correct":[false,true]}}"#,
            Ok(BEST),
        ),
        (
            r#"{"title":"","body":"q","answers":[{"body":"x","correct":false},{"body":"y","correct":true}]}"#,
            Ok(&[("user", "\n\nq"), ("assistant", "y")]),
        ),
        (
            r#"{"question":"q","answers":[{"text":"x","correct":false},{"text":"y","correct":false}]}"#,
            Err("no_correct_answer"),
        ),
        (
            r#"{"question":"q","answers":[{"text":"x","correct":"?"},{"text":"y"}]}"#,
            Err("no_correct_answer"),
        ),
        (
            r#"{"question":"q","answers":{"text":"x","correct":false}}"#,
            Err("no_correct_answer"),
        ),
        (
            r#"{"question":"q","answers":{"text":["x","y"],"correct":[true]}}"#,
            Err("no_correct_answer"),
        ),
    ]);
}

#[test]
fn a_mark_beside_answers_is_obeyed() {
    for mark in [
        r#""correct":[1]"#,
        r#""correct":[false,true]"#,
        r#""correct":"[1]""#,
        r#""correct":"y""#,
        r#""correct_answers":["y"]"#,
        r#""correct_answer_id":1"#,
        r#""correctAnswerId":"1""#,
    ] {
        for answers in [r#"["x","y"]"#, r#""[\"x\", \"y\"]""#, r#""['x', 'y']""#] {
            let json = format!(r#"{{"question":"q","answers":{answers},{mark}}}"#);
            check(&[(&json, Ok(LISTED))]);
        }
    }
    check(&[
        (
            r#"{"question":"q","answers":[{"id":7,"text":"x"},{"id":8,"text":"y"}],"correct_answer_id":8}"#,
            Ok(LISTED),
        ),
        (
            r#"{"question":"q","answers":{"a":"x","b":"y"},"correct":"b"}"#,
            Ok(LISTED),
        ),
        (
            r#"{"question":"q","answer":["x","y"],"correct":1}"#,
            Ok(BEST),
        ),
        (
            r#"{"question":"q","answers":["y","z"],"correct":true}"#,
            Ok(BEST),
        ),
        (
            r#"{"question":"q","answers":["x","y"],"correct":"z z"}"#,
            Err("no_such_option"),
        ),
        (
            r#"{"question":"q","answers":["x","y"],"correct_answers":["y","z z"]}"#,
            Err("no_such_option"),
        ),
        (
            r#"{"question":"q","answers":["x","y"],"correct_answers":[]}"#,
            Err("no_answer"),
        ),
        (
            r#"{"question":"q","answers":["x"],"correct":"z z"}"#,
            Err("no_correct_answer"),
        ),
        (
            r#"{"question":"q","answers":["x","y"],"correct":false}"#,
            Err("undesired_answer"),
        ),
        (
            r#"{"question":"q","answer":"x","correct":false}"#,
            Err("undesired_answer"),
        ),
        (
            r#"{"question":"q","answers":["x"],"is_correct":0}"#,
            Err("undesired_answer"),
        ),
        (
            r#"{"question":"q","accepted_answer_id":9,"answers":[{"id":1,"text":"x"},{"id":2,"text":"y"}]}"#,
            Err("no_correct_answer"),
        ),
    ]);
}

#[test]
fn answers_in_cells_are_read_as_they_are_written() {
    for answers in [
        r#"{\"text\": [\"y\"], \"answer_start\": [1]}"#,
        "{'text': ['y'], 'answer_start': [1]}",
        "{'text': array(['y'], dtype=object), 'answer_start': array([1], dtype=int32)}",
        "['y', 'z']",
        "y",
    ] {
        let json = format!(r#"{{"question":"q","answers":"{answers}"}}"#);
        check(&[(&json, Ok(BEST))]);
    }
    check(&[
        (
            r#"{"question":"q","answers":"{'text': ['y'"}"#,
            Err("wrong_type"),
        ),
        (
            r#"{"question":"q","answers":"{'text': [], 'answer_start': []}"}"#,
            Err("no_answer"),
        ),
    ]);
}

#[test]
fn labels_and_scores_of_each_answer_are_obeyed() {
    check(&[
        (
            r#"{"question":"q","answers":[{"text":"x","label":0},{"text":"y","label":1}]}"#,
            Ok(LISTED),
        ),
        (
            r#"{"question":"q","answers":[{"text":"x","label":0},{"text":"y","label":0}]}"#,
            Err("no_correct_answer"),
        ),
        (
            r#"{"question":"q","answers":{"text":["x","y"],"labels":[0,1]}}"#,
            Ok(BEST),
        ),
        (
            r#"{"question":"q","answers":[{"text":"x","rating":1},{"text":"y","rating":9}]}"#,
            Ok(BEST),
        ),
        (
            r#"{"question":"q","answers":[{"text":"x","rank":2},{"text":"y","rank":1}]}"#,
            Ok(BEST),
        ),
        (
            r#"{"question":"q","answers":{"text":["x","y"],"score":[1,9]}}"#,
            Ok(BEST),
        ),
        // A label that is a class says nothing of right and wrong.
        (
            r#"{"question":"q","answers":[{"text":"y","label":"LOC"},{"text":"x","label":"LOC"}]}"#,
            Ok(BEST),
        ),
    ]);
    let passage = r#"{"passage":"p","questions":[{"question":"q","answers":[{"text":"x","label":0},{"text":"y","label":1}]}]}"#;
    check(&[(passage, Ok(&[("user", "p\n\nq"), ("assistant", "y")]))]);
}

#[test]
fn lists_beside_answers_mark_them_or_are_misfits() {
    for (beside, wanted) in [
        (r#""labels":[0,1]"#, Ok(BEST)),
        (r#""is_correct":[false,true]"#, Ok(BEST)),
        (r#""scores":[1,9]"#, Ok(BEST)),
        (r#""scores":"[1, 9]""#, Ok(BEST)),
        (r#""ranks":[2,1]"#, Ok(BEST)),
        (r#""labels":[0,0]"#, Err("no_correct_answer")),
        (r#""is_correct":[null,1]"#, Ok(BEST)),
        (r#""scores":[null,2]"#, Ok(BEST)),
        (r#""accepted":[false,true]"#, Ok(BEST)),
        (r#""gold":[0,1]"#, Err("no_correct_answer")),
        (r#""is_valid":[0,1]"#, Err("no_correct_answer")),
        (r#""confidence":[0.1,0.9]"#, Err("no_correct_answer")),
        (r#""recommended":[null,true]"#, Err("no_correct_answer")),
        (r#""verdicts":["wrong","right"]"#, Err("no_correct_answer")),
        // A label of the record is the name of an answer.
        (r#""label":1"#, Ok(LISTED)),
        (r#""label":"B""#, Ok(LISTED)),
        (r#""label":"y""#, Ok(LISTED)),
    ] {
        let json = format!(r#"{{"question":"q","answers":["x","y"],{beside}}}"#);
        check(&[(&json, wanted)]);
    }
    // Places in a passage, sources, and classes of the question are no marks.
    for beside in [
        r#""answer_start":[5,7]"#,
        r#""answer_indices":[5,7]"#,
        r#""startOffsets":[5,7]"#,
        r#""gold":[1,1]"#,
        r#""gold":[0,1,2]"#,
        r#""tags":["a","b"]"#,
        r#""label":"geography""#,
        r#""label":7"#,
    ] {
        let json = format!(r#"{{"question":"q","answers":["y","x"],{beside}}}"#);
        check(&[(&json, Ok(BEST))]);
    }
}
