//! A profile made ready to judge documents.

use super::measure::column_of;
use super::rules::c4_clean::{Cleaned, c4_clean};
use super::table::{RULES, rule};
use super::{
    Check, Column, Exchange, Fidelity, Profile, Reason, Rule, TextMeasures, Verdict, profile,
};
use crate::document::{Content, Document};

/// The rules of a profile, in order, with the user's changes.
#[derive(Debug)]
pub struct Filters {
    rules: Vec<Active>,
    fidelity: Fidelity,
}

#[derive(Debug)]
struct Active {
    rule: &'static Rule,
    /// The user's threshold, which holds for every language.
    set: Option<f64>,
    /// The profile's own threshold, which holds for every language.
    of_profile: Option<f64>,
    /// Whether it judges what is left after C4 cut lines.
    on_cleaned: bool,
}

/// What one rule says of one document.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// The rule.
    pub rule: &'static Rule,
    /// What it measured, `None` when it has nothing to say of this document.
    pub value: Option<f64>,
    /// The threshold for the document's language, `None` when the rule is off for it.
    pub threshold: Option<f64>,
    /// Whether the rule drops the document.
    pub drops: bool,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Filters {
    /// The rules of the profile of that name; `set` changes thresholds (`--set rule=value`; a rule
    /// that the profile does not have is added behind its own), `skip` leaves rules out (`--skip rule`).
    ///
    /// # Errors
    /// A message that names what is known, when a profile or rule is not, or a threshold is no number.
    pub fn new(profile: &str, set: &[(String, f64)], skip: &[String]) -> Result<Self, String> {
        let mut filters = Self::of_profile(profile::profile(profile)?)?;
        for (name, value) in set {
            if value.is_nan() {
                return Err(format!("--set {name}: expected a number, got {value}"));
            }
            filters.set(known(name)?, *value);
        }
        for name in skip {
            let skipped = known(name)?;
            filters.rules.retain(|active| active.rule != skipped);
        }
        Ok(filters)
    }

    /// The same rules, as close to their sources as `fidelity` says.
    #[must_use]
    pub fn with_fidelity(self, fidelity: Fidelity) -> Self {
        Self { fidelity, ..self }
    }

    fn of_profile(profile: &Profile) -> Result<Self, String> {
        let mut on_cleaned = false;
        let mut rules = Vec::with_capacity(profile.rules.len());
        for name in profile.rules {
            on_cleaned |= profile.clean_before == Some(*name);
            let own = profile.thresholds.iter().find(|(rule, _)| rule == name);
            rules.push(Active {
                rule: known(name)?,
                set: None,
                of_profile: own.map(|(_, value)| *value),
                on_cleaned,
            });
        }
        Ok(Self {
            rules,
            fidelity: Fidelity::default(),
        })
    }

    fn set(&mut self, rule: &'static Rule, value: f64) {
        if let Some(active) = self.rules.iter_mut().find(|active| active.rule == rule) {
            active.set = Some(value);
        } else {
            let on_cleaned = self.rules.last().is_some_and(|last| last.on_cleaned);
            self.rules.push(Active {
                rule,
                set: Some(value),
                of_profile: None,
                on_cleaned,
            });
        }
    }

    /// Name, English and Russian threshold of each rule, in order, as this profile has them.
    pub fn thresholds(&self) -> impl Iterator<Item = (&'static str, Option<f64>, Option<f64>)> {
        self.rules.iter().map(|active| {
            let of = |column| active.threshold(column, self.fidelity);
            (active.rule.name, of(Column::English), of(Column::Russian))
        })
    }

    /// Names of the rules, in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.rules.iter().map(|active| active.rule.name)
    }

    /// The first rule that drops `document`, if one does.
    #[must_use]
    pub fn verdict(&self, document: &Document) -> Verdict {
        self.apply(document).0
    }

    /// The verdict and, where the profile cuts lines out of texts that are kept, what is left.
    #[must_use]
    pub fn apply(&self, document: &Document) -> (Verdict, Option<Cleaned>) {
        let mut verdict = Verdict::Keep;
        let cleaned = self.measure(document, |measured| {
            if let (true, Some(value), Some(threshold)) =
                (measured.drops, measured.value, measured.threshold)
            {
                verdict = Verdict::Drop(Reason {
                    rule: measured.rule.name,
                    value,
                    threshold,
                });
            }
            measured.drops
        });
        let kept = verdict == Verdict::Keep;
        (verdict, cleaned.filter(|_| kept))
    }

    /// The text without the lines that C4 cuts, where rules of the profile judge such a text.
    #[must_use]
    pub fn clean(&self, document: &Document) -> Option<Cleaned> {
        let Content::Text(text) = &document.content else {
            return None;
        };
        self.rules
            .iter()
            .any(|active| active.on_cleaned)
            .then(|| c4_clean(text))
    }

    /// What each rule that looks at this kind of document says of it, in order.
    #[must_use]
    pub fn all_verdicts(&self, document: &Document) -> Vec<Measured> {
        let mut all = Vec::new();
        self.measure(document, |measured| {
            all.push(measured);
            false
        });
        all
    }

    /// Calls `done` with each rule's measurement until it says that it is; returns the cleaned text
    /// when rules of this profile judge one.
    fn measure(
        &self,
        document: &Document,
        mut done: impl FnMut(Measured) -> bool,
    ) -> Option<Cleaned> {
        let Content::Text(text) = &document.content else {
            let exchange = Exchange::of(document)?;
            self.rules.iter().any(|active| match active.rule.check {
                Check::Exchange(check) => {
                    done(active.measured(check(&exchange), Column::English, self.fidelity))
                }
                Check::Text(_) | Check::Columns(_) => false,
            });
            return None;
        };
        let column = column_of(document, text);
        let original = TextMeasures::new(text, column, self.fidelity);
        let split = self
            .rules
            .iter()
            .position(|active| active.on_cleaned)
            .unwrap_or(self.rules.len());
        let mut judge = |active: &Active, measures: &TextMeasures| match active.rule.check {
            Check::Text(check) => done(active.measured(check(measures), column, self.fidelity)),
            Check::Columns(check) => done(active.measured(check(document), column, self.fidelity)),
            Check::Exchange(_) => false,
        };
        let stopped = self.rules[..split]
            .iter()
            .any(|active| judge(active, &original));
        if stopped || split == self.rules.len() {
            return None;
        }
        let cleaned = original.cleaned().clone();
        let measures = original.of_cleaned(&cleaned);
        self.rules[split..]
            .iter()
            .any(|active| judge(active, &measures));
        Some(cleaned)
    }
}

impl Active {
    fn threshold(&self, column: Column, fidelity: Fidelity) -> Option<f64> {
        let of_profile = self.of_profile.filter(|_| fidelity == Fidelity::Prep);
        self.set.or(of_profile).or(self.rule.threshold(column))
    }

    fn measured(&self, value: Option<f64>, column: Column, fidelity: Fidelity) -> Measured {
        let threshold = self.threshold(column, fidelity);
        let drops = value
            .zip(threshold)
            .is_some_and(|(value, threshold)| self.rule.drop_when.breaks(value, threshold));
        Measured {
            rule: self.rule,
            value,
            threshold,
            drops,
        }
    }
}

/// The rule of that name, or a message that names all.
fn known(name: &str) -> Result<&'static Rule, String> {
    rule(name).ok_or_else(|| {
        let names: Vec<_> = RULES.iter().map(|rule| rule.name).collect();
        format!(
            "no rule is named \"{name}\"; the rules are {}",
            names.join(", ")
        )
    })
}
