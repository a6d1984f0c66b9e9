//! Training, evaluation and generation beside `PyTorch`: tokens a second and peak memory.
//!
//! `cargo bench --bench train [-- MODEL] [STEPS]`: the presets of 1M, 15M and 30M parameters, each in a
//! process of its own so that its peak memory is its own. Where `PREP_BENCH_PYTHON` names an interpreter
//! with torch and transformers, `benches/peers/train_pytorch.py` runs the same model right after it. Both use 8
//! sequences of 256 tokens, a vocabulary of 8,192, f32, AdamW and clipping, and report the median step
//! after two that warm up; then the loss alone on as much, and 128 tokens that are generated greedily
//! after a prompt of 64, with a cache, for one prompt and for 8 prompts beside each other. CPU seconds tell more than the clock on a machine with other work.
//!
//! `cargo bench --bench train -- packing` times the plan for 10 million documents instead, of
//! log-normal lengths (median 400 tokens), in sequences of 2,048.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::{process::Command, time::Instant};

use prep::{
    generate::{Request, Sampler, Sampling, generate_many},
    model::{Config, Model, parameters, preset, safetensors::Dtype},
    ops::cpu::Cpu,
    train::{
        Loader, Options, Packing, Plan, Random, Scale, Schedule, Shape, Tokens, Trainer,
        objective::Objective,
    },
};
use serde_json::{Value, json};

const VOCAB: usize = 8192;
const SEQ: usize = 256;
const BATCH: usize = 8;
const MODELS: [&str; 3] = ["llama-1m", "llama-15m", "llama-30m"];
/// Tokens before, and of, what is generated.
const PROMPT: usize = 64;
const GENERATED: usize = 128;

/// Random tokens: speed does not depend on them.
struct Noise(Vec<u32>);

impl Tokens for Noise {
    fn tokens(&self) -> u64 {
        self.0.len() as u64
    }

    fn window(&self, start: u64, ids: &mut [u32], mask: &mut [bool]) {
        ids.copy_from_slice(&self.0[start as usize..][..ids.len()]);
        mask.fill(true);
    }

    fn documents(&self, each: &mut dyn FnMut(u64, u64)) {
        each(0, self.tokens());
    }

    fn counted(&self, _: u64, len: u64) -> u64 {
        len
    }
}

/// Documents of these lengths, of which only the lengths are looked at.
struct Lengths(Vec<u32>);

impl Tokens for Lengths {
    fn tokens(&self) -> u64 {
        self.0.iter().map(|&n| u64::from(n)).sum()
    }

    fn window(&self, _: u64, _: &mut [u32], _: &mut [bool]) {}

    fn documents(&self, each: &mut dyn FnMut(u64, u64)) {
        let mut start = 0;
        for &tokens in &self.0 {
            each(start, u64::from(tokens));
            start += u64::from(tokens);
        }
    }

    fn counted(&self, _: u64, len: u64) -> u64 {
        len
    }
}

/// Times the plan of 10 million documents, each way.
fn packing() {
    let mut random = Random::new(3);
    let lengths = (0..10_000_000)
        .map(|_| (400.0 * (1.1 * random.normal()).exp()).max(2.0) as u32)
        .collect();
    let source = Lengths(lengths);
    for packing in [Packing::Bestfit, Packing::Concat, Packing::None] {
        let (begin, cpu) = (Instant::now(), cpu_seconds());
        let plan = Plan::new(&source, packing, 2048).unwrap();
        let packed = plan.packed;
        println!(
            "{packing:?}: {:.2} CPU seconds, {:.2} s; {} pieces in {} sequences, utilisation {:.6}, \
             {:.1} % of the documents cut needlessly, plan of {:.0} MB",
            cpu_seconds() - cpu,
            begin.elapsed().as_secs_f64(),
            packed.pieces,
            packed.sequences,
            1.0 - packed.padded_share(),
            100.0 * packed.cut_needlessly as f64 / packed.documents as f64,
            packed.plan_bytes as f64 / 1e6
        );
    }
}

fn main() {
    if std::env::args().any(|a| a == "packing") {
        packing();
        return;
    }
    let steps = std::env::args().find_map(|a| a.parse().ok()).unwrap_or(10);
    if let Some(name) = std::env::args().find(|a| a.starts_with("llama-")) {
        println!("{}", ours(&name, steps));
        return;
    }
    println!(
        "model      tool                    train tok/s  CPU s/step  peak MB   loss tok/s  generate tok/s  8 prompts"
    );
    let mut rows = Vec::new();
    for name in MODELS {
        let model = preset(name).unwrap().config(VOCAB, SEQ);
        let ours =
            said(Command::new(std::env::current_exe().unwrap()).args([name, &steps.to_string()]));
        let theirs = peer(&model, steps);
        for row in ours.into_iter().chain(theirs) {
            let number = |key: &str| row[key].as_f64().unwrap_or(f64::NAN);
            println!(
                "{name:10} {:22} {:>12.0} {:>11.2} {:>8.0} {:>12.0} {:>15.0} {:>10.0}",
                row["tool"].as_str().unwrap(),
                number("train"),
                number("cpu_seconds"),
                number("peak_mb"),
                number("loss"),
                number("generate"),
                number("generate_many"),
            );
            rows.push(json!({ "model": name, "row": row }));
        }
        if let [.., ours, theirs] = rows.as_slice()
            && ours["model"] == theirs["model"]
        {
            let ratio = |key: &str| {
                ours["row"][key].as_f64().unwrap() / theirs["row"][key].as_f64().unwrap()
            };
            println!(
                "{name:10} prep to it             {:>12.2} {:>11.2} {:>8.2} {:>12.2} {:>15.2} {:>10.2}",
                ratio("train"),
                ratio("cpu_seconds"),
                ratio("peak_mb"),
                ratio("loss"),
                ratio("generate"),
                ratio("generate_many"),
            );
        }
    }
    println!(
        "{}",
        json!({ "unit": "tokens/s", "sequences": BATCH, "tokens": SEQ, "rows": rows })
    );
}

/// Trains, measures the loss and generates with a preset.
fn ours(name: &str, steps: u64) -> Value {
    let model = preset(name).unwrap().config(VOCAB, SEQ);
    let mut random = Random::new(1);
    let noise = Noise(
        (0..100_000)
            .map(|_| (random.bits() % VOCAB as u64) as u32)
            .collect(),
    );
    let loader = Loader::new(&noise, Packing::Concat, SEQ, 1).unwrap();
    let options = options(&model, steps);
    let backend = Cpu::default();
    let llama = Model::random(&backend, model.clone(), 1).unwrap();
    let mut trainer = Trainer::new(&backend, llama, &options).unwrap();
    let cpu = cpu_seconds();
    let train = median(steps, |step| {
        let data = loader.samples((step - 1) * BATCH as u64, BATCH);
        let report = trainer.gradients(step, &options, &data).unwrap();
        trainer.update(step, &options, &report).unwrap();
        assert!(report.loss.unwrap().is_finite());
    });
    let cpu = (cpu_seconds() - cpu) / (steps + 2) as f64;
    let peak = peak_bytes();
    drop(trainer);

    let llama = Model::random(&backend, model, 1).unwrap();
    let rope = llama.config.rope_table(SEQ);
    let loss = median(steps, |step| {
        let data = loader.samples((step - 1) * BATCH as u64, BATCH);
        let batch = data.batch(0..BATCH, Scale::PLAIN);
        assert!(llama.loss(&backend, rope.as_ref(), batch).unwrap().nats > 0.0);
    });
    let [generate, batched] = [1, BATCH].map(|prompts| {
        let requests: Vec<Request> = noise.0[..prompts * PROMPT]
            .chunks(PROMPT)
            .map(|prompt| Request {
                prompt,
                max_tokens: GENERATED,
                stop: &[],
            })
            .collect();
        let seconds = median(3, |_| {
            let mut samplers: Vec<Sampler> = (0..prompts)
                .map(|_| Sampler::new(Sampling::GREEDY, 0))
                .collect();
            let mut tokens = 0;
            generate_many(
                &backend,
                &llama,
                &requests,
                prompts,
                &mut samplers,
                &mut |_, _| {
                    tokens += 1;
                    Ok(true)
                },
            )
            .unwrap();
            assert_eq!(tokens, prompts * GENERATED);
        });
        (prompts * GENERATED) as f64 / seconds
    });
    json!({
        "tool": "prep",
        "parameters": parameters(&llama.config),
        "threads": rayon::current_num_threads(),
        "train": (BATCH * SEQ) as f64 / train,
        "cpu_seconds": cpu,
        "peak_mb": peak / 1e6,
        "loss": (BATCH * SEQ) as f64 / loss,
        "generate": generate,
        "generate_many": batched,
    })
}

/// The median of `steps` times in seconds, after two that warm up; steps are counted from 1.
fn median(steps: u64, mut step: impl FnMut(u64)) -> f64 {
    let mut seconds: Vec<f64> = (1..=steps + 2)
        .map(|number| {
            let begin = Instant::now();
            step(number);
            begin.elapsed().as_secs_f64()
        })
        .skip(2)
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

fn options(model: &Config, steps: u64) -> Options {
    Options {
        model: model.clone(),
        base: None,
        lora: None,
        objective: Objective::Tokens,
        shards: String::new(),
        val_sets: Vec::new(),
        tokenizer: String::new(),
        packing: Packing::Concat,
        seq_len: SEQ,
        sequences: BATCH,
        micro_batch: BATCH,
        recompute: std::env::args().any(|a| a == "recompute"),
        schedule: Schedule {
            shape: Shape::Cosine,
            lr: 1e-3,
            final_share: 0.1,
            warmup: 2,
            decay: 0,
            steps: steps + 2,
        },
        beta1: 0.9,
        beta2: 0.95,
        eps: 1e-8,
        weight_decay: 0.1,
        clip: Some(1.0),
        z_loss: None,
        ema: None,
        spike: None,
        patience: None,
        base_quant: None,
        optimizer_bits: None,
        offload: false,
        dtype: None,
        save_dtype: Dtype::F32,
        seed: 1,
        eval_every: None,
        eval_tokens: 0,
    }
}

/// `PyTorch` on the same model, where an interpreter that has it is named.
fn peer(model: &Config, steps: u64) -> Option<Value> {
    let Some(python) = std::env::var_os("PREP_BENCH_PYTHON") else {
        println!("no peer: PREP_BENCH_PYTHON names no interpreter that has torch");
        return None;
    };
    let sizes = json!({
        "vocab_size": model.vocab_size,
        "hidden_size": model.hidden_size,
        "intermediate_size": model.intermediate_size,
        "num_hidden_layers": model.layers,
        "num_attention_heads": model.heads,
        "num_key_value_heads": model.kv_heads,
        "tie_word_embeddings": model.tied,
    });
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/benches/peers/train_pytorch.py"
    );
    let threads = rayon::current_num_threads().to_string();
    said(Command::new(python).args([script, &sizes.to_string(), &steps.to_string(), &threads]))
}

/// The JSON that a process prints last.
fn said(command: &mut Command) -> Option<Value> {
    let output = command.output().unwrap();
    if !output.status.success() {
        println!(
            "{command:?} fails: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        return None;
    }
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(text.lines().last()?).ok()
}

/// The process's largest resident size.
fn peak_bytes() -> f64 {
    status("VmHWM:").map_or(f64::NAN, |kib| kib * 1024.0)
}

fn status(key: &str) -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// CPU time of all threads: what other processes on the machine do not disturb as much.
fn cpu_seconds() -> f64 {
    let Ok(text) = std::fs::read_to_string("/proc/self/stat") else {
        return f64::NAN;
    };
    let fields: Vec<&str> = text
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok());
    // utime and stime, counted from the field after the command's name; 100 ticks a second.
    ticks(11)
        .zip(ticks(12))
        .map_or(f64::NAN, |(user, system)| (user + system) / 100.0)
}
