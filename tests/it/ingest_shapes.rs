//! Records as they are found in the wild, one file each: every one is kept as it is meant, or rejected
//! with a name; none is lost.

use crate::support::shapes::check;

#[test]
fn every_element_of_a_json_file_is_kept_or_rejected() {
    let report = check(&[
        (
            "beside.json",
            r#"{"version": "1", "license": "MIT", "data": [{"question": "q", "answer": "a"}], "more": [{"x": 1}, {"y": 2}]}"#,
            &["u: q | a: a"],
            &[(2, "unknown_shape"), (3, "unknown_shape")],
        ),
        (
            "texts.json",
            r#"{"license": "CC0", "train": ["Один.", "Два."], "validation": ["Три.", ""]}"#,
            &["Один.", "Два.", "Три."],
            &[(4, "empty_text")],
        ),
        (
            "list-of-texts.json",
            "\u{feff}[\"Раз.\", \"Два.\", 3]",
            &["Раз.", "Два."],
            &[(3, "not_an_object")],
        ),
        (
            "list-of-chats.json",
            r#"[[{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], []]"#,
            &["u: q | a: a"],
            &[(2, "not_an_object")],
        ),
        (
            "numbers.json",
            r#"{"train": [{"text": "t"}], "test": [1, 2]}"#,
            &["t"],
            &[(2, "not_an_object"), (3, "not_an_object")],
        ),
        (
            "examples.json",
            r#"{"instruction": "i", "output": "o", "examples": [{"input": "x", "output": "y"}], "data": [{"text": "t"}]}"#,
            &["u: i | a: o"],
            &[],
        ),
        (
            "other-name.json",
            r#"{"стихи": [{"text": "раз"}, {"text": "два"}]}"#,
            &["раз", "два"],
            &[],
        ),
        (
            "trailing.json",
            r#"[{"text": "a"}, {"text": "b"},]"#,
            &["a", "b"],
            &[],
        ),
        (
            "unknown.json",
            r#"{"things": [{"name": "n"}]}"#,
            &[],
            &[(1, "unknown_shape")],
        ),
        (
            "cut-off.json",
            r#"{"data": [{"text": "a"}, {"text": "b"}, {"te"#,
            &["a", "b"],
            &[(3, "unreadable")],
        ),
        (
            "blank-lines.jsonl",
            "{\"text\": \"a\"}\n\n// a comment\n{\"text\": \"b\"}\n",
            &["a", "b"],
            &[(3, "invalid_json")],
        ),
    ]);
    assert_eq!(
        report["frame_fields"],
        serde_json::json!({ "license": 2, "version": 1 })
    );
}

#[test]
fn passages_keep_their_context_whatever_their_fields_are_called() {
    let both = &["u: c\n\nq | a: a", "u: c\n\nr | a: b"][..];
    check(&[
        (
            "passage.json",
            r#"{"context": "c", "questions": [{"question": "q", "answer": "a"}, {"question": "r", "answers": ["b"]}]}"#,
            both,
            &[],
        ),
        (
            "passages.json",
            r#"{"data": [{"passages": [{"passage": "c", "questions": [{"question": "q", "answer": "a"}, {"question": "r", "answer": "b"}]}]}]}"#,
            both,
            &[],
        ),
        (
            "beside.jsonl",
            r#"{"story": "c", "questions": ["q", "r"], "answers": {"input_text": ["a", "b"], "answer_start": [0, 1]}}"#,
            both,
            &[],
        ),
        (
            "race.jsonl",
            r#"{"article": "c", "questions": ["q"], "options": [["x", "y"]], "answers": ["B"]}"#,
            &["u: c\n\nq\nA) x\nB) y | a: y"],
            &[],
        ),
        (
            "squad-2.json",
            r#"{"version": "v2.0", "data": [{"title": "t", "paragraphs": [
                {"context": "c", "qas": [
                    {"question": "q", "answers": [{"text": "a"}], "is_impossible": false},
                    {"question": "none", "answers": [], "is_impossible": true},
                    {"question": "r", "answers": [{"text": "b"}]}]},
                {"context": "no questions", "qas": []},
                {"qas": [{"question": "q", "answers": [{"text": "a"}]}]}]}]}"#,
            both,
            &[(1, "no_answer"), (1, "no_question"), (1, "wrong_type")],
        ),
        (
            "retrieved.jsonl",
            r#"{"query": "q", "answers": ["a"], "passages": {"passage_text": ["c"]}}
{"question": "q", "answer": "a", "passages": [{"title": "t", "text": "c"}]}"#,
            &["u: q | a: a", "u: q | a: a"],
            &[],
        ),
        (
            "nothing.jsonl",
            r#"{"paragraphs": []}"#,
            &[],
            &[(1, "no_question")],
        ),
        (
            "other-lengths.jsonl",
            r#"{"context": "c", "questions": ["q", "r"], "answers": ["a"]}"#,
            &[],
            &[(1, "wrong_type")],
        ),
    ]);
}

#[test]
fn sets_as_they_are_published_are_understood() {
    check(&[
        (
            "dolly.jsonl",
            r#"{"instruction": "i", "context": "c", "response": "a", "category": "closed_qa"}"#,
            &["u: i\n\nc | a: a"],
            &[],
        ),
        (
            "boolq.jsonl",
            r#"{"question": "q", "passage": "c", "answer": true}"#,
            &["u: c\n\nq | a: true"],
            &[],
        ),
        (
            "nq.jsonl",
            r#"{"question": "q", "answer": ["a", "b"]}"#,
            &["u: q | a: a"],
            &[],
        ),
        (
            "trivia.jsonl",
            r#"{"question": "q", "answer": {"value": "a", "aliases": ["b"]}}"#,
            &["u: q | a: a"],
            &[],
        ),
        (
            "no-answer.jsonl",
            r#"{"question": "q", "answer": []}"#,
            &[],
            &[(1, "no_answer")],
        ),
        (
            "gsm8k.jsonl",
            r#"{"question": "q", "answer": "1+1=2\n#### 2"}"#,
            &["u: q | a: 1+1=2\n#### 2"],
            &[],
        ),
        (
            "math.jsonl",
            r#"{"problem": "q", "level": "1", "solution": "a"}"#,
            &["u: q | a: a"],
            &[],
        ),
        (
            "orca.jsonl",
            r#"{"system_prompt": "s", "question": "q", "response": "a"}"#,
            &["s: s | u: q | a: a"],
            &[],
        ),
        (
            "prompt.jsonl",
            r#"{"prompt": "q", "response": "a"}"#,
            &["u: q | a: a"],
            &[],
        ),
        (
            "input.jsonl",
            r#"{"input": "q", "output": "a"}"#,
            &["u: q | a: a"],
            &[],
        ),
        (
            "russian.jsonl",
            "{\"вопрос\": \"q\", \"ответ\": \"a\"}\n{\"инструкция\": \"q\", \"вывод\": \"a\"}\n{\"question_text\": \"q\", \"answer_text\": \"a\"}",
            &["u: q | a: a"; 3],
            &[],
        ),
        (
            "turbo.jsonl",
            r#"{"instruction": "i", "input": "x", "output": "a", "alternative_output": "b", "label": "ok", "all_labels": ["ok"]}"#,
            &["u: i\n\nx | a: a"],
            &[],
        ),
        (
            "label-studio.json",
            r#"[{"id": 1, "data": {"text": "t"}, "annotations": [{"result": []}]}]"#,
            &[],
            &[(1, "unknown_shape")],
        ),
        (
            "instances.jsonl",
            r#"{"instruction": "i", "instances": [{"input": "", "output": "a"}, {"input": "x"}, {"input": "x", "output": "b"}]}"#,
            &["u: i | a: a", "u: i\n\nx | a: b"],
            &[(1, "wrong_type")],
        ),
    ]);
}

#[test]
fn questions_in_topics_and_records_by_their_ids_are_read() {
    let report = check(&[
        (
            "topics.json",
            r#"[{"topic": "x", "questions": [{"question": "q", "answer": "a"}, {"question": "r", "answer": "b"}]}, {"topic": "y", "questions": [{"question": "s", "answer": "c"}, {"question": "t"}]}]"#,
            &["u: q | a: a", "u: r | a: b", "u: s | a: c"],
            &[(2, "no_answer")],
        ),
        (
            "in-a-frame.json",
            r#"{"topics": [{"topic": "x", "вопросы": [{"вопрос": "q", "ответ": "a"}]}]}"#,
            &["u: q | a: a"],
            &[],
        ),
        (
            "lines.jsonl",
            "{\"topic\": \"x\", \"questions\": [{\"question\": \"q\", \"options\": [\"да\", \"нет\"], \"answer\": \"A\"}]}\n",
            &["u: q\nA) да\nB) нет | a: да"],
            &[],
        ),
        (
            "alone.json",
            r#"{"topic": "x", "questions": [{"question": "q", "answer": "a"}]}"#,
            &["u: q | a: a"],
            &[],
        ),
        (
            "by-id.json",
            r#"{"id1": {"question": "q", "answer": "a"}, "id2" : {"question": "r", "answer": "b"} ,
                "id3": {"x": 1}, "id4": {"question": "s", "answer": "c"}}"#,
            &["u: q | a: a", "u: r | a: b", "u: s | a: c"],
            &[(3, "unknown_shape")],
        ),
        (
            "splits-by-id.json",
            r#"{"train": {"1": {"question": "q", "answer": "a"}, "2": {"question": "r", "answer": "b"}}, "test": {"3": {"question": "s", "answer": "c"}}}"#,
            &["u: q | a: a", "u: r | a: b", "u: s | a: c"],
            &[],
        ),
        (
            "viewer.json",
            r#"{"features": [{"feature_idx": 0, "name": "question", "type": {"dtype": "string"}}], "rows": [{"row_idx": 0, "row": {"question": "q", "answer": "a"}, "truncated_cells": []}], "num_rows_total": 1}"#,
            &["u: q | a: a"],
            &[],
        ),
    ]);
    assert_eq!(report["frame_fields"]["topic"], 1, "{report}");
}

#[test]
fn names_that_people_give_to_fields_are_known() {
    check(&[
        ("qa.jsonl", r#"{"q": "q", "a": "a"}"#, &["u: q | a: a"], &[]),
        (
            "QA.csv",
            "Q;A\nкто?;я\nгде?;тут\n",
            &["u: кто? | a: я", "u: где? | a: тут"],
            &[],
        ),
        (
            "task.jsonl",
            r#"{"задание": "q", "ответ": "a"}"#,
            &["u: q | a: a"],
            &[],
        ),
        (
            "target.jsonl",
            r#"{"input": "q", "target": "a"}"#,
            &["u: q | a: a"],
            &[],
        ),
        (
            "human.jsonl",
            r#"{"human": "q", "bot": "a"}"#,
            &["u: q | a: a"],
            &[],
        ),
        ("user.csv", "user,assistant\nq,a\n", &["u: q | a: a"], &[]),
        (
            "roles.jsonl",
            r#"{"диалог": [{"роль": "пользователь", "текст": "q"}, {"роль": "ассистент", "текст": "a"}]}"#,
            &["u: q | a: a"],
            &[],
        ),
        (
            "dialog.jsonl",
            r#"{"dialog": ["q", "a", "r"]}"#,
            &["u: q | a: a | u: r"],
            &[],
        ),
        (
            "row.jsonl",
            r#"{"row_idx": 3, "row": {"instruction": "q", "output": "a"}, "truncated_cells": []}"#,
            &["u: q | a: a"],
            &[],
        ),
        // Letters of options are no question and no answer.
        (
            "options.jsonl",
            r#"{"q": "q", "a": "1", "b": "2"}"#,
            &[],
            &[(1, "unknown_shape")],
        ),
        // Who wrote it is not what was said.
        (
            "author.jsonl",
            r#"{"user": {"name": "x"}, "assistant": "y"}"#,
            &[],
            &[(1, "unknown_shape")],
        ),
    ]);
}
