//! The whole model: gradients of every parameter, documents apart, cache, files.

mod architectures;
mod files;
mod lora;

use candle_core::{D, Device, Tensor, Var};

use super::{Arch, Batch, Config, Keep, Model, Sequences, Session, layout};
use crate::{
    generate::{Finish, Request, Sampler, Sampling, generate, generate_many},
    ops::{
        Backend, Places, RopeOptions, Targets,
        composed::Composed,
        cpu::Cpu,
        tests::{on_gpus, tape_attention, tape_loss},
    },
    train::Random,
};

/// A tiny model in which no two sizes are equal.
pub fn tiny(tied: bool) -> Config {
    Config {
        arch: Arch::Llama,
        vocab_size: 29,
        hidden_size: 24,
        intermediate_size: 40,
        layers: 2,
        heads: 4,
        kv_heads: 2,
        head_dim: 8,
        norm_eps: 1e-5,
        max_positions: 64,
        tied,
        rope: Some(RopeOptions {
            theta: 10_000.0,
            llama3: None,
        }),
        init_std: 0.2,
        window: None,
        experts: None,
        labels: None,
    }
}

const BATCH: usize = 2;
const SEQ: usize = 9;

fn ids(seed: u64) -> Vec<u32> {
    let mut random = Random::new(seed);
    (0..BATCH * SEQ)
        .map(|_| (random.bits() % 29) as u32)
        .collect()
}

fn counted() -> Vec<bool> {
    (0..BATCH * SEQ).map(|i| i % 4 != 2).collect()
}

/// A model whose norms are not all ones, so that their gradients are tested in general position.
fn model<B: Backend>(b: &B, config: &Config) -> Model<B> {
    Model::from_values(b, config.clone(), |spec, config| {
        let mut values = super::init::values(spec, config, 5);
        if !spec.decays() {
            let mut random = Random::new(spec.count() as u64);
            for v in &mut values {
                *v += 0.3 * random.normal();
            }
        }
        Ok(values)
    })
    .unwrap()
}

/// Mean loss and all gradients.
fn gradients<B: Backend>(b: &B, model: &Model<B>, keep: Keep) -> (f64, Vec<Vec<f32>>) {
    let (ids, targets, counted) = (ids(1), ids(2), counted());
    let n = counted.iter().filter(|&&c| c).count();
    let batch = Batch {
        batch: BATCH,
        seq: SEQ,
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
    let rope = model.config.rope_table(SEQ);
    let mut grads = model.zeros(b).unwrap();
    let loss = model
        .loss_and_gradients(b, rope.as_ref(), batch, keep, &mut grads)
        .unwrap()
        .nats;
    let alone = model.loss(b, rope.as_ref(), batch).unwrap().nats;
    assert!(
        (loss - alone).abs() < 1e-6 * loss,
        "{loss} with gradients, {alone} without"
    );
    let grads = grads.iter().map(|g| b.download(g).unwrap()).collect();
    (loss / n as f64, grads)
}

/// The same model on candle's tape.
fn tape(model: &Model<Cpu>) -> (f64, Vec<Vec<f32>>) {
    let c = &model.config;
    let vars: Vec<Var> = model
        .specs
        .iter()
        .zip(&model.weights)
        .map(|(spec, w)| {
            let t = Tensor::from_slice(w, (spec.rows, spec.cols), &Device::Cpu).unwrap();
            Var::from_tensor(&t).unwrap()
        })
        .collect();
    let loss = tape_forward(c, &vars).unwrap();
    let store = loss.backward().unwrap();
    let grads = vars
        .iter()
        .map(|v| {
            store
                .get(v)
                .unwrap()
                .flatten_all()
                .unwrap()
                .to_vec1()
                .unwrap()
        })
        .collect();
    (f64::from(loss.to_scalar::<f32>().unwrap()), grads)
}

fn tape_forward(c: &Config, vars: &[Var]) -> candle_core::Result<Tensor> {
    let norm = |x: &Tensor, w: &Tensor| {
        let root = (x.sqr()?.mean_keepdim(D::Minus1)? + c.norm_eps)?.sqrt()?;
        x.broadcast_div(&root)?.broadcast_mul(w)
    };
    let linear = |x: &Tensor, w: &Tensor| x.matmul(&w.t()?);
    let rope = c.rope_table(SEQ);
    let shape = c.attention(0, BATCH, SEQ);
    let mut x = vars[0].index_select(&Tensor::new(&ids(1)[..], &Device::Cpu)?, 0)?;
    for layer in 0..c.layers {
        let w = &vars[1 + 9 * layer..];
        let normed = norm(&x, &w[0])?;
        let (q, k, v) = (
            linear(&normed, &w[1])?,
            linear(&normed, &w[2])?,
            linear(&normed, &w[3])?,
        );
        x = (x + linear(
            &tape_attention(&q, &k, &v, shape, Places::whole(rope.as_ref()))?,
            &w[4],
        )?)?;
        let normed = norm(&x, &w[5])?;
        let gate = linear(&normed, &w[6])?;
        let act = ((&gate * (gate.neg()?.exp()? + 1.0)?.recip()?)? * linear(&normed, &w[7])?)?;
        x = (x + linear(&act, &w[8])?)?;
    }
    let normed = norm(&x, &vars[1 + 9 * c.layers])?;
    let head = if c.tied {
        &vars[0]
    } else {
        &vars[2 + 9 * c.layers]
    };
    let counted = counted();
    let n = counted.iter().filter(|&&c| c).count();
    tape_loss(&normed, head, &ids(2), &counted)? / n as f64
}

fn close(what: &str, got: &[f32], want: &[f32], tolerance: f32) {
    let scale = want.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
    assert!(scale > 0.0, "{what}: the gradient is zero");
    for (g, w) in got.iter().zip(want) {
        assert!(
            (g - w).abs() <= tolerance * scale,
            "{what}: {g} instead of {w} of {scale}"
        );
    }
}

#[test]
fn every_parameter_has_the_gradient_of_the_tape() {
    for tied in [true, false] {
        let cpu = Cpu::default();
        let model = model(&cpu, &tiny(tied));
        let (want_loss, want) = tape(&model);
        let composed = Composed::new(Device::Cpu);
        let twin = self::model(&composed, &tiny(tied));
        let runs = [
            gradients(&cpu, &model, Keep::All),
            gradients(&cpu, &model, Keep::Inputs),
            gradients(&composed, &twin, Keep::All),
        ];
        let compare = |(loss, grads): (f64, Vec<Vec<f32>>)| {
            assert!(
                (loss / want_loss - 1.0).abs() < 1e-5,
                "{loss} instead of {want_loss}"
            );
            for ((spec, got), want) in model.specs.iter().zip(&grads).zip(&want) {
                close(&spec.name, got, want, 5e-5);
            }
        };
        runs.into_iter().for_each(compare);
        on_gpus!(b => compare(gradients(b, &self::model(b, &tiny(tied)), Keep::Inputs)));
    }
}

#[test]
fn every_parameter_agrees_with_finite_differences() {
    let b = Cpu::default();
    let mut model = model(&b, &tiny(false));
    let (_, grads) = gradients(&b, &model, Keep::All);
    for (i, grad) in grads.iter().enumerate() {
        let spec = model.specs[i].clone();
        let norm = grad.iter().map(|g| g * g).sum::<f32>().sqrt();
        assert!(norm > 1e-4, "{}: the gradient's norm is {norm}", spec.name);
        // Along the gradient the slope is its norm.
        let weights = b.download(&model.weights[i]).unwrap();
        let mut loss_at = |distance: f32| {
            let moved: Vec<f32> = weights
                .iter()
                .zip(&grads[i])
                .map(|(w, g)| w + distance * g / norm)
                .collect();
            model.weights[i] = b.upload(spec.rows, spec.cols, &moved).unwrap();
            gradients(&b, &model, Keep::All).0
        };
        let slope = (loss_at(0.01) - loss_at(-0.01)) / 0.02;
        model.weights[i] = b.upload(spec.rows, spec.cols, &weights).unwrap();
        let error = (slope / f64::from(norm) - 1.0).abs();
        assert!(
            error < 0.02,
            "{}: slope {slope}, gradient {norm}",
            spec.name
        );
    }
}

#[test]
fn the_cache_gives_the_logits_of_the_whole_sequence() {
    fn all<B: Backend>(b: &B) {
        let model = model(b, &tiny(true));
        let ids = ids(1);
        let whole = Session::new(b, &model, ids.len())
            .unwrap()
            .push_all(&ids)
            .unwrap();
        let mut session = Session::new(b, &model, ids.len()).unwrap();
        let mut got = session.push(&ids[..5]).unwrap();
        for (i, &id) in ids[5..].iter().enumerate() {
            close("logits", &got, &whole[(4 + i) * 29..(5 + i) * 29], 1e-5);
            got = session.push(&[id]).unwrap();
        }
        assert!(session.push(&[0]).is_err(), "the session is full");
    }
    all(&Cpu::default());
    all(&Composed::new(Device::Cpu));
    on_gpus!(b => all(b));
}

#[test]
fn sequences_beside_each_other_have_the_logits_that_each_has_alone() {
    fn all<B: Backend>(b: &B) {
        let model = model(b, &tiny(true));
        let ids = ids(1);
        let alone = |ids: &[u32]| {
            let mut session = Session::new(b, &model, ids.len()).unwrap();
            session.push_all(ids).unwrap()
        };
        let texts: [&[u32]; 3] = [&ids[..7], &ids[2..6], &ids[3..9]];
        let wanted = texts.map(alone);
        let mut sequences = Sequences::new(b, &model, 3, 7).unwrap();
        // Prompts of one, two and three tokens; the second place had another text before.
        sequences.push(1, &ids[..5]).unwrap();
        sequences.rewind(1, 0);
        for (slot, text) in texts.iter().enumerate() {
            let got = sequences.push(slot, &text[..=slot]).unwrap();
            close(
                "prompt",
                &got,
                &wanted[slot][slot * 29..(slot + 1) * 29],
                1e-5,
            );
        }
        let mut at = [1, 2, 3];
        loop {
            // The places in an order of their own, and those that have ended left out.
            let order = [2, 0, 1];
            let under_way = order
                .into_iter()
                .filter(|&slot| at[slot] < texts[slot].len());
            let tokens: Vec<(usize, u32)> = under_way
                .map(|slot| (slot, texts[slot][at[slot]]))
                .collect();
            if tokens.is_empty() {
                break;
            }
            let got = sequences.step(&tokens).unwrap();
            for ((slot, _), got) in tokens.iter().zip(got.chunks(29)) {
                let row = at[*slot];
                close("step", got, &wanted[*slot][row * 29..(row + 1) * 29], 1e-5);
                at[*slot] += 1;
            }
        }
        assert!(
            sequences.step(&[(0, 1)]).is_err(),
            "the first place is full"
        );
    }
    all(&Cpu::default());
    all(&Composed::new(Device::Cpu));
    on_gpus!(b => all(b));
}

#[test]
fn prompts_beside_each_other_go_on_as_each_does_alone() {
    let b = Cpu::default();
    let model = model(&b, &tiny(true));
    let ids = ids(1);
    let stop = [ids[3]];
    let request = |from: usize, to: usize| Request {
        prompt: &ids[from..to],
        max_tokens: to,
        stop: &stop,
    };
    let requests = [
        request(0, 4),
        request(1, 2),
        request(5, 9),
        request(2, 7),
        request(0, 1),
    ];
    let sampling = Sampling {
        temperature: Some(1.0),
        ..Sampling::GREEDY
    };
    let alone: Vec<_> = (0..requests.len())
        .map(|number| {
            let mut tokens = Vec::new();
            let mut sampler = Sampler::new(sampling, number as u64);
            let end = generate(&b, &model, &requests[number], &mut sampler, &mut |token| {
                tokens.push(token);
                Ok(true)
            });
            (tokens, end.unwrap())
        })
        .collect();
    assert!(
        alone.iter().any(|(_, end)| *end == Finish::Length),
        "{alone:?}"
    );
    for most in [1, 2, 5, 9] {
        let mut samplers: Vec<Sampler> = (0..requests.len())
            .map(|number| Sampler::new(sampling, number as u64))
            .collect();
        let mut said = vec![Vec::new(); requests.len()];
        let ends = generate_many(
            &b,
            &model,
            &requests,
            most,
            &mut samplers,
            &mut |number, token| {
                said[number].push(token);
                Ok(true)
            },
        )
        .unwrap();
        assert_eq!(
            said.into_iter().zip(ends).collect::<Vec<_>>(),
            alone,
            "{most} at once"
        );
    }
}

#[test]
fn the_cached_logits_have_the_loss_of_training() {
    let b = Cpu::default();
    let model = model(&b, &tiny(false));
    let (ids, targets) = (ids(1), ids(2));
    let logits = Session::new(&b, &model, SEQ)
        .unwrap()
        .push_all(&ids[..SEQ])
        .unwrap();
    let want: f64 = logits
        .chunks(29)
        .zip(&targets)
        .map(|(row, &t)| {
            let sum: f64 = row.iter().map(|&l| f64::from(l).exp()).sum();
            sum.ln() - f64::from(row[t as usize])
        })
        .sum();
    let batch = Batch {
        batch: 1,
        seq: SEQ,
        ids: &ids[..SEQ],
        starts: &[],
        targets: Targets {
            ids: &targets[..SEQ],
            counted: &[true; SEQ],
            scale: 1.0,
            z_loss: 0.0,
            weights: &[],
        },
    };
    let got = model
        .loss(&b, model.config.rope_table(SEQ).as_ref(), batch)
        .unwrap()
        .nats;
    assert!((got / want - 1.0).abs() < 1e-5, "{got} instead of {want}");
}

#[test]
fn presets_are_about_as_large_as_they_are_called() {
    for preset in super::PRESETS {
        let digits = preset.name.trim_start_matches("llama-");
        let (number, unit) = digits.split_at(digits.len() - 1);
        let unit = if unit == "b" { 1e9 } else { 1e6 };
        let named = number.parse::<f64>().unwrap() * unit;
        let count = super::parameters(&preset.config(16_384, 1)) as f64;
        let ratio = count / named;
        assert!(
            (0.85..1.3).contains(&ratio),
            "{} has {count} parameters",
            preset.name
        );
        preset.config(16_384, 1).check().unwrap();
    }
    assert_eq!(layout(&tiny(true)).len() + 1, layout(&tiny(false)).len());
}

#[test]
fn presets_of_a_size_cost_the_same_in_every_architecture() {
    use crate::plan::Shape;
    for preset in super::all_presets() {
        let of = |config: &Config| Shape::of(config).flops(512.0).weights;
        let (config, llama) = (preset.config(16_384, 1), preset.size.config(16_384, 1));
        config.check().unwrap();
        let ratio = of(&config) / of(&llama);
        assert!((ratio - 1.0).abs() < 0.01, "{}: {ratio}", preset.name());
        let named = super::preset(&preset.name()).unwrap();
        assert_eq!(named.config(16_384, 1), config);
    }
    assert_eq!(
        super::preset("llama-15m").unwrap().config(99, 1).arch,
        Arch::Llama
    );
    assert!(super::preset("llama-16m").is_none() && super::preset("bert-15m").is_none());
}
