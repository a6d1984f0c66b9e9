//! `prep rules`: the rules that drop documents, with their thresholds and sources.

use super::Context;
use crate::document::Kind;
use crate::exit::Exit;
use crate::filter::{Bound, Fidelity, Filters, PROFILES, Profile, RULES, Rule, rule};
use crate::output;
use crate::pii::TYPES;
use crate::table::Table;
use anyhow::{Result, anyhow};
use serde_json::{Value, json};

/// List the rules that drop documents: what each drops, its thresholds, its source.
///
/// The numbers are those of `prep shard --profile NAME`. A rule drops a text when its value is on
/// the wrong side of the threshold (> or <); --set RULE=VALUE changes a threshold, --skip RULE leaves
/// a rule out.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only the rules of this profile, with its own thresholds, in its order. Default: all rules.
    #[arg(long, value_name = "NAME", value_parser = super::shard::profile_names())]
    profile: Option<String>,
    /// Thresholds as the sources of the rules have them. Default: off.
    #[arg(long)]
    faithful: bool,
}

/// One line of the list.
struct Row {
    rule: &'static Rule,
    en: Option<f64>,
    ru: Option<f64>,
}

/// Print the table.
///
/// # Errors
/// When a profile names a rule that does not exist; a bug of prep.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let rows = match &args.profile {
        None => RULES
            .iter()
            .map(|rule| Row {
                rule,
                en: rule.en,
                ru: rule.ru,
            })
            .collect(),
        Some(name) => of_profile(name, args.faithful)?,
    };
    if context.json {
        output::data(&as_json(&rows).to_string());
        note_next(args, context);
        return Ok(Exit::Done);
    }
    if let Some(profile) = PROFILES
        .iter()
        .find(|profile| Some(profile.name) == args.profile.as_deref())
    {
        output::data(&format!("{}: {}\n", profile.name, profile.what));
    }
    let mut table = Table::new(&["rule", "of", "drops when", "en", "ru", "what"]);
    for row in &rows {
        table.row(vec![
            row.rule.name.to_owned(),
            kinds(row.rule),
            sign(row.rule).to_owned(),
            shown(row.en),
            shown(row.ru),
            row.rule.what.to_owned(),
        ]);
    }
    output::data(&table.render());
    if args.profile.is_none() {
        let mut table = Table::new(&["profile", "rules", "for"]);
        for profile in PROFILES {
            let count = profile.rules.len().to_string();
            table.row(vec![
                profile.name.to_owned(),
                count,
                profile.what.to_owned(),
            ]);
        }
        output::data(&format!("\n{}", table.render()));
        let mut table = Table::new(&["personal data", "becomes", "what"]);
        for kind in TYPES {
            let cells = [kind.name, kind.placeholder, kind.what];
            table.row(cells.map(str::to_owned).to_vec());
        }
        output::data(&format!("\n{}", table.render()));
    }
    if args.profile.is_none() {
        output::data(
            "\nThresholds above are the sources' own; --profile default shows those that prep shard applies.",
        );
    }
    let mut sources: Vec<&str> = Vec::new();
    for row in &rows {
        if !sources.contains(&row.rule.source) {
            sources.push(row.rule.source);
        }
    }
    output::data("\nsources:");
    for source in sources {
        let names: Vec<&str> = rows
            .iter()
            .filter(|row| row.rule.source == source)
            .map(|row| row.rule.name)
            .collect();
        output::data(&format!("  {source}\n    {}", names.join(", ")));
    }
    note_next(args, context);
    Ok(Exit::Done)
}

fn note_next(args: &Args, context: &Context) {
    let profile = args.profile.as_deref().unwrap_or("default");
    context.note(&format!(
        "next: prep shard CORPUS --out shards --profile {profile}   (--skip RULE, --set RULE=VALUE)"
    ));
}

fn of_profile(name: &str, faithful: bool) -> Result<Vec<Row>> {
    let fidelity = if faithful {
        Fidelity::Source
    } else {
        Fidelity::Prep
    };
    let filters = Filters::new(name, &[], &[])
        .map_err(anyhow::Error::msg)?
        .with_fidelity(fidelity);
    filters
        .thresholds()
        .map(|(name, en, ru)| {
            let rule = rule(name).ok_or_else(|| anyhow!("no rule is named {name}"))?;
            Ok(Row { rule, en, ru })
        })
        .collect()
}

fn as_json(rows: &[Row]) -> Value {
    let rules: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "rule": row.rule.name, "what": row.rule.what, "source": row.rule.source,
                "kinds": row.rule.kinds().iter().map(|kind| kind.name()).collect::<Vec<_>>(),
                "drops_when": sign(row.rule), "threshold_en": row.en, "threshold_ru": row.ru,
            })
        })
        .collect();
    let profile = |profile: &Profile| json!({ "profile": profile.name, "what": profile.what, "rules": profile.rules });
    let personal: Vec<Value> = TYPES
        .iter()
        .map(
            |kind| json!({ "kind": kind.name, "what": kind.what, "placeholder": kind.placeholder }),
        )
        .collect();
    json!({
        "command": "rules", "rules": rules, "personal_data": personal,
        "profiles": PROFILES.iter().map(profile).collect::<Vec<_>>(),
    })
}

fn kinds(rule: &Rule) -> String {
    match rule.kinds() {
        [Kind::Text] => "texts".to_owned(),
        _ => "Q&A".to_owned(),
    }
}

fn sign(rule: &Rule) -> &'static str {
    match rule.drop_when {
        Bound::Above => ">",
        Bound::Below => "<",
    }
}

fn shown(threshold: Option<f64>) -> String {
    threshold.map_or_else(|| "off".to_owned(), |value| value.to_string())
}
