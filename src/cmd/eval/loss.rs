//! `prep eval MODEL SHARDS`: the loss on a split, in all, by source and by language; of two models
//! with the difference.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::f64::consts::LN_2;

use super::{Args, check_tokenizer};
use crate::{
    cmd::Context,
    eval::{
        Breakdown, Extent, Groups, Means, Sums, measure,
        paired::{Difference, Losses, of_documents},
    },
    exit::Exit,
    interrupt, model,
    ops::Backend,
    output,
    progress::Unit,
    shard::{Dataset, Split},
    table::Table,
    tokenize::Tokenizer,
    train::{Loader, fitting_seq},
    units::grouped,
};

/// What a model lost, by document.
struct Measured {
    means: Means,
    by: Option<Breakdown>,
    documents: Vec<Sums>,
}

/// The differences of two models.
#[derive(Serialize)]
struct Differences {
    loss: Option<Difference>,
    bits_per_byte: Option<Difference>,
    by_source: Option<BTreeMap<String, Difference>>,
    by_language: Option<BTreeMap<String, Difference>>,
}

/// Measures the models on a split of `shards`.
pub(super) fn run<B: Backend>(
    backend: &B,
    args: &Args,
    ctx: &Context,
    shards: &Path,
) -> Result<Exit> {
    let split = Split::from_name(&args.split).context("--split: expected val or train")?;
    let data = Dataset::open(shards, split)?;
    ensure!(
        data.tokens() > 0,
        "{}: the {} split is empty. Measure --split train, or shard again with a --val share",
        shards.display(),
        args.split
    );
    let groups = Groups::read(&[(shards, &data)])?;
    if groups.is_none() {
        ctx.note(
            "neither the shards nor a corpus beside them say which source and language a document is \
             from: only the whole is measured. Shards of this version say it of the val split; for \
             others lay the corpus beside the shards",
        );
    }
    let known = groups.is_some();
    let groups = groups.unwrap_or_else(|| Groups::unknown(&data));
    let dirs: Vec<&Path> = std::iter::once(&args.model)
        .chain(&args.versus)
        .map(AsRef::as_ref)
        .collect();
    let seq = sequence_tokens(args, &dirs, &data)?;
    let loader = Loader::new(&data, args.packing, seq, 0)?;
    if let Some(text) = loader.packed().left_out(&args.split, seq) {
        ctx.note(&text);
    }
    let mut measured = Vec::new();
    for dir in &dirs {
        let mut one = one(backend, args, ctx, (&data, &loader), &groups, dir)?;
        one.by = one.by.filter(|_| known);
        measured.push(one);
    }
    let differences = (measured.len() > 1).then(|| compare(&measured, &groups, known));
    if ctx.json {
        let mut json = of_model(&measured[0], dirs[0]);
        json["split"] = json!(args.split);
        json["shards"] = json!(shards);
        json["truncated_tokens"] = json!(loader.packed().lost_tokens);
        json["left_out_documents"] = json!(loader.packed().silent_documents);
        json["versus"] = match (&differences, measured.get(1)) {
            (Some(differences), Some(second)) => {
                let mut versus = of_model(second, dirs[1]);
                versus["difference"] = json!(differences);
                versus
            }
            _ => Value::Null,
        };
        output::data(&json.to_string());
    } else {
        show(&measured, differences.as_ref());
    }
    Ok(Exit::Done)
}

/// Tokens of a sequence: the same for all models.
fn sequence_tokens(args: &Args, models: &[&Path], data: &Dataset) -> Result<usize> {
    let asked = args.seq_len.map(|seq| seq as usize);
    let mut seq = asked.or_else(|| trained_seq(models[0])).unwrap_or(1024);
    for dir in models {
        check_tokenizer(&Tokenizer::from_dir(dir)?, data)
            .with_context(|| dir.display().to_string())?;
        let context = model::load_config(dir, None)?.max_positions;
        ensure!(
            asked.is_none_or(|asked| asked <= context),
            "--seq-len {seq} is longer than the context of {}, {context} tokens",
            dir.display()
        );
        seq = seq.min(context);
    }
    Ok(fitting_seq(seq, data.tokens()))
}

/// The sequence length of a model that `prep train` wrote.
fn trained_seq(model: &Path) -> Option<usize> {
    let text = std::fs::read(model.join("manifest.json")).ok()?;
    let manifest: Value = serde_json::from_slice(&text).ok()?;
    manifest["config"]["seq_len"].as_u64()?.try_into().ok()
}

fn one<B: Backend>(
    backend: &B,
    args: &Args,
    ctx: &Context,
    (data, loader): (&Dataset, &Loader<'_>),
    groups: &Groups,
    dir: &Path,
) -> Result<Measured> {
    let tokenizer = Tokenizer::from_dir(dir)?;
    check_tokenizer(&tokenizer, data)?;
    let model = model::load(backend, dir)?;
    let extent = Extent {
        micro_batch: args.micro_batch as usize,
        tokens: args.max_tokens,
    };
    let room = loader.packed().room_tokens;
    let total = args.max_tokens.map_or(room, |t| t.min(room));
    let progress = ctx.progress("eval", Unit::Tokens, Some(total));
    let (mut shown, mut interrupted) = (0, None);
    let mut account = groups.account();
    let mut documents = vec![Sums::default(); groups.documents()];
    let sums = measure(
        backend,
        &model,
        loader,
        &tokenizer.token_bytes(),
        extent,
        &mut |position, sums| {
            let (document, group) = groups.at(position);
            documents[document] += sums;
            account[group] += sums;
        },
        &mut |done| {
            let tokens = (done * loader.seq() as u64).min(total);
            progress.add(tokens - shown);
            shown = tokens;
            interrupted = interrupt::check().err();
            interrupted.is_none()
        },
    )?;
    if let Some(interrupted) = interrupted {
        return Err(interrupted.into());
    }
    progress.finish();
    let means = sums.means().context(
        "the loss mask counts no token of the split: there is nothing to measure. Choose another \
         --split",
    )?;
    Ok(Measured {
        means,
        by: Some(groups.breakdown(&account)),
        documents,
    })
}

/// The differences over documents, in all and of those of each source and language.
fn compare(measured: &[Measured], groups: &Groups, known: bool) -> Differences {
    let pairs = || measured[0].documents.iter().zip(&measured[1].documents);
    let all = |wanted: &dyn Fn(usize) -> bool| -> Vec<Losses> {
        let chosen = pairs()
            .enumerate()
            .filter(|(document, _)| wanted(*document));
        chosen.map(|(_, (a, b))| Losses::of(*a, *b)).collect()
    };
    let by = |names: BTreeMap<String, Vec<usize>>| -> BTreeMap<String, Difference> {
        let each = names.into_iter();
        each.filter_map(|(name, members)| {
            let of = all(&|document| members.contains(&groups.group(document)));
            Some((name, of_documents(of.into_iter())?))
        })
        .collect()
    };
    let bits: Vec<Losses> = pairs()
        .map(|(a, b)| Losses {
            first: a.nats / LN_2,
            second: b.nats / LN_2,
            weight: a.bytes as f64,
        })
        .collect();
    Differences {
        loss: of_documents(all(&|_| true).into_iter()),
        bits_per_byte: of_documents(bits.into_iter()),
        by_source: known.then(|| by(groups.by_source())),
        by_language: known.then(|| by(groups.by_language())),
    }
}

fn of_model(measured: &Measured, dir: &Path) -> Value {
    let mut json = json!(measured.means);
    json["model"] = json!(dir);
    json["by_source"] = json!(measured.by.as_ref().map(|by| &by.by_source));
    json["by_language"] = json!(measured.by.as_ref().map(|by| &by.by_language));
    json
}

/// The parts of a breakdown.
type Of = fn(&Breakdown) -> &BTreeMap<String, Means>;

fn show(measured: &[Measured], differences: Option<&Differences>) {
    let whole = measured.iter().map(|m| &m.means).collect::<Vec<_>>();
    if let [means] = whole[..] {
        output::data(&format!("loss          {:.4} nats/token", means.loss));
        output::data(&format!("perplexity    {:.3}", means.perplexity));
        output::data(&format!("bits per byte {}", bits(means)));
        output::data(&format!("tokens        {}", means.tokens));
    } else if let Some(differences) = differences {
        let mut table = Table::new(&["", "model", "versus", "difference"]);
        let mut row = |name: &str, of: &dyn Fn(&Means) -> String, difference| {
            let mut cells = vec![name.to_owned()];
            cells.extend(whole.iter().map(|means| of(means)));
            cells.push(signed(difference));
            table.row(cells);
        };
        row(
            "loss, nats/token",
            &|m| format!("{:.4}", m.loss),
            differences.loss,
        );
        row("perplexity", &|m| format!("{:.3}", m.perplexity), None);
        row("bits per byte", &bits, differences.bits_per_byte);
        row("tokens", &|m| m.tokens.to_string(), None);
        output::data(&table.render());
    }
    let parts: [(&str, Of, _); 2] = [
        (
            "source",
            |by| &by.by_source,
            differences.and_then(|d| d.by_source.as_ref()),
        ),
        (
            "language",
            |by| &by.by_language,
            differences.and_then(|d| d.by_language.as_ref()),
        ),
    ];
    for (what, of, differences) in parts {
        let all: Vec<_> = measured
            .iter()
            .filter_map(|m| Some(of(m.by.as_ref()?)))
            .collect();
        if let Some(table) = part(what, &all, differences) {
            output::data(&format!("\n{table}"));
        }
    }
}

/// The table of the sources, or of the languages.
fn part(
    what: &str,
    all: &[&BTreeMap<String, Means>],
    differences: Option<&BTreeMap<String, Difference>>,
) -> Option<String> {
    let mut header = vec![what, "tokens", "loss", "perplexity", "bits/byte"];
    if all.len() > 1 {
        header.extend(["versus: loss", "bits/byte", "difference of loss"]);
    }
    let mut table = Table::new(&header);
    for (name, means) in *all.first()? {
        let mut cells = vec![
            name.clone(),
            grouped(means.tokens),
            format!("{:.4}", means.loss),
            format!("{:.2}", means.perplexity),
            bits(means),
        ];
        if let Some(second) = all.get(1).and_then(|all| all.get(name)) {
            cells.extend([format!("{:.4}", second.loss), bits(second)]);
            cells.push(signed(differences.and_then(|d| d.get(name)).copied()));
        }
        table.row(cells);
    }
    Some(table.render())
}

fn bits(means: &Means) -> String {
    let bits = means.bits_per_byte;
    bits.map_or("-".to_owned(), |bits| format!("{bits:.4}"))
}

fn signed(difference: Option<Difference>) -> String {
    let Some(difference) = difference else {
        return String::new();
    };
    let mean = format!("{:+.4}", difference.mean);
    match difference.stderr {
        Some(error) => format!("{mean} ± {error:.4}"),
        None => mean,
    }
}
