//! `prep shard`: documents to token shards.

use super::Context;
use crate::allocator;
use crate::dedup::exact::Conflicts;
use crate::dedup::minhash::Recall;
use crate::exit::Exit;
use crate::filter::{Fidelity, PROFILES};
use crate::pii::Masker;
use crate::shard::shuffle::Order;
use crate::sharding::benchmarks::Remedy;
use crate::sharding::classifier::Choice;
use crate::sharding::report::ShardReport;
use crate::sharding::{self, DedupMode, LARGEST_VAL_SHARE, Options, TokenizerChoice, ValSize};
use crate::tokenize::{Letters, Policy};
use crate::units::{grouped, parse_bytes};
use crate::{output, view};
use anyhow::{Result, ensure};
use std::path::PathBuf;

/// From this Jaccard similarity of word 5-grams on, one of two texts says nothing that the other does not.
const DEFAULT_THRESHOLD: f64 = 0.8;

/// Filter, deduplicate and tokenize documents into token shards.
///
/// Writes train-00000.arrow, val-00000.arrow, … (Arrow IPC streams that a trainer maps, and that
/// Hugging Face datasets, pyarrow, polars and `DuckDB` open), removed/ with the reason for each
/// dropped document, conflicts/ with answers that contradict each other, the tokenizer,
/// manifest.json, report.json and report.html. An interrupted run goes on with the same command.
/// Memory: within --memory, of which half is for the search for copies, which is sorted on disk. Disk
/// while it runs: up to 4.2 bytes a token beside the shards, and for near copies 0.5 kB a document and 8
/// bytes a word of those that may be copies.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Corpus directory that `prep ingest` wrote.
    #[arg(value_name = "CORPUS")]
    corpus: PathBuf,
    /// Directory to write. Must be new, or of the same run.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// tokenizer.json (also .zst, .gz) or a directory with one; `tokenizer_config.json` beside it is
    /// used. Default: a byte-level BPE is trained from the corpus.
    #[arg(long, value_name = "FILE")]
    tokenizer: Option<PathBuf>,
    /// Entries of the vocabulary of a trained tokenizer, special tokens included.
    #[arg(long, value_name = "TOKENS", default_value_t = 16_384, conflicts_with = "tokenizer",
          value_parser = clap::value_parser!(u32).range(300..=1_000_000))]
    vocab_size: u32,
    /// Content that a tokenizer is trained on at most, a seeded sample, as bytes with a unit.
    #[arg(long, value_name = "SIZE", default_value = "200MB", value_parser = parse_bytes, conflicts_with = "tokenizer")]
    tokenizer_sample: u64,
    /// Rules that drop documents. `default` is `prose` for texts and `qa` for Q&A; `none` drops
    /// copies alone.
    #[arg(long, value_name = "NAME", default_value = "default", value_parser = profile_names())]
    profile: String,
    /// Change the threshold of a rule (in the rule's own unit); may be repeated.
    #[arg(long, value_name = "RULE=VALUE", value_parser = parse_setting)]
    set: Vec<(String, f64)>,
    /// Leave a rule out; may be repeated.
    #[arg(long, value_name = "RULE")]
    skip: Vec<String>,
    /// Rules exactly as their sources have them, without prep's departures (`prep rules` lists both).
    /// Default: off.
    #[arg(long)]
    faithful: bool,
    /// Mask personal data with placeholders such as <EMAIL>: all of it, or kinds from email, ip, ip6,
    /// phone, card, passport, snils, inn, separated by commas. Default: off.
    #[arg(long, value_name = "KINDS", num_args = 0..=1, require_equals = true, default_missing_value = "all",
          value_delimiter = ',')]
    mask_pii: Option<Vec<String>>,
    /// Benchmark that must not be in the shards, in any format that `prep ingest` reads; may be
    /// repeated. A document is contaminated when it shares two different 13-grams of words with one
    /// item, or half of the item's, or asks the same question, or is the same text. contamination.jsonl lists both places.
    #[arg(long, value_name = "FILE")]
    decontaminate: Vec<PathBuf>,
    /// What is done with a contaminated document: drop it, or trim the lines in question (of a text,
    /// if half of it stays).
    #[arg(
        long,
        value_name = "HOW",
        default_value = "drop",
        requires = "decontaminate"
    )]
    decontaminate_by: Remedy,
    /// How often documents of a source are learned from, by the source's name or a pattern: 2.5 writes
    /// all twice and half of them a third time, 0.3 a seeded 30 %. May be repeated; the last that
    /// matches counts. Default: 1.
    #[arg(long = "weight", value_name = "SOURCE=WEIGHT", value_parser = parse_setting)]
    weights: Vec<(String, f64)>,
    /// Which copies are removed: `near` removes documents with the same comparison key and texts of
    /// nearly the same word 5-grams, `exact` the former alone, `off` none.
    #[arg(long, value_name = "MODE", default_value = "near")]
    dedup: DedupMode,
    /// From which similarity on a text is a near copy: exact Jaccard of the word 5-grams, 0.5 to 1
    /// (no unit).
    #[arg(long, value_name = "SIMILARITY", default_value_t = DEFAULT_THRESHOLD, value_parser = parse_similarity)]
    threshold: f64,
    /// How surely near copies are found. At a similarity of 0.8, `default` compares 92 % of pairs and
    /// `high` 99.4 % (at 0.7, 56 % and 81 %), for twice the time and disk of the search.
    #[arg(long, value_name = "HOW", default_value = "default")]
    dedup_recall: Recall,
    /// Take lines out of texts that stand in at least so many documents (10 if no number is given): of
    /// 30 characters and four words and more, no headings or rows of tables, neither in code nor in
    /// verse. One of the documents keeps the line, and a text that would lose more than four fifths of
    /// itself keeps all. report.json lists them. Default: off.
    #[arg(long, value_name = "DOCUMENTS", num_args = 0..=1, require_equals = true, default_missing_value = "10",
          value_parser = clap::value_parser!(u32).range(2..))]
    dedup_lines: Option<u32>,
    /// Finished corpus or shard directory whose documents are left out here: exact copies of them, and
    /// near ones as --dedup says. May be repeated. Default: none.
    #[arg(long, value_name = "DIR")]
    against: Vec<PathBuf>,
    /// What is done with a question that has different answers. All of them are listed in conflicts/.
    #[arg(long, value_name = "HOW", default_value = "keep")]
    conflicts: Conflicts,
    /// Documents for the validation split: a share in percent, or a whole number of documents, at most
    /// 90 %. Answers to one question stay together, and so do texts that the search for near copies
    /// finds to be half alike or more (--dedup-recall says how surely); groups larger than the split are
    /// learned from. Default: 0.5%, or nothing more where --val-source is given.
    #[arg(long, value_name = "PERCENT|DOCUMENTS", value_parser = parse_val)]
    val: Option<ValSize>,
    /// Sources that are validated whole, as a pattern of their names; copies of their documents in other
    /// sources, and what is found to be half like one, go with them. May be repeated. Default: none.
    #[arg(long, value_name = "GLOB")]
    val_source: Vec<String>,
    /// The most bytes of a shard, with a unit.
    #[arg(long, value_name = "SIZE", default_value = "50MB", value_parser = parse_bytes)]
    shard_size: u64,
    /// Order of the documents in the shards of a split: as they are read, or shuffled over all shards
    /// by --seed, within --memory (on disk, 4.2 bytes a token more while it runs).
    #[arg(long, value_name = "ORDER", default_value = "input")]
    order: Order,
    /// Whether documents begin with BOS: as the tokenizer's files say, always, or never.
    #[arg(long, value_name = "WHEN", default_value = "auto", value_parser = ["auto", "always", "never"])]
    bos: String,
    /// Token that ends each document. Default: the tokenizer's own.
    #[arg(long, value_name = "TOKEN")]
    eos: Option<String>,
    /// Chat template: chatml, roles, llama3, mistral, plain, or a Jinja file. Default: the
    /// tokenizer's own, else the one that its special tokens are made for.
    #[arg(long, value_name = "NAME|FILE")]
    chat_template: Option<String>,
    /// Take the letters of special tokens inside documents (<|endoftext|>, </s>) for the tokens, as
    /// data needs that was written with them. Default: they are text.
    #[arg(long)]
    allow_special: bool,
    /// The most tokens of a chat: a longer one is cut between turns, never inside an answer, and each
    /// piece begins with its system prompt. Default: chats are not cut.
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u64).range(16..))]
    max_length: Option<u64>,
    /// Field of the records with the label of each document, for `prep train --objective classify`; or
    /// `lang` or `source`, as prep found them. Documents without one are dropped. Default: none.
    #[arg(long, value_name = "FIELD")]
    label_field: Option<String>,
    /// Keep the documents that a classifier (`prep train --objective classify`) finds of a label with
    /// this probability, MODEL:LABEL>=0.5, or with less, MODEL:LABEL<0.5. Default: none.
    #[arg(long, value_name = "MODEL:LABEL>=P")]
    classifier: Option<Choice>,
}

/// Names of the profiles, for flags.
pub fn profile_names() -> Vec<&'static str> {
    PROFILES.iter().map(|profile| profile.name).collect()
}

fn parse_setting(text: &str) -> Result<(String, f64), String> {
    let (rule, value) = text
        .rsplit_once('=')
        .ok_or("expected NAME=NUMBER, for instance gopher_short_doc=20 or books/*=2.5")?;
    let value = value
        .trim()
        .parse()
        .map_err(|_| format!("`{value}` is not a number"))?;
    Ok((rule.trim().to_owned(), value))
}

/// `0.5%` or `0.005` is a share, `500` a number of documents.
fn parse_val(text: &str) -> Result<ValSize, String> {
    let text = text.trim();
    if let Ok(documents) = text.parse::<u64>() {
        return Ok(ValSize::Documents(documents));
    }
    let (number, unit) = match text.strip_suffix('%') {
        Some(number) => (number, 100.0),
        None => (text, 1.0),
    };
    let value: f64 = number
        .trim()
        .parse()
        .map_err(|_| format!("`{text}` is no share; expected for instance 0.5% or 500"))?;
    let share = value / unit;
    if (0.0..=LARGEST_VAL_SHARE).contains(&share) {
        Ok(ValSize::Share(share))
    } else {
        Err(format!("`{text}` is not between 0% and 90%"))
    }
}

fn parse_similarity(text: &str) -> Result<f64, String> {
    match text.trim().parse() {
        Ok(similarity) if (0.5..=1.0).contains(&similarity) => Ok(similarity),
        _ => Err(format!("`{text}` is not between 0.5 and 1")),
    }
}

/// What a person should know of the run, and where to look.
fn tell(args: &Args, context: &Context, report: &ShardReport) {
    let out = args.out.display();
    if report.contamination_listed > 0 {
        let count = grouped(report.contamination_listed);
        context.note(&format!("{count} finds of benchmark items in documents: {out}/contamination.jsonl lists both places"));
    }
    if report.conflicting_answers > 0 {
        let count = grouped(report.conflicting_answers);
        context.note(&format!("{count} answers contradict another answer to the same question: {out}/conflicts lists them"));
    }
    let pairs = report.pairs;
    if pairs.preferences > 0 {
        let why = [
            (pairs.answers_equal, "whose answers are the same tokens"),
            (pairs.too_long, "longer than --max-length"),
            (pairs.not_rendered, "that the chat template does not render"),
        ];
        let why = why.iter().filter(|(count, _)| *count > 0);
        let why: Vec<String> = why
            .map(|(count, what)| format!("{} {what}", grouped(*count)))
            .collect();
        context.note(&format!(
            "{} pairs of {} preferences for `prep train --objective dpo`{}",
            grouped(pairs.pairs),
            grouped(pairs.preferences),
            if why.is_empty() {
                String::new()
            } else {
                format!(", without {}", why.join(", "))
            }
        ));
    }
    let left_out = report.copies.candidates.pairs_left_out;
    if left_out > 0 && args.dedup_recall == Recall::Default {
        context.note(&format!(
            "note: {} pairs of texts of one pattern were compared in no more than {} of their bands; --dedup-recall high looks at more",
            grouped(left_out),
            args.dedup_recall.bands() - 1
        ));
    }
    for line in view::alarms(&report.copies) {
        context.note(&line);
    }
}

/// Flags that would say nothing, and thresholds that promise more than the search keeps.
fn check(args: &Args, context: &Context) -> Result<()> {
    let standard = |mode: DedupMode| args.dedup == mode;
    if standard(DedupMode::Off) {
        ensure!(
            args.against.is_empty(),
            "--against removes copies of earlier documents, which --dedup off leaves in: use --dedup exact or near"
        );
        ensure!(
            args.conflicts == Conflicts::Keep,
            "--conflicts is decided where copies are searched: use --dedup exact or near"
        );
    }
    if !standard(DedupMode::Near) {
        ensure!(
            args.threshold == DEFAULT_THRESHOLD && args.dedup_recall == Recall::Default,
            "--threshold and --dedup-recall are of near copies: use --dedup near"
        );
    }
    let found = args.dedup_recall.chance(args.threshold);
    if standard(DedupMode::Near) && found < 0.9 {
        context.note(&format!(
            "note: of texts that are {} alike the search finds {:.0} % (of those that are 0.9 alike {:.0} %){}",
            args.threshold,
            100.0 * found,
            100.0 * args.dedup_recall.chance(0.9),
            if args.dedup_recall == Recall::Default { "; --dedup-recall high finds more" } else { "" },
        ));
    }
    Ok(())
}

/// Shard, print the ledger.
///
/// # Errors
/// What could not be read or written, with place and remedy.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    allocator::keep_pages();
    let options = Options {
        corpus: args.corpus.clone(),
        out: args.out.clone(),
        tokenizer: match &args.tokenizer {
            Some(path) => TokenizerChoice::File(path.clone()),
            None => TokenizerChoice::Train {
                vocab_size: args.vocab_size,
                sample_bytes: args.tokenizer_sample,
            },
        },
        profile: args.profile.clone(),
        set: args.set.clone(),
        skip: args.skip.clone(),
        fidelity: if args.faithful {
            Fidelity::Source
        } else {
            Fidelity::Prep
        },
        mask_pii: match &args.mask_pii {
            Some(kinds) => Some(Masker::new(kinds).map_err(anyhow::Error::msg)?),
            None => None,
        },
        decontaminate: args.decontaminate.clone(),
        remedy: args.decontaminate_by,
        weights: args.weights.clone(),
        dedup: args.dedup,
        conflicts: args.conflicts,
        threshold: args.threshold,
        recall: args.dedup_recall,
        val: match (args.val, args.val_source.is_empty()) {
            (Some(val), _) => val,
            (None, true) => ValSize::Share(0.005),
            (None, false) => ValSize::Share(0.0),
        },
        val_sources: args.val_source.clone(),
        dedup_lines: args.dedup_lines,
        against: args.against.clone(),
        shard_bytes: args.shard_size,
        order: args.order,
        bos: match args.bos.as_str() {
            "always" => Policy::Always,
            "never" => Policy::Never,
            _ => Policy::Auto,
        },
        eos: args.eos.clone(),
        label_field: args.label_field.clone(),
        classifier: args.classifier.clone(),
        chat_template: args.chat_template.clone(),
        letters: if args.allow_special {
            Letters::Tokens
        } else {
            Letters::Text
        },
        max_length: args.max_length,
    };
    check(args, context)?;
    let report = sharding::run(&options, context)?;
    crate::report::at_the_end(&options.out, context);
    let out = options.out.display();
    if context.json {
        output::data(&serde_json::to_string(&report)?);
    } else {
        output::data(&view::ledger(&report.ledgers));
        if let Some(copies) = view::copies(&report.copies) {
            output::data(&format!("\n{copies}"));
        }
        if let Some(lines) = report.lines.as_ref().and_then(view::lines) {
            output::data(&format!("\n{lines}"));
        }
        output::data(&format!("\n{}", view::tokens(&report.tokens)));
        for table in [view::edits(&report.edits), view::mixing(&report.mixing)]
            .iter()
            .flatten()
        {
            output::data(&format!("\n{table}"));
        }
        output::data(&format!("\n{}", view::encoding(&report.encoding)));
        if let Some(chats) = view::chats(&report.chats) {
            output::data(&format!("\n{chats}"));
        }
        output::data(&format!("\n{}", view::samples(&report.samples)));
    }
    tell(args, context, &report);
    context.note(&format!(
        "next: prep train {out} --out model --model llama-15m"
    ));
    Ok(Exit::Done)
}
