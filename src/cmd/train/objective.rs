//! The flags that say what a run learns.

use anyhow::{Result, ensure};
use clap::ValueEnum;
use serde_json::Value;

use super::args::positive;
use crate::train::{
    Packing,
    objective::{Formula, Objective, Preference, classes::Labels},
};

/// What a run learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Goal {
    /// The next token of texts, and of answers.
    Tokens,
    /// Which of two answers is the better one (Rafailov et al. 2023).
    Dpo,
    /// The same up to a fixed margin (Azar et al. 2023).
    Ipo,
    /// The label of a document.
    Classify,
}

/// The flags.
#[derive(Clone, Debug, clap::Args)]
pub struct ObjectiveArgs {
    /// What is learned: tokens (the next one), or from the preferences in the shards which of two
    /// answers is the better one, by dpo or ipo, starting from --base; or to classify documents by the
    /// labels in the shards.
    #[arg(long, value_name = "WHAT", default_value = "tokens")]
    pub objective: Goal,
    /// Field that the labels of `--objective classify` are from, as `prep shard --label-field` was given
    /// it [default: that of the shards].
    #[arg(long, hide_short_help = true, value_name = "FIELD")]
    pub label_field: Option<String>,
    /// How strongly dpo and ipo hold the model to --base, larger is closer (a number without unit)
    /// [default: 0.1, with --length-normalised 5].
    #[arg(long, hide_short_help = true, value_name = "BETA", value_parser = positive)]
    pub beta: Option<f64>,
    /// Share of the preferences that dpo takes to be the wrong way round, 0 to below 0.5.
    #[arg(
        long,
        hide_short_help = true,
        value_name = "SHARE",
        default_value_t = 0.0
    )]
    pub label_smoothing: f64,
    /// Of dpo and ipo: compare answers by their mean log-probability a token, not by their sum, so
    /// that their lengths do not count. Default: off.
    #[arg(long, hide_short_help = true)]
    pub length_normalised: bool,
}

impl ObjectiveArgs {
    /// Whether pairs of answers are learned from.
    pub fn is_preference(&self) -> bool {
        matches!(self.objective, Goal::Dpo | Goal::Ipo)
    }

    /// Whether the next token is learned.
    pub fn is_tokens(&self) -> bool {
        self.objective == Goal::Tokens
    }

    /// Whether labels are learned.
    pub fn is_classify(&self) -> bool {
        self.objective == Goal::Classify
    }

    /// The objective, checked against the flags that do not go with it.
    ///
    /// # Errors
    /// Names the flag that does not fit.
    pub fn resolve(
        &self,
        packing: Packing,
        z_loss: Option<f64>,
        labels: Option<&Labels>,
    ) -> Result<Objective> {
        ensure!(
            self.label_field.is_none() || self.is_classify(),
            "--label-field belongs to --objective classify"
        );
        let formula = match self.objective {
            Goal::Tokens | Goal::Classify => {
                let of_pairs = [
                    (self.beta.is_some(), "--beta"),
                    (self.label_smoothing != 0.0, "--label-smoothing"),
                    (self.length_normalised, "--length-normalised"),
                ];
                for (given, flag) in of_pairs {
                    ensure!(!given, "{flag} belongs to --objective dpo or ipo");
                }
                let Some(labels) = labels else {
                    return Ok(Objective::Tokens);
                };
                ensure!(
                    packing != Packing::Concat && z_loss.is_none(),
                    "--objective classify reads whole documents and has no log-sum-exp of tokens: \
                     leave --packing concat and --z-loss out"
                );
                return Ok(Objective::Classify {
                    field: labels.field.clone(),
                });
            }
            Goal::Dpo => Formula::Dpo,
            Goal::Ipo => Formula::Ipo,
        };
        ensure!(
            packing != Packing::Concat,
            "--packing concat cuts answers, of which no preference can be learned: use bestfit or none"
        );
        ensure!(
            z_loss.is_none(),
            "--z-loss belongs to --objective tokens: leave it out"
        );
        let usual = if self.length_normalised { 5.0 } else { 0.1 };
        let preference = Preference {
            formula,
            beta: self.beta.unwrap_or(usual),
            label_smoothing: self.label_smoothing,
            length_normalised: self.length_normalised,
        };
        preference.check()?;
        Ok(Objective::Preference(preference))
    }
}

/// How well labels are told, for a person: the figures, and for which others each label is taken.
pub fn told(report: &Value) -> Vec<String> {
    let number = |of: &Value, key: &str| of[key].as_f64().unwrap_or_default();
    let mut lines = vec![
        format!("val loss      {:.4} nats/document", number(report, "loss")),
        format!(
            "val accuracy  {:.1} % of {} documents; the commonest label alone {:.1} %",
            100.0 * number(report, "accuracy"),
            report["documents"],
            100.0 * number(report, "commonest")
        ),
        format!("macro F1      {:.4}", number(report, "macro_f1")),
        "label: precision, recall, F1; documents told as each label, in this order".to_owned(),
    ];
    let of_labels = report["by_label"].as_array().into_iter().flatten();
    let rows = report["confusion"].as_array().into_iter().flatten();
    for (label, row) in of_labels.zip(rows) {
        let told: Vec<String> = (row.as_array().into_iter().flatten())
            .map(|count| format!("{:>6}", count.to_string()))
            .collect();
        lines.push(format!(
            "  {}: {:.3}, {:.3}, {:.3};{}",
            label["label"].as_str().unwrap_or_default(),
            number(label, "precision"),
            number(label, "recall"),
            number(label, "f1"),
            told.concat()
        ));
    }
    lines
}
