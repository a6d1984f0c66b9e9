//! `--classifier MODEL:label>=0.5`: documents stay whose label a trained classifier finds probable.
//!
//! The classifier reads a document as it stands after the edits, and only one that no rule drops. It
//! computes on the CPU, where the same documents give the same bits for any number of threads: about
//! 2 FLOPs a parameter and token.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Result};

use crate::classify::Classifier;
use crate::document::Document;
use crate::filter::Reason;
use crate::model;
use crate::ops::cpu::Cpu;

/// Why a document goes that the classifier is against.
pub const CLASSIFIER: &str = "classifier";
/// Why a document goes that has no label, where labels are asked for.
pub const NO_LABEL: &str = "no_label";

/// Which documents stay.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The folder of the classifier.
    pub model: PathBuf,
    /// The label.
    pub label: String,
    /// On which side of the threshold they stay.
    pub stays: Stays,
    /// A probability, 0 to 1.
    pub threshold: f64,
}

/// On which side of a threshold a document stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stays {
    /// At it and above.
    From,
    /// Below it.
    Below,
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "expected MODEL:LABEL>=P or MODEL:LABEL<P with a probability P from 0 to 1, as in \
                 quality:good>=0.5, got {text}"
            )
        };
        let (left, stays, number) = match (text.rsplit_once(">="), text.rsplit_once('<')) {
            (Some((left, number)), _) => (left, Stays::From, number),
            (None, Some((left, number))) => (left, Stays::Below, number),
            (None, None) => return Err(wrong()),
        };
        let threshold: f64 = number.trim().parse().map_err(|_| wrong())?;
        let (model, label) = left.rsplit_once(':').ok_or_else(wrong)?;
        let named = !model.is_empty() && !label.trim().is_empty();
        if !named || !(0.0..=1.0).contains(&threshold) {
            return Err(wrong());
        }
        Ok(Self {
            model: PathBuf::from(model),
            label: label.trim().to_owned(),
            stays,
            threshold,
        })
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.stays {
            Stays::From => ">=",
            Stays::Below => "<",
        };
        write!(f, "{}{sign}{}", self.label, self.threshold)
    }
}

/// What of a choice decides the bytes of the output: the weights, not where they lie.
///
/// # Errors
/// When the weights cannot be read.
pub fn identity(choice: &Choice) -> Result<String> {
    let weights = model::digest_weights(&choice.model).with_context(|| named(&choice.model))?;
    Ok(format!("{weights}:{choice}"))
}

fn named(dir: &Path) -> String {
    format!("--classifier {}", dir.display())
}

/// A classifier that is asked.
pub struct Filter {
    backend: Cpu,
    classifier: Classifier<Cpu>,
    place: usize,
    choice: Choice,
}

impl Filter {
    /// Loads the classifier.
    ///
    /// # Errors
    /// When it is none, or has no such label.
    pub fn open(choice: &Choice) -> Result<Self> {
        let backend = Cpu::default();
        let classifier =
            Classifier::open(&backend, &choice.model).with_context(|| named(&choice.model))?;
        Ok(Self {
            place: classifier
                .place(&choice.label)
                .with_context(|| named(&choice.model))?,
            backend,
            classifier,
            choice: choice.clone(),
        })
    }

    /// Why a document goes, if it does: with the probability that was found. One of which nothing can
    /// be said has none of the label.
    ///
    /// # Errors
    /// When the model fails.
    pub fn judge(&self, document: &Document) -> Result<Option<Reason>> {
        let found = self
            .classifier
            .probabilities(&self.backend, &document.content)?;
        let value = found.map_or(0.0, |found| found[self.place]);
        let threshold = self.choice.threshold;
        let stays = match self.choice.stays {
            Stays::From => value >= threshold,
            Stays::Below => value < threshold,
        };
        Ok((!stays).then_some(Reason {
            rule: CLASSIFIER,
            value,
            threshold,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_read_as_it_is_written() {
        let choice: Choice = "models/q:v2:good>=0.5".parse().unwrap();
        assert_eq!(choice.model, Path::new("models/q:v2"));
        assert_eq!((choice.label.as_str(), choice.stays), ("good", Stays::From));
        assert_eq!(choice.to_string(), "good>=0.5");
        let choice: Choice = "m:toxic<0.2".parse().unwrap();
        assert_eq!((choice.stays, choice.threshold), (Stays::Below, 0.2));
        for wrong in [
            "m:good",
            "good>=0.5",
            "m:>=0.5",
            ":good>=0.5",
            "m:good>=2",
            "m:good>=x",
        ] {
            let error = wrong.parse::<Choice>().unwrap_err();
            assert!(error.contains("MODEL:LABEL>=P"), "{error}");
        }
    }
}
