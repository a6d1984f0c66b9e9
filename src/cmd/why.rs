//! `prep why`: what became of one document, and why.

use super::Context;
use crate::corpus::CorpusManifest;
use crate::document::{Document, DocumentId};
use crate::exit::Exit;
use crate::filter::{Bound, Fidelity, Filters, Measured};
use crate::output;
use crate::pii::Masker;
use crate::shard::{Dataset, ShardManifest, Split};
use crate::sharding::benchmarks::Listed;
use crate::sharding::removed;
use crate::table::Table;
use crate::units::grouped;
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Tell one document's story: where it is from, whether it is in the shards, which rule dropped it.
///
/// Shows each rule's measured value beside its threshold, the copy that stands for a duplicate, the
/// places of a kept document in the shards, and the benchmark that a contaminated one holds.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The document: its id (32 hexadecimal digits), or its source and record, such as
    /// books/a.txt:12.
    #[arg(value_name = "ID")]
    document: String,
    /// Directory that `prep shard` wrote.
    #[arg(value_name = "SHARDS")]
    shards: PathBuf,
    /// The corpus that was sharded; with it the rules are measured for documents that were kept.
    #[arg(long, value_name = "DIR")]
    corpus: Option<PathBuf>,
}

/// A place in the shards.
struct Place {
    split: Split,
    shard: String,
    /// Position of its first token in the shard.
    position: u64,
    tokens: u64,
}

/// Look in the shards, in removed/ and in the corpus; tell what was found.
///
/// # Errors
/// When the directory is unfinished or damaged, or holds no such document.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let id = parse(&args.document)?;
    let manifest = ShardManifest::read(&args.shards)?;
    let places = places(&args.shards, id)?;
    let removed = removed::find(&args.shards, id)?;
    let filters = filters(&manifest.config)?;
    let from_corpus = match &args.corpus {
        Some(corpus) => in_corpus(corpus, id)?.map(|document| edited(document, &manifest.config)),
        None => None,
    };
    let document = removed
        .as_ref()
        .map(|removed| &removed.document)
        .or(from_corpus.as_ref());
    if places.is_empty() && document.is_none() {
        // Damage may have made another id of it.
        for split in Split::ALL {
            Dataset::open(&args.shards, split)?.check_files(&args.shards)?;
        }
        bail!(
            "no document {} is in {} or its removed/{}",
            args.document,
            args.shards.display(),
            if args.corpus.is_some() {
                ", nor in the corpus"
            } else {
                ""
            }
        );
    }
    let twin = match removed.as_ref().and_then(|removed| removed.why.kept) {
        Some(kept) => {
            // A document of an earlier set may share its id with one of this corpus.
            let earlier = removed
                .as_ref()
                .is_some_and(|removed| removed.why.kept_earlier);
            let found = match &args.corpus {
                Some(corpus) if !earlier => in_corpus(corpus, kept)?,
                _ => None,
            };
            let places = if earlier {
                Vec::new()
            } else {
                self::places(&args.shards, kept)?
            };
            Some((kept, found, places, earlier))
        }
        None => None,
    };
    let measured = document.map_or_else(Vec::new, |document| filters.all_verdicts(document));
    let contamination = contamination(&args.shards, id)?;
    let story = json!({
        "command": "why", "document_id": id.to_string(),
        "document": document.map(describe),
        "kept": places.iter().map(Place::as_json).collect::<Vec<_>>(),
        "dropped": removed.as_ref().map(|removed| json!({
            "reason": removed.why.reason, "value": removed.why.value, "threshold": removed.why.threshold,
            "kept_id": removed.why.kept.map(|id| id.to_string()), "similarity": removed.why.similarity,
        })),
        "kept_copy": twin.as_ref().map(|(kept, document, places, earlier)| json!({
            "document_id": kept.to_string(), "of_earlier_set": earlier, "document": document.as_ref().map(describe),
            "kept": places.iter().map(Place::as_json).collect::<Vec<_>>(),
        })),
        "contamination": contamination,
        "rules": measured.iter().map(rule).collect::<Vec<_>>(),
    });
    if context.json {
        output::data(&story.to_string());
    } else {
        tell(&story, &measured);
        if document.is_none() {
            context.note("give --corpus DIR for the document's source and what each rule measures");
        }
    }
    context.note("next: prep shard … --skip RULE, or --set RULE=VALUE, where a rule is wrong here");
    Ok(Exit::Done)
}

fn parse(text: &str) -> Result<DocumentId> {
    if let Some(id) = DocumentId::parse(text) {
        return Ok(id);
    }
    let place = text
        .rsplit_once(':')
        .and_then(|(source, record)| Some((source, record.parse::<u64>().ok()?)));
    let (source, record) = place.with_context(|| {
        format!("`{text}` is no document: expected 32 hexadecimal digits, or SOURCE:RECORD")
    })?;
    Ok(DocumentId::new(source, record))
}

/// The rules of the run, as its manifest says.
fn filters(config: &Value) -> Result<Filters> {
    let profile = config["profile"].as_str().unwrap_or("default");
    let set: Vec<(String, f64)> = serde_json::from_value(config["set"].clone())?;
    let skip: Vec<String> = serde_json::from_value(config["skip"].clone())?;
    let faithful = config["faithful"].as_bool().unwrap_or(false);
    Ok(Filters::new(profile, &set, &skip)
        .map_err(anyhow::Error::msg)?
        .with_fidelity(if faithful {
            Fidelity::Source
        } else {
            Fidelity::Prep
        }))
}

/// The document with personal data masked as in the run: the rules saw it so.
fn edited(mut document: Document, config: &Value) -> Document {
    if let Ok(Some(masker)) = serde_json::from_value::<Option<Masker>>(config["mask_pii"].clone()) {
        masker.mask_content(&mut document.content);
    }
    document
}

fn places(shards: &Path, id: DocumentId) -> Result<Vec<Place>> {
    let mut places = Vec::new();
    for split in Split::ALL {
        let data = Dataset::open(shards, split)?;
        for row in (0..data.rows()).map(|row| data.row(row)) {
            if row.document_id != id {
                continue;
            }
            data.check_file_at(shards, row.start)?;
            let place = data.place(row.start);
            places.push(Place {
                split,
                shard: place.file.to_owned(),
                position: place.position,
                tokens: row.len,
            });
        }
    }
    Ok(places)
}

fn in_corpus(corpus: &Path, id: DocumentId) -> Result<Option<Document>> {
    CorpusManifest::read(corpus)?.find(corpus, id)
}

fn contamination(shards: &Path, id: DocumentId) -> Result<Vec<Listed>> {
    let path = shards.join("contamination.jsonl");
    if !path.exists() {
        return Ok(Vec::new());
    }
    let file =
        std::fs::File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
    let id = id.to_string();
    let mut found = Vec::new();
    for line in BufReader::new(file).lines() {
        let line = line?;
        if line.contains(&id) {
            let listed: Listed = serde_json::from_str(&line)
                .with_context(|| format!("{} is damaged", path.display()))?;
            ensure!(listed.document_id == id, "{} is damaged", path.display());
            found.push(listed);
        }
    }
    Ok(found)
}

impl Place {
    fn as_json(&self) -> Value {
        json!({
            "split": self.split.name(), "shard": self.shard, "position": self.position,
            "tokens": self.tokens,
        })
    }
}

fn describe(document: &Document) -> Value {
    json!({
        "source": document.source, "record": document.record, "kind": document.content.kind().name(),
        "language": document.lang, "language_score": document.lang_score,
        "characters": document.content.characters(),
    })
}

fn rule(measured: &Measured) -> Value {
    json!({
        "rule": measured.rule.name, "value": measured.value, "threshold": measured.threshold,
        "drops": measured.drops,
    })
}

/// The story as a person reads it.
fn tell(story: &Value, measured: &[Measured]) {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_u64().map_or_else(
            || format!("{:.4}", number.as_f64().unwrap_or(f64::NAN)),
            grouped,
        ),
        other => other.to_string(),
    };
    let mut table = Table::new(&["document", &text(&story["document_id"])]);
    let mut row = |name: &str, value: String| table.row(vec![name.to_owned(), value]);
    let document = &story["document"];
    if document.is_object() {
        row(
            "from",
            format!(
                "{}, record {}",
                text(&document["source"]),
                document["record"]
            ),
        );
        row(
            "is",
            format!(
                "{} in {}, {} characters",
                text(&document["kind"]),
                text(&document["language"]),
                text(&document["characters"])
            ),
        );
    }
    let place = |place: &Value| {
        format!(
            "{} from token {}, {} tokens",
            text(&place["shard"]),
            text(&place["position"]),
            text(&place["tokens"])
        )
    };
    for kept in story["kept"].as_array().into_iter().flatten() {
        row("kept in", place(kept));
    }
    let dropped = &story["dropped"];
    if dropped.is_object() {
        let mut why = text(&dropped["reason"]);
        for name in ["value", "threshold", "similarity"] {
            if !dropped[name].is_null() {
                why += &format!(", {name} {}", text(&dropped[name]));
            }
        }
        row("dropped for", why);
    }
    let twin = &story["kept_copy"];
    if twin.is_object() {
        row("stays instead", text(&twin["document_id"]));
        if twin["of_earlier_set"] == true {
            row("from", "a set of --against, not these shards".to_owned());
        }
        if twin["document"].is_object() {
            row(
                "from",
                format!(
                    "{}, record {}",
                    text(&twin["document"]["source"]),
                    twin["document"]["record"]
                ),
            );
        }
        for kept in twin["kept"].as_array().into_iter().flatten() {
            row("kept in", place(kept));
        }
    }
    for listed in story["contamination"].as_array().into_iter().flatten() {
        row(
            "holds",
            format!(
                "{}, record {}: {} shared 13-grams, {} of the item's",
                text(&listed["benchmark"]),
                listed["benchmark_record"],
                listed["shared_grams"],
                text(&listed["coverage"])
            ),
        );
    }
    output::data(&table.render());
    if !measured.is_empty() {
        output::data(&format!("\n{}", rules(measured)));
    }
}

/// What each rule measured, beside its threshold.
fn rules(measured: &[Measured]) -> String {
    let mut table = Table::new(&["rule", "measured", "", "threshold", "drops"]);
    let number =
        |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"));
    for measured in measured {
        let sign = match measured.rule.drop_when {
            Bound::Above => ">",
            Bound::Below => "<",
        };
        table.row(vec![
            measured.rule.name.to_owned(),
            number(measured.value),
            sign.to_owned(),
            measured
                .threshold
                .map_or_else(|| "off".to_owned(), |value| value.to_string()),
            if measured.drops { "drops" } else { "" }.to_owned(),
        ]);
    }
    table.render()
}
