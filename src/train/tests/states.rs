//! Runs that need less memory: moments in 8 bits or in the host's memory, a base in fewer bits.

use super::{Counting, StopAfter, config, learn, options, session, timeless};
use crate::{
    model::{Adapters, Arch, Config, Experts, Lora, Model, layout},
    ops::{Backend, cpu::Cpu, quant::Format, tests::on_gpus},
    train::{Loader, Options, Packing, Trainer, checkpoint::Checkpoints, checkpoint::State},
};

/// A model whose matrices are large enough for 8 bits.
fn wide(steps: u64) -> Options {
    Options {
        model: Config {
            hidden_size: 64,
            intermediate_size: 96,
            head_dim: 32,
            kv_heads: 2,
            init_std: 0.05,
            ..config()
        },
        ..options(steps)
    }
}

fn lora(options: &Options) -> Lora {
    Lora {
        rank: 4,
        alpha: 8.0,
        dropout: 0.0,
        targets: Lora::all_targets(&options.model).unwrap(),
    }
}

#[test]
fn a_resumed_run_with_moments_in_eight_bits_ends_with_the_same_bits() {
    let options = Options {
        optimizer_bits: Some(8),
        ..wide(11)
    };
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let want = session(&options, whole.path(), &mut StopAfter::default()).unwrap();
    let mut watcher = StopAfter {
        left: Some(5),
        ..StopAfter::default()
    };
    session(&options, parts.path(), &mut watcher).unwrap();
    let got = session(&options, parts.path(), &mut StopAfter::default()).unwrap();
    assert_eq!(timeless(parts.path()), timeless(whole.path()));
    for (a, b) in got.model.weights.iter().zip(&want.model.weights) {
        assert_eq!(a[..], b[..]);
    }
    let size = |dir: &std::path::Path, step| {
        let name = format!("checkpoints/step-{step:06}/moments.safetensors");
        std::fs::metadata(dir.join(name)).unwrap().len()
    };
    // Eight bytes a value become little more than two; vectors and headers stay.
    let full = tempfile::tempdir().unwrap();
    session(&wide(11), full.path(), &mut StopAfter::default()).unwrap();
    assert!(size(whole.path(), 11) * 3 < size(full.path(), 11));
    let error = wide(11).check_same(&options).unwrap_err().to_string();
    assert!(
        error.contains("optimizer_bits was 8, is now nothing"),
        "{error}"
    );
}

/// Steps on the simulated device, which takes a second for some.
const FEW: u64 = 5;

/// The losses of the first of 60 steps on a batch that is learned by heart.
fn by_heart<B: Backend>(b: &B, options: &Options, model: Model<B>, steps: u64) -> Vec<f64> {
    let mut options = options.clone();
    options.schedule.warmup = 5;
    let stream = Counting::texts(&[8; 5]);
    let loader = Loader::new(&stream, Packing::Bestfit, 7, 0).unwrap();
    let mut trainer = Trainer::new(b, model, &options).unwrap();
    (1..=steps)
        .map(|step| learn(&mut trainer, step, &options, &loader).loss.unwrap())
        .collect()
}

#[test]
fn losses_with_moments_in_eight_bits_are_near_those_with_f32() {
    fn all<B: Backend>(b: &B, steps: u64) {
        let full = wide(60);
        let eight = Options {
            optimizer_bits: Some(8),
            ..full.clone()
        };
        let of = |options: &Options| {
            let model = Model::random(b, options.model.clone(), 1).unwrap();
            by_heart(b, options, model, steps)
        };
        let (want, got) = (of(&full), of(&eight));
        assert_eq!(want[0], got[0]);
        assert_ne!(want, got, "the moments were rounded");
        assert!(steps < 60 || want[59] < 0.5, "{want:?}");
        for (step, (got, want)) in got.iter().zip(&want).enumerate() {
            assert!((got - want).abs() < 0.05, "step {step}: {got}, f32: {want}");
        }
    }
    all(&Cpu::default(), 60);
    on_gpus!(b => all(b, FEW));
}

/// A model with random weights, the same twice: with a frozen base in a format, and with f32 weights of
/// the values that this stands for; both with adapters.
fn frozen_and_plain<B: Backend>(b: &B, options: &Options, format: Format) -> [Model<B>; 2] {
    let config = &options.model;
    let exact = Model::random(b, config.clone(), 1).unwrap();
    let of = |i: usize| b.download(&exact.weights[i]).unwrap();
    let mut next = 0..;
    let mut frozen = Model::from_values_in(b, config.clone(), Some(format), |_, _| {
        Ok(of(next.next().unwrap()))
    })
    .unwrap();
    let mut next = 0..;
    let mut plain = Model::from_values(b, config.clone(), |_, _| {
        let i = next.next().unwrap();
        Ok(match &frozen.frozen[i] {
            Some(matrix) => b.download(&b.unpack(matrix).unwrap()).unwrap(),
            None => of(i),
        })
    })
    .unwrap();
    for model in [&mut frozen, &mut plain] {
        let adapters = Adapters::new(b, model, lora(options), 3).unwrap();
        model.adapters = Some(adapters);
    }
    [frozen, plain]
}

#[test]
fn adapters_learn_beside_a_frozen_base_what_they_do_beside_its_values() {
    fn all<B: Backend>(b: &B, mut options: Options, arch: Arch, steps: u64) {
        options.model.arch = arch;
        if arch == Arch::Mixtral {
            options.model.experts = Some(Experts {
                count: 4,
                per_token: 2,
                balance: 0.01,
            });
        }
        options.lora = Some(lora(&options));
        for format in [Format::Nf4, Format::Int8] {
            let [frozen, plain] = frozen_and_plain(b, &options, format);
            let packed = frozen.frozen.iter().flatten().count();
            assert_eq!(packed, 7 * options.model.layers);
            assert_eq!(frozen.frozen.len(), layout(&options.model).len());
            let (got, want) = (
                by_heart(b, &options, frozen, steps),
                by_heart(b, &options, plain, steps),
            );
            for (step, (got, want)) in got.iter().zip(&want).enumerate() {
                assert!(
                    (got / want - 1.0).abs() < 1e-3,
                    "{format:?}, step {step}: {got}, {want}"
                );
            }
        }
    }
    all(&Cpu::default(), wide(60), Arch::Llama, 20);
    all(&Cpu::default(), wide(60), Arch::Mixtral, 20);
    on_gpus!(b => all(b, wide(60), Arch::Llama, FEW));
}

#[test]
fn losses_beside_a_base_in_four_bits_are_near_those_beside_the_exact_one() {
    let b = Cpu::default();
    let mut options = wide(60);
    options.schedule.lr = 0.02;
    options.lora = Some(lora(&options));
    // A base that has learned something, as a base has.
    let mut base = Model::random(&b, options.model.clone(), 1).unwrap();
    let full = Options {
        lora: None,
        ..wide(20)
    };
    let stream = Counting::texts(&[8; 5]);
    let loader = Loader::new(&stream, Packing::Bestfit, 7, 0).unwrap();
    let mut trainer = Trainer::new(&b, base, &full).unwrap();
    for step in 1..=3 {
        learn(&mut trainer, step, &full, &loader);
    }
    base = trainer.model;
    let of = |format: Option<Format>| {
        let mut next = 0..;
        let values = |i: usize| b.download(&base.weights[i]);
        let mut model = Model::from_values_in(&b, options.model.clone(), format, |_, _| {
            values(next.next().unwrap())
        })
        .unwrap();
        let adapters = Adapters::new(&b, &model, lora(&options), 3).unwrap();
        model.adapters = Some(adapters);
        by_heart(&b, &options, model, 60)
    };
    let exact = of(None);
    assert!(exact[59] < 0.7 * exact[0], "{} to {}", exact[0], exact[59]);
    for (format, most) in [(Format::Int8, 0.02), (Format::Nf4, 0.2)] {
        let got = of(Some(format));
        assert_ne!(got, exact);
        for (step, (got, want)) in got.iter().zip(&exact).enumerate() {
            assert!(
                (got - want).abs() < most * exact[0],
                "{format:?}, step {step}: {got}, f32: {want}"
            );
        }
    }
}

#[test]
fn an_offloaded_optimizer_makes_the_updates_of_one_on_the_device() {
    fn all<B: Backend>(b: &B) {
        let device = Options {
            ema: Some(0.9),
            ..wide(60)
        };
        let host = Options {
            offload: true,
            ..device.clone()
        };
        let of = |options: &Options| {
            let model = Model::random(b, options.model.clone(), 1).unwrap();
            Trainer::new(b, model, options).unwrap()
        };
        let (mut on_device, mut on_host) = (of(&device), of(&host));
        let stream = Counting::texts(&[8; 5]);
        let loader = Loader::new(&stream, Packing::Bestfit, 7, 0).unwrap();
        let check = |step: u64, on_device: &mut Trainer<'_, B>, on_host: &mut Trainer<'_, B>| {
            let want = learn(on_device, step, &device, &loader).loss.unwrap();
            let got = learn(on_host, step, &host, &loader).loss.unwrap();
            assert!(
                (got / want - 1.0).abs() < 1e-4,
                "step {step}: {got}, {want}"
            );
        };
        for step in 1..=5 {
            check(step, &mut on_device, &mut on_host);
        }
        // Checkpoints are the same, so that either goes on where the other was.
        let dir = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::new(dir.path(), 1);
        checkpoints.save(b, &on_host, &State::new(&host)).unwrap();
        let mut on_device = of(&device);
        checkpoints
            .load(b, &mut on_device, &mut |note| panic!("{note}"))
            .unwrap();
        for step in 6..=10 {
            check(step, &mut on_device, &mut on_host);
        }
        checkpoints
            .load(b, &mut on_host, &mut |note| panic!("{note}"))
            .unwrap();
        let mut on_device = of(&device);
        checkpoints
            .load(b, &mut on_device, &mut |note| panic!("{note}"))
            .unwrap();
        check(6, &mut on_device, &mut on_host);
    }
    all(&Cpu::default());
    on_gpus!(b => all(b));
}
