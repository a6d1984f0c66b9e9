//! `prep shard --dedup-lines`: boilerplate goes, and nothing else is lost.

use crate::support::corpus::assert_balances;
use crate::support::made_up::{Dice, words};
use crate::support::{Prep, place, shards};
use prep::document::DocumentId;
use serde_json::{Value, json};

const SOURCE: &str = "raw/lines.jsonl";

#[test]
fn lines_of_many_documents_are_taken_out_and_shown() {
    let mut dice = Dice::new(5);
    let notice = "Subscribe to our newsletter, and never miss a word of what we write again!";
    let fence = format!("```\n{notice}\n```");
    let mut lines = Vec::new();
    for number in 0..24 {
        let own = words(&mut dice, 90);
        let text = match number % 4 {
            0 => format!("{own}\n\n{}\n\nLast words {number}", notice.to_uppercase()),
            1 => format!("{own}\n{notice}\nmore of it"),
            2 => format!("{own}\n\n{fence}"),
            _ => own,
        };
        lines.push(json!({ "text": text }));
    }
    lines.push(json!({ "text": format!("{notice}\n{notice}") }));
    let place = place();
    let sources = [("lines.jsonl", lines)];
    let options = ["--profile", "none", "--quiet", "--dedup-lines"];
    let (command, out) = shards::of_lines(place.path(), &sources, &options);
    let report = command.json();
    assert_balances(&report);
    // In 6 and 6 texts, and in the one that is nothing else, which stays whole; one keeps it.
    let with_notice = (1..=25_u64).filter(|record| record % 4 == 1 || record % 4 == 2);
    let keeper = with_notice
        .map(|record| DocumentId::new(SOURCE, record))
        .min();
    let other = DocumentId::new(SOURCE, 25);
    let losing = if keeper == Some(other) { 12 } else { 11 };
    let repeated = &report["lines"];
    assert_eq!(repeated["from_documents"], json!(10));
    let of_source = &repeated["by_source"][SOURCE];
    assert_eq!(of_source["documents"], json!(losing));
    assert_eq!(of_source["lines"], json!(losing));
    assert_eq!(
        of_source["characters"],
        json!(losing * notice.chars().count())
    );
    assert_eq!(repeated["top"][0]["documents"], json!(13));
    assert_eq!(report["ledger"]["dropped"], json!({}));
    let (tokenizer, kept) = (shards::tokenizer(&out), shards::documents(&out));
    assert_eq!(kept.len(), 25);
    for (id, tokens) in &kept {
        let text = tokens.text(&tokenizer);
        let stays = text.contains("```") || Some(*id) == keeper || *id == other;
        assert_eq!(
            text.to_uppercase().contains(&notice.to_uppercase()),
            stays,
            "{text}"
        );
        assert!(!text.contains("\n\n\n"), "no gap is left: {text}");
    }
    // Fewer documents than asked for: nothing goes.
    let options = ["--profile", "none", "--dedup-lines=14"];
    let other = place.path().join("other");
    let report = Prep::shard(&place.path().join("corpus"), &other)
        .args(options)
        .json();
    assert_eq!(report["lines"]["by_source"], json!({}));
    assert_eq!(report["ledger"]["dropped"], json!({}));
}

#[test]
fn copies_are_left_to_the_search_for_copies() {
    let mut dice = Dice::new(11);
    let story: Vec<String> = (0..12).map(|_| words(&mut dice, 12)).collect();
    let story = story.join("\n");
    let mut lines: Vec<Value> = vec![json!({ "text": story }); 12];
    // Nearly the same: a line of their own among twelve.
    for _ in 0..12 {
        let own = words(&mut dice, 12);
        lines.push(json!({ "text": format!("{own}\n{story}") }));
    }
    lines.extend((0..40).map(|_| json!({ "text": words(&mut dice, 60) })));
    let place = place();
    let sources = [("lines.jsonl", lines)];
    let options = [
        "--profile",
        "none",
        "--quiet",
        "--dedup-lines",
        "--val",
        "0%",
    ];
    let (command, out) = shards::of_lines(place.path(), &sources, &options);
    let report = command.json();
    assert_balances(&report);
    let dropped = &report["ledger"]["dropped"];
    assert_eq!(dropped["exact_duplicate"]["records"], json!(11));
    assert_eq!(report["lines"]["by_source"], json!({}));
    let (tokenizer, kept) = (shards::tokenizer(&out), shards::documents(&out));
    let whole = kept
        .values()
        .filter(|tokens| tokens.text(&tokenizer).contains(&story));
    assert!(whole.count() >= 1);
}
