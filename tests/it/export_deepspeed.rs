//! `prep export deepspeed`: the folder, its sequences beside those of `prep train`, what is refused.

use std::{collections::BTreeSet, path::Path};

use arrow::{
    array::{ArrayRef, AsArray},
    datatypes::{UInt16Type, UInt32Type},
    ipc::reader::StreamReader,
};
use serde_json::{Value, json};

use crate::{
    support::read_json,
    support::training::{Place, TRAIN, file, with},
};

/// The flags that both commands get.
const RUN: &[&str] = &["--seq-len", "32", "--batch-tokens", "256", "--epochs", "2"];

fn export<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let base = ["export", "deepspeed", "shards", "llama-1m", "--gpus", "2"];
    [&base, RUN, more].concat()
}

/// Inputs, labels and positions of every sequence of an exported split.
fn sequences(path: &Path) -> Vec<Value> {
    let stream = StreamReader::try_new(std::fs::File::open(path).expect("opens"), None);
    let mut all = Vec::new();
    for batch in stream.expect("an Arrow stream") {
        let batch = batch.expect("a batch");
        let list = |name: &str, row: usize| -> ArrayRef {
            batch
                .column_by_name(name)
                .expect(name)
                .as_list::<i32>()
                .value(row)
        };
        for row in 0..batch.num_rows() {
            let ids = list("input_ids", row);
            let ids = ids.as_primitive::<UInt16Type>().values().to_vec();
            let mask: Vec<bool> = list("loss_mask", row)
                .as_boolean()
                .values()
                .iter()
                .collect();
            let lengths = list("lengths", row);
            let (mut input, mut labels, mut positions) = (Vec::new(), Vec::new(), Vec::new());
            let mut first = 0;
            for &length in lengths.as_primitive::<UInt32Type>().values() {
                let end = first + length as usize;
                for at in first..end - 1 {
                    input.push(ids[at]);
                    labels.push(if mask[at + 1] {
                        i64::from(ids[at + 1])
                    } else {
                        -100
                    });
                    positions.push(at - first);
                }
                first = end;
            }
            let padding = 32 - input.len();
            input.resize(32, 0);
            labels.resize(32, -100);
            positions.extend(0..padding);
            all.push(json!({"input_ids": input, "labels": labels, "position_ids": positions}));
        }
    }
    all
}

#[test]
fn the_folder_holds_the_batches_of_prep_train_in_its_order() {
    let place = Place::new(90, 10);
    let report = place.json(&export(&["--zero", "3", "--seed", "5"]));
    let out = place.path("deepspeed");
    assert_eq!(report, read_json(&out.join("export.json")));
    let train = [
        "train", "shards", "--out", "x", "--model", "llama-1m", "--device", "cpu",
    ];
    let dry = ["--dry-run", "--batches", "batches.jsonl", "--seed", "5"];
    place.json(&[&train, RUN, &dry].concat());
    let order = file(&out.join("data/order.npy"));
    assert_eq!(&order[..8], b"\x93NUMPY\x01\x00");
    let header = usize::from(u16::from_le_bytes([order[8], order[9]])) + 10;
    assert_eq!(header % 64, 0);
    let order: Vec<usize> = order[header..]
        .chunks(4)
        .map(|bytes| u32::from_le_bytes(bytes.try_into().expect("4 bytes")) as usize)
        .collect();
    let found = sequences(&out.join("data/train.arrow"));
    let batches = file(&place.path("batches.jsonl"));
    let wanted: Vec<Value> = String::from_utf8_lossy(&batches)
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(order.len(), wanted.len());
    assert!(order.len() > found.len(), "more than an epoch");
    for (number, (&sequence, wanted)) in order.iter().zip(&wanted).enumerate() {
        assert_eq!(wanted["step"], number / 8 + 1);
        for key in ["input_ids", "labels", "position_ids"] {
            assert_eq!(found[sequence][key], wanted[key], "sample {number}");
        }
    }
    let settings = read_json(&out.join("settings.json"));
    assert_eq!(settings["sequences"], 8);
    assert_eq!(
        settings["val_sequences"],
        sequences(&out.join("data/val.arrow")).len()
    );
    let config = read_json(&out.join("ds_config.json"));
    assert_eq!(config["zero_optimization"]["stage"], 3);
    let product = |keys: [&str; 2]| keys.map(|key| config[key].as_u64().expect("a number"));
    let [micro, times] = product([
        "train_micro_batch_size_per_gpu",
        "gradient_accumulation_steps",
    ]);
    assert_eq!(
        (2 * micro * times, &config["train_batch_size"]),
        (8, &json!(8))
    );
    assert_eq!(config["bf16"]["enabled"], true);
    let names: BTreeSet<String> = std::fs::read_dir(&out)
        .expect("lists")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let readme = String::from_utf8_lossy(&file(&out.join("README.md"))).into_owned();
    assert!(
        readme.contains("deepspeed --num_gpus 2 train_deepspeed.py"),
        "{readme}"
    );
    assert!(!readme.contains("{{"), "{readme}");
    for name in [
        "train_deepspeed.py",
        "train_torchrun.py",
        "requirements.txt",
    ] {
        assert!(
            names.contains(name) && readme.contains(name),
            "{name} of {names:?}"
        );
    }
    // It is whole, and not overwritten.
    assert!(place.error(&export(&[])).contains("holds"));
}

#[test]
fn a_base_is_copied_and_the_gpus_share_a_step() {
    let place = Place::new(60, 0);
    place.json(&with(TRAIN, &["--steps", "1"]));
    let base = [
        "export",
        "deepspeed",
        "shards",
        "model",
        "--gpus",
        "3",
        "--zero",
        "1",
    ];
    let flags = ["--offload", "optimizer", "--dtype", "f32", "--out", "more"];
    let out = place.prep(&[&base, RUN, &flags].concat());
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(
        out.status.success() && said.contains("9 sequences instead of 8"),
        "{said}"
    );
    let weights = |dir: &str| file(&place.path(dir).join("model.safetensors"));
    assert_eq!(weights("model"), weights("more/model"));
    let config = read_json(&place.path("more/ds_config.json"));
    assert_eq!(
        config["zero_optimization"]["offload_optimizer"]["device"],
        "cpu"
    );
    assert_eq!(config["bf16"]["enabled"], false);
    let settings = read_json(&place.path("more/settings.json"));
    assert_eq!(
        (&settings["sequences"], &settings["val_sequences"]),
        (&json!(9), &json!(0))
    );
    assert!(!place.path("more/data/val.arrow").exists());
}

#[test]
fn what_does_not_fit_is_said_before_anything_is_written() {
    let place = Place::new(12, 0);
    let eight = [
        "export",
        "deepspeed",
        "shards",
        "llama-8b",
        "--gpus",
        "8",
        "--zero",
    ];
    let error = place.error(&[&eight, ["0"].as_slice()].concat());
    assert!(error.contains("a higher --zero"), "{error}");
    assert!(
        place
            .error(&export(&["--zero", "1", "--offload", "all"]))
            .contains("--zero 3")
    );
    assert!(place.error(&export(&["--lora", "4"])).contains("--lora"));
    assert!(place.error(&export(&["--lr=0"])).contains("above 0"));
    assert!(!place.path("deepspeed").exists());
    // Eight billion weights are not drawn here: the script does.
    let report = place.json(&[&eight, ["3"].as_slice()].concat());
    assert_eq!(report["first_weights"], "none");
    assert!(!place.path("deepspeed/model/model.safetensors").exists());
    assert!(place.path("deepspeed/model/config.json").exists());
}
