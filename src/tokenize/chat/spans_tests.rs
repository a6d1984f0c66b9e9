use super::super::tests::small;
use super::tests::{chat, counted};
use super::*;

/// Without generation tags, as nearly all published templates are.
fn untagged(jinja: &str) -> Tokenizer {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("chat.jinja");
    std::fs::write(&path, jinja).unwrap();
    small().with_chat_template(path.to_str().unwrap()).unwrap()
}

const CHATML: &str = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>' + '\n' }}\
    {% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

#[test]
fn without_generation_tags_the_turns_are_found() {
    let built_in = small().encode_chat(&chat()).unwrap();
    assert_eq!(untagged(CHATML).encode_chat(&chat()).unwrap(), built_in);
    for alone in [
        chat()[2..3].to_vec(),
        chat()[2..].to_vec(),
        vec![Message::new("assistant", "")],
    ] {
        assert_eq!(
            untagged(CHATML).encode_chat(&alone).unwrap(),
            small().encode_chat(&alone).unwrap()
        );
    }
    let mut odd = chat();
    odd[2].content = String::new();
    odd[4].content = "  sat \n".into();
    assert_eq!(
        untagged(CHATML).encode_chat(&odd).unwrap(),
        small().encode_chat(&odd).unwrap()
    );
    odd[2].content = "sat<|im_end|>\n<|im_start|>user\nsat".into();
    assert_eq!(
        untagged(CHATML).encode_chat(&odd).unwrap(),
        small().encode_chat(&odd).unwrap()
    );
}

#[test]
fn a_template_that_trims_contents_is_followed() {
    let tokenizer = untagged(&CHATML.replace("m.content", "m.content.strip()"));
    let mut odd = chat();
    odd[2].content = "  Да \n".into();
    odd[4].content = " ".into();
    let encoded = tokenizer.encode_chat(&odd).unwrap();
    assert_eq!(
        counted(&tokenizer, &encoded),
        ["Да<|im_end|>", "<|im_end|>"]
    );
}

#[test]
fn a_prompt_that_opens_a_thought_is_cut_where_the_history_differs() {
    let tokenizer = untagged(&CHATML.replace("assistant\\n' }}", "assistant\\n<think>' }}"));
    let mut odd = chat();
    odd[2].content = "<thin".into();
    let encoded = tokenizer.encode_chat(&odd).unwrap();
    assert_eq!(
        counted(&tokenizer, &encoded),
        ["<thin<|im_end|>", "sat<|im_end|>"]
    );
}

/// As Qwen3 does: of answers before the last question no thoughts are shown.
#[test]
fn thoughts_that_the_history_drops_put_no_other_turn_into_the_loss() {
    let tokenizer = untagged(
        "{% set ns = namespace(last=0) %}{% for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}\
         {% endif %}{% endfor %}{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}\
         {{ m.content.split('</t>')[-1] if m.role == 'assistant' and loop.index0 < ns.last else m.content }}\
         {{ '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    );
    let turns = |first: &str, second: &str, between: &str| {
        let mut turns = vec![
            Message::new("user", "cat"),
            Message::new("assistant", first),
            Message::new(between, "раму"),
            Message::new("assistant", second),
            Message::new("user", "The"),
            Message::new("assistant", "<t>a</t>sat"),
        ];
        if between.is_empty() {
            turns.remove(2);
        }
        turns
    };
    for between in ["tool", "user", ""] {
        for (first, second) in [
            ("<t>b</t>Да", "<t>c</t>мыла"),
            ("<t>b</t>Да", "мыла"),
            ("Да", "<t>c</t>мыла"),
        ] {
            let encoded = tokenizer
                .encode_chat(&turns(first, second, between))
                .unwrap();
            assert_eq!(
                counted(&tokenizer, &encoded),
                ["Да<|im_end|>", "мыла<|im_end|>", "<t>a</t>sat<|im_end|>"],
                "{first} {second} {between}"
            );
        }
    }
}

/// The token of the first word begins with the space that ends the prompt.
#[test]
fn the_first_word_counts_with_the_space_before_it() {
    let prompt = "{% for m in messages %}{{ m.role + ': ' }}";
    for (turn, end) in [
        (
            "{% if m.role == 'assistant' %}{% generation %}{{ m.content + '<|im_end|>' }}{% endgeneration %}{% else %}\
          {{ m.content }}{% endif %}{% endfor %}",
            "",
        ),
        (
            "{{ m.content + '<|im_end|>' }}{% endfor %}",
            "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}",
        ),
    ] {
        let tokenizer = untagged(&format!("{prompt}{turn}{end}"));
        let encoded = tokenizer.encode_chat(&chat()).unwrap();
        let said = counted(&tokenizer, &encoded);
        assert_eq!(said[1], " sat<|im_end|>", "{turn}");
        assert_eq!(said[0].trim_start(), "Да,\nконечно! 🙂<|im_end|>", "{turn}");
    }
}

#[test]
fn a_turn_without_a_special_token_ends_with_what_follows_it() {
    let tokenizer = untagged(
        "{% for m in messages %}{{ m.role + ':' }}{{ ' ' + m.content + '\n\n' }}{% endfor %}\
         {% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}",
    );
    let encoded = tokenizer.encode_chat(&chat()).unwrap();
    assert_eq!(
        counted(&tokenizer, &encoded),
        [" Да,\nконечно! 🙂\n\n", " sat\n\n"]
    );
}

#[test]
fn a_template_that_rewrites_history_beyond_recognition_is_refused() {
    let tokenizer =
        untagged("{{ messages | length }}{% for m in messages %}{{ m.content[1:] }}{% endfor %}");
    let error = tokenizer.encode_chat(&chat()).unwrap_err().to_string();
    assert!(
        error.contains("message 3") && error.contains("generation"),
        "{error}"
    );
}
