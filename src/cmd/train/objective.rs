//! The flags that say what a run learns.

use anyhow::{Result, ensure};
use clap::ValueEnum;

use super::args::positive;
use crate::train::{
    Packing,
    objective::{Formula, Objective, Preference},
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
}

/// The flags.
#[derive(Clone, Debug, clap::Args)]
pub struct ObjectiveArgs {
    /// What is learned: tokens (the next one), or from the preferences in the shards which of two
    /// answers is the better one, by dpo or ipo; these start from --base.
    #[arg(long, value_name = "WHAT", default_value = "tokens")]
    pub objective: Goal,
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

    /// The objective, checked against the flags that do not go with it.
    ///
    /// # Errors
    /// Names the flag that does not fit.
    pub fn resolve(&self, packing: Packing, z_loss: Option<f64>) -> Result<Objective> {
        let formula = match self.objective {
            Goal::Tokens => {
                let of_pairs = [
                    (self.beta.is_some(), "--beta"),
                    (self.label_smoothing != 0.0, "--label-smoothing"),
                    (self.length_normalised, "--length-normalised"),
                ];
                for (given, flag) in of_pairs {
                    ensure!(!given, "{flag} belongs to --objective dpo or ipo");
                }
                return Ok(Objective::Tokens);
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
