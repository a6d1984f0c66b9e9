use super::*;
use crate::document::{Content, Message};

fn mapping(text: &str) -> Mapping {
    Mapping::parse(&[text.to_owned()]).expect("a mapping")
}

fn take(map: &str, json: &str) -> (Result<Content, String>, String, Vec<String>) {
    let mut fields: Fields = serde_json::from_str(json).expect("JSON");
    let mut seen = Vec::new();
    let items = mapping(map).take(&mut fields, |path| seen.push(path.to_owned()));
    let content = items
        .and_then(|mut items| items.remove(0))
        .map(|item| item.content)
        .map_err(|misfit| misfit.why);
    (content, Value::Object(fields).to_string(), seen)
}

fn chat(turns: &[(&str, &str)]) -> Content {
    let turns = turns.iter().map(|(role, said)| Message::new(*role, *said));
    Content::Chat(turns.collect())
}

#[test]
fn fields_of_any_name_case_and_depth_are_mapped_and_the_rest_is_kept() {
    let two = chat(&[("user", "q"), ("assistant", "a")]);
    for (map, json, content, rest) in [
        (
            "question=Колонка 1,answer=колонка 2",
            r#"{"колонка 1":"q","КОЛОНКА 2":"a","context":"not asked for","n":1}"#,
            two.clone(),
            r#"{"context":"not asked for","n":1}"#,
        ),
        (
            "prompt=in.text,output=out.0.value",
            r#"{"in":{"text":"q"},"out":[{"value":"a","w":2}]}"#,
            two.clone(),
            r#"{"out":[{"w":2}]}"#,
        ),
        (
            "question=a.b,answer=c, d",
            r#"{"a.b":"q","c, d":"a"}"#,
            two.clone(),
            "{}",
        ),
        (
            "text=id",
            r#"{"id":7,"text":"other"}"#,
            Content::Text("7".to_owned()),
            r#"{"text":"other"}"#,
        ),
        (
            "messages=dialog,system=persona",
            r#"{"persona":"s","dialog":[{"from":"human","value":"q"},{"from":"gpt","value":"a"}]}"#,
            chat(&[("system", "s"), ("user", "q"), ("assistant", "a")]),
            "{}",
        ),
        (
            "chosen=best,rejected=worst,prompt=ask",
            r#"{"ask":"q","best":"a","worst":"b"}"#,
            Content::Preference {
                messages: vec![Message::new("user", "q"), Message::new("assistant", "a")],
                rejected: vec![Message::new("assistant", "b")],
            },
            "{}",
        ),
    ] {
        let (found, left, _) = take(map, json);
        assert_eq!((found, left.as_str()), (Ok(content), rest), "{map}");
    }
}

#[test]
fn a_target_that_nothing_reads_is_no_target() {
    let record = r#"{"q":"q","a":"a","s":"s","t":"t"}"#;
    let (found, ..) = take("question=q,answer=a,system=s", record);
    assert_eq!(
        found,
        Ok(chat(&[("system", "s"), ("user", "q"), ("assistant", "a")]))
    );
    for (map, target) in [
        ("text=t,system=s", "system"),
        ("text=t,question=q", "question"),
    ] {
        let why = take(map, record).0.expect_err("unread");
        assert!(why.contains(&format!("`{target}`")), "{map}: {why}");
    }
}

#[test]
fn what_a_shape_gives_back_of_a_target_goes_to_meta_under_its_own_name() {
    let two = chat(&[("user", "q"), ("assistant", "a")]);
    let turns =
        r#"[{"role":"user","content":"q","ts":1},{"role":"assistant","content":"a","ts":2}]"#;
    let one = r#"[{"role":"assistant","content":"a","ts":2}]"#;
    for (map, json, content, rest) in [
        (
            "question=q,answers=a",
            r#"{"q":"q","a":["a","b"]}"#.to_owned(),
            two.clone(),
            r#"{"a":["a","b"]}"#.to_owned(),
        ),
        (
            "question=q,answers=a",
            r#"{"q":"q","a":{"text":["a"],"answer_start":[3]}}"#.to_owned(),
            two.clone(),
            r#"{"a":{"text":["a"],"answer_start":[3]}}"#.to_owned(),
        ),
        (
            "question=q,answers=a,context=c",
            r#"{"q":"q","a":"['a', 'b']","c":" "}"#.to_owned(),
            two.clone(),
            r#"{"c":" ","a":"['a', 'b']"}"#.to_owned(),
        ),
        (
            "question=q,answer=a",
            r#"{"q":"q","a":["a","b"]}"#.to_owned(),
            two.clone(),
            r#"{"a":["a","b"]}"#.to_owned(),
        ),
        (
            "input=q,ideal=a",
            r#"{"q":"q","a":["a","b"]}"#.to_owned(),
            two.clone(),
            r#"{"a":["a","b"]}"#.to_owned(),
        ),
        (
            "messages=dialog",
            format!(r#"{{"dialog":{turns}}}"#),
            two.clone(),
            format!(r#"{{"dialog":{turns}}}"#),
        ),
        (
            "prompt=q,chosen=best,rejected=worst",
            format!(r#"{{"q":"q","best":{one},"worst":"b"}}"#),
            Content::Preference {
                messages: vec![Message::new("user", "q"), Message::new("assistant", "a")],
                rejected: vec![Message::new("assistant", "b")],
            },
            format!(r#"{{"best":{one}}}"#),
        ),
        // An input that the question has already is not said twice, and was read.
        (
            "question=q,answer=a,input=i",
            r#"{"q":"q","a":"a","i":"q"}"#.to_owned(),
            two.clone(),
            r#"{"i":"q"}"#.to_owned(),
        ),
    ] {
        let (found, left, _) = take(map, &json);
        assert_eq!((found, left), (Ok(content), rest), "{map}");
    }
}

#[test]
fn what_is_missing_is_named_and_what_is_there_is_counted() {
    let (found, _, seen) = take("question=q,answer=ответ", r#"{"Q":"q","вывод":"a"}"#);
    let why = found.expect_err("no answer");
    assert!(
        why.contains("`answer` is missing") && why.contains("answer=ответ"),
        "{why}"
    );
    assert!(why.contains("[вывод]"), "{why}");
    assert_eq!(seen, ["q"]);
    for (map, needle) in [
        (
            "questoin=q,answer=a",
            "unknown target `questoin`; known are text, question",
        ),
        ("question=q", "question needs answer"),
        ("question=q,question=r,answer=a", "mapped twice"),
        ("question=,answer=a", "names no field"),
        ("question", "is no mapping"),
    ] {
        let why = Mapping::parse(&[map.to_owned()]).expect_err("no mapping");
        assert!(why.contains(needle), "{why}");
    }
}

#[test]
fn options_are_mapped_as_a_list_or_as_columns() {
    let wanted = chat(&[("user", "q\nA) x\nB) y"), ("assistant", "y")]);
    for (map, json) in [
        (
            "question=ask,answer=key,options=picks",
            r#"{"ask":"q","picks":["x","y"],"key":"B"}"#,
        ),
        (
            "question=ask,answer=key,option_a=one,option_b=two",
            r#"{"ask":"q","one":"x","two":"y","key":"B"}"#,
        ),
    ] {
        let (content, rest, _) = take(map, json);
        assert_eq!(
            (content, rest.as_str()),
            (Ok(wanted.clone()), "{}"),
            "{map}"
        );
    }
    // That they are none is said by leaving them out.
    let (content, ..) = take(
        "question=ask,answer=key",
        r#"{"ask":"q","picks":["x","y"],"key":"B"}"#,
    );
    assert_eq!(content, Ok(chat(&[("user", "q"), ("assistant", "B")])));
}
