//! Training that needs less memory, as a user runs it.

use serde_json::Value;

use crate::support::training::{Place, TRAIN, file, with};

/// A base model, and the flags of adapters beside it.
const ADAPTERS: [&str; 15] = [
    "train",
    "shards",
    "--out",
    "tuned",
    "--base",
    "model",
    "--lora",
    "4",
    "--seq-len",
    "32",
    "--batch-tokens",
    "128",
    "--steps",
    "12",
    "--checkpoint-every=5",
];

fn number(report: &Value, key: &str) -> f64 {
    report[key]
        .as_f64()
        .unwrap_or_else(|| panic!("{key}: {report}"))
}

#[test]
fn adapters_learn_beside_a_base_in_four_bits_and_are_merged_with_the_exact_one() {
    let place = Place::new(120, 12);
    place.json(&with(TRAIN, &["--steps", "30"]));
    let into = |out: &'static str, more: &[&'static str]| {
        let mut args = with(&ADAPTERS, &["--device", "cpu"]);
        args[3] = out;
        with(&args, more)
    };
    let exact = place.json(&into("exact", &[]));
    let before = number(&place.json(&["eval", "model", "shards"]), "loss");
    for format in ["nf4", "int8"] {
        let args = into(format, &["--base-quant", format, "--merge"]);
        let report = place.json(&args);
        let loss = number(&report, "val_loss");
        assert!(loss < before, "{format}: {loss} after {before}");
        let far = (loss - number(&exact, "val_loss")).abs();
        assert!(
            far < 0.1,
            "{format}: {far} from adapters beside the exact base"
        );
        // Whoever loads the adapters, or their merged model, adds them to the exact base.
        let adapter = number(&place.json(&["eval", format, "shards"]), "loss");
        let merged = place.path(format).join("merged").display().to_string();
        let merged = number(&place.json(&["eval", &merged, "shards"]), "loss");
        assert!((adapter - merged).abs() < 1e-4, "{adapter} and {merged}");
        assert!((adapter - loss).abs() < 0.1, "{adapter} and {loss}");
    }
    // Two ranks hold the same base.
    let mut pair = with(&ADAPTERS, &["--devices", "cpu,cpu", "--base-quant", "nf4"]);
    pair[3] = "pair";
    let (pair, alone) = (
        number(&place.json(&pair), "val_loss"),
        number(
            &place.json(&into("nf4", &["--base-quant", "nf4", "--merge"])),
            "val_loss",
        ),
    );
    assert!((pair - alone).abs() < 1e-3, "{pair} and {alone}");

    let planned = |more: &[&'static str]| {
        number(
            &place.json(&into("never", &with(&["--dry-run"], more))),
            "memory_bytes",
        )
    };
    let (f32, int8, nf4) = (
        planned(&[]),
        planned(&["--base-quant", "int8"]),
        planned(&["--base-quant", "nf4"]),
    );
    assert!(nf4 < int8 && int8 < f32, "{nf4}, {int8}, {f32}");
}

#[test]
fn moments_in_eight_bits_learn_and_go_on_after_a_stop() {
    let place = Place::new(120, 12);
    let args = with(TRAIN, &["--steps", "12", "--checkpoint-every", "4"]);
    let full = place.json(&args);
    let mut eight = with(&args, &["--optimizer-bits", "8"]);
    eight[3] = "eight";
    let report = place.json(&eight);
    let far = (number(&report, "val_loss") - number(&full, "val_loss")).abs();
    assert!(far < 0.1, "{far}");
    let weights = file(&place.path("eight/model.safetensors"));

    // What a kill after step 8 leaves.
    let dir = place.path("eight");
    let manifest: Value = serde_json::from_slice(&file(&dir.join("manifest.json"))).expect("JSON");
    for name in ["manifest.json", "report.json", "model.safetensors"] {
        std::fs::remove_file(dir.join(name)).expect("is removed");
    }
    std::fs::remove_dir_all(dir.join("checkpoints/step-000012")).expect("is removed");
    let state = serde_json::json!({"config": manifest["config"]}).to_string();
    std::fs::write(dir.join("state.json"), state).expect("is written");
    let mut other = args.clone();
    other[3] = "eight";
    let error = place.error(&other);
    assert!(error.contains("optimizer_bits is 8"), "{error}");
    place.json(&with(&eight, &["--resume"]));
    assert!(
        file(&dir.join("model.safetensors")) == weights,
        "the same bits"
    );
    let planned = |more: &[&'static str]| {
        let mut args = with(TRAIN, &with(&["--dry-run", "--steps", "12"], more));
        args[3] = "never";
        number(&place.json(&args), "memory_bytes")
    };
    assert!(planned(&["--optimizer-bits", "8"]) < planned(&["--optimizer-bits", "32"]));
}

#[test]
fn flags_of_less_memory_that_do_not_fit_are_explained() {
    let place = Place::new(60, 6);
    let fails = |more: &[&str], say: &str| {
        let error = place.error(&with(&["train", "shards", "--out", "x"], more));
        assert!(error.contains(say), "{more:?}: {error}");
    };
    fails(&["--base-quant", "nf4"], "--lora");
    fails(&["--optimizer-bits", "4"], "expected 8 or 32, got 4");
    fails(&["--offload", "weights"], "optimizer");
    fails(
        &["--offload", "optimizer", "--optimizer-bits", "8"],
        "cannot be used with",
    );
    let out = place.prep(&with(TRAIN, &["--steps", "1", "--offload", "optimizer"]));
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(
        out.status.success() && said.contains("nothing moves"),
        "{said}"
    );
}
