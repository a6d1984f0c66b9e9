//! Which answer is learned, and to what question: answers without their question, bad answers and the
//! worse of several are not.

use crate::support::corpus::{documents, places, rejects};
use crate::support::shapes::check;
use crate::support::{Prep, place, write};
use prep::document::Content;
use std::path::Path;

#[test]
fn preferences_keep_what_they_answer() {
    let turns = r#"[{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "r"}]"#;
    let with_turns = format!(r#"{{"messages": {turns}, "chosen": "c", "rejected": "d"}}"#);
    let whole = r#"{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "c"}], "chosen": "c", "rejected": "d"}"#;
    check(&[
        (
            "input.jsonl",
            r#"{"system": "s", "input": "q", "chosen": "c", "rejected": "d"}"#,
            &["s: s | u: q | a: c > a: d"],
            &[],
        ),
        (
            "turns.jsonl",
            &with_turns,
            &["u: q | a: b | u: r | a: c > a: d"],
            &[],
        ),
        ("whole.jsonl", whole, &["u: q | a: c > a: d"], &[]),
        (
            "alpaca.jsonl",
            r#"{"instruction": "i", "input": "x", "chosen": "c", "rejected": "d"}"#,
            &["u: i\n\nx | a: c > a: d"],
            &[],
        ),
        (
            "factory.jsonl",
            r#"{"conversations": [{"from": "human", "value": "q"}], "chosen": {"from": "gpt", "value": "c"}, "rejected": {"from": "gpt", "value": "d"}}"#,
            &["u: q | a: c > a: d"],
            &[],
        ),
        (
            "context.jsonl",
            r#"{"context": "x", "question": "q", "chosen": "c", "rejected": "d"}"#,
            &["u: x\n\nq | a: c > a: d"],
            &[],
        ),
        (
            "cells.csv",
            "prompt,chosen,rejected\nq,\"[{\"\"role\"\": \"\"assistant\"\", \"\"content\"\": \"\"c\"\"}]\",d\n",
            &["u: q | a: c > a: d"],
            &[],
        ),
        (
            "nothing.jsonl",
            "{\"chosen\": \"c\", \"rejected\": \"d\"}\n{\"system\": \"s\", \"prompt\": \"\", \"chosen\": \"c\", \"rejected\": \"d\"}",
            &[],
            &[(1, "no_prompt"), (2, "no_prompt")],
        ),
    ]);
}

#[test]
fn answers_that_are_called_bad_are_not_learned() {
    let bad = |labels: &[&str]| -> String {
        let lines = labels.iter().map(|label| {
            format!("{{\"prompt\": \"q\", \"completion\": \"a\", \"label\": {label}}}\n")
        });
        lines.collect()
    };
    let labels = bad(&[
        "0",
        "\"false\"",
        "\"False\"",
        "\"0\"",
        "\"no\"",
        "1",
        "\"True\"",
    ]);
    let undesired: Vec<(u64, &str)> = (1..6).map(|line| (line, "undesired_answer")).collect();
    check(&[
        ("kto.jsonl", &labels, &["u: q | a: a"; 2], &undesired),
        (
            "kto.csv",
            "prompt,completion,label\nq,a,True\nq,b,False\nq,c,0\n",
            &["u: q | a: a"],
            &[(3, "undesired_answer"), (4, "undesired_answer")],
        ),
        (
            "wiki.tsv",
            "question\tanswer\tlabel\nq\ta\t1\nq\tb\t0\n",
            &["u: q | a: a"],
            &[(3, "undesired_answer")],
        ),
    ]);
    let place = place();
    let raw = place.path().join("raw.csv");
    write(&raw, "ask,say,label,good\nq,a,1,да\nq,b,0,да\nq,c,1,нет\n");
    for (number, map, bad) in [
        (0, "prompt=ask,completion=say", 3),
        (1, "question=ask,answer=say,label=good", 4),
    ] {
        let corpus = place.path().join(number.to_string());
        Prep::ingest(&raw, &corpus)
            .args(["--map", map])
            .code(1)
            .json();
        let rejects = rejects(&corpus);
        let source = &rejects[0].source;
        assert_eq!(
            places(&rejects, source),
            [(bad, "undesired_answer".to_owned())],
            "{map}"
        );
        assert_eq!(documents(&corpus).len(), 2);
    }
}

#[test]
fn of_several_answers_the_best_is_learned() {
    let best = &["u: q | a: a"][..];
    check(&[
        (
            "selected.jsonl",
            r#"{"question": "q", "answers": [{"text": "b", "pm_score": 9, "selected": false}, {"text": "a", "pm_score": 1, "selected": true}]}"#,
            best,
            &[],
        ),
        (
            "scored.jsonl",
            r#"{"question": "q", "answers": [{"body": "b", "score": 1}, {"body": "a", "score": "7"}, {"body": "c", "score": 7}]}"#,
            best,
            &[],
        ),
        (
            "answer.jsonl",
            r#"{"question": "q", "answer": [{"body": "b"}, {"body": "a", "is_accepted": true}]}"#,
            best,
            &[],
        ),
        (
            "forum.jsonl",
            r#"{"title": "t", "body": "q", "accepted_answer_id": "2", "answers": [{"id": 1, "body": "b"}, {"id": 2, "body": "a"}]}
{"title": "t", "body": "q", "answers": [{"body": "b", "score": -1}, {"body": "a", "score": 0}]}
{"title": "t", "body": "q", "answers": []}"#,
            &["u: t\n\nq | a: a", "u: t\n\nq | a: a", "t\n\nq"],
            &[],
        ),
        (
            "tree.jsonl",
            r#"{"message_tree_id": "1", "prompt": {"text": "q", "role": "prompter", "replies": [{"text": "b", "role": "assistant", "rank": 0, "deleted": true, "replies": []}, {"text": "a", "role": "assistant", "rank": 1, "deleted": false, "replies": []}]}}
{"message_tree_id": "2", "prompt": {"text": "q", "role": "prompter", "deleted": true, "replies": [{"text": "b", "role": "assistant", "replies": []}]}}"#,
            best,
            &[(2, "no_question")],
        ),
        (
            "solved.jsonl",
            r#"{"problem": "q", "solution": "First this, then that: 4.", "answer": "4"}
{"question": "q", "solution": "4", "answer": "First this, then that: 4."}"#,
            &["u: q | a: First this, then that: 4."; 2],
            &[],
        ),
        (
            "contexts.jsonl",
            r#"{"context": ["c", "d"], "question": "q", "answer": "a"}"#,
            &["u: c\n\nd\n\nq | a: a"],
            &[],
        ),
    ]);
}

#[test]
fn a_file_that_is_one_conversation_is_one_chat() {
    check(&[
        (
            "chat.json",
            r#"[
  {"role": "system", "content": "s"},
  {"role": "user", "content": "q\n[1]"},
  {"role": "assistant", "content": "a"}
]"#,
            &["s: s | u: q\n[1] | a: a"],
            &[],
        ),
        (
            "one-sided.json",
            r#"[{"role": "user", "content": "q"}, {"role": "user", "content": "r"}]"#,
            &["q", "r"],
            &[],
        ),
        (
            "no-chat.json",
            r#"[{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}, {"text": "t"}, {"role": "user", "content": "z"}]"#,
            &["q", "a", "t", "z"],
            &[],
        ),
        (
            "cut-off.json",
            r#"[{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}, {"role": "us"#,
            &["u: q | a: a"],
            &[(2, "unreadable")],
        ),
    ]);
}

#[test]
fn options_are_found_in_mixed_letters_words_and_cells() {
    let choice = "u: q\nA) w\nB) x\nC) y\nD) z | a: ";
    let (x, two) = (format!("{choice}x"), format!("{choice}w\ny"));
    let said = |answers: &[&str]| -> String {
        let lines = answers.iter().map(|answer| {
            format!(r#"{{"question": "q", "options": ["w", "x", "y", "z"], "answer": "{answer}"}}"#)
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    check(&[
        (
            "mixed.csv",
            // A and B are Latin.
            "question,A,Б,B,Г,answer\nq,w,x,y,z,B\nq,w,x,y,z,Б\nq,w,x,y,z,А\nq,w,x,y,z,Е\n",
            &[
                "u: q\nА) w\nБ) x\nВ) y\nГ) z | a: y",
                "u: q\nА) w\nБ) x\nВ) y\nГ) z | a: x",
                "u: q\nА) w\nБ) x\nВ) y\nГ) z | a: w",
            ],
            &[(5, "no_such_option")],
        ),
        (
            "gap.csv",
            "question,A,B,D,answer\nq,w,x,z,B\n",
            &[],
            &[(2, "wrong_type")],
        ),
        (
            "latin.csv",
            // В is Russian.
            "question,A,В,C,D,answer\nq,w,x,y,z,B\n",
            &[x.as_str()],
            &[],
        ),
        (
            "words.jsonl",
            &said(&["The answer is B", "Answer: B.", "Option (b)"]),
            &[x.as_str(); 3],
            &[],
        ),
        (
            "several.jsonl",
            &said(&["AC", "A and C", "A, C", "The answer is A and C"]),
            &[two.as_str(); 4],
            &[],
        ),
        (
            "none.jsonl",
            &said(&["The answer is K"]),
            &[],
            &[(1, "no_such_option")],
        ),
        (
            "correct.csv",
            "Question,Option A,Option B,Option C,Option D,Correct\nq,w,x,y,z,B\n",
            &[x.as_str()],
            &[],
        ),
        (
            "cell.csv",
            "question,options,answer\nq,\"[\"\"w\"\", \"\"x\"\", \"\"y\"\", \"\"z\"\"]\",B\n",
            &[x.as_str()],
            &[],
        ),
    ]);
}

/// What standard input becomes: the documents' turns or texts.
fn from_stdin(bytes: &str, args: &[&str]) -> Vec<String> {
    let place = place();
    let (input, corpus) = (place.path().join("in"), place.path().join("corpus"));
    write(&input, bytes);
    Prep::ingest(Path::new("-"), &corpus)
        .stdin(&input)
        .args(args)
        .json();
    let documents = documents(&corpus);
    let shown = documents.iter().map(|document| match &document.content {
        Content::Text(text) => text.clone(),
        Content::Chat(turns) => format!("{} > {}", turns[0].content, turns[1].content),
        Content::Preference { .. } => String::new(),
    });
    shown.collect()
}

#[test]
fn tables_without_a_name_are_told_from_prose() {
    let table = "question,answer\n\"What, now?\",This\nWho?,Me\n";
    assert_eq!(from_stdin(table, &[]), ["What, now? > This", "Who? > Me"]);
    let tabs = "вопрос\tответ\nКто?\tЯ\n";
    assert_eq!(from_stdin(tabs, &[]), ["Кто? > Я"]);
    let mapped = "ask;say\nКто?;Я\n";
    let map = ["--map", "question=ask,answer=say"];
    assert_eq!(from_stdin(mapped, &map), ["Кто? > Я"]);
    let columns = ["--columns", "question,answer"];
    assert_eq!(from_stdin("Кто?;Я\nА?;Б\n", &columns).len(), 2);
    for prose in [
        "Roses are red, violets blue\nSugar is sweet, so are you\nThis is a song, not a table\n",
        "Вопрос, ответ\n\nОн спросил, и она сказала, что да.\n",
        "all:\n\tcc a.c\n\tcc b.c\n\tcc c.c\n",
        "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n",
    ] {
        assert_eq!(from_stdin(prose, &[]), [prose.trim_end()]);
    }
}
