//! Runs: learning, resuming bit for bit, refusing what does not fit.

use std::path::Path;

use super::{
    Options, Schedule, Trainer, Windows,
    loader::tests::Counting,
    metrics::{self, Line},
    run::{Data, Outcome, Saving, Watcher, run},
};
use crate::{
    model::{Config, Llama},
    ops::{Backend, RopeOptions, composed::Composed, cpu::Cpu},
};

fn config() -> Config {
    Config {
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
        rope: RopeOptions {
            theta: 10_000.0,
            llama3: None,
        },
        init_std: 0.1,
    }
}

fn options(steps: u64) -> Options {
    Options {
        model: config(),
        base: None,
        shards: "shards".to_owned(),
        tokenizer: "tokenizer".to_owned(),
        seq_len: 7,
        sequences: 5,
        micro_batch: 2,
        recompute: false,
        schedule: Schedule {
            lr: 0.01,
            warmup: 2,
            steps,
        },
        beta1: 0.9,
        beta2: 0.95,
        eps: 1e-8,
        weight_decay: 0.1,
        clip: Some(1.0),
        seed: 3,
        eval_every: Some(4),
        eval_tokens: 20,
    }
}

/// Stops after so many steps of a session.
#[derive(Default)]
struct StopAfter {
    left: Option<u64>,
    notes: Vec<String>,
    started: Vec<u64>,
}

impl Watcher for StopAfter {
    fn start(&mut self, step: u64) {
        self.started.push(step);
    }

    fn step(&mut self, _: &Line) {
        self.left = self.left.map(|left| left - 1);
    }

    fn note(&mut self, text: &str) {
        self.notes.push(text.to_owned());
    }

    fn stop(&mut self) -> bool {
        self.left == Some(0)
    }
}

fn session(options: &Options, out: &Path, watcher: &mut StopAfter) -> anyhow::Result<Outcome<Cpu>> {
    let stream = Counting(90);
    let data = Data {
        train: Windows::new(&stream, options.seq_len, options.seed)?,
        val: Some(Windows::new(&stream, options.seq_len, 0)?),
        token_bytes: &[2; 100],
    };
    let b = Cpu::default();
    let model = Llama::random(&b, options.model.clone(), options.seed)?;
    let saving = Saving { every: 3, keep: 2 };
    run(&b, model, &data, options, saving, out, watcher)
}

/// The lines without what depends on time.
fn timeless(out: &Path) -> Vec<(u64, Option<f64>, f64, Option<f64>)> {
    let lines = metrics::read(out).unwrap();
    lines
        .iter()
        .map(|l| (l.step, l.loss, l.grad_norm, l.val_loss))
        .collect()
}

#[test]
fn an_interrupted_run_ends_with_the_bits_of_an_uninterrupted_one() {
    let options = options(11);
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let want = session(&options, whole.path(), &mut StopAfter::default()).unwrap();
    assert!(want.complete);

    // A stop saves; a kill does not: remove the stop's own checkpoint to have gone on from step 3.
    let mut watcher = StopAfter {
        left: Some(5),
        ..StopAfter::default()
    };
    assert!(
        !session(&options, parts.path(), &mut watcher)
            .unwrap()
            .complete
    );
    std::fs::remove_dir_all(parts.path().join("checkpoints/step-000005")).unwrap();
    // A half-written checkpoint of the killed process is no checkpoint.
    std::fs::create_dir(parts.path().join("checkpoints/step-000006.tmp")).unwrap();
    let mut watcher = StopAfter {
        left: Some(4),
        ..StopAfter::default()
    };
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
    let mut watcher = StopAfter {
        left: Some(7),
        ..StopAfter::default()
    };
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
    other.model.rope.theta = 7.0;
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

#[test]
fn a_tiny_batch_is_learned_by_heart() {
    fn all<B: Backend>(b: &B) {
        let mut options = options(60);
        options.schedule.warmup = 5;
        let stream = Counting(36);
        let windows = Windows::new(&stream, 7, 0).unwrap();
        let model = Llama::random(b, config(), 1).unwrap();
        let mut trainer = Trainer::new(b, model, 7).unwrap();
        let losses: Vec<f64> = (1..=60)
            .map(|s| trainer.step(s, &options, &windows).unwrap().loss.unwrap())
            .collect();
        assert!(
            losses[0] > 4.0,
            "a random model knows nothing: {}",
            losses[0]
        );
        assert!(losses[59] < 1.0, "after 60 steps: {}", losses[59]);
    }
    all(&Cpu::default());
    all(&Composed::new(candle_core::Device::Cpu));
}

#[test]
fn micro_batches_do_not_change_the_gradient() {
    let stream = Counting(90);
    let windows = Windows::new(&stream, 7, 0).unwrap();
    let b = Cpu::default();
    let norm = |micro_batch: usize, recompute: bool| {
        let options = Options {
            micro_batch,
            recompute,
            ..options(3)
        };
        let model = Llama::random(&b, config(), 1).unwrap();
        let mut trainer = Trainer::new(&b, model, 7).unwrap();
        trainer.step(1, &options, &windows).unwrap()
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

/// A stream whose mask counts nothing.
struct Silent;

impl super::Tokens for Silent {
    fn tokens(&self) -> u64 {
        50
    }

    fn window(&self, _: u64, ids: &mut [u32], mask: &mut [bool]) {
        ids.fill(1);
        mask.fill(false);
    }
}

#[test]
fn a_mask_that_counts_nothing_is_an_error() {
    let out = tempfile::tempdir().unwrap();
    let options = options(3);
    let data = Data {
        train: Windows::new(&Silent, 7, 0).unwrap(),
        val: None,
        token_bytes: &[],
    };
    let b = Cpu::default();
    let model = Llama::random(&b, config(), 1).unwrap();
    let saving = Saving { every: 3, keep: 2 };
    let got = run(
        &b,
        model,
        &data,
        &options,
        saving,
        out.path(),
        &mut StopAfter::default(),
    );
    assert!(format!("{:#}", got.err().unwrap()).contains("loss mask"));
}

/// A stream whose first half is not counted, so that a step may have no loss.
struct HalfSilent;

impl super::Tokens for HalfSilent {
    fn tokens(&self) -> u64 {
        71
    }

    fn window(&self, start: u64, ids: &mut [u32], mask: &mut [bool]) {
        for (i, (id, counted)) in (start..).zip(ids.iter_mut().zip(mask)) {
            *id = (i % 50) as u32;
            *counted = i > 35;
        }
    }
}

#[test]
fn steps_without_counted_tokens_change_nothing_and_a_run_continues_over_them() {
    let options = Options {
        sequences: 1,
        micro_batch: 1,
        ..options(10)
    };
    let out = tempfile::tempdir().unwrap();
    let data = Data {
        train: Windows::new(&HalfSilent, 7, 3).unwrap(),
        val: None,
        token_bytes: &[],
    };
    let b = Cpu::default();
    let session = |left| {
        let model = Llama::random(&b, config(), 1).unwrap();
        let mut watcher = StopAfter {
            left,
            ..StopAfter::default()
        };
        let saving = Saving { every: 1, keep: 2 };
        run(&b, model, &data, &options, saving, out.path(), &mut watcher).unwrap()
    };
    for _ in 0..5 {
        session(Some(2));
    }
    assert!(session(None).complete);
    let lines = metrics::read(out.path()).unwrap();
    assert_eq!(lines.len(), 10);
    assert_eq!(lines.iter().filter(|l| l.loss.is_none()).count(), 5);
}
