//! Turns in cells, answers beside turns, and what a question is about.

use super::{Turns, check};

const ONE: Turns = &[("user", "q"), ("assistant", "a")];
const ABOUT: Turns = &[("user", "q\n\nx"), ("assistant", "a")];

#[test]
fn an_answer_beside_turns_is_the_last_one() {
    check(&[
        (
            r#"{"messages":[{"role":"user","content":"q"}],"answer":"a"}"#,
            Ok(ONE),
        ),
        (
            r#"{"messages":"[{'role': 'user', 'content': 'q'}]","response":"a"}"#,
            Ok(ONE),
        ),
        (
            r#"{"conversations":[{"from":"human","value":"q"}],"output":{"from":"gpt","value":"a"}}"#,
            Ok(ONE),
        ),
        (
            r#"{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"answer":"b"}"#,
            Ok(ONE),
        ),
        (
            r#"{"messages":[{"role":"user","content":"q"}],"answer":"","response":["a","b"]}"#,
            Ok(ONE),
        ),
        (
            r#"{"messages":[{"role":"user","content":"q"}],"answer":"a","label":0}"#,
            Err("undesired_answer"),
        ),
    ]);
}

#[test]
fn turns_in_cells_are_read_as_they_are_written() {
    check(&[
        (
            r#"{"prompt":"[{\"role\": \"user\", \"content\": \"q\"}]","completion":"[{\"role\": \"assistant\", \"content\": \"a\"}]"}"#,
            Ok(ONE),
        ),
        (
            r#"{"prompt":"[{'role': 'user', 'content': 'q'}]","completion":"a"}"#,
            Ok(ONE),
        ),
        (
            r#"{"prompt":"q","completion":"[{'role': 'assistant', 'content': 'a'}]"}"#,
            Ok(ONE),
        ),
        (
            r#"{"prompt":"q","completion":[{"role":"assistant","content":"a"}]}"#,
            Ok(ONE),
        ),
        (
            r#"{"instruction":"q","output":"a","history":"[['h', 'i']]"}"#,
            Ok(&[
                ("user", "h"),
                ("assistant", "i"),
                ("user", "q"),
                ("assistant", "a"),
            ]),
        ),
        (
            r#"{"instruction":"q","output":"a","history":"[['h', 'i'"}"#,
            Err("wrong_type"),
        ),
        (
            r#"{"instruction":"q","output":"a","history":"[]"}"#,
            Ok(ONE),
        ),
        (
            r#"{"prompt":"[{'role': 'user', 'content': 'q'","completion":"a"}"#,
            Err("wrong_type"),
        ),
        (
            r#"{"prompt":"[a list, it seems]","completion":"a"}"#,
            Ok(&[("user", "[a list, it seems]"), ("assistant", "a")]),
        ),
    ]);
}

#[test]
fn input_belongs_to_questions_and_prompts() {
    check(&[
        (r#"{"question":"q","answer":"a","input":"x"}"#, Ok(ABOUT)),
        (r#"{"prompt":"q","input":"x","output":"a"}"#, Ok(ABOUT)),
        (r#"{"prompt":"q","input":"","output":"a"}"#, Ok(ONE)),
        (r#"{"prompt":"q","input":null,"output":"a"}"#, Ok(ONE)),
        // The prompt was written with it.
        (r#"{"prompt":"q\n\nx","input":"x","output":"a"}"#, Ok(ABOUT)),
        (
            r#"{"prompt":"Human: q\n\nAssistant:","completion":" a"}"#,
            Ok(&[("user", "q"), ("assistant", " a")]),
        ),
    ]);
}

#[test]
fn turns_are_known_by_what_they_hold_where_their_name_says_little() {
    check(&[
        (
            r#"{"dialog":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}"#,
            Ok(ONE),
        ),
        (
            r#"{"id":1,"turns":[{"from":"human","value":"q"},{"from":"gpt","value":"a"}]}"#,
            Ok(ONE),
        ),
        // A number of turns is no turn.
        (r#"{"question":"q","answer":"a","turns":1}"#, Ok(ONE)),
    ]);
}

#[test]
fn turns_that_are_not_to_be_learned_are_refused() {
    let record = |first: &str, last: &str| {
        format!(
            r#"{{"messages":[{{"role":"user","content":"q"}},{{"role":"assistant","content":"b"{first}}},{{"role":"user","content":"r"}},{{"role":"assistant","content":"a"{last}}}]}}"#
        )
    };
    let refused = Err("undesired_answer");
    for (first, last) in [
        (r#","weight":0"#, r#","weight":1"#),
        (r#","weight":1"#, r#","weight":0"#),
        (r#","weight":0.0"#, ""),
        (r#","loss":false"#, r#","loss":true"#),
        ("", r#","train":false"#),
    ] {
        check(&[(&record(first, last), refused)]);
    }
    let all: Turns = &[
        ("user", "q"),
        ("assistant", "b"),
        ("user", "r"),
        ("assistant", "a"),
    ];
    check(&[
        (&record(r#","weight":1"#, r#","weight":1"#), Ok(all)),
        (&record("", ""), Ok(all)),
        (
            r#"{"prompt":[{"role":"user","content":"q"}],"completion":[{"role":"assistant","content":"a","weight":0}]}"#,
            refused,
        ),
        // What the user says is not learned anyway.
        (
            r#"{"messages":[{"role":"user","content":"q","weight":0},{"role":"assistant","content":"a"}]}"#,
            Ok(ONE),
        ),
    ]);
}

#[test]
fn turns_have_many_names() {
    check(&[
        (
            r#"{"messages":{"role":["user","bot"],"content":["q","a"]},"seed":"x"}"#,
            Ok(ONE),
        ),
        (
            r#"{"messages":"{'role': ['user', 'bot'], 'content': ['q', 'a']}"}"#,
            Ok(ONE),
        ),
        (
            r#"{"conversations":{"from":["human","gpt"],"value":["q","a"],"weight":[null,1]}}"#,
            Ok(ONE),
        ),
        (
            r#"{"messages":{"role":["user","bot"],"content":["q"]}}"#,
            Err("wrong_type"),
        ),
        (
            r#"{"dialog":{"role":["user","bot"],"content":["q","a"]}}"#,
            Ok(ONE),
        ),
        (
            r#"{"conversation":[{"input":"q","output":"a"},{"input":"r","output":"b"}]}"#,
            Ok(&[
                ("user", "q"),
                ("assistant", "a"),
                ("user", "r"),
                ("assistant", "b"),
            ]),
        ),
        (
            r#"{"messages":[{"author":"user","content":"q"},{"author":"bot","content":"a"}]}"#,
            Ok(ONE),
        ),
        (
            r#"{"messages":[{"type":"human","content":"q"},{"type":"ai","content":"a"}]}"#,
            Ok(ONE),
        ),
        (
            r#"{"chat_messages":[{"sender":"human","text":"q"},{"sender":"assistant","text":"a"}]}"#,
            Ok(ONE),
        ),
        (
            r#"{"turns":[{"speaker":"user","utterance":"q"},{"speaker":"assistant","utterance":"a"}]}"#,
            Ok(ONE),
        ),
        (r#"{"inputs":"q","targets":"a","language":"ru"}"#, Ok(ONE)),
        (r#"{"Вопросы":"q","Ответы":"a"}"#, Ok(ONE)),
        (r#"{"Questions":"q","Answers":"['a', 'b']"}"#, Ok(ONE)),
        (r#"{"Questions":"q","Answer":"a"}"#, Ok(ONE)),
    ]);
}

#[test]
fn pairs_in_turns_have_an_order_whatever_that_of_their_keys() {
    let with_system: Turns = &[("system", "s"), ("user", "q"), ("assistant", "a")];
    let two: Turns = &[
        ("system", "s"),
        ("user", "q"),
        ("assistant", "a"),
        ("user", "r"),
        ("assistant", "b"),
    ];
    check(&[
        (
            r#"{"conversation":[{"assistant":"a","human":"q"}]}"#,
            Ok(ONE),
        ),
        (
            r#"{"conversation":[{"human":"q","assistant":"a","system":"s"}]}"#,
            Ok(with_system),
        ),
        (
            r#"{"conversation":[{"assistant":"a","system":null,"human":"q"}]}"#,
            Ok(ONE),
        ),
        (
            r#"{"conversation":[{"system":"s","human":"q","assistant":"a"},{"system":null,"human":"r","assistant":"b"}]}"#,
            Ok(two),
        ),
        // XTuner.
        (
            r#"{"conversation":[{"output":"a","system":"s","input":"q"},{"input":"r","output":"b"}]}"#,
            Ok(two),
        ),
        (
            r#"{"conversation":[{"system":"s","input":"q","output":"a"},{"system":"s","input":"r","output":"b"}]}"#,
            Ok(two),
        ),
        (
            r#"{"conversation":[{"system":"","input":"q","output":"a"}]}"#,
            Ok(ONE),
        ),
        (
            r#"{"conversation":[{"system":"s","input":"q","output":"a"},{"system":"t","input":"r","output":"b"}]}"#,
            Ok(&[
                ("system", "s"),
                ("user", "q"),
                ("assistant", "a"),
                ("system", "t"),
                ("user", "r"),
                ("assistant", "b"),
            ]),
        ),
        (
            r#"{"conversations":[{"human":"q","function_call":"f","observation":"o","gpt":"a"}]}"#,
            Ok(&[
                ("user", "q"),
                ("assistant", "f"),
                ("tool", "o"),
                ("assistant", "a"),
            ]),
        ),
        (
            r#"{"conversations":[{"function_call":"f","gpt":"a","human":"q","observation":"o"}]}"#,
            Err("wrong_type"),
        ),
        (
            r#"{"conversation":[{"human":null,"assistant":null}]}"#,
            Err("wrong_type"),
        ),
    ]);
    let xtuner = r#"{"conversation":[{"system":"s","input":"q","output":"a"}]}"#;
    assert_eq!(super::read(xtuner).2, "{}");
}

#[test]
fn pairs_show_that_the_assistant_speaks_first_or_the_user_does() {
    let user_first: Turns = &[
        ("user", "1"),
        ("assistant", "2"),
        ("user", "3"),
        ("assistant", "4"),
    ];
    let assistant_first: Turns = &[
        ("assistant", "1"),
        ("user", "2"),
        ("assistant", "3"),
        ("user", "4"),
    ];
    let greeted: Turns = &[("assistant", "1"), ("user", "2"), ("assistant", "3")];
    for (pairs, wanted) in [
        // Sorted keys show nothing.
        (
            r#"{"assistant":"2","user":"1"},{"assistant":"4","user":"3"}"#,
            user_first,
        ),
        (
            r#"{"bot":"2","human":"1"},{"bot":"4","human":"3"}"#,
            user_first,
        ),
        (
            r#"{"user":"1","assistant":"2"},{"user":"3","assistant":"4"}"#,
            user_first,
        ),
        (
            r#"{"assistant":"2","system":"","user":"1"},{"assistant":"4","user":"3"}"#,
            user_first,
        ),
        (
            r#"{"model":"2","human":"1"},{"user":"3","assistant":"4"}"#,
            user_first,
        ),
        (
            r#"{"model":"1","human":"2"},{"model":"3","human":"4"}"#,
            assistant_first,
        ),
        (
            r#"{"gpt":"1","customer":"2"},{"gpt":"3","customer":"4"}"#,
            assistant_first,
        ),
        (
            r#"{"system":"","assistant":"1","user":"2"},{"system":"","assistant":"3","user":"4"}"#,
            assistant_first,
        ),
        // The assistant would speak twice.
        (r#"{"assistant":"1","user":"2"},{"assistant":"3"}"#, greeted),
        (
            r#"{"assistant":"1","user":"2"},{"assistant":"3","user":null}"#,
            greeted,
        ),
        (r#"{"bot":"1","human":"2"},{"bot":"3","human":""}"#, greeted),
    ] {
        let json = format!(r#"{{"conversation":[{pairs}]}}"#);
        check(&[(&json, Ok(wanted))]);
    }
    // What is put in comes before what comes out; and a greeting before pairs is one turn.
    for (pairs, wanted) in [
        (
            r#"{"output":"2","input":"1"},{"output":"4","input":"3"}"#,
            user_first,
        ),
        (
            r#"{"assistant":"0"},{"assistant":"2","user":"1"},{"assistant":"4","user":"3"}"#,
            &[
                ("assistant", "0"),
                ("user", "1"),
                ("assistant", "2"),
                ("user", "3"),
                ("assistant", "4"),
            ],
        ),
        (
            r#"{"user":"1","assistant":"2"},{"assistant":"3"}"#,
            &[("user", "1"), ("assistant", "2"), ("assistant", "3")],
        ),
    ] {
        let json = format!(r#"{{"conversation":[{pairs}]}}"#);
        check(&[(&json, Ok(wanted))]);
    }
}

#[test]
fn of_two_orders_of_pairs_the_one_is_taken_in_which_nobody_speaks_twice() {
    let asked: Turns = &[
        ("user", "1"),
        ("assistant", "2"),
        ("user", "3"),
        ("assistant", "4"),
    ];
    let thanked: Turns = &[
        ("user", "1"),
        ("assistant", "2"),
        ("user", "3"),
        ("assistant", "4"),
        ("user", "5"),
    ];
    let greeted: Turns = &[
        ("assistant", "1"),
        ("user", "2"),
        ("assistant", "3"),
        ("user", "4"),
    ];
    for (pairs, wanted) in [
        // A user alone before pairs.
        (
            r#"{"user":"1"},{"assistant":"2","user":"3"},{"assistant":"4","user":"5"}"#,
            thanked,
        ),
        (
            r#"{"human":"1"},{"bot":"2","human":"3"},{"bot":"4"}"#,
            asked,
        ),
        (
            r#"{"assistant":null,"user":"1"},{"assistant":"2","user":"3"},{"assistant":"4","user":null}"#,
            asked,
        ),
        (
            r#"{"assistant":"","user":"1"},{"assistant":"2","user":"3"},{"assistant":"4","user":""}"#,
            asked,
        ),
        // A greeting before pairs whose keys show nothing that this does not.
        (
            r#"{"assistant":"1"},{"model":"3","human":"2"},{"user":"4"}"#,
            greeted,
        ),
        // An answer that is missing shifts nothing.
        (
            r#"{"assistant":null,"user":"1"},{"assistant":"3","user":"2"}"#,
            &[("user", "1"), ("user", "2"), ("assistant", "3")],
        ),
        // In both orders somebody does.
        (
            r#"{"user":"1"},{"assistant":"3","user":"2"},{"user":"4"}"#,
            &[
                ("user", "1"),
                ("user", "2"),
                ("assistant", "3"),
                ("user", "4"),
            ],
        ),
        // Keys that nobody sorted.
        (
            r#"{"user":"1"},{"user":"2","assistant":"3"}"#,
            &[("user", "1"), ("user", "2"), ("assistant", "3")],
        ),
    ] {
        let json = format!(r#"{{"conversation":[{pairs}]}}"#);
        check(&[(&json, Ok(wanted))]);
    }
}

#[test]
fn a_side_of_a_pair_that_is_null_or_asks_nothing_is_not_there() {
    let greeted: Turns = &[("assistant", "h"), ("user", "q"), ("assistant", "a")];
    let left: Turns = &[("user", "q"), ("assistant", "a"), ("user", "r")];
    let before: Turns = &[("user", "r"), ("user", "q"), ("assistant", "a")];
    for (pairs, wanted) in [
        (
            r#"{"user":null,"assistant":"h"},{"user":"q","assistant":"a"}"#,
            greeted,
        ),
        (
            r#"{"user":"","assistant":"h"},{"user":"q","assistant":"a"}"#,
            greeted,
        ),
        (
            r#"{"input":null,"output":"h"},{"input":"q","output":"a"}"#,
            greeted,
        ),
        (
            r#"{"system":null,"user":null,"assistant":"h"},{"user":"q","assistant":"a"}"#,
            greeted,
        ),
        (
            r#"{"user":"q","assistant":"a"},{"user":"r","assistant":null}"#,
            left,
        ),
        (
            r#"{"input":"q","output":"a"},{"input":"r","output":null}"#,
            left,
        ),
    ] {
        let json = format!(r#"{{"conversation":[{pairs}]}}"#);
        check(&[(&json, Ok(wanted))]);
    }
    for (pairs, wanted) in [
        (r#"[null,"h"]"#, greeted),
        (r#"["","h"]"#, greeted),
        (r#"{"question":null,"answer":"h"}"#, greeted),
        (r#"["r",null]"#, before),
        (r#"{"question":"r","answer":null}"#, before),
        // The question itself.
        (r#"["q",null]"#, ONE),
        (r"[null,null]", ONE),
    ] {
        let json = format!(r#"{{"question":"q","answer":"a","history":[{pairs}]}}"#);
        check(&[(&json, Ok(wanted))]);
    }
    check(&[
        (
            r#"{"conversation":[{"system":"s","user":null,"assistant":null}]}"#,
            Err("wrong_type"),
        ),
        (
            r#"{"question":"q","answer":"a","history":[[1,"h"]]}"#,
            Err("wrong_type"),
        ),
    ]);
}
