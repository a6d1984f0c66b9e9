//! Each shape with its records, those that do not fit, and what is kept of them.

mod answered;
mod answers;
mod choices;
mod other_names;
mod preferences;
mod rejected;
mod turns;

use super::numbering::Numbering;
use super::*;
use crate::document::Message;

/// Roles and what they say.
type Turns<'a> = &'a [(&'a str, &'a str)];

/// Each record is the one document of these turns, or does not fit with that error.
fn check(cases: &[(&str, Result<Turns, &str>)]) {
    for (json, wanted) in cases {
        let found = read(json).1.map_err(|misfit| misfit.error);
        assert_eq!(found, wanted.map(chat), "{json}");
    }
}

fn read(json: &str) -> (&'static str, Result<Content, Misfit>, String) {
    let (name, items, meta) = read_items(json);
    let first = items.and_then(|mut items| items.remove(0));
    (name, first.map(|item| item.content), meta)
}

fn read_items(json: &str) -> (&'static str, Items, String) {
    let mut fields: Fields = serde_json::from_str(json).expect("valid JSON");
    let shape = Shape::of(&fields).expect("a known shape");
    let content = shape.take(&mut fields);
    (
        shape.name,
        content,
        serde_json::to_string(&fields).expect("serializes"),
    )
}

fn chat(turns: &[(&str, &str)]) -> Content {
    Content::Chat(
        turns
            .iter()
            .map(|(role, content)| Message::new(*role, *content))
            .collect(),
    )
}

#[test]
fn every_shape_is_recognised_and_keeps_what_it_does_not_know() {
    let two = chat(&[("user", "q"), ("assistant", "a")]);
    for (json, name, content, meta) in [
        (
            r#"{"id":7,"question":"q","answer":"a"}"#,
            "question_answer",
            two.clone(),
            r#"{"id":7}"#,
        ),
        (
            r#"{"Вопрос":"q","Ответ":"a"}"#,
            "question_answer",
            two.clone(),
            "{}",
        ),
        (
            r#"{"question":"q","answer":42}"#,
            "question_answer",
            chat(&[("user", "q"), ("assistant", "42")]),
            "{}",
        ),
        (
            r#"{"instruction":"q","input":"","output":"a"}"#,
            "alpaca",
            two.clone(),
            "{}",
        ),
        (
            r#"{"instruction":"q","input":"x","response":"a"}"#,
            "alpaca",
            chat(&[("user", "q\n\nx"), ("assistant", "a")]),
            "{}",
        ),
        (
            r#"{"prompt":"q","completion":"a","n":1}"#,
            "prompt_completion",
            two.clone(),
            r#"{"n":1}"#,
        ),
        (
            r#"{"conversations":[{"from":"human","value":"q"},{"from":"gpt","value":"a"}]}"#,
            "sharegpt",
            two.clone(),
            "{}",
        ),
        (
            r#"{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a","weight":1}]}"#,
            "messages",
            two.clone(),
            r#"{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a","weight":1}]}"#,
        ),
        (
            r#"{"title":"t","text":"body"}"#,
            "text",
            Content::Text("body".to_owned()),
            r#"{"title":"t"}"#,
        ),
    ] {
        assert_eq!(read(json), (name, Ok(content), meta.to_owned()), "{json}");
    }
}

#[test]
fn preferences_come_as_text_and_as_messages() {
    let wanted = Content::Preference {
        messages: vec![Message::new("user", "q"), Message::new("assistant", "good")],
        rejected: vec![Message::new("assistant", "bad")],
    };
    for json in [
        r#"{"prompt":"q","chosen":"good","rejected":"bad"}"#,
        r#"{"prompt":[{"role":"user","content":"q"}],"chosen":[{"role":"assistant","content":"good"}],"rejected":[{"role":"assistant","content":"bad"}]}"#,
        r#"{"chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"good"}],"rejected":[{"role":"user","content":"q"},{"role":"assistant","content":"bad"}]}"#,
    ] {
        assert_eq!(read(json).1, Ok(wanted.clone()), "{json}");
    }
}

#[test]
fn nothing_of_turns_and_other_answers_is_lost() {
    for (json, meta) in [
        (
            r#"{"prompt":"q","chosen":[{"role":"assistant","content":"a","weight":1}],"rejected":[{"role":"assistant","content":"b"}]}"#,
            r#"{"chosen":[{"role":"assistant","content":"a","weight":1}]}"#,
        ),
        (
            r#"{"input":"q","ideal":["a","b"]}"#,
            r#"{"ideal":["a","b"]}"#,
        ),
        (r#"{"input":"q","ideal":["a"]}"#, "{}"),
        // A number that is an option itself is no index.
        (r#"{"question":"q","options":["3","1"],"answer":"1"}"#, "{}"),
    ] {
        let (_, content, left) = read(json);
        assert_eq!(left, meta, "{json}");
        let Ok(Content::Chat(messages) | Content::Preference { messages, .. }) = content else {
            panic!("{json}: {content:?}")
        };
        let wanted = if json.contains("options") { "1" } else { "a" };
        assert_eq!(messages[1].content, wanted, "{json}");
    }
}

#[test]
fn wrong_types_are_named_with_their_place() {
    for (json, needle) in [
        (r#"{"question":"q","answer":null}"#, "`answer` is null"),
        (r#"{"question":["a"],"answer":"x"}"#, "`question` is a list"),
        (r#"{"text":42}"#, "`text` is a number"),
        (
            r#"{"messages":[{"role":"narrator","content":"x"}]}"#,
            "messages[0]: unknown role `narrator`",
        ),
        (r#"{"messages":"x"}"#, "expected a list"),
    ] {
        let Err(Misfit { why, .. }) = read(json).1 else {
            panic!("{json} must not fit")
        };
        assert!(why.contains(needle), "{why}");
    }
    assert!(Shape::of(&serde_json::from_str(r#"{"a":1}"#).expect("valid")).is_none());
}

fn contents(json: &str) -> Vec<Content> {
    let items = read_items(json).1.expect("fits");
    items
        .into_iter()
        .map(|item| item.expect("fits").content)
        .collect()
}

#[test]
fn passages_options_instances_and_trees() {
    let about = chat(&[("user", "c\n\nq"), ("assistant", "a")]);
    assert_eq!(
        contents(r#"{"context":"c","question":"q","answers":{"text":["a","b"]}}"#),
        std::slice::from_ref(&about)
    );
    assert_eq!(
        contents(
            r#"{"title":"t","paragraphs":[{"context":"c","qas":[{"question":"q","answers":[{"text":"a"}]},{"question":"q","answers":[{"text":"a"}]}]}]}"#
        ),
        [about.clone(), about]
    );
    let choice = [chat(&[("user", "q\nA) x\nB) y"), ("assistant", "y")])];
    for json in [
        r#"{"question":"q","A":"x","B":"y","C":"","answer":"B"}"#,
        r#"{"question":"q","A":"x","B":"y","answer":"y"}"#,
        r#"{"question":"q","options":["x","y"],"answer":1}"#,
        r#"{"question":"q","options":["x","y"],"answer":"1"}"#,
        r#"{"question":"q","choices":{"text":["x","y"],"label":["1","2"]},"answerKey":"2"}"#,
        r#"{"question":"q","choices":{"text":["x","y"],"label":["C","D"]},"answerKey":"D"}"#,
    ] {
        assert_eq!(contents(json), choice, "{json}");
    }
    let two =
        r#"{"instruction":"i","instances":[{"input":"x","output":"a"},{"input":"","output":"b"}]}"#;
    assert_eq!(
        contents(two),
        [
            chat(&[("user", "i\n\nx"), ("assistant", "a")]),
            chat(&[("user", "i"), ("assistant", "b")])
        ]
    );
    let tree = r#"{"message_tree_id":"1","prompt":{"text":"q","role":"prompter","replies":[
        {"text":"worse","role":"assistant","rank":1,"replies":[]},
        {"text":"better","role":"assistant","rank":0,"replies":[{"text":"and?","role":"prompter","replies":[]}]}]}}"#;
    assert_eq!(
        contents(tree),
        [chat(&[("user", "q"), ("assistant", "better")])]
    );
    let ideal = r#"{"input":[{"role":"system","content":"s"},{"role":"user","content":"q"}],"ideal":["a","b"]}"#;
    assert_eq!(
        contents(ideal),
        [chat(&[("system", "s"), ("user", "q"), ("assistant", "a")])]
    );
}

#[test]
fn options_are_known_however_their_names_are_written() {
    let choice = [chat(&[("user", "q\nA) x\nB) y"), ("assistant", "y")])];
    for json in [
        r#"{"question":"q","Option A":"x","Option B":"y","answer":"B"}"#,
        r#"{"question":"q","choice-a":"x","choice-b":"y","answer":"b"}"#,
        r#"{"question":"q","opa":"x","opb":"y","cop":1}"#,
        r#"{"вопрос":"q","варианты ответа":["x","y"],"ответ":1}"#,
        r#"{"question":"q","possible_answers":["x","y"],"answer":1}"#,
        r#"{"question":"q","answerChoices":["x","y"],"answer":"B"}"#,
        r#"{"question":"q","answers":["x","y"],"correct":1}"#,
        r#"{"question":"q","answers":["x","y"],"correct_answer":"B"}"#,
    ] {
        assert_eq!(contents(json), choice, "{json}");
        assert_eq!(read_items(json).2, "{}", "{json}");
    }
    for json in [
        r#"{"question":"q","option_1":"x","option_2":"y","answer":"2"}"#,
        r#"{"question":"q","choice1":"x","choice2":"y","answer":2}"#,
        r#"{"Вопрос":"q","вариант1":"x","вариант2":"y","ответ":"2"}"#,
        r#"{"Вопрос":"q","Вариант 1":"x","Вариант 2":"y","Правильный ответ":2}"#,
    ] {
        let found = numbering::within(Numbering::Unknown, || contents(json));
        assert_eq!(found, choice, "{json}");
    }
    let russian = r#"{"вопрос":"q","Вариант А":"x","Вариант Б":"y","ответ":"Б"}"#;
    assert_eq!(
        contents(russian),
        [chat(&[("user", "q\nА) x\nБ) y"), ("assistant", "y")])]
    );
    let nothing = r#"{"question":"q","answers":["x","y"],"correct":2}"#;
    assert_eq!(
        read(nothing).1.expect_err("two answers").error,
        "no_such_option"
    );
    // An answer in words beside a list of what was said is no mark.
    let words = r#"{"question":"q","answers":["x","y"],"correct_answer":"z z"}"#;
    assert_eq!(
        contents(words),
        [chat(&[("user", "q"), ("assistant", "z z")])]
    );
}

#[test]
fn preferences_answer_the_same_prompt() {
    let wanted = Content::Preference {
        messages: vec![Message::new("user", "p"), Message::new("assistant", "c")],
        rejected: vec![Message::new("assistant", "r")],
    };
    let turns = |asked: &str, said: &str| {
        format!(
            r#"[{{"role":"user","content":"{asked}"}},{{"role":"assistant","content":"{said}"}}]"#
        )
    };
    let record = |prompt: &str, chosen: &str, rejected: &str| {
        format!(r#"{{{prompt}"chosen":{chosen},"rejected":{rejected}}}"#)
    };
    let (chosen, rejected) = (turns("p", "c"), turns("p", "r"));
    for prompt in ["", r#""prompt":"p ","#, r#""prompt":"\np","#] {
        let json = record(prompt, &chosen, &rejected);
        assert_eq!(read(&json).1, Ok(wanted.clone()), "{json}");
    }
    let json = record("", &chosen, &turns("p ", "r"));
    assert_eq!(read(&json).1, Ok(wanted.clone()), "{json}");
    for (prompt, rejected) in [
        ("", turns("other", "r")),
        (r#""prompt":"p","#, turns("other", "r")),
        (r#""prompt":"another","#, rejected),
    ] {
        let json = record(prompt, &chosen, &rejected);
        let misfit = read(&json).1.expect_err("other questions");
        assert!(misfit.why.contains("what the user says"), "{misfit:?}");
    }
    let with_system = record(r#""system":"s","prompt":"p","#, &chosen, &turns("p", "r"));
    let Ok(Content::Preference { messages, rejected }) = read(&with_system).1 else {
        panic!("{with_system}")
    };
    assert_eq!((messages.len(), rejected.len()), (3, 1));
}

#[test]
fn questions_keep_what_they_are_about() {
    let about = [chat(&[("user", "c\n\nq"), ("assistant", "a")])];
    for json in [
        r#"{"text":"c","question":"q","answer":"a"}"#,
        r#"{"абзац":"c","вопрос":"q","ответ":"a"}"#,
        r#"{"контекст":"c","вопрос":"q","ответы":["a"]}"#,
        r#"{"текст":"c","вопрос":"q","ответы":{"text":["a"]}}"#,
        r#"{"инструкция":"c","вход":"q","выход":"a"}"#,
        r#"{"title":"c","body":"q","answers":[{"body":"a"},{"body":"b"}]}"#,
        r#"{"title":"c","body":"q","accepted_answer_id":2,"answers":[{"id":1,"body":"b"},{"id":2,"body":"a"}]}"#,
        r#"{"title":"c","body":"q","answers":[{"body":"b"},{"body":"a","is_accepted":true}]}"#,
    ] {
        assert_eq!(contents(json), about, "{json}");
    }
    let plain = [chat(&[("user", "q"), ("assistant", "a")])];
    for json in [
        r#"{"запрос":"q","ответ":"a"}"#,
        r#"{"вопрос":"q","правильный_ответ":"a"}"#,
        // The record once more, as a prompt.
        r#"{"text":"Question: q Answer: a","question":"q","answer":"a"}"#,
        r#"{"text":"Do: q Say: a","instruction":"q","output":"a"}"#,
    ] {
        assert_eq!(contents(json), plain, "{json}");
    }
    let choice = r#"{"article":"c","question":"q","options":["x","a"],"answer":"B"}"#;
    assert_eq!(
        contents(choice),
        [chat(&[("user", "c\n\nq\nA) x\nB) a"), ("assistant", "a")])]
    );
}
