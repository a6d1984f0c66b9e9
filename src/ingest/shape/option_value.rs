//! Options that say the same as an answer in another way: numbers and truth values.

use super::choice::{Choice, Choices};

/// The number that a text is: with a point or a comma, or a fraction.
pub(super) fn number(text: &str) -> Option<f64> {
    let text = text.trim().replace(',', ".");
    match text.split_once('/') {
        Some((above, below)) => {
            let (above, below): (f64, f64) =
                (above.trim().parse().ok()?, below.trim().parse().ok()?);
            (below != 0.0).then(|| above / below)
        }
        None => text.parse().ok(),
    }
}

impl Choices {
    /// The one option that is the same number, written in another way: 1/2 and 0.5.
    pub(super) fn equal_number(&self, given: &str) -> Option<&Choice> {
        let wanted = number(given)?;
        let numbers: Option<Vec<f64>> =
            self.all.iter().map(|option| number(&option.text)).collect();
        let numbers = numbers?;
        let same = |value: &f64| (value - wanted).abs() <= 1e-9 * wanted.abs().max(1.0);
        let mut equal = (0..numbers.len()).filter(|at| same(&numbers[*at]));
        match (equal.next(), equal.next()) {
            (Some(at), None) => self.all.get(at),
            _ => None,
        }
    }

    /// The option that says yes or no as a truth value does.
    pub(super) fn of_truth(&self, given: &str) -> Option<&Choice> {
        const SAYINGS: [(&[&str], &[&str]); 2] = [
            (&["true"], &["yes", "да", "true", "верно"]),
            (&["false"], &["no", "нет", "false", "неверно"]),
        ];
        let given = given.to_lowercase();
        let (_, sayings) = SAYINGS
            .iter()
            .find(|(truths, _)| truths.contains(&given.as_str()))?;
        let says = |option: &&Choice| {
            let text = option.text.trim().to_lowercase();
            sayings.contains(&text.trim_end_matches('.'))
        };
        let mut saying = self.all.iter().filter(says);
        match (saying.next(), saying.next()) {
            (found, None) => found,
            _ => None,
        }
    }
}
