//! The end of a run: shards, account and corpus are compared, report and manifest written.

use super::account::{Account, PartAccount};
use super::assemble::Ends;
use super::lines::LinesReport;
use super::plan::Plan;
use super::report::{
    ChatReport, CopiesReport, EncodingReport, MixReport, Sample, ShardReport, TokenReport,
};
use super::work::Work;
use super::{Job, Options, benchmarks};
use crate::atomic;
use crate::cmd::Context;
use crate::corpus::IngestReport;
use crate::run_dir;
use crate::shard::{Dataset, ShardInfo, ShardManifest, Split};
use crate::tokenize::Tokenizer;
use anyhow::{Result, ensure};
use std::collections::BTreeMap;
use std::path::Path;

/// Checks the shards against the account, and writes report and manifest.
///
/// # Errors
/// When they do not agree; a bug of prep.
pub fn run(
    job: &Job,
    tokenizer: &Tokenizer,
    manifest: &ShardManifest,
    account: &Account,
    plan: &Plan,
    ends: Vec<Ends>,
) -> Result<ShardReport> {
    let out = &job.options.out;
    let conflicting_answers = account.conflicting_answers;
    let account = &account.total;
    let kept = account.ledgers.ledger.kept;
    let (documents, tokens) = (
        manifest.train.documents + manifest.val.documents,
        manifest.train.tokens + manifest.val.tokens,
    );
    let (repeated, added) = (account.repeated, account.chats.tokens_added);
    ensure!(
        documents == account.items()
            && tokens as i64 == (kept.tokens.unwrap_or(0) + repeated.tokens) as i64 + added,
        "the shards hold {documents} documents and {tokens} tokens, the ledger says {} and {:?}, {repeated:?} and {added} of cut chats; this is a bug of prep, please report it",
        kept.records,
        kept.tokens
    );
    ensure!(
        account.pairs.add_up(),
        "the preferences do not add up: {:?}; this is a bug of prep, please report it",
        account.pairs
    );
    let samples = ends
        .into_iter()
        .map(|ends| Sample {
            document_id: ends.id.to_string(),
            first: ends
                .first
                .iter()
                .map(|id| tokenizer.decode(&[*id], false))
                .collect(),
            last: ends
                .last
                .iter()
                .map(|id| tokenizer.decode(&[*id], false))
                .collect(),
        })
        .collect();
    check_read(job, account)?;
    let report = ShardReport {
        command: "shard".to_owned(),
        edits: account.edits.clone(),
        lines: job
            .repeated
            .as_ref()
            .map(|repeated| LinesReport::new(repeated, &account.lines)),
        mixing: mixing_report(job, account),
        contamination_listed: benchmarks::write_list(job)?,
        ledgers: account.ledgers.clone(),
        tokens: TokenReport::from(&account.tokens),
        conflicting_answers,
        copies: CopiesReport::new(job.options.dedup, &plan.copies, &account.ledgers),
        vocab_size: manifest.info.vocab_size,
        chats: ChatReport {
            max_length: job.options.max_length,
            cuts: account.chats,
        },
        pairs: account.pairs,
        labels: account.by_label.clone(),
        encoding: EncodingReport::new(tokenizer, account.checks),
        samples,
    };
    atomic::write_json(&out.join("report.json"), &report)?;
    atomic::write_json(&run_dir::manifest_path(out), manifest)?;
    clean_up(&job.work, out)?;
    Ok(report)
}

/// Compares what was read with what the corpus says it holds, edits taken into account.
fn check_read(job: &Job, account: &PartAccount) -> Result<()> {
    let corpus = IngestReport::read(&job.options.corpus)?;
    let (held, read) = (corpus.ledgers.ledger.kept, account.ledgers.ledger.read);
    ensure!(
        held.records == read.records
            && held.characters as i64 - account.edits.characters_lost() == read.characters as i64,
        "the corpus holds {held:?}, the ledger says that {read:?} were read after {:?}; this is a bug of prep, please report it",
        account.edits
    );
    Ok(())
}

fn mixing_report(job: &Job, account: &PartAccount) -> BTreeMap<String, MixReport> {
    let mixes = account.mixes.0.iter();
    mixes
        .map(|(source, mix)| {
            let weight = job.weights.of(source);
            (source.clone(), MixReport::new(weight, mix))
        })
        .collect()
}

/// Removes what only an unfinished run needs.
fn clean_up(work: &Work, out: &Path) -> Result<()> {
    let _ = std::fs::remove_file(run_dir::state_path(out));
    work.remove()
}

/// A finished run is not repeated.
///
/// # Errors
/// When its files were changed.
pub fn finished(options: &Options, context: &Context) -> Result<ShardReport> {
    let out = &options.out;
    for split in Split::ALL {
        Dataset::open(out, split)?.check_files(out)?;
    }
    if out.join("work").exists() {
        clean_up(&Work::open(out)?, out)?;
    }
    context.note(&format!("{} is finished already", out.display()));
    ShardReport::read(out)
}

/// What a model must agree with.
pub fn info(tokenizer: &Tokenizer) -> ShardInfo {
    ShardInfo {
        vocab_size: tokenizer.vocab_size(),
        bos_id: tokenizer.bos_id(),
        eos_id: tokenizer.eos_id(),
        pad_id: tokenizer.pad_id(),
        tokenizer_fingerprint: tokenizer.fingerprint().to_owned(),
        chat_template_hash: tokenizer.chat_template_hash(),
    }
}
