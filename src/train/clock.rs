//! How fast the steps of a run are.

use std::time::Instant;

use super::metrics::Line;

/// Seconds and tokens of the steps alone.
#[derive(Default)]
pub(super) struct Clock {
    seconds: f64,
    waited: f64,
    pub(super) tokens: u64,
}

impl Clock {
    /// Adds a step; returns its tokens a second and its share of waiting.
    pub(super) fn add(&mut self, begin: Instant, waited: f64, tokens: u64) -> (f64, f64) {
        let seconds = begin.elapsed().as_secs_f64().max(1e-9);
        self.seconds += seconds;
        self.waited += waited;
        self.tokens += tokens;
        (tokens as f64 / seconds, waited / seconds)
    }

    /// What the steps of earlier sessions took, by their lines.
    pub(super) fn of(lines: &[Line], step_tokens: u64) -> Self {
        let mut clock = Self::default();
        let steps = lines
            .iter()
            .filter(|line| line.step > 0 && line.tokens_per_second > 0.0);
        for line in steps {
            let seconds = step_tokens as f64 / line.tokens_per_second;
            clock.seconds += seconds;
            clock.waited += line.wait_share * seconds;
            clock.tokens += step_tokens;
        }
        clock
    }

    /// Tokens a second; none where there was no step.
    pub(super) fn rate(&self) -> Option<f64> {
        (self.tokens > 0).then(|| self.tokens as f64 / self.seconds.max(1e-9))
    }

    /// The share of waiting; none where there was no step.
    pub(super) fn wait_share(&self) -> Option<f64> {
        (self.tokens > 0).then(|| self.waited / self.seconds.max(1e-9))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_without_a_step_has_the_speed_of_the_steps_before() {
        let line = |step, tokens_per_second, wait_share| Line {
            step,
            tokens_per_second,
            wait_share,
            ..Line::default()
        };
        // 100 tokens in 1 s, of which 0.5 s waiting, and 100 in 4 s without.
        let lines = [line(0, 0.0, 0.0), line(1, 100.0, 0.5), line(2, 25.0, 0.0)];
        let clock = Clock::of(&lines, 100);
        assert_eq!((clock.rate(), clock.wait_share()), (Some(40.0), Some(0.1)));
        let none = Clock::of(&lines[..1], 100);
        assert_eq!((none.rate(), none.wait_share()), (None, None));
    }
}
