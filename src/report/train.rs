//! The page of `prep train`.

use super::curves::{Curve, curves};
use super::html::{escape, short, step, table};
use super::ingest::left_out;
use super::page::Page;
use super::samples::CHARACTERS;
use super::strings::{self as s, Phrase};
use crate::eval::Means;
use crate::train::journal;
use crate::train::metrics::{self, Line};
use crate::train::prompts::{self, Answer};
use anyhow::Result;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Curves of a chart by source: more cannot be told apart.
const MOST_CURVES: usize = 8;

/// Fills the page of a model.
///
/// # Errors
/// When metrics.jsonl cannot be read.
pub fn fill(page: &mut Page<'_>, dir: &Path) -> Result<()> {
    page.title(s::TRAIN);
    let lines = metrics::read(dir)?;
    let mut cards = figures(page.report["objective"].as_str().unwrap_or_default());
    cards.extend([
        (s::STEPS, "/steps"),
        (s::TOKENS, "/tokens"),
        (s::PARAMETERS, "/parameters"),
        (s::SPEED, "/tokens_per_second"),
        (s::MFU, "/mfu"),
        (s::PEAK, "/peak_tflops"),
        (s::WAIT, "/wait_share"),
        (s::SKIPPED, "/skipped_steps"),
        (s::ROLLBACKS, "/rollbacks"),
        (s::DEVICE, "/device"),
    ]);
    page.section(s::SUMMARY, page.cards(&cards));
    page.section(s::LOSS_CURVES, loss(page, &lines));
    page.section(s::EVALUATIONS, evaluations(page));
    page.section(
        s::PACKING,
        page.cards(&[
            (s::DOCUMENTS, "/packing/documents"),
            (s::SEQUENCES, "/packing/sequences"),
            (s::PADDED, "/packing/padded_share"),
            (s::TRUNCATED, "/packing/truncated_share"),
            (s::SILENT, "/packing/silent_share"),
            (s::SILENT_DOCUMENTS, "/packing/silent_documents"),
            (s::VAL_TRUNCATED, "/val_truncated_tokens"),
        ]),
    );
    if let Some(answers) = answers(page, dir)? {
        page.section(s::ANSWERS, answers);
    }
    Ok(())
}

/// What is measured of an objective, and in which unit its loss is.
fn figures(objective: &str) -> Vec<(Phrase, &'static str)> {
    match objective {
        "dpo" | "ipo" => vec![
            (s::TRAIN_LOSS_PAIR, "/train_loss"),
            (s::VAL_LOSS_PAIR, "/val_loss"),
            (s::ACCURACY_PAIRS, "/val_preference/accuracy"),
            (s::MARGIN, "/val_preference/margin"),
        ],
        "classify" => vec![
            (s::TRAIN_LOSS_DOCUMENT, "/train_loss"),
            (s::VAL_LOSS_DOCUMENT, "/val_loss"),
            (s::ACCURACY_LABELS, "/val_classes/accuracy"),
            (s::MACRO_F1, "/val_classes/macro_f1"),
        ],
        _ => vec![
            (s::TRAIN_LOSS, "/train_loss"),
            (s::VAL_LOSS, "/val_loss"),
            (s::PERPLEXITY, "/perplexity"),
            (s::BITS, "/bits_per_byte"),
        ],
    }
}

/// A curve of one number of the lines.
fn curve(name: &str, lines: &[Line], of: impl Fn(&Line) -> Option<f64>) -> Curve {
    let points = lines
        .iter()
        .filter_map(|line| Some((line.step as f64, of(line)?)));
    Curve {
        name: name.to_owned(),
        points: points.filter(|point| point.1.is_finite()).collect(),
    }
}

/// The means of a line by source, or by language.
type Of = fn(&Line) -> Option<&BTreeMap<String, Means>>;

fn loss(page: &Page<'_>, lines: &[Line]) -> String {
    let steps = page.say(s::STEP);
    let learned = |line: &Line| line.loss.filter(|_| !line.skipped);
    let mut both = vec![
        curve(page.say(s::TRAINING), lines, learned),
        curve(page.say(s::VALIDATION), lines, |line| line.val_loss),
    ];
    both.retain(|curve| !curve.points.is_empty());
    let says = match page.report["objective"].as_str() {
        None | Some("tokens") => s::LOSS_SAYS,
        Some(_) => s::LOSS_SAYS_OTHER,
    };
    let mut out = page.note(says) + "<div class=\"charts\">";
    out += &curves("loss", page.say(s::LOSS_CURVES), steps, &both, page.lang());
    let parts: [(&str, Phrase, Of); 3] = [
        ("byset", s::BY_SET, |line| line.val_sets.as_ref()),
        ("bysrc", s::BY_SOURCE, |line| line.val_by_source.as_ref()),
        ("bylang", s::BY_LANGUAGE, |line| {
            line.val_by_language.as_ref()
        }),
    ];
    for (id, title, of) in parts {
        let mut tokens = BTreeMap::<&str, u64>::new();
        for (name, means) in lines.iter().filter_map(of).flatten() {
            *tokens.entry(name).or_default() += means.tokens;
        }
        let mut names: Vec<_> = tokens.into_iter().collect();
        names.sort_by_key(|&(name, tokens)| (std::cmp::Reverse(tokens), name));
        let each: Vec<Curve> = names
            .iter()
            .take(MOST_CURVES)
            .map(|(name, _)| curve(name, lines, |line| Some(of(line)?.get(*name)?.loss)))
            .collect();
        out += &curves(id, page.say(title), steps, &each, page.lang());
    }
    // Before the first step there is neither a rate nor a gradient.
    let stepped = |number: f64, line: &Line| (line.step > 0).then_some(number);
    let rate = curve(page.say(s::RATE), lines, |line| stepped(line.lr, line));
    out += &curves("lr", page.say(s::RATE), steps, &[rate], page.lang());
    let norm = curve(page.say(s::GRADIENT), lines, |line| {
        stepped(line.grad_norm, line)
    });
    out += &curves("norm", page.say(s::GRADIENT), steps, &[norm], page.lang());
    out + "</div>"
}

/// The last evaluation by source and by language.
fn evaluations(page: &Page<'_>) -> String {
    let mut out = String::new();
    for (object, what) in [
        ("val_sets", s::SET),
        ("val_by_source", s::SOURCE),
        ("val_by_language", s::LANGUAGE),
    ] {
        let all = page.report[object].as_object();
        let mut names: Vec<(&String, &Value)> = all.into_iter().flatten().collect();
        names.sort_by_key(|(name, means)| (std::cmp::Reverse(means["tokens"].as_u64()), *name));
        let rows: Vec<Vec<String>> = names
            .into_iter()
            .map(|(name, _)| {
                let place = format!("/{object}{}", step(name));
                let mut cells = vec![escape(name)];
                for number in ["tokens", "loss", "perplexity", "bits_per_byte"] {
                    cells.push(page.value(&format!("{place}/{number}")));
                }
                cells
            })
            .collect();
        if rows.is_empty() {
            continue;
        }
        let header = [what, s::TOKENS, s::LOSS, s::PERPLEXITY, s::BITS];
        let header = header.map(|phrase| page.say(phrase));
        let more = left_out(page, rows.len());
        out += &table(page.say(what), &header, &rows, more);
    }
    if out.is_empty() {
        return page.note(s::NONE);
    }
    out
}

/// The answers of the first and of the last evaluation.
fn answers(page: &Page<'_>, dir: &Path) -> Result<Option<String>> {
    let (mut first, mut last) = (Vec::<Answer>::new(), Vec::<Answer>::new());
    journal::for_each(&prompts::path(dir), &mut |answer: Answer| {
        if first.first().is_none_or(|one| one.step == answer.step) {
            first.push(answer.clone());
        }
        if last.first().is_some_and(|one| one.step != answer.step) {
            last.clear();
        }
        last.push(answer);
        Ok(())
    })?;
    let Some((begin, end)) = first.first().zip(last.first()) else {
        return Ok(None);
    };
    let mut out = String::from("<dl class=\"said\">");
    for (before, after) in first.iter().zip(&last) {
        out += &format!("<dt><b dir=\"auto\">{}</b></dt>", escape(&before.prompt));
        for (step, answer) in [(begin.step, before), (end.step, after)] {
            out += &format!(
                "<dd class=\"text\" dir=\"auto\"><span class=\"why\">{} {step}: </span>{}</dd>",
                escape(page.say(s::STEP)),
                escape(&short(answer.text.trim(), CHARACTERS))
            );
        }
    }
    out += "</dl>";
    Ok(Some(out))
}
