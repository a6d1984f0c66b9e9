//! Training on one NVIDIA GPU in bf16, beside `torch.compile` on the same card: tokens a second, MFU,
//! memory.
//!
//! `cargo bench --features cuda --bench gpu [-- MODEL] [STEPS]`: the presets of 110M, 350M and 1B parameters,
//! each in a process of its own. Sequences of 2,048 tokens of one document each, a vocabulary of 32,768,
//! f32 master weights, AdamW and clipping; the median step after three that warm up. Where
//! `PREP_BENCH_PYTHON` names an interpreter with torch and transformers, `benches/peers/train_gpu.py` trains the
//! same model right after it, compiled and under autocast, with the batch that prep has.
//!
//! `PREP_BENCH_PEAK` is the card's dense bf16 peak in TFLOP/s, for the MFU; 989.4 (H100 SXM, H200) without it.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::{process::Command, time::Instant};

use prep::{
    model::{Config, Model, parameters, preset, safetensors::Dtype},
    ops::{Precision, cuda::nvidia},
    train::{
        Loader, Options, Packing, Random, Schedule, Shape, Tokens, Trainer, mfu,
        objective::Objective,
    },
};
use serde_json::{Value, json};

const VOCAB: usize = 32_768;
const SEQ: usize = 2048;
/// Models with the sequences of a batch.
const MODELS: [(&str, usize); 3] = [("llama-110m", 16), ("llama-350m", 8), ("llama-1b", 8)];

/// Random tokens, each sequence a document.
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
        let len = SEQ as u64 + 1;
        (0..self.tokens() / len).for_each(|i| each(i * len, len));
    }

    fn counted(&self, _: u64, len: u64) -> u64 {
        len
    }
}

fn main() {
    let steps = std::env::args()
        .find_map(|a| a.parse().ok())
        .unwrap_or(20_u64);
    let named = |a: &String| MODELS.iter().find(|(name, _)| name == a);
    if let Some(&(name, batch)) = std::env::args().find_map(|a| named(&a)) {
        println!("{}", ours(name, batch, steps));
        return;
    }
    println!("model       tool                        tok/s     MFU   memory GB   loss");
    let mut rows = Vec::new();
    for (name, batch) in MODELS {
        let ours =
            said(Command::new(std::env::current_exe().unwrap()).args([name, &steps.to_string()]));
        let theirs = peer(name, batch, steps);
        let speeds: Vec<f64> = ours
            .into_iter()
            .chain(theirs)
            .map(|row| {
                let number = |key: &str| row[key].as_f64().unwrap_or(f64::NAN);
                let speed = number("tokens_per_second");
                println!(
                    "{name:11} {:22} {speed:>10.0} {:>6.1} % {:>10.1} {:>6.3}",
                    row["tool"].as_str().unwrap(),
                    100.0 * number("mfu"),
                    number("memory_gb"),
                    number("loss"),
                );
                rows.push(json!({ "model": name, "row": row }));
                speed
            })
            .collect();
        if let [ours, theirs] = speeds[..] {
            println!("{name:11} prep to it {:>21.2}", ours / theirs);
        }
    }
    println!("{}", json!({ "tokens": SEQ, "rows": rows }));
}

fn peak() -> f64 {
    let stated = std::env::var("PREP_BENCH_PEAK").ok();
    1e12 * stated.and_then(|peak| peak.parse().ok()).unwrap_or(989.4)
}

/// Trains a preset.
fn ours(name: &str, batch: usize, steps: u64) -> Value {
    let model = preset(name).unwrap().config(VOCAB, SEQ);
    let mut random = Random::new(1);
    let tokens = (steps as usize + 4) * batch * (SEQ + 1);
    let noise = Noise(
        (0..tokens)
            .map(|_| (random.bits() % VOCAB as u64) as u32)
            .collect(),
    );
    let loader = Loader::new(&noise, Packing::Bestfit, SEQ, 1).unwrap();
    let options = options(&model, batch, steps);
    let backend = nvidia::open(0, Precision::Bf16).unwrap();
    let free = backend.driver().free_bytes().unwrap();
    let llama = Model::random(&backend, model, 1).unwrap();
    let mut trainer = Trainer::new(&backend, llama, &options).unwrap();
    let mut seconds = Vec::new();
    let mut loss = f64::NAN;
    for step in 1..=steps + 3 {
        let data = loader.samples((step - 1) * batch as u64, batch);
        let begin = Instant::now();
        let report = trainer.gradients(step, &options, &data).unwrap();
        trainer.update(step, &options, &report).unwrap();
        // The gradient's norm waits for the device, the update does not.
        backend.driver().wait().unwrap();
        seconds.push(begin.elapsed().as_secs_f64());
        loss = report.loss.unwrap();
    }
    seconds.drain(..3);
    seconds.sort_by(f64::total_cmp);
    let speed = (batch * SEQ) as f64 / seconds[seconds.len() / 2];
    let flops = mfu::flops_per_token(&options, &loader);
    json!({
        "tool": "prep",
        "device": prep::ops::Backend::name(&backend),
        "parameters": parameters(&trainer.model.config),
        "sequences": batch,
        "tokens_per_second": speed,
        "flops_per_token": flops,
        "mfu": flops * speed / peak(),
        "memory_gb": (free - backend.driver().free_bytes().unwrap()) as f64 / 1e9,
        "loss": loss,
    })
}

fn options(model: &Config, batch: usize, steps: u64) -> Options {
    Options {
        model: model.clone(),
        base: None,
        lora: None,
        objective: Objective::Tokens,
        shards: String::new(),
        val_sets: Vec::new(),
        tokenizer: String::new(),
        packing: Packing::Bestfit,
        seq_len: SEQ,
        sequences: batch,
        micro_batch: batch,
        recompute: false,
        schedule: Schedule {
            shape: Shape::Constant,
            lr: 1e-4,
            final_share: 1.0,
            warmup: 2,
            decay: 0,
            steps: steps + 3,
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
        dtype: Some(Precision::Bf16),
        save_dtype: Dtype::F32,
        seed: 1,
        eval_every: None,
        eval_tokens: 0,
    }
}

/// `torch.compile` on the same model, where an interpreter that has it is named.
fn peer(name: &str, batch: usize, steps: u64) -> Option<Value> {
    let Some(python) = std::env::var_os("PREP_BENCH_PYTHON") else {
        println!("no peer: PREP_BENCH_PYTHON names no interpreter that has torch");
        return None;
    };
    let model = preset(name).unwrap().config(VOCAB, SEQ);
    let sizes = json!({
        "vocab_size": model.vocab_size,
        "hidden_size": model.hidden_size,
        "intermediate_size": model.intermediate_size,
        "num_hidden_layers": model.layers,
        "num_attention_heads": model.heads,
        "num_key_value_heads": model.kv_heads,
        "max_position_embeddings": SEQ,
        "tie_word_embeddings": model.tied,
    });
    // Of a binary that was carried to the card, the sources are where it is run.
    let script = std::env::var("PREP_BENCH_PEER").unwrap_or_else(|_| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/train_gpu.py").to_owned()
    });
    let arguments = [
        script,
        sizes.to_string(),
        batch.to_string(),
        SEQ.to_string(),
        steps.to_string(),
    ];
    let mut row = said(Command::new(python).args(arguments))?;
    let stream = Noise(vec![0; batch * (SEQ + 1)]);
    let loader = Loader::new(&stream, Packing::Bestfit, SEQ, 1).unwrap();
    let flops = mfu::flops_per_token(&options(&model, batch, steps), &loader);
    row["mfu"] = json!(flops * row["tokens_per_second"].as_f64().unwrap() / peak());
    Some(row)
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
