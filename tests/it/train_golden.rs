//! Parity with `transformers`: golden files made by `fixtures/golden/make_model_golden.py`.
//!
//! Every architecture, f32, bf16 and f16, one file and several. Logits within 1e-5 of the largest, the
//! loss within 1e-6, each gradient within 1e-4 of its largest value, on the CPU kernels and on the
//! composed operations. `make accuracy` prints the largest errors as a table.

use std::path::{Path, PathBuf};

use candle_core::Device;
use prep::{
    model::{
        Batch, Extra, Keep, MAX_FILE_BYTES, Session, load,
        safetensors::{Dtype, Reader},
        save,
    },
    ops::{Backend, Targets, composed::Composed, cpu::Cpu},
};
use serde_json::Value;

fn numbers(value: &Value) -> Vec<i64> {
    let list = value.as_array().expect("a list");
    list.iter().map(|n| n.as_i64().expect("a number")).collect()
}

/// The largest difference, as a share of the largest value; it is at most `tolerance`.
fn close(what: &str, got: &[f32], want: &[f32], tolerance: f32) -> f32 {
    assert_eq!(got.len(), want.len(), "{what}");
    let largest = want.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
    assert!(largest > 0.0, "{what} is zero");
    let mut most = 0.0_f32;
    for (g, w) in got.iter().zip(want) {
        let error = (g - w).abs() / largest;
        assert!(
            error <= tolerance,
            "{what}: {g} instead of {w}, {error} of the largest"
        );
        most = most.max(error);
    }
    most
}

/// The largest errors of a model, each as a share of the largest value.
struct Errors {
    logits: f32,
    loss: f64,
    gradients: f32,
}

fn check<B: Backend>(b: &B, dir: &Path) -> Errors {
    let model = load(b, dir).expect("the model loads");
    let text = std::fs::read_to_string(dir.join("expected.json")).expect("is there");
    let expected: Value = serde_json::from_str(&text).expect("JSON");
    let ids: Vec<u32> = numbers(&expected["ids"])
        .iter()
        .map(|&id| id as u32)
        .collect();
    let targets = numbers(&expected["targets"]);
    let counted: Vec<bool> = targets.iter().map(|&t| t >= 0).collect();
    let targets: Vec<u32> = targets.iter().map(|&t| t.max(0) as u32).collect();
    let n = counted.iter().filter(|&&c| c).count();
    let (batch, seq) = (2, ids.len() / 2);
    let mut tensors = Reader::open(&dir.join("expected.safetensors")).expect("opens");

    let vocab = model.config.vocab_size;
    let mut logits = Vec::new();
    for sequence in ids.chunks(seq) {
        let mut session = Session::new(b, &model, seq).expect("a session");
        logits.extend(session.push_all(sequence).expect("logits"));
    }
    let want = tensors
        .read("logits", &[batch, seq, vocab])
        .expect("logits");
    let logits_error = close("logits", &logits, &want, 1e-5);

    let input = Batch {
        batch,
        seq,
        ids: &ids,
        starts: &[],
        targets: Targets {
            ids: &targets,
            counted: &counted,
            scale: 1.0 / n as f32,
            z_loss: 0.0,
            weights: &[],
        },
    };
    let rope = model.config.rope_table(seq);
    let mut gradients = model.zeros(b).expect("zeros");
    let loss = model
        .loss_and_gradients(b, rope.as_ref(), input, Keep::All, &mut gradients)
        .expect("gradients");
    // The loss of transformers holds the balance of the experts.
    let loss = loss.nats + loss.balance;
    let want = expected["loss"].as_f64().expect("a loss");
    let loss_error = (loss / n as f64 / want - 1.0).abs();
    assert!(
        loss_error < 1e-6,
        "loss {} instead of {want}",
        loss / n as f64
    );
    let mut gradients_error = 0.0_f32;
    for (spec, gradient) in model.specs.iter().zip(&gradients) {
        let mut want = Vec::new();
        for name in spec.file_names() {
            let part = tensors.read(&format!("grad.{name}"), &spec.file_dims());
            want.extend(part.expect("a gradient"));
        }
        let (got, want): (Vec<f32>, Vec<f32>) =
            (b.download(gradient).expect("values"), spec.extract(&want));
        if spec.name.ends_with("attn.k.bias") {
            // A bias of all keys changes no probability: only rounding is left.
            assert!(got.iter().all(|g| g.abs() < 1e-6), "{}: {got:?}", spec.name);
            continue;
        }
        gradients_error = gradients_error.max(close(&spec.name, &got, &want, 1e-4));
    }

    let prompt = expected["prompt"].as_u64().expect("a number") as usize;
    let wanted = numbers(&expected["greedy"]);
    let mut session = Session::new(b, &model, prompt + wanted.len()).expect("a session");
    let mut logits = session.push(&ids[..prompt]).expect("logits");
    for &want in &wanted {
        let best = (0..vocab).max_by(|&i, &j| logits[i].total_cmp(&logits[j]));
        assert_eq!(best, Some(want as usize), "greedy continuation");
        logits = session.push(&[want as u32]).expect("logits");
    }

    // What prep writes is what it read.
    let again = tempfile::tempdir().expect("a directory");
    let storing = (Dtype::F32, MAX_FILE_BYTES);
    save(b, &model, again.path(), &Extra::default(), storing).expect("saves");
    let back = load(b, again.path()).expect("loads");
    assert_eq!(back.config, model.config);
    for (one, other) in model.weights.iter().zip(&back.weights) {
        assert_eq!(
            b.download(one).expect("values"),
            b.download(other).expect("values")
        );
    }
    Errors {
        logits: logits_error,
        loss: loss_error,
        gradients: gradients_error,
    }
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/golden")
        .join(name)
}

#[test]
#[expect(clippy::print_stdout, reason = "the table of `make accuracy`")]
fn parity_of_logits_and_gradients_with_transformers() {
    println!(
        "model            operations   logits     loss  gradients  (largest error, of the largest value)"
    );
    for name in [
        "llama-tied",
        "llama-untied",
        "llama-sharded",
        "qwen2",
        "qwen3",
        "gpt2",
        "gpt2-half",
        "mistral",
        "mistral-dense",
        "mixtral",
        "mixtral-sharded",
        "gpt_neo",
    ] {
        let dir = golden(name);
        for (operations, errors) in [
            ("cpu", check(&Cpu::default(), &dir)),
            ("composed", check(&Composed::new(Device::Cpu), &dir)),
        ] {
            let Errors {
                logits,
                loss,
                gradients,
            } = errors;
            println!("{name:16} {operations:10} {logits:8.1e} {loss:8.1e} {gradients:10.1e}");
        }
    }
}
