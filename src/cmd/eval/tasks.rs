//! `prep eval --tasks`: how many questions one model answers rightly, or two side by side.

use std::{io::Write, path::Path};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use serde_json::json;

use super::{Args, Speaker};
use crate::{
    atomic::AtomicFile,
    cmd::{Context, generate::text_prompt},
    eval::{
        choice::{Item, likelihoods},
        exact::Question,
        paired::{Difference, Paired},
        tasks::{self, Scores, Tally, Task},
    },
    exit::Exit,
    interrupt,
    ops::Backend,
    output,
    progress::{Progress, Unit},
    table::Table,
};

/// Wrong answers that are shown where they are not written to a file.
const SHOWN: u64 = 10;

/// What a model gave to a question, as a line of `--answers` has it.
#[derive(Clone, Debug, Serialize)]
struct Given {
    /// What it wrote, or the choice that it found most probable.
    text: String,
    /// Whether that is right.
    right: bool,
    /// Whether the choice that is most probable per character is right; none without choices.
    right_normalized: Option<bool>,
}

/// A line of `--answers`.
#[derive(Clone, Debug, Serialize)]
struct Written<'a> {
    /// The line of the question, from 1.
    line: u64,
    /// `choice` or `exact`.
    kind: &'static str,
    question: &'a str,
    /// What is right.
    answers: &'a [String],
    model: &'a Given,
    versus: Option<&'a Given>,
}

/// The differences of two models.
#[derive(Default)]
struct Differences {
    accuracy: Paired,
    accuracy_normalized: Paired,
    exact_match: Paired,
}

impl Differences {
    fn add(&mut self, given: &[Given]) {
        let [first, second] = given else { return };
        let worth = f64::from;
        if let (Some(a), Some(b)) = (first.right_normalized, second.right_normalized) {
            self.accuracy.add(worth(first.right), worth(second.right));
            self.accuracy_normalized.add(worth(a), worth(b));
        } else {
            self.exact_match
                .add(worth(first.right), worth(second.right));
        }
    }
}

/// Questions that are read before they are answered, for each that is answered at once: enough that
/// no place is empty for long, and few enough that a file of any length is answered in little memory.
const READ: usize = 8;

/// What is known so far.
struct Asked<'a, B: Backend> {
    speakers: Vec<Speaker<'a, B>>,
    tallies: Vec<Tally>,
    differences: Differences,
    file: Option<AtomicFile>,
    /// Wrong answers that were shown.
    shown: u64,
    progress: Progress,
}

/// Asks every question of the file.
pub(super) fn run<B: Backend>(
    backend: &B,
    args: &Args,
    ctx: &Context,
    path: &Path,
) -> Result<Exit> {
    let speakers = Speaker::all(backend, args)?;
    let file = args.answers.as_deref().map(AtomicFile::create);
    let mut asked = Asked {
        tallies: speakers.iter().map(|_| Tally::default()).collect(),
        speakers,
        differences: Differences::default(),
        file: file.transpose()?,
        shown: 0,
        progress: ctx.progress("eval", Unit::Documents, None),
    };
    let (mut rejected, mut group) = (Vec::new(), Vec::new());
    let most = READ * args.micro_batch as usize;
    tasks::for_each(path, &mut rejected, &mut |line, task| {
        group.push((line, task));
        if group.len() == most {
            asked.ask(&std::mem::take(&mut group))?;
        }
        Ok(())
    })?;
    asked.ask(&group)?;
    asked.progress.finish();
    for line in &rejected {
        ctx.note(&format!(
            "{}:{}: {}",
            path.display(),
            line.line,
            line.reason
        ));
    }
    let scores: Vec<Scores> = asked
        .tallies
        .iter()
        .map(|tally| tally.scores(rejected.clone()))
        .collect();
    ensure!(
        scores[0].items + scores[0].exact_items > 0,
        "{}: expected questions, a JSON object a line with question and answer, and choices if there \
         are any; found none",
        path.display()
    );
    if let Some(file) = asked.file {
        file.commit()?;
    }
    if args.chat && scores[0].exact_items == 0 {
        ctx.note(
            "--chat is of questions without choices, of which there are none: it changed nothing",
        );
    }
    report(args, ctx, path, &scores, &asked.differences)?;
    Ok(if rejected.is_empty() {
        Exit::Done
    } else {
        Exit::Rejects
    })
}

impl<B: Backend> Asked<'_, B> {
    /// Asks some questions, and tells of them in their order.
    fn ask(&mut self, group: &[(u64, Task)]) -> Result<()> {
        let mut given: Vec<Vec<Given>> = group.iter().map(|_| Vec::new()).collect();
        for (speaker, tally) in self.speakers.iter().zip(&mut self.tallies) {
            let free = group.iter().filter_map(|(_, task)| match task {
                Task::Free(question) => Some(question.question.as_str()),
                Task::Choice(_) => None,
            });
            let mut written = speaker
                .answers(&free.collect::<Vec<_>>(), true)?
                .into_iter();
            for ((_, task), given) in group.iter().zip(&mut given) {
                interrupt::check()?;
                match task {
                    Task::Choice(item) => given.push(choose(speaker, item, tally)?),
                    Task::Free(question) => {
                        let answer = written.next().context("an answer for each question")?;
                        given.push(judge(question, answer, tally));
                    }
                }
            }
        }
        for ((line, task), given) in group.iter().zip(&given) {
            self.differences.add(given);
            self.tell(*line, task, given)?;
            self.progress.add(1);
        }
        Ok(())
    }

    /// Writes what was answered, or shows the first wrong ones.
    fn tell(&mut self, line: u64, task: &Task, given: &[Given]) -> Result<()> {
        let (kind, question, answers) = match task {
            Task::Choice(item) => {
                let right = std::slice::from_ref(&item.choices[item.answer]);
                ("choice", &item.question, right)
            }
            Task::Free(question) => ("exact", &question.question, &question.answers[..]),
        };
        if let Some(file) = &mut self.file {
            let line = Written {
                line,
                kind,
                question,
                answers,
                model: &given[0],
                versus: given.get(1),
            };
            serde_json::to_writer(&mut *file, &line)?;
            file.write_all(b"\n")?;
        } else if self.shown < SHOWN && given.iter().any(|given| !given.right) {
            self.shown += 1;
            let each = given.iter().map(|given| given.text.as_str());
            let each: Vec<&str> = each.collect();
            self.progress.note(&format!(
                "{question} → {} (right: {})",
                each.join(" | "),
                answers.join(", ")
            ));
        }
        Ok(())
    }
}

/// The most probable choice.
fn choose<B: Backend>(speaker: &Speaker<'_, B>, item: &Item, tally: &mut Tally) -> Result<Given> {
    let encode = |text: &str| text_prompt(&speaker.tokenizer, text);
    let found = likelihoods(speaker.backend, &speaker.model, item, &encode)?;
    tally.add(item, &found);
    let best = found.best();
    Ok(Given {
        text: item.choices[best].clone(),
        right: best == item.answer,
        right_normalized: Some(found.best_by_character(item) == item.answer),
    })
}

/// Whether what the model wrote is right.
fn judge(question: &Question, (text, truncated): (String, bool), tally: &mut Tally) -> Given {
    let right = question.is_answered_by(&text);
    tally.add_exact(right, truncated);
    Given {
        text,
        right,
        right_normalized: None,
    }
}

/// A share with its error.
type Of = fn(&Scores) -> (Option<f64>, Option<f64>);

fn report(
    args: &Args,
    ctx: &Context,
    path: &Path,
    scores: &[Scores],
    differences: &Differences,
) -> Result<()> {
    let (accuracy, normalized, exact) = (
        differences.accuracy.difference(),
        differences.accuracy_normalized.difference(),
        differences.exact_match.difference(),
    );
    if ctx.json {
        let mut json = json!(scores[0]);
        json["model"] = json!(args.model);
        json["tasks"] = json!(path);
        json["versus"] = match (&args.versus, scores.get(1)) {
            (Some(model), Some(scores)) => {
                let mut versus = serde_json::to_value(scores)?;
                // The lines are the same for both.
                versus.as_object_mut().map(|map| map.remove("rejected"));
                versus["model"] = json!(model);
                versus["difference"] = json!({
                    "accuracy": accuracy,
                    "accuracy_normalized": normalized,
                    "exact_match": exact,
                });
                versus
            }
            _ => json!(null),
        };
        output::data(&json.to_string());
        return Ok(());
    }
    let rows: [(&str, Of, Option<Difference>); 3] = [
        ("accuracy", |s| (s.accuracy, s.accuracy_stderr), accuracy),
        (
            "normalised accuracy",
            |s| (s.accuracy_normalized, s.accuracy_normalized_stderr),
            normalized,
        ),
        (
            "exact match",
            |s| (s.exact_match, s.exact_match_stderr),
            exact,
        ),
    ];
    let mut header = vec!["", "model"];
    if scores.len() > 1 {
        header.extend(["versus", "difference"]);
    }
    let mut table = Table::new(&header);
    for (name, of, difference) in rows {
        let cell = |scores: &Scores| match of(scores) {
            (Some(share), Some(error)) => percent(share, Some(error)),
            _ => String::new(),
        };
        if of(&scores[0]).0.is_none() {
            continue;
        }
        let mut cells = vec![name.to_owned()];
        cells.extend(scores.iter().map(cell));
        cells.extend(difference.map(|d| percent(d.mean, d.stderr)));
        table.row(cells);
    }
    if let Some(chance) = scores[0].chance {
        table.row(vec!["by chance".to_owned(), percent(chance, None)]);
    }
    output::data(&table.render());
    output::data(&format!(
        "questions            {} with choices, {} without",
        scores[0].items, scores[0].exact_items
    ));
    Ok(())
}

fn percent(share: f64, error: Option<f64>) -> String {
    let share = format!("{:.2} %", 100.0 * share);
    match error {
        Some(error) => format!("{share} ± {:.2}", 100.0 * error),
        None => share,
    }
}
