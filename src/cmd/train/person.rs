//! Shows a run to a person.

use crate::{
    cmd::Context,
    interrupt,
    progress::{Progress, Unit},
    train::{metrics::Line, prompts::Answer, run::Watcher},
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

impl Watcher for Person<'_> {
    fn start(&mut self, step: u64) {
        if step > 0 {
            self.ctx.note(&format!("continuing after step {step}"));
        }
        let left = (self.steps - step) * self.step_tokens;
        self.progress = Some(self.ctx.progress("train", Unit::Tokens, Some(left)));
    }

    fn step(&mut self, line: &Line) {
        let Some(progress) = &self.progress else {
            return;
        };
        let loss = line
            .loss
            .map_or("-".to_owned(), |loss| format!("{loss:.3}"));
        // Every evaluation stays to be read, whatever the pace of the progress.
        if let Some(val) = line.val_loss {
            progress.note(&format!(
                "step {}: loss {loss}, val loss {val:.3}",
                line.step
            ));
        }
        progress.message(&format!(
            "step {}, loss {loss}, gradient {:.2}, rate {:.1e}",
            line.step, line.grad_norm, line.lr
        ));
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
