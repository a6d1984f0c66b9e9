//! Runs of every architecture and of adapters, stopped and continued.

use super::{Options, StopAfter, config, metrics, options, session, timeless};
use crate::{
    model::{ARCHITECTURES, Arch, Banded, Config, Experts, Lora, Model, Window},
    ops::cpu::Cpu,
};

#[test]
fn every_architecture_and_adapters_resume_with_the_same_bits() {
    let gpt = |arch: Arch| Config {
        arch,
        kv_heads: 2,
        rope: None,
        ..config()
    };
    let window = |layers| Some(Window { tokens: 3, layers });
    let mut runs: Vec<Options> = ARCHITECTURES
        .iter()
        .map(|row| {
            let model = match row.arch {
                Arch::Gpt2 => gpt(row.arch),
                Arch::GptNeo => Config {
                    window: window(Banded::Odd),
                    ..gpt(row.arch)
                },
                Arch::Mistral => Config {
                    arch: row.arch,
                    window: window(Banded::All),
                    ..config()
                },
                Arch::Mixtral => Config {
                    arch: row.arch,
                    experts: Some(Experts {
                        count: 4,
                        per_token: 2,
                        balance: 0.05,
                    }),
                    ..config()
                },
                arch => Config { arch, ..config() },
            };
            Options {
                model,
                ..options(5)
            }
        })
        .collect();
    runs.push(Options {
        lora: Some(Lora {
            rank: 2,
            alpha: 4.0,
            dropout: 0.2,
            targets: ["q_proj", "down_proj"].map(str::to_owned).to_vec(),
        }),
        ema: Some(0.9),
        ..options(5)
    });
    for options in runs {
        let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let want = session(&options, whole.path(), &mut StopAfter::default()).unwrap();
        let mut watcher = StopAfter {
            left: Some(4),
            ..StopAfter::default()
        };
        session(&options, parts.path(), &mut watcher).unwrap();
        let got = session(&options, parts.path(), &mut StopAfter::default()).unwrap();
        assert_eq!(timeless(parts.path()), timeless(whole.path()));
        for (a, b) in got.model.trained().iter().zip(want.model.trained()) {
            assert_eq!(a[..], b[..], "{:?}", options.model.arch);
        }
        let lines = metrics::read(whole.path()).unwrap();
        for line in &lines {
            assert_eq!(line.experts.is_some(), options.model.experts.is_some());
            if let Some(experts) = &line.experts {
                assert!((experts.shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
                assert!(experts.balance >= 1.5 && experts.largest_share >= 0.25);
            }
        }
        if options.lora.is_some() {
            let b = Cpu::default();
            let base = Model::random(&b, options.model.clone(), options.seed).unwrap();
            for (a, b) in want.model.weights.iter().zip(&base.weights) {
                assert_eq!(a[..], b[..], "frozen weights stay");
            }
        }
    }
}
