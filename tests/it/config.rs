//! `prep.toml`: values of flags from a file, as a user meets them.

use crate::schemas::check;
use crate::support::{Prep, fixture, place, read, read_json, write};
use serde_json::{Value, json};

/// The row of a flag.
fn row<'a>(report: &'a Value, flag: &str) -> &'a Value {
    let rows = report["values"].as_array().expect("rows");
    let found = rows.iter().find(|row| row["flag"] == flag);
    found.unwrap_or_else(|| panic!("no row of {flag}: {report:#}"))
}

#[test]
fn a_run_with_flags_of_the_file_is_the_run_with_them_typed() {
    let place = place();
    let dir = place.path();
    Prep::ingest(&fixture("qa"), &dir.join("corpus")).json();
    let tokenizer = fixture("golden/tokenizer.json");
    let file = format!(
        "seed = 5\n[shard]\nout = \"shards\"\ntokenizer = {:?}\nval = \"10%\"\nskip = [\"qa_refusal\"]\n",
        tokenizer.display().to_string()
    );
    write(&dir.join("prep.toml"), &file);
    Prep::new(["shard", "corpus"]).inside(dir).json();
    write(&dir.join("prep.toml"), "");
    let typed = ["--val", "10%", "--skip", "qa_refusal", "--seed", "5"];
    Prep::shard(&dir.join("corpus"), &dir.join("typed"))
        .args(typed)
        .json();
    for name in ["manifest.json", "report.json", "train-00000.arrow"] {
        assert!(
            read(&dir.join("shards").join(name)) == read(&dir.join("typed").join(name)),
            "{name}"
        );
    }
    // The same run, typed, is the finished one; another value of the file is another run.
    Prep::shard(&dir.join("corpus"), &dir.join("shards"))
        .args(typed)
        .json();
    write(&dir.join("prep.toml"), file.replace("10%", "20%"));
    Prep::new(["shard", "corpus"])
        .inside(dir)
        .code(2)
        .says("shards holds another run: its val_share is 0.1, yours is 0.2")
        .run();
    assert_eq!(
        read_json(&dir.join("shards/manifest.json"))["config"]["seed"],
        json!(5)
    );
}

#[test]
fn config_shows_every_value_with_its_origin() {
    let place = place();
    let dir = place.path();
    write(
        &dir.join("prep.toml"),
        "memory = \"8GiB\"\n\n[shard]\nvocab-size = 20000\nfaithful = true\nskip = [\"a\", \"b\"]\n",
    );
    let all = Prep::new(["config"]).inside(dir).json();
    check("config_report.json", &all);
    assert_eq!(all["values"].as_array().map(Vec::len), Some(4));
    assert_eq!(row(&all, "--memory")["command"], json!(""));
    let typed = ["config", "shard", "corpus", "--skip", "z", "--json"];
    let shown = Prep::new(typed).inside(dir);
    let report: Value = serde_json::from_str(&shown.prints("{").run().0).expect("JSON");
    check("config_report.json", &report);
    for (flag, values, from, line) in [
        ("--memory", json!(["8GiB"]), "file", json!(1)),
        ("--vocab-size", json!(["20000"]), "file", json!(4)),
        ("--faithful", json!(["true"]), "file", json!(5)),
        ("--skip", json!(["z"]), "command_line", json!(6)),
        ("corpus", json!(["corpus"]), "command_line", json!(null)),
        ("--shard-size", json!(["50MB"]), "default", json!(null)),
        ("--out", json!([]), "default", json!(null)),
    ] {
        let row = row(&report, flag);
        assert_eq!(
            (&row["values"], &row["from"], &row["line"]),
            (&values, &json!(from), &line),
            "{flag}"
        );
    }
    // A flag without a value shows what holds all the same.
    let plan = Prep::new(["config", "plan"]).inside(dir).json();
    assert_eq!(row(&plan, "--mfu")["values"], json!(["40%"]));
    let price = "the band of the table of GPUs";
    assert_eq!(row(&plan, "--price")["default"], json!(price));
    let threads = row(&plan, "--threads")["default"].as_str();
    assert!(threads.is_some_and(|text| text.ends_with(" (all cores)")));
    assert_eq!(row(&report, "--out")["default"], json!(null));
    Prep::new(["config", "plan"])
        .inside(dir)
        .prints("(all cores)")
        .prints(price)
        .run();
    Prep::new(["config", "shard"])
        .inside(dir)
        .prints("--vocab-size")
        .prints("prep.toml:4")
        .run();
}

#[test]
fn mistakes_in_the_file_are_told_with_their_line() {
    let place = place();
    let dir = place.path();
    write(&dir.join("prep.toml"), "[shard]\nvocab = 3\n");
    Prep::new(["stats", "corpus"])
        .inside(dir)
        .code(2)
        .says("prep.toml:2: there is no flag \"vocab\" in [shard]")
        .run();
    // Help is given all the same.
    Prep::new(["stats", "--help"])
        .inside(dir)
        .prints("Usage")
        .run();
    write(&dir.join("other.toml"), "[shard]\nvocab-size = 3\n");
    Prep::new(["shard", "corpus", "--out", "o", "--config", "other.toml"])
        .inside(dir)
        .code(2)
        .says("--vocab-size is from other.toml:2")
        .says("3 is not in 300..=1000000")
        .run();
    Prep::new(["stats", "corpus", "--config", "none.toml"])
        .inside(dir)
        .code(2)
        .says("cannot read none.toml")
        .run();
}
