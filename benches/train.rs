//! Training speed of the 15M preset: tokens a second and peak memory.
//!
//! `cargo bench --bench train [-- STEPS]`. Where `PREP_BENCH_PYTHON` names an interpreter with torch
//! and transformers, `benches/peers/train_pytorch.py` runs the same model beside it. Both use 8
//! sequences of 256 tokens, a vocabulary of 8,192, f32, AdamW and clipping, and report the median
//! step after two that warm up. CPU seconds tell more than the clock on a machine with other work.
//!
//! `cargo bench --bench train -- packing` times the plan for 10 million documents instead, of
//! log-normal lengths (median 400 tokens), in sequences of 2,048.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::{process::Command, time::Instant};

use prep::{
    model::{Model, parameters, preset, safetensors::Dtype},
    ops::cpu::Cpu,
    train::{Loader, Options, Packing, Plan, Random, Schedule, Shape, Tokens, Trainer},
};

const VOCAB: usize = 8192;
const SEQ: usize = 256;
const BATCH: usize = 8;

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
    let model = preset("llama-15m").unwrap().config(VOCAB, SEQ);
    let mut random = Random::new(1);
    let noise = Noise(
        (0..100_000)
            .map(|_| (random.bits() % VOCAB as u64) as u32)
            .collect(),
    );
    let loader = Loader::new(&noise, Packing::Concat, SEQ, 1).unwrap();
    let options = Options {
        model: model.clone(),
        base: None,
        lora: None,
        shards: String::new(),
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
        save_dtype: Dtype::F32,
        seed: 1,
        eval_every: None,
        eval_tokens: 0,
    };
    println!(
        "llama-15m, {:.1} M parameters, {BATCH} x {SEQ} tokens a step, {} threads",
        parameters(&model) as f64 / 1e6,
        rayon::current_num_threads()
    );
    let backend = Cpu::default();
    let llama = Model::random(&backend, model, 1).unwrap();
    let mut trainer = Trainer::new(&backend, llama, &options).unwrap();
    let mut seconds: Vec<f64> = (1..=steps + 2)
        .map(|step| {
            let begin = Instant::now();
            let data = loader.samples((step - 1) * BATCH as u64, BATCH);
            let report = trainer.gradients(step, &options, &data).unwrap();
            trainer.update(step, &options, &report).unwrap();
            let elapsed = begin.elapsed().as_secs_f64();
            println!(
                "step {step}: loss {:.4}, {elapsed:.2} s",
                report.loss.unwrap()
            );
            elapsed
        })
        .skip(2)
        .collect();
    seconds.sort_by(f64::total_cmp);
    let median = seconds[seconds.len() / 2];
    println!(
        "{:.0} tokens/s (median step {median:.2} s)",
        (BATCH * SEQ) as f64 / median
    );
    println!("{:.0} MB peak memory", peak_bytes() / 1e6);
    println!(
        "{:.2} CPU seconds a step",
        cpu_seconds() / (steps + 2) as f64
    );
    peer(steps);
}

/// `PyTorch` on the same model, where an interpreter that has it is named.
fn peer(steps: u64) {
    let Some(python) = std::env::var_os("PREP_BENCH_PYTHON") else {
        println!("no peer: PREP_BENCH_PYTHON names no interpreter that has torch");
        return;
    };
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/benches/peers/train_pytorch.py"
    );
    let threads = rayon::current_num_threads().to_string();
    let status = Command::new(python)
        .args([script, &steps.to_string(), "--threads", &threads])
        .status()
        .unwrap();
    if !status.success() {
        println!("no peer: the interpreter cannot run {script}");
    }
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
