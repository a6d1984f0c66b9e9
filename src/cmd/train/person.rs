//! Shows a run to a person.

use crate::{
    cmd::Context,
    interrupt,
    progress::{Progress, Unit},
    train::{
        metrics::{Line, losses},
        prompts::Answer,
        run::Watcher,
    },
    units::human_count,
};

/// Shows a run to a person and stops it on a signal.
pub struct Person<'a> {
    ctx: &'a Context,
    steps: u64,
    step_tokens: u64,
    progress: Option<Progress>,
}

impl<'a> Person<'a> {
    /// Someone who watches a run of `steps` steps.
    pub fn new(ctx: &'a Context, steps: u64, step_tokens: u64) -> Self {
        Self {
            ctx,
            steps,
            step_tokens,
            progress: None,
        }
    }

    /// Ends the progress line.
    pub fn finish(&mut self) {
        if let Some(progress) = self.progress.take() {
            progress.finish();
        }
    }
}

/// A step in a line of at most 80 columns.
fn figures(line: &Line, loss: &str) -> String {
    let mfu = line
        .mfu
        .map_or_else(String::new, |mfu| format!(", MFU {:.0} %", 100.0 * mfu));
    let of_pairs = line.preference.map_or_else(String::new, |of| {
        format!(
            ", accuracy {:.0} %, margin {:.2}",
            100.0 * of.accuracy,
            of.margin
        )
    });
    format!(
        "loss {loss}{of_pairs}, {} tokens/s{mfu}, gradient {:.2}, rate {:.1e}, wait {:.1} %",
        human_count(line.tokens_per_second.round() as u64),
        line.grad_norm,
        line.lr,
        100.0 * line.wait_share
    )
}

impl Watcher for Person<'_> {
    fn start(&mut self, step: u64) {
        if step > 0 {
            self.ctx.note(&format!("continuing after step {step}"));
        }
        let left = (self.steps - step) * self.step_tokens;
        let quiet = self.ctx.quiet;
        let progress = Progress::in_two_lines("train", Unit::Tokens, Some(left), quiet);
        self.progress = Some(progress);
    }

    fn step(&mut self, line: &Line) {
        let Some(progress) = &self.progress else {
            return;
        };
        let loss = line
            .loss
            .map_or("-".to_owned(), |loss| format!("{loss:.3}"));
        // Every evaluation stays to be read, whatever the pace of the progress.
        let of_pairs = line.val_preference.map_or_else(String::new, |of| {
            format!(
                ", accuracy {:.1} % of {} pairs, margin {:.3}",
                100.0 * of.accuracy,
                of.pairs,
                of.margin
            )
        });
        let of_labels = line.val_classes.map_or_else(String::new, |of| {
            format!(
                ", accuracy {:.1} %, macro F1 {:.3}",
                100.0 * of.accuracy,
                of.macro_f1
            )
        });
        let val = line
            .val_loss
            .map(|val| format!("val loss {val:.3}{of_pairs}{of_labels}"));
        let parts: Vec<String> = val
            .into_iter()
            .chain(line.val_sets.as_ref().map(losses))
            .collect();
        if !parts.is_empty() {
            let parts = parts.join(", ");
            progress.note(&format!("step {}: loss {loss}, {parts}", line.step));
        }
        progress.title(&format!("step {}/{}", line.step, self.steps));
        progress.message(&figures(line, &loss));
        progress.add(self.step_tokens);
    }

    fn answer(&mut self, answer: &Answer) {
        self.note(&format!("{} → {}", answer.prompt, answer.text.trim()));
    }

    fn note(&mut self, text: &str) {
        match &self.progress {
            Some(progress) => progress.note(text),
            None => self.ctx.note(text),
        }
    }

    fn stop(&mut self) -> bool {
        interrupt::check().is_err()
    }
}
