//! Progress on stderr: a bar with rate and ETA for a person at a terminal, plain lines otherwise.
//!
//! Workers add to counters; nothing here influences what is computed.

use crate::output;
use crate::units::{grouped, human_bytes};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What a progress counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes, shown as MB and MB/s.
    Bytes,
    /// Tokens and tokens/s.
    Tokens,
    /// Optimizer steps and steps/s.
    Steps,
    /// Documents and documents/s.
    Documents,
}

impl Unit {
    fn amount(self, count: u64) -> String {
        match self {
            Self::Bytes => human_bytes(count),
            Self::Tokens => format!("{} tokens", grouped(count)),
            Self::Steps => format!("{} steps", grouped(count)),
            Self::Documents => format!("{} documents", grouped(count)),
        }
    }

    fn rate(self, per_second: f64) -> String {
        match self {
            Self::Bytes => format!("{:.1} MB/s", per_second / 1e6),
            Self::Tokens => format!("{} tokens/s", grouped(per_second as u64)),
            Self::Steps => format!("{per_second:.2} steps/s"),
            Self::Documents => format!("{} documents/s", grouped(per_second as u64)),
        }
    }
}

/// What a bar is drawn with.
const BAR: &str = "━╸─";

/// How often a plain line is printed when stderr is no terminal.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// Progress of one step. Dropping it without [`Progress::finish`] removes the bar.
pub struct Progress {
    bar: Option<ProgressBar>,
    plain: bool,
    label: String,
    /// What stands before a plain line instead of the label; empty for the label.
    title: Mutex<String>,
    unit: Unit,
    total: Option<u64>,
    done: AtomicU64,
    started: Instant,
    /// Milliseconds since `started` when the last plain line was printed.
    last_line: AtomicU64,
}

impl Progress {
    /// A step called `label` that counts up to `total` of `unit`; silent when `quiet`.
    #[must_use]
    pub fn new(label: &str, unit: Unit, total: Option<u64>, quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = (!quiet && terminal).then(|| bar(label, unit, total));
        Self {
            bar,
            plain: !quiet && !terminal,
            label: label.to_owned(),
            title: Mutex::default(),
            unit,
            total,
            done: AtomicU64::new(0),
            started: Instant::now(),
            last_line: AtomicU64::new(0),
        }
    }

    /// As [`Progress::new`], with a line of its own for the message, which is then longer.
    #[must_use]
    pub fn in_two_lines(label: &str, unit: Unit, total: Option<u64>, quiet: bool) -> Self {
        let progress = Self::new(label, unit, total, quiet);
        if let Some(bar) = &progress.bar
            && let Ok(style) = ProgressStyle::with_template(
                "{prefix} {bar:28} {percent} %  {elapsed}  ETA {eta}\n{msg}",
            )
        {
            bar.set_style(style.progress_chars(BAR));
        }
        progress
    }

    /// Counts `more` units as done.
    pub fn add(&self, more: u64) {
        let done = self.done.fetch_add(more, Ordering::Relaxed) + more;
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        } else if self.plain {
            self.maybe_line(done, "");
        }
    }

    /// Shows `title` instead of the label until the end.
    pub fn title(&self, title: &str) {
        if let Some(bar) = &self.bar {
            bar.set_prefix(title.to_owned());
        } else if let Ok(mut shown) = self.title.lock() {
            title.clone_into(&mut shown);
        }
    }

    /// Shows `message` (a loss, a file name) beside the bar, or in the next plain line.
    pub fn message(&self, message: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(message.to_owned());
        } else if self.plain {
            self.maybe_line(self.done.load(Ordering::Relaxed), message);
        }
    }

    /// Prints a line for a person without tearing the bar.
    pub fn note(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None if self.plain => output::note(line),
            None => {}
        }
    }

    fn maybe_line(&self, done: u64, message: &str) {
        let now = self.started.elapsed().as_millis() as u64;
        let last = self.last_line.load(Ordering::Relaxed);
        if now < last + PLAIN_EVERY.as_millis() as u64 {
            return;
        }
        // Only the thread that wins the exchange prints.
        if self
            .last_line
            .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
        {
            output::note(&self.line(done, message));
        }
    }

    fn line(&self, done: u64, message: &str) -> String {
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = done as f64 / seconds.max(1e-9);
        let title = self.title.lock().map(|title| title.clone());
        let title = title.ok().filter(|title| !title.is_empty());
        let title = title.as_ref().unwrap_or(&self.label);
        let mut line = format!("{title}: {}", self.unit.amount(done));
        if let Some(total) = self.total {
            line += &format!(" of {}", self.unit.amount(total));
        }
        line += &format!(", {}", self.unit.rate(rate));
        if let Some(total) = self.total.filter(|total| rate > 0.0 && *total > done) {
            line += &format!(", {} left", clock((total - done) as f64 / rate));
        }
        if !message.is_empty() {
            line += &format!(", {message}");
        }
        line
    }

    /// Ends the step; for people a last line with the mean rate stays.
    pub fn finish(&self) {
        let done = self.done.load(Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if self.bar.is_some() || self.plain {
            let seconds = self.started.elapsed().as_secs_f64();
            output::note(&format!(
                "{}: {} in {}, {}",
                self.label,
                self.unit.amount(done),
                clock(seconds),
                self.unit.rate(done as f64 / seconds.max(1e-9))
            ));
        }
    }

    /// Mean units a second since the start.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.done.load(Ordering::Relaxed) as f64 / self.started.elapsed().as_secs_f64().max(1e-9)
    }
}

fn bar(label: &str, unit: Unit, total: Option<u64>) -> ProgressBar {
    let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
    let amounts = match unit {
        Unit::Bytes => "{decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec}",
        _ => "{human_pos}/{human_len} {per_sec}",
    };
    let template = format!("{{prefix:>12}} {{bar:28}} {amounts} ETA {{eta}} {{msg}}");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.progress_chars(BAR));
    }
    bar.set_prefix(label.to_owned());
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

/// Seconds as a person reads them: `4.2 s`, `3 min 20 s`, `2 h 05 min`.
#[must_use]
pub fn clock(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}
