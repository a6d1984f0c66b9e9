//! Runs: learning, resuming bit for bit, refusing what does not fit.

mod architectures;
pub(super) mod session;
mod states;

use std::path::Path;

use session::{Material, StopAfter, stream, timeless};

use super::{
    Loader, Options, Packing, Schedule, Shape, Step, Trainer,
    loader::tests::Counting,
    metrics::{self, Line},
    objective::Objective,
    prompts::Answer,
    run::{Data, Outcome, Saving, run},
};
use crate::{
    model::{Arch, Config, Model, safetensors::Dtype},
    ops::{Backend, RopeOptions, composed::Composed, cpu::Cpu, tests::on_gpus},
};

pub(super) fn config() -> Config {
    Config {
        arch: Arch::Llama,
        vocab_size: 100,
        hidden_size: 16,
        intermediate_size: 24,
        layers: 2,
        heads: 2,
        kv_heads: 1,
        head_dim: 8,
        norm_eps: 1e-5,
        max_positions: 64,
        tied: true,
        rope: Some(RopeOptions {
            theta: 10_000.0,
            llama3: None,
        }),
        init_std: 0.1,
        window: None,
        experts: None,
        labels: None,
    }
}

pub(super) fn options(steps: u64) -> Options {
    Options {
        model: config(),
        base: None,
        lora: None,
        objective: Objective::Tokens,
        shards: "shards".to_owned(),
        tokenizer: "tokenizer".to_owned(),
        packing: Packing::Bestfit,
        seq_len: 7,
        sequences: 5,
        micro_batch: 2,
        recompute: false,
        schedule: Schedule {
            shape: Shape::Cosine,
            lr: 0.01,
            final_share: 0.1,
            warmup: 2,
            decay: 0,
            steps,
        },
        beta1: 0.9,
        beta2: 0.95,
        eps: 1e-8,
        weight_decay: 0.1,
        clip: Some(1.0),
        z_loss: Some(1e-3),
        ema: None,
        val_sets: Vec::new(),
        spike: Some(10.0),
        patience: None,
        base_quant: None,
        optimizer_bits: None,
        offload: false,
        dtype: None,
        save_dtype: Dtype::F32,
        seed: 3,
        eval_every: Some(4),
        eval_tokens: 20,
    }
}

/// A run of texts, or what is left of one.
fn session(options: &Options, out: &Path, watcher: &mut StopAfter) -> anyhow::Result<Outcome<Cpu>> {
    session::session(&Material::texts(), options, out, watcher)
}

#[test]
fn an_interrupted_run_ends_with_the_bits_of_an_uninterrupted_one() {
    let options = options(11);
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let want = session(&options, whole.path(), &mut StopAfter::default()).unwrap();
    assert!(want.complete);

    // A stop saves; a kill does not: remove the stop's own checkpoint to have gone on from step 3.
    let mut watcher = StopAfter::steps(Some(5));
    assert!(
        !session(&options, parts.path(), &mut watcher)
            .unwrap()
            .complete
    );
    std::fs::remove_dir_all(parts.path().join("checkpoints/step-000005")).unwrap();
    // A half-written checkpoint of the killed process is no checkpoint.
    std::fs::create_dir(parts.path().join("checkpoints/step-000006.tmp")).unwrap();
    let mut watcher = StopAfter::steps(Some(4));
    session(&options, parts.path(), &mut watcher).unwrap();
    assert_eq!(watcher.started, [3]);
    let got = session(&options, parts.path(), &mut StopAfter::default()).unwrap();

    assert!(got.complete);
    assert_eq!(timeless(parts.path()), timeless(whole.path()));
    assert_eq!(timeless(whole.path()).len(), 11);
    for (a, b) in got.model.weights.iter().zip(&want.model.weights) {
        assert_eq!(a[..], b[..]);
    }
    assert_eq!(got.val, want.val);
    assert_eq!(got.train_loss, want.train_loss);
}

#[test]
fn a_damaged_checkpoint_gives_way_to_the_one_before() {
    let options = options(8);
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let want = session(&options, whole.path(), &mut StopAfter::default()).unwrap();
    let mut watcher = StopAfter::steps(Some(7));
    session(&options, parts.path(), &mut watcher).unwrap();
    let moments = parts
        .path()
        .join("checkpoints/step-000007/moments.safetensors");
    let bytes = std::fs::read(&moments).unwrap();
    std::fs::write(&moments, &bytes[..bytes.len() / 2]).unwrap();
    let mut watcher = StopAfter::default();
    let got = session(&options, parts.path(), &mut watcher).unwrap();
    assert_eq!(watcher.started, [6]);
    assert!(
        watcher.notes[0].contains("step-000007"),
        "{:?}",
        watcher.notes
    );
    for (a, b) in got.model.weights.iter().zip(&want.model.weights) {
        assert_eq!(a[..], b[..]);
    }
}

#[test]
fn another_configuration_is_refused_and_named() {
    let out = tempfile::tempdir().unwrap();
    session(&options(4), out.path(), &mut StopAfter::default()).unwrap();
    let mut other = options(4);
    other.schedule.lr = 0.02;
    other.model.rope.as_mut().unwrap().theta = 7.0;
    let error = session(&other, out.path(), &mut StopAfter::default())
        .err()
        .unwrap();
    let text = format!("{error:#}");
    assert!(text.contains("lr was 0.01, is now 0.02"), "{text}");
    assert!(
        text.contains("model.rope.theta was 10000.0, is now 7.0"),
        "{text}"
    );
    assert!(!text.contains("seed"), "{text}");
}

#[test]
fn only_the_newest_checkpoints_stay() {
    let out = tempfile::tempdir().unwrap();
    session(&options(11), out.path(), &mut StopAfter::default()).unwrap();
    let mut names: Vec<_> = std::fs::read_dir(out.path().join("checkpoints"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["step-000009", "step-000011"]);
}

/// One whole step.
fn learn<B: Backend>(
    trainer: &mut Trainer<'_, B>,
    step: u64,
    options: &Options,
    loader: &Loader<'_>,
) -> Step {
    let samples = options.sequences;
    let data = loader.samples((step - 1) * samples as u64, samples);
    let report = trainer.gradients(step, options, &data).unwrap();
    trainer.update(step, options, &report).unwrap();
    report
}

#[test]
fn a_tiny_batch_is_learned_by_heart() {
    fn all<B: Backend>(b: &B) -> Vec<f64> {
        let mut options = options(60);
        options.schedule.warmup = 5;
        let stream = Counting::texts(&[8; 5]);
        let loader = Loader::new(&stream, Packing::Bestfit, 7, 0).unwrap();
        let model = Model::random(b, config(), 1).unwrap();
        let mut trainer = Trainer::new(b, model, &options).unwrap();
        let losses: Vec<f64> = (1..=60)
            .map(|s| learn(&mut trainer, s, &options, &loader).loss.unwrap())
            .collect();
        assert!(
            losses[0] > 4.0,
            "a random model knows nothing: {}",
            losses[0]
        );
        assert!(losses[59] < 1.0, "after 60 steps: {}", losses[59]);
        losses
    }
    let want = all(&Cpu::default());
    all(&Composed::new(candle_core::Device::Cpu));
    on_gpus!(b => for (step, (got, want)) in all(b).iter().zip(&want).enumerate().take(30) {
        assert!((got / want - 1.0).abs() < 1e-3, "step {step}: {got} instead of {want}");
    });
}

#[test]
fn micro_batches_do_not_change_the_gradient() {
    let stream = stream();
    let loader = Loader::new(&stream, Packing::Bestfit, 7, 0).unwrap();
    let b = Cpu::default();
    let norm = |micro_batch: usize, recompute: bool| {
        let options = Options {
            micro_batch,
            recompute,
            ..options(3)
        };
        let model = Model::random(&b, config(), 1).unwrap();
        let mut trainer = Trainer::new(&b, model, &options).unwrap();
        learn(&mut trainer, 1, &options, &loader)
    };
    let whole = norm(5, false);
    for step in [norm(1, false), norm(2, false), norm(3, true)] {
        assert!((step.loss.unwrap() / whole.loss.unwrap() - 1.0).abs() < 1e-6);
        assert!((step.grad_norm / whole.grad_norm - 1.0).abs() < 1e-5);
    }
    assert_eq!(norm(2, true), norm(2, false));
}

#[test]
fn divergence_stops_the_run_and_names_the_step() {
    let out = tempfile::tempdir().unwrap();
    let mut options = options(50);
    options.schedule.lr = 1e30;
    let error = session(&options, out.path(), &mut StopAfter::default())
        .err()
        .unwrap();
    let text = format!("{error:#}");
    assert!(
        text.contains("step ") && text.contains("diverged") && text.contains("--lr"),
        "{text}"
    );
}

#[test]
fn averages_are_measured_saved_and_resumed() {
    let options = Options {
        ema: Some(0.9),
        ..options(9)
    };
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let want = session(&options, whole.path(), &mut StopAfter::default()).unwrap();
    let mut watcher = StopAfter::steps(Some(5));
    session(&options, parts.path(), &mut watcher).unwrap();
    let got = session(&options, parts.path(), &mut StopAfter::default()).unwrap();
    assert_eq!(timeless(parts.path()), timeless(whole.path()));
    let plain = tempfile::tempdir().unwrap();
    let without = Options {
        ema: None,
        ..options
    };
    let plain = session(&without, plain.path(), &mut StopAfter::default()).unwrap();
    for (a, b) in got.model.weights.iter().zip(&want.model.weights) {
        assert_eq!(a[..], b[..]);
    }
    assert_ne!(got.val, plain.val);
    assert_eq!(
        got.train_loss, plain.train_loss,
        "it is learned from the weights, not the average"
    );
}

#[test]
fn a_run_ends_when_nothing_gets_better_with_the_best_weights() {
    let mut options = Options {
        patience: Some(2),
        eval_every: Some(1),
        eval_tokens: 1 << 20,
        ..options(400)
    };
    // Large steps that soon only do harm.
    options.schedule.lr = 0.3;
    options.spike = None;
    let out = tempfile::tempdir().unwrap();
    let outcome = session(&options, out.path(), &mut StopAfter::default()).unwrap();
    let best = outcome.state.best.unwrap();
    assert!(outcome.complete && outcome.state.step < 400);
    assert_eq!((best.since, best.step), (2, outcome.state.step - 2));
    let val = outcome.val.and_then(|val| val.means()).unwrap().loss;
    assert!(
        (val / best.loss() - 1.0).abs() < 1e-9,
        "{val} {}",
        best.loss()
    );
    let lines = metrics::read(out.path()).unwrap();
    let losses = lines.iter().filter_map(|line| line.val_loss);
    assert_eq!(losses.min_by(f64::total_cmp), Some(best.loss()));
}

#[test]
fn bad_data_is_left_out_and_a_row_of_it_leads_back() {
    let mut options = Options {
        sequences: 1,
        micro_batch: 1,
        eval_every: None,
        spike: None,
        ..options(11)
    };
    options.model.tied = false;
    let (stream, b) = (Counting::texts(&[8; 12]), Cpu::default());
    let data = Data {
        train: Loader::new(&stream, Packing::Bestfit, 7, 3).unwrap(),
        val: None,
        val_sets: Vec::new(),
        groups: None,
        token_bytes: &[],
        utilisation: None,
        prompts: None,
        unchanged: &|| Ok(()),
    };
    // The model's table has no numbers for the ids of the samples 4, and 6 to 8.
    let model = || {
        let mut model = Model::random(&b, options.model.clone(), 1).unwrap();
        for sample in [4, 6, 7, 8] {
            let id = data.train.samples(sample, 1).ids[0] as usize;
            model.weights[0][id * 16..][..16].fill(f32::NAN);
        }
        model
    };
    let session = |out: &Path, left| {
        let mut watcher = StopAfter::steps(left);
        let saving = Saving { every: 2, keep: 2 };
        let outcome = run(&b, model(), &data, &options, saving, out, &mut watcher);
        (outcome.unwrap(), watcher.notes)
    };
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (want, notes) = session(whole.path(), None);
    assert!(want.complete);
    assert_eq!(want.state.guard.rollbacks, 1, "{notes:?}");
    assert_eq!(
        want.state.samples,
        11 + 3,
        "the data of three steps was left behind"
    );
    assert!(notes[0].contains("step 5 is left out") && notes[0].contains("NaN"));
    let back = notes.iter().find(|note| note.contains("going back"));
    assert!(back.unwrap().contains("step 9") && back.unwrap().contains("of step 6"));
    let lines = timeless(whole.path());
    assert_eq!(lines.len(), 11, "no step is there twice");
    let of_table = want.model.weights[1..].iter();
    assert!(of_table.flat_map(|w| w.iter()).all(|w| w.is_finite()));

    // Interrupted in the middle of it, it comes to the same.
    session(parts.path(), Some(7));
    session(parts.path(), Some(2));
    let (got, _) = session(parts.path(), None);
    assert_eq!(timeless(parts.path()), lines);
    for (a, b) in got.model.weights[1..].iter().zip(&want.model.weights[1..]) {
        assert_eq!(a[..], b[..]);
    }
}

#[test]
fn shards_that_change_stop_the_run_before_it_saves() {
    let (stream, b) = (stream(), Cpu::default());
    let data = Data {
        train: Loader::new(&stream, Packing::Bestfit, 7, 3).unwrap(),
        val: None,
        val_sets: Vec::new(),
        groups: None,
        token_bytes: &[],
        utilisation: None,
        prompts: None,
        unchanged: &|| anyhow::bail!("train-00000.arrow was changed"),
    };
    let out = tempfile::tempdir().unwrap();
    let options = options(5);
    let model = Model::random(&b, config(), 1).unwrap();
    let saving = Saving { every: 2, keep: 2 };
    let mut watcher = StopAfter::default();
    let got = run(&b, model, &data, &options, saving, out.path(), &mut watcher);
    assert!(format!("{:#}", got.err().unwrap()).contains("was changed"));
    assert!(!out.path().join("checkpoints/step-000002").exists());
}

#[test]
fn prompts_are_answered_at_every_evaluation() {
    let out = tempfile::tempdir().unwrap();
    let mut watcher = StopAfter::default();
    session(&options(9), out.path(), &mut watcher).unwrap();
    let steps: Vec<u64> = watcher.answers.iter().map(|answer| answer.step).collect();
    assert_eq!(steps, [4, 8]);
    let text = std::fs::read_to_string(out.path().join("samples.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    assert_eq!(lines.collect::<Vec<Answer>>(), watcher.answers);
    assert!(watcher.answers.iter().all(|answer| answer.prompt == "five"));
}

#[test]
fn evaluations_are_told_apart_by_source_and_language() {
    let out = tempfile::tempdir().unwrap();
    let options = options(10);
    let outcome = session(&options, out.path(), &mut StopAfter::default()).unwrap();
    let (all, by) = (outcome.val.unwrap(), outcome.val_by.unwrap());
    for (means, names) in [(&by.by_source, ["a", "b"]), (&by.by_language, ["en", "ru"])] {
        assert!(means.keys().eq(names.iter()), "{means:?}");
        let tokens: u64 = means.values().map(|m| m.tokens).sum();
        let nats: f64 = means.values().map(|m| m.loss * m.tokens as f64).sum();
        assert_eq!(tokens, all.tokens);
        assert!(
            (nats - all.nats).abs() < 1e-9 * nats,
            "{nats} of {}",
            all.nats
        );
    }
    // The documents of b are the tokens 32 to 49: three, of which the first is never predicted.
    assert_eq!(by.by_source["b"].tokens, 15);
    let evaluated: Vec<Line> = metrics::read(out.path()).unwrap();
    let lines = evaluated.iter().filter(|line| line.val_loss.is_some());
    let of_lines = lines.map(|line| line.val_by_source.as_ref().unwrap().len());
    assert_eq!(of_lines.max(), Some(2));
}
