//! `prep train --list-models`: what can be trained, and what it takes.

use serde::Serialize;
use serde_json::json;

use super::args::Args;
use crate::{
    cmd::Context,
    model::{ARCHITECTURES, Named, all_presets, parameters},
    output,
    plan::{
        Shape,
        quantity::{Lang, bytes, count, flops},
    },
    table::Table,
    train::{memory, moments::Keeping},
};

/// Vocabulary of the presets here: that of `prep shard`.
const VOCAB_SIZE: usize = 16_384;

/// One preset and what it takes.
#[derive(Serialize)]
struct Row {
    model: String,
    architecture: &'static str,
    parameters: usize,
    active_parameters: u64,
    weight_bytes: u64,
    training_bytes: u64,
    flops_per_token: u64,
    context_tokens: usize,
    window_tokens: Option<usize>,
    learning_rate: f64,
}

fn row(preset: Named, args: &Args) -> Row {
    let config = preset.config(VOCAB_SIZE, args.seq_len as usize);
    let shape = Shape::of(&config);
    let cost = shape.flops(f64::from(args.seq_len));
    let plan = memory::Plan {
        micro_batch: args.micro_batch as usize,
        recompute: false,
        average: false,
        reference: false,
        adapters: None,
        base: None,
        keeping: Keeping::Full,
        place: memory::Place::Cpu,
    };
    Row {
        model: preset.name(),
        architecture: preset.arch.row().name,
        parameters: parameters(&config),
        active_parameters: shape.active_parameters as u64,
        weight_bytes: 4 * parameters(&config) as u64,
        training_bytes: memory::bytes(&config, args.seq_len as usize, plan),
        flops_per_token: (cost.weights + cost.attention).round() as u64,
        context_tokens: config.max_positions,
        window_tokens: config.window.map(|window| window.tokens),
        learning_rate: preset.lr,
    }
}

/// Prints the list.
pub fn print(args: &Args, ctx: &Context) {
    let rows: Vec<Row> = all_presets().map(|preset| row(preset, args)).collect();
    if ctx.json {
        let architectures = ARCHITECTURES
            .iter()
            .map(|row| json!({"name": row.name, "model_type": row.model_type, "what": row.what}));
        let list = json!({
            "command": "train --list-models",
            "vocab_size": VOCAB_SIZE,
            "seq_len": args.seq_len,
            "micro_batch": args.micro_batch,
            "architectures": architectures.collect::<Vec<_>>(),
            "presets": rows,
        });
        output::data(&list.to_string());
        return;
    }
    let mut table = Table::new(&["architecture", "in transformers", "what it is"]);
    for row in ARCHITECTURES {
        let cells = [row.model_type, row.name, row.what];
        table.row(cells.map(str::to_owned).to_vec());
    }
    output::data(&table.render());
    let mut table = Table::new(&[
        "--model",
        "parameters",
        "of a token",
        "weights",
        "training",
        "FLOPs/token",
        "context",
        "window",
    ]);
    for row in rows {
        table.row(vec![
            row.model,
            count(row.parameters as f64, Lang::En),
            count(row.active_parameters as f64, Lang::En),
            bytes(row.weight_bytes, Lang::En),
            bytes(row.training_bytes, Lang::En),
            flops(row.flops_per_token as f64, Lang::En),
            row.context_tokens.to_string(),
            row.window_tokens
                .map_or("-".to_owned(), |tokens| tokens.to_string()),
        ]);
    }
    output::data(&table.render());
    output::data(&format!(
        "Vocabulary {VOCAB_SIZE}; training in f32 with AdamW, {} sequences of {} tokens at once. Models \
         of one size take as many FLOPs a token.",
        args.micro_batch, args.seq_len
    ));
}
