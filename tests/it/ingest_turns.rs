//! Lists of turns and options to choose from: each is read whole, or rejected with a name.

use crate::support::shapes::check;

#[test]
#[allow(clippy::too_many_lines, reason = "a table of cases")]
fn turns_are_read_whole_or_rejected() {
    check(&[
        (
            "empty.jsonl",
            r#"{"messages": []}"#,
            &[],
            &[(1, "empty_chat")],
        ),
        (
            "parts.jsonl",
            r#"{"messages": [{"role": "user", "content": [{"type": "text", "text": "q"}, {"type": "text", "text": "r"}]}, {"role": "assistant", "content": "a"}]}"#,
            &["u: q\nr | a: a"],
            &[],
        ),
        (
            "picture.jsonl",
            r#"{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}, {"type": "text", "text": "q"}]}, {"role": "assistant", "content": "a"}]}"#,
            &[],
            &[(1, "not_text")],
        ),
        (
            "tools.jsonl",
            r#"{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}}]}, {"role": "tool", "tool_call_id": "1", "content": "2"}, {"role": "assistant", "content": "a"}]}"#,
            &[
                "u: q | a: <tool_call>\n{\"name\":\"f\",\"arguments\":{\"x\":1}}\n</tool_call> | t: 2 | a: a",
            ],
            &[],
        ),
        (
            "null.jsonl",
            r#"{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": null}]}"#,
            &[],
            &[(1, "wrong_type")],
        ),
        (
            "sharegpt.jsonl",
            r#"{"conversations": [{"from": "system", "value": "s"}, {"from": "human", "value": "q"}, {"from": "function_call", "value": "f()"}, {"from": "observation", "value": "2"}, {"from": "gpt", "value": "a"}]}"#,
            &["s: s | u: q | a: f() | t: 2 | a: a"],
            &[],
        ),
        (
            "saiga.jsonl",
            r#"{"messages": [{"role": "user", "content": "в"}, {"role": "bot", "content": "о"}]}"#,
            &["u: в | a: о"],
            &[],
        ),
        (
            "nested.jsonl",
            r#"{"conversation": {"id": 1, "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}}"#,
            &["u: q | a: a"],
            &[],
        ),
        (
            "ultrachat.jsonl",
            r#"{"id": "1", "data": ["q", "a", "r", "b"]}"#,
            &["u: q | a: a | u: r | a: b"],
            &[],
        ),
        (
            "pairs.jsonl",
            r#"{"conversation": [{"human": "q", "assistant": "a"}, {"human": "r", "assistant": "b"}]}"#,
            &["u: q | a: a | u: r | a: b"],
            &[],
        ),
        (
            "hh.jsonl",
            r#"{"chosen": "\n\nHuman: q\n\nAssistant: a\n\nHuman: r\n\nAssistant: good\n\nmore", "rejected": "\n\nHuman: q\n\nAssistant: a\n\nHuman: r\n\nAssistant: bad"}"#,
            &["u: q | a: a | u: r | a: good\n\nmore > a: bad"],
            &[],
        ),
        (
            "ultrafeedback.jsonl",
            r#"{"prompt": "q", "chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}], "score_chosen": 9}"#,
            &["u: q | a: a > a: b"],
            &[],
        ),
        (
            "trl.jsonl",
            r#"{"prompt": [{"role": "user", "content": "q"}], "completion": [{"role": "assistant", "content": "a"}]}"#,
            &["u: q | a: a"],
            &[],
        ),
        (
            "kto.jsonl",
            "{\"prompt\": \"q\", \"completion\": \"a\", \"label\": true}\n{\"prompt\": \"q\", \"completion\": \"b\", \"label\": false}",
            &["u: q | a: a"],
            &[(2, "undesired_answer")],
        ),
        (
            "history.jsonl",
            r#"{"history": [["q", "a"]], "instruction": "r", "input": "", "output": "b"}"#,
            &["u: q | a: a | u: r | a: b"],
            &[],
        ),
    ]);
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table of cases")]
fn answers_of_multiple_choice_are_an_option_or_rejected() {
    let y = &["u: q\nA) x\nB) y | a: y"][..];
    let russian = &["u: q\nА) x\nБ) y | a: y"][..];
    let none = &[(1, "no_such_option")][..];
    check(&[
        (
            "mmlu.jsonl",
            r#"{"question": "q", "choices": ["x", "y"], "answer": 1}"#,
            y,
            &[],
        ),
        (
            "beyond.jsonl",
            r#"{"question": "q", "choices": ["x", "y"], "answer": 3}"#,
            &[],
            none,
        ),
        (
            "unlabelled.jsonl",
            r#"{"question": "q", "choices": ["x", "y"], "answer": -1}"#,
            &[],
            none,
        ),
        (
            "letter.jsonl",
            r#"{"question": "q", "options": ["x", "y"], "answer": "(b)"}"#,
            y,
            &[],
        ),
        (
            "no-letter.jsonl",
            r#"{"question": "q", "options": ["x", "y"], "answer": "E"}"#,
            &[],
            none,
        ),
        (
            "from-1.csv",
            "question,option1,option2,answer\nq,x,y,2\nq,x,y,0\n",
            y,
            &[(3, "no_such_option")],
        ),
        (
            "columns.csv",
            "question,A,B,answer\nq,y,x,0\nq,x,y,B\nq,x,y,1\nq,x,y,5\n",
            &["u: q\nA) y\nB) x | a: y", y[0], y[0]],
            &[(5, "no_such_option")],
        ),
        (
            "russian-columns.csv",
            "вопрос,А,Б,ответ\nq,x,y,Б\nq,x,y,б)\nq,x,y,Г\n",
            &[russian[0], russian[0]],
            &[(4, "no_such_option")],
        ),
        (
            "russian-list.jsonl",
            r#"{"вопрос": "q", "варианты": ["x", "y"], "ответ": "Б"}"#,
            y,
            &[],
        ),
        (
            "russian-map.jsonl",
            r#"{"вопрос": "q", "варианты": {"А": "x", "Б": "y"}, "ответ": "Б"}"#,
            russian,
            &[],
        ),
        (
            "look-alike.csv",
            "question,A,B,answer\nq,x,y,В\n",
            &[],
            &[(2, "no_such_option")],
        ),
        (
            "text.jsonl",
            r#"{"question": "q", "options": ["x", "y"], "answer": "Y"}"#,
            y,
            &[],
        ),
        (
            "both.jsonl",
            r#"{"question": "q", "options": ["x", "y"], "answer": "B) y"}"#,
            y,
            &[],
        ),
        (
            "words.jsonl",
            r#"{"question": "q", "options": ["x", "y"], "answer": "neither of them"}"#,
            &["u: q\nA) x\nB) y | a: neither of them"],
            &[],
        ),
        (
            "several.jsonl",
            r#"{"question": "q", "options": ["x", "y"], "answer": ["A", "B"]}"#,
            &["u: q\nA) x\nB) y | a: x\ny"],
            &[],
        ),
        (
            "medqa.jsonl",
            r#"{"question": "q", "options": {"A": "x", "B": "y"}, "answer": "y", "answer_idx": "B"}"#,
            y,
            &[],
        ),
        (
            "objects.jsonl",
            r#"{"question": "q", "options": [{"key": "A", "value": "x"}, {"key": "B", "value": "y"}], "answer": "B"}"#,
            y,
            &[],
        ),
        (
            "arc.jsonl",
            r#"{"question": "q", "choices": {"text": ["x", "y"], "label": ["1", "2"]}, "answerKey": "2"}"#,
            y,
            &[],
        ),
        (
            "arc-beyond.jsonl",
            r#"{"question": "q", "choices": {"text": ["x", "y"], "label": ["1", "2"]}, "answerKey": "3"}"#,
            &[],
            none,
        ),
        (
            "digits.jsonl",
            r#"{"question": "q", "choices": ["2", "1"], "answer": 1}"#,
            &["u: q\nA) 2\nB) 1 | a: 1"],
            &[],
        ),
        (
            "index.jsonl",
            r#"{"question": "q", "choices": ["8", "1", "0"], "answer": 0}"#,
            &["u: q\nA) 8\nB) 1\nC) 0 | a: 8"],
            &[],
        ),
        (
            "hellaswag.jsonl",
            "{\"ctx\": \"b\", \"endings\": [\"x\", \"y\"], \"label\": \"1\"}\n{\"ctx\": \"b\", \"endings\": [\"x\", \"y\"], \"label\": \"\"}",
            &["u: b | a: y"],
            &[(2, "no_answer")],
        ),
    ]);
}
