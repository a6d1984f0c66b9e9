//! `prep shard` of what it cannot use: the file is named, and what to do.

use crate::support::{Prep, fixture, place, read, tree, write};
use std::path::{Path, PathBuf};

fn corpus(dir: &Path) -> PathBuf {
    let corpus = dir.join("corpus");
    Prep::ingest(&fixture("qa"), &corpus).json();
    corpus
}

#[test]
fn a_finished_run_is_not_repeated_and_another_is_refused() {
    let place = place();
    let (corpus, out) = (corpus(place.path()), place.path().join("shards"));
    let report = Prep::shard(&corpus, &out).json();
    let before = tree::of(&out);
    assert_eq!(Prep::shard(&corpus, &out).json(), report);
    assert_eq!(tree::of(&out), before);
    for (options, needle) in [
        (["--seed", "5"], "its seed is 0, yours is 5"),
        (["--val", "3%"], "its val_share is 0.005, yours is 0.03"),
        (
            ["--shard-size", "1MB"],
            "its shard_bytes is 50000000, yours is 1000000",
        ),
        (
            ["--skip", "qa_refusal"],
            "its skip is [], yours is [\"qa_refusal\"]",
        ),
        (["--bos", "never"], "its tokenizer is"),
    ] {
        let message = Prep::shard(&corpus, &out).args(options).fails();
        assert!(message.contains(needle), "{options:?}: {message}");
    }
    // Another corpus under the same name.
    let other = place.path().join("other");
    Prep::ingest(&fixture("text"), &other).json();
    let message = Prep::shard(&other, &out).fails();
    assert!(message.contains("its corpus is"), "{message}");
    assert_eq!(tree::of(&out), before, "a refused run writes nothing");
}

#[test]
fn a_directory_that_is_no_corpus_is_named() {
    let place = place();
    let out = place.path().join("shards");
    let message = Prep::shard(&place.path().join("nowhere"), &out).fails();
    assert!(
        message.contains("nowhere") && message.contains("prep ingest"),
        "{message}"
    );
    let message = Prep::shard(&fixture("qa"), &out).fails();
    assert!(message.contains("not a finished corpus"), "{message}");
    let (corpus, shards) = (corpus(place.path()), place.path().join("a"));
    Prep::shard(&corpus, &shards).json();
    let message = Prep::shard(&shards, &out).fails();
    assert!(
        message.contains("is not a manifest of `prep ingest`"),
        "{message}"
    );
    assert!(!out.exists(), "nothing is written for a wrong command");
}

#[test]
fn a_damaged_corpus_is_named() {
    let place = place();
    let (corpus, out) = (corpus(place.path()), place.path().join("shards"));
    let part = corpus.join("documents/part-00000.parquet");
    let bytes = read(&part);
    write(&part, &bytes[..bytes.len() - 1]);
    let message = Prep::shard(&corpus, &out).fails();
    assert!(
        message.contains("part-00000.parquet") && message.contains("ingest the sources again"),
        "{message}"
    );
    // Damage in the middle is met when the row group is read.
    let mut broken = bytes.clone();
    for byte in &mut broken[2_000..12_000] {
        *byte ^= 0x5a;
    }
    write(&part, &broken);
    let message = Prep::shard(&corpus, &out).fails();
    assert!(
        message.contains("part-00000.parquet was changed or damaged")
            && message.contains("prep verify"),
        "{message}"
    );
    // A bit of a text, which Parquet gives as text.
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    write(&part, &flipped);
    for options in [&["--val", "0", "--dedup", "off"][..], &[]] {
        let message = Prep::shard(&corpus, &place.path().join("flipped"))
            .args(options)
            .fails();
        assert!(
            message.contains("part-00000.parquet was changed or damaged"),
            "{message}"
        );
        let _ = std::fs::remove_dir_all(place.path().join("flipped"));
    }
    std::fs::remove_file(&part).expect("removes");
    let message = Prep::shard(&corpus, &out).fails();
    assert!(message.contains("part-00000.parquet"), "{message}");
    // Healed, the same command goes on.
    write(&part, &bytes);
    Prep::shard(&corpus, &out).json();
}

#[test]
fn a_corpus_of_which_nothing_is_left() {
    let place = place();
    let (corpus, out) = (place.path().join("corpus"), place.path().join("shards"));
    Prep::ingest(&fixture("bad/refusals.jsonl"), &corpus).json();
    let message = Prep::shard(&corpus, &out).fails();
    assert!(
        message.contains("no document is left") && message.contains("qa_refusal dropped 2"),
        "{message}"
    );
    let (empty, out) = (place.path().join("empty"), place.path().join("none"));
    Prep::ingest(&fixture("bad/empty.txt"), &empty)
        .code(1)
        .json();
    let message = Prep::shard(&empty, &out).fails();
    assert!(message.contains("it holds no documents"), "{message}");
}

#[test]
fn a_wrong_tokenizer_is_named() {
    let place = place();
    let (corpus, out) = (corpus(place.path()), place.path().join("shards"));
    let with = |path: &Path| {
        Prep::shard_trained(&corpus, &out)
            .arg("--tokenizer")
            .arg(path)
            .fails()
    };
    let message = with(Path::new("no/tokenizer.json"));
    assert!(message.contains("no/tokenizer.json"), "{message}");
    let message = with(&fixture("qa/alpaca_en.jsonl"));
    assert!(
        message.contains("alpaca_en.jsonl") && message.contains("tokenizer"),
        "{message}"
    );
    let message = with(&fixture("golden/chat.json"));
    assert!(
        message.contains("is not a tokenizer that prep can use"),
        "{message}"
    );
    let message = with(&fixture("qa"));
    assert!(message.contains("has no tokenizer.json"), "{message}");
    assert!(!out.exists(), "nothing is written for a wrong command");
    let message = Prep::shard(&corpus, &out)
        .args(["--eos", "<nothing>"])
        .fails();
    assert!(message.contains("<nothing>"), "{message}");
    let message = Prep::shard(&corpus, &out)
        .args(["--chat-template", "sonnet"])
        .fails();
    assert!(
        message.contains("sonnet") && message.contains("chatml"),
        "{message}"
    );
}

#[test]
fn a_damaged_shard_is_named() {
    let place = place();
    let (corpus, out) = (corpus(place.path()), place.path().join("shards"));
    Prep::shard(&corpus, &out).json();
    let shard = out.join("train-00000.arrow");
    let bytes = read(&shard);
    write(&shard, &bytes[..bytes.len() - 64]);
    let message = Prep::shard(&corpus, &out).fails();
    assert!(
        message.contains("train-00000.arrow") && message.contains("the manifest says"),
        "{message}"
    );
    let mut broken = bytes.clone();
    broken[..2_000].fill(0);
    write(&shard, &broken);
    let message = Prep::shard(&corpus, &out).fails();
    assert!(message.contains("train-00000.arrow"), "{message}");
    std::fs::remove_file(&shard).expect("removes");
    let message = Prep::shard(&corpus, &out).fails();
    assert!(
        message.contains("train-00000.arrow") && message.contains("shard it again"),
        "{message}"
    );
    write(&out.join("manifest.json"), "{");
    let message = Prep::shard(&corpus, &out).fails();
    assert!(message.contains("manifest.json is damaged"), "{message}");
}

#[test]
fn wrong_usage_is_exit_2() {
    let place = place();
    let (corpus, out) = (corpus(place.path()), place.path().join("shards"));
    for (options, needle) in [
        (["--val", "99%"], "not between 0% and 90%"),
        (["--shard-size", "big"], "big"),
        (["--profile", "poetry"], "poetry"),
        (["--set", "qa_refusal"], "RULE=VALUE"),
        (["--conflicts", "random"], "random"),
    ] {
        Prep::shard(&corpus, &out)
            .args(options)
            .code(2)
            .says(needle)
            .run();
    }
    let message = Prep::shard(&corpus, &out)
        .args(["--set", "nonsense=1"])
        .fails();
    assert!(message.contains("nonsense"), "{message}");
    let message = Prep::shard(&corpus, &out)
        .args(["--skip", "nonsense"])
        .fails();
    assert!(message.contains("nonsense"), "{message}");
    assert!(!out.exists(), "nothing is written for a wrong command");
    let message = Prep::shard(&corpus, &out)
        .args(["--shard-size", "100"])
        .fails();
    assert!(message.contains("too small"), "{message}");
}

#[test]
fn foreign_files_are_refused() {
    let place = place();
    let (corpus, out) = (corpus(place.path()), place.path().join("thesis"));
    std::fs::create_dir(&out).expect("creates");
    write(&out.join("thesis.doc"), "years of work");
    let message = Prep::shard(&corpus, &out).fails();
    assert!(
        message.contains("thesis.doc") && message.contains("--out"),
        "{message}"
    );
    // The corpus itself is another run's directory.
    let before = tree::of(&corpus);
    let message = Prep::shard(&corpus, &corpus).fails();
    assert!(message.contains("holds another run"), "{message}");
    assert_eq!(tree::of(&corpus), before);
}

#[test]
fn a_person_sees_ledger_tokens_and_samples() {
    let place = place();
    let (corpus, out) = (corpus(place.path()), place.path().join("shards"));
    Prep::talkative(["shard"])
        .arg(&corpus)
        .arg("--out")
        .arg(&out)
        .arg("--tokenizer")
        .arg(fixture("golden/tokenizer.json"))
        .prints("exact_duplicate")
        .prints("bytes/token")
        .prints("first tokens")
        .says("8 answers contradict another answer to the same question")
        .says("next: prep train")
        .run();
}
