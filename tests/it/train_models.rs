//! Which models there are: the list, the contest, adapters, as a user runs them.

use serde_json::Value;

use crate::support::training::{Place, TRAIN, file, with};

#[test]
fn architectures_are_listed_with_what_they_take() {
    let place = Place::new(1, 0);
    let list = place.json(&["train", "--list-models"]);
    crate::schemas::check("model_list.json", &list);
    let presets = list["presets"].as_array().expect("presets");
    let of = |name: &str| {
        presets
            .iter()
            .find(|row| row["model"] == name)
            .expect("a row")
    };
    let (dense, sparse) = (of("llama-15m"), of("mixtral-15m"));
    assert!(sparse["parameters"].as_u64() > dense["parameters"].as_u64());
    let cost = |row: &Value| row["flops_per_token"].as_f64().expect("a number");
    assert!((cost(sparse) / cost(dense) - 1.0).abs() < 0.01);
    let out = place.prep(&["train", "--list-models"]);
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(
        text.contains("gpt_neo-8b") && text.contains("MixtralForCausalLM"),
        "{text}"
    );
    assert!(place.error(&["train", "shards"]).contains("--out"));
}

#[test]
fn a_contest_is_held_and_goes_on_where_it_stopped() {
    let place = Place::new(60, 10);
    let contest = [
        "contest",
        "shards",
        "--out",
        "contest",
        "--models",
        "llama-1m,mixtral-1m,gpt_neo-1m",
        "--steps",
        "3",
        "--seq-len",
        "32",
        "--batch-tokens",
        "64",
        "--device",
        "cpu",
    ];
    let report = place.json(&contest);
    crate::schemas::check("contest_report.json", &report);
    let entrants = report["entrants"].as_array().expect("entrants");
    assert_eq!(entrants.len(), 3);
    assert!(
        report["verdict"]
            .as_str()
            .expect("text")
            .starts_with("Choose ")
    );
    for entrant in entrants {
        let name = entrant["model"].as_str().expect("a name");
        assert!(
            place
                .path("contest")
                .join(name)
                .join("report.json")
                .is_file()
        );
        let bits = entrant["bits_per_byte"].as_f64().expect("measured");
        assert!(bits > 0.0 && entrant["tokens"] == 3 * 64, "{entrant}");
    }
    let path = place.path("contest/mixtral-1m/metrics.jsonl");
    crate::schemas::check_lines("metrics_line.json", &path);
    let metrics = file(&path);
    let line: Value =
        serde_json::from_slice(metrics.split(|&b| b == b'\n').next().expect("a line"))
            .expect("JSON");
    assert_eq!(line["experts"]["shares"].as_array().map(Vec::len), Some(8));

    // As if it had been stopped before the last model.
    let first = file(&place.path("contest/llama-1m/model.safetensors"));
    std::fs::remove_dir_all(place.path("contest/gpt_neo-1m")).expect("removes");
    let state = serde_json::json!({
        "config": {"command": "contest", "models": ["llama-1m", "mixtral-1m", "gpt_neo-1m"]}
    });
    std::fs::remove_file(place.path("contest/manifest.json")).expect("removes");
    std::fs::write(place.path("contest/state.json"), state.to_string()).expect("writes");
    let again = place.json(&contest);
    let bits = |report: &Value| -> Vec<Value> {
        let entrants = report["entrants"].as_array().expect("entrants").iter();
        entrants
            .map(|entrant| entrant["bits_per_byte"].clone())
            .collect()
    };
    assert_eq!(bits(&again), bits(&report));
    assert_eq!(
        first,
        file(&place.path("contest/llama-1m/model.safetensors"))
    );
    assert_eq!(
        place.json(&contest),
        again,
        "a finished one prints its report"
    );
    let text = place.error(&[&contest[..6], &["--steps", "3"], &["--model", "llama-1m"]].concat());
    assert!(text.contains("--model"), "{text}");
    let text = place.error(&["contest", "shards", "--out", "one", "--models", "llama-1m"]);
    assert!(text.contains("at least 2"), "{text}");
}

#[test]
fn adapters_are_trained_measured_merged_and_refused_beside_another_base() {
    let place = Place::new(200, 20);
    place.json(&with(TRAIN, &["--steps", "30"]));
    let lora = [
        "train",
        "shards",
        "--out",
        "adapters",
        "--base",
        "model",
        "--lora",
        "4",
        "--merge",
        "--lora-dropout",
        "0.1",
        "--steps",
        "60",
        "--seq-len",
        "32",
        "--batch-tokens",
        "256",
        "--lr",
        "0.01",
        "--device",
        "cpu",
    ];
    let report = place.json(&lora);
    crate::schemas::check("train_report.json", &report);
    let trained = report["trained_parameters"].as_u64().expect("a number");
    assert!(trained > 0 && trained < report["parameters"].as_u64().expect("a number") / 5);
    for name in [
        "adapter_config.json",
        "adapter_model.safetensors",
        "tokenizer.json",
    ] {
        assert!(place.path("adapters").join(name).is_file(), "{name}");
    }
    assert!(!place.path("adapters/model.safetensors").exists());
    let loss = |model: &str| {
        let report = place.json(&["eval", model, "shards", "--device", "cpu"]);
        report["loss"].as_f64().expect("a loss")
    };
    let (base, beside, merged) = (loss("model"), loss("adapters"), loss("adapters/merged"));
    assert!(beside < base, "{beside} with adapters, {base} without");
    assert!(
        (beside / merged - 1.0).abs() < 1e-6,
        "{beside} and {merged}"
    );
    assert!((beside / report["val_loss"].as_f64().expect("a loss") - 1.0).abs() < 1e-3);
    place.json(&[
        "generate",
        "adapters",
        "the",
        "--max-tokens",
        "2",
        "--device",
        "cpu",
    ]);

    let text = place.error(&["train", "shards", "--out", "x", "--base", "adapters"]);
    assert!(text.contains("--merge"), "{text}");
    let wrong = [&lora[..8], &["--lora-targets", "c_attn"]].concat();
    let text = place.error(&[&wrong[..3], &["y"], &wrong[4..]].concat());
    assert!(text.contains("q_proj"), "{text}");
    std::fs::rename(place.path("model"), place.path("first")).expect("renames");
    place.json(&with(TRAIN, &["--steps", "2"]));
    let text = place.error(&["eval", "adapters", "shards", "--device", "cpu"]);
    assert!(text.contains("another base"), "{text}");
}
