//! What an answer to a multiple choice names.

use super::{Turns, check, read};
use crate::document::Content;
use crate::ingest::shape::numbering::{self, Habits, Naming, Numbering};

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

/// COPA and `PARus` count from 0 beside `choice1` and `choice2`, `WinoGrande` from 1.
#[test]
fn a_0_among_answers_tells_more_than_the_numbers_of_columns() {
    let read = |numbering, answer: &str, wanted| {
        let json = format!(r#"{{"question":"q","choice1":"x","choice2":"y","answer":{answer}}}"#);
        numbering::within(numbering, || check(&[(&json, wanted)]));
    };
    let first: Turns = &[("user", "q\nA) x\nB) y"), ("assistant", "x")];
    for answer in ["1", r#""1""#, r#""choice2""#] {
        read(Numbering::From0, answer, Ok(LISTED));
    }
    read(Numbering::From0, "0", Ok(first));
    read(Numbering::From0, "2", Err("no_such_option"));
    for numbering in [Numbering::From1, Numbering::Unknown] {
        for answer in ["2", r#""2""#, r#""choice2""#] {
            read(numbering, answer, Ok(LISTED));
        }
        read(numbering, "1", Ok(first));
        read(numbering, "0", Err("no_such_option"));
    }
    let about = r#"{"premise":"p","question":"q","choice1":"x","choice2":"y","label":1,"idx":7}"#;
    let asked: Turns = &[("user", "p\n\nq\nA) x\nB) y"), ("assistant", "y")];
    numbering::within(Numbering::From0, || check(&[(about, Ok(asked))]));
    let from_0 = r#"{"question":"q","option_0":"x","option_1":"y","answer":2}"#;
    numbering::within(Numbering::From1, || check(&[(from_0, Ok(LISTED))]));
    let named = r#"{"question":"q","option1":"x","option2":"y","answer_idx":2}"#;
    numbering::within(Numbering::Unknown, || check(&[(named, Ok(LISTED))]));
    // What the file says is noted whatever the columns are called.
    let evidence = numbering::survey(|| {
        read(Numbering::Unknown, "0", Err("no_such_option"));
    });
    assert_eq!(evidence.1.numbering(), Numbering::From0);
    // So few that they may say that no option is right: nobody guesses against the columns.
    for answer in ["1", "2", "0"] {
        read(Numbering::FewZeros, answer, Err("ambiguous_option"));
    }
    read(Numbering::FewZeros, r#""choice2""#, Ok(LISTED));
    for (zeros, others, options, wanted) in [
        (1, 2, 3, Numbering::From0),
        (4, 6, 2, Numbering::From0),
        (25, 75, 4, Numbering::From0),
        (1, 9, 4, Numbering::FewZeros),
        (4, 30, 4, Numbering::FewZeros),
        (5, 95, 4, Numbering::From0),
        (1, 60, 4, Numbering::Unknown),
    ] {
        let ((), evidence) = numbering::survey(|| {
            (0..zeros).for_each(|_| numbering::note(&[0], options));
            (0..others).for_each(|_| numbering::note(&[1], options));
        });
        assert_eq!(evidence.numbering(), wanted, "{zeros} of {others}");
    }
    // A list has no numbers of its own to stand against them.
    let list = r#"{"question":"q","options":["x","y"],"answer":1}"#;
    numbering::within(Numbering::FewZeros, || check(&[(list, Ok(LISTED))]));
}

/// В is the third letter of Russian lists and looks like the second of Latin ones.
#[test]
fn russian_letters_of_answers_to_latin_columns_are_those_they_look_like() {
    for (answer, wanted) in [
        ("А", Ok("x")),
        ("Б", Ok("y")),
        ("В", Err("no_such_option")),
        ("С", Ok("z")),
        ("D", Ok("w")),
    ] {
        let json =
            format!(r#"{{"question":"q","A":"x","B":"y","C":"z","D":"w","answer":"{answer}"}}"#);
        let listed = "q\nA) x\nB) y\nC) z\nD) w";
        let turns = wanted.map(|text| [("user", listed), ("assistant", text)]);
        check(&[(
            &json,
            turns
                .as_ref()
                .map(<[_; 2]>::as_slice)
                .map_err(|error| *error),
        )]);
    }
}

#[test]
fn letters_that_options_carry_are_not_given_twice() {
    for (options, answer) in [
        (r#"["A. x","B. y"]"#, "B"),
        (r#"["(a) x","(b) y"]"#, "b"),
        (r#"["A) x","B) y"]"#, "B) y"),
        (r#"["A)x","B)y"]"#, "B"),
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

#[test]
fn a_letter_beside_columns_with_a_gap_is_refused() {
    let refused = Err("ambiguous_option");
    let as_said: Turns = &[("user", "q"), ("assistant", "C")];
    check(&[
        (r#"{"question":"q","A":"x","C":"z","answer":"C"}"#, refused),
        (r#"{"question":"q","B":"y","C":"z","answer":"B"}"#, refused),
        (r#"{"question":"q","A":"x","C":"z","answer":"B"}"#, refused),
        (
            r#"{"prompt":"q","option_a":"x","option_c":"z","completion":"C"}"#,
            refused,
        ),
        (
            r#"{"question":"q","A":"x","B":"","C":"z","answer":"C"}"#,
            Ok(&[("user", "q\nA) x\nC) z"), ("assistant", "z")]),
        ),
        (
            r#"{"question":"q","vitamin_a":"x","vitamin_c":"z","answer":"C"}"#,
            Ok(as_said),
        ),
        (r#"{"question":"q","C":"z","answer":"C"}"#, Ok(as_said)),
    ]);
}

/// Those of a file that counts from 0 and whose answers are all of a kind.
fn habits(naming: Naming) -> Habits {
    Habits {
        numbering: Numbering::From0,
        numbers: naming,
        others: naming,
    }
}

/// "A" where B is "A", 1 where the second number is 1: what the file says, and what stands beside options.
#[test]
fn a_name_that_is_the_text_of_another_option_is_what_the_file_says() {
    // An answer that is a text, the same as a name, and whether the name stands beside its option.
    let cases = [
        (
            r#""options":{"A":"C","B":"A"},"answer":"A""#,
            "A",
            "C",
            true,
        ),
        (
            r#""choices":{"text":["3","1"],"label":["1","2"]},"answerKey":"1""#,
            "1",
            "3",
            true,
        ),
        (r#""options":["A. B","B. A"],"answer":"A""#, "A", "B", true),
        (r#""options":["1) 2","2) 1"],"answer":"1""#, "1", "2", true),
        (r#""A":"C","B":"A","answer":"A""#, "A", "C", true),
        (
            r#""option_a":"C","option_b":"A","answer":"A""#,
            "A",
            "C",
            true,
        ),
        (r#""options":["C","A"],"answer":"A""#, "A", "C", false),
        (r#""options":["0","5","1"],"answer":"1""#, "1", "5", false),
        (r#""options":[0,5,1],"answer":1"#, "1", "5", false),
    ];
    for (fields, text, name, is_stated) in cases {
        let json = format!(r#"{{"question":"q",{fields}}}"#);
        let answer = |naming| {
            let (shape, content, _) = numbering::within(habits(naming), || read(&json));
            assert_eq!(shape, "multiple_choice", "{json}");
            match content {
                Ok(Content::Chat(turns)) => Ok(turns[1].content.clone()),
                Ok(other) => panic!("a chat, not {other:?}"),
                Err(misfit) => Err(misfit.error),
            }
        };
        let (text, name) = (Ok(text.to_owned()), Ok(name.to_owned()));
        assert_eq!(answer(Naming::Names), name, "{json}");
        assert_eq!(answer(Naming::Texts), text, "{json}");
        let wanted = if is_stated { &name } else { &text };
        assert_eq!(&answer(Naming::Unknown), wanted, "{json}");
        assert!(answer(Naming::Both).is_err(), "{json}");
    }
    // The number of a column may be meant, and the number that an option is.
    let columns = r#"{"question":"q","option0":"1","option1":"0","answer":"1"}"#;
    for (naming, wanted) in [
        (Naming::Names, Ok("0")),
        (Naming::Texts, Ok("1")),
        (Naming::Unknown, Err("ambiguous_option")),
        (Naming::Both, Err("ambiguous_option")),
    ] {
        let turns = wanted.map(|answer| [("user", "q\nA) 1\nB) 0"), ("assistant", answer)]);
        let wanted = turns
            .as_ref()
            .map(|turns| &turns[..])
            .map_err(|error| *error);
        numbering::within(habits(naming), || check(&[(columns, wanted)]));
    }
    // An index is a number, whatever the texts are.
    let index = r#"{"question":"q","options":["0","5","1"],"answer_idx":"1"}"#;
    let asked: Turns = &[("user", "q\nA) 0\nB) 5\nC) 1"), ("assistant", "5")];
    for naming in [Naming::Unknown, Naming::Texts, Naming::Both] {
        numbering::within(habits(naming), || check(&[(index, Ok(asked))]));
    }
    // Two options that say the same.
    let same = r#"{"question":"q","options":{"A":"B","B":"B"},"answer":"B"}"#;
    let asked: Turns = &[("user", "q\nA) B\nB) B"), ("assistant", "B")];
    numbering::within(habits(Naming::Both), || check(&[(same, Ok(asked))]));
}

#[test]
fn answers_say_whether_they_are_names_or_texts() {
    let either = r#"{"question":"q","options":["C","A"],"answer":"A"}"#;
    let text = r#"{"question":"q","options":["red","blue"],"answer":"blue"}"#;
    let name = r#"{"question":"q","options":["red","blue"],"answer":"B"}"#;
    for (records, wanted) in [
        (&[either][..], Naming::Unknown),
        (&[either, text], Naming::Texts),
        (&[name, either], Naming::Names),
        (&[text, name], Naming::Both),
    ] {
        let ((), evidence) = numbering::survey(|| {
            for json in records {
                assert!(read(json).1.is_ok(), "{json}");
            }
        });
        assert_eq!(evidence.habits().others, wanted, "{records:?}");
    }
    // Numbers are names, also before it is known from where they count.
    let ((), evidence) = numbering::survey(|| {
        for answer in [0, 1, 2] {
            let json = format!(
                r#"{{"question":"q","option1":"7","option2":"8","option3":"9","answer":"{answer}"}}"#
            );
            let _ = numbering::within(Numbering::Unknown, || read(&json));
        }
    });
    let found = evidence.habits();
    assert_eq!(
        (found.numbers, found.others),
        (Naming::Names, Naming::Unknown)
    );
    assert_eq!(found.numbering, Numbering::From0);
    // Letters say nothing of numbers.
    let ((), evidence) = numbering::survey(|| assert!(read(name).1.is_ok()));
    let found = evidence.habits();
    assert_eq!(
        (found.numbers, found.others),
        (Naming::Unknown, Naming::Names)
    );
    // Who says how numbers count says that numbers are names, unless answers are plainly texts.
    let told = |naming| habits(naming).told(Some(Numbering::From1));
    assert_eq!(told(Naming::Unknown).numbers, Naming::Names);
    assert_eq!(told(Naming::Unknown).others, Naming::Unknown);
    assert_eq!(told(Naming::Texts).numbers, Naming::Texts);
    assert_eq!(told(Naming::Texts).numbering, Numbering::From1);
    assert_eq!(habits(Naming::Both).told(None), habits(Naming::Both));
}

#[test]
fn a_letter_beside_an_empty_list_of_options_is_refused() {
    check(&[
        (
            r#"{"question":"q","choices":[],"answer":"B"}"#,
            Err("ambiguous_option"),
        ),
        (
            r#"{"question":"q","choices":null,"answer":"Б"}"#,
            Err("ambiguous_option"),
        ),
        (
            r#"{"question":"q","choices":[],"answer":"c"}"#,
            Ok(&[("user", "q"), ("assistant", "c")]),
        ),
        (
            r#"{"question":"q","choices":[],"answer":"7"}"#,
            Ok(&[("user", "q"), ("assistant", "7")]),
        ),
    ]);
}
