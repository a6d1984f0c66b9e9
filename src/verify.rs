//! `prep verify`: whether a directory still is what its manifest says, and whether that makes sense.
//!
//! Checks are independent and all are made, so that one damaged file does not hide another. Files are
//! read on all cores; memory is that of one batch or document a core.

mod files;

use crate::corpus::{CorpusManifest, IngestReport, PartEntry};
use crate::document::DocumentId;
use crate::document::parquet::DocumentFile;
use crate::ledger::Count;
use crate::resharding::Report;
use crate::shard::dataset::Tokens;
use crate::shard::{Dataset, ShardManifest, Split, pairs};
use crate::tokenize::{Letters, Tokenizer};
use anyhow::{Context as _, Result, ensure};
use files::{beside, file, files_of_pairs, no_other, none_foreign};
use rayon::prelude::*;
use serde::Serialize;
use std::path::Path;

/// Documents of a split that are decoded and encoded again.
const ROUND_TRIPS: u64 = 200;

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked.
    pub check: String,
    /// Whether it holds.
    pub holds: bool,
    /// What was looked at, or what is wrong.
    pub detail: String,
}

impl Check {
    fn of(check: impl Into<String>, found: Result<String>) -> Self {
        let holds = found.is_ok();
        Self {
            check: check.into(),
            holds,
            detail: found.unwrap_or_else(|error| format!("{error:#}")),
        }
    }
}

/// The checks of a shard directory.
///
/// # Errors
/// When it has no manifest.
pub fn shards(dir: &Path) -> Result<Vec<Check>> {
    let manifest = ShardManifest::read(dir)?;
    let mut checks = vec![Check::of(
        "ledger balances",
        ledger_of_shards(dir, &manifest),
    )];
    checks.push(Check::of(
        "tokenizer and chat template are those of the manifest",
        tokenizer(dir, &manifest),
    ));
    checks.push(Check::of(
        "all files in the directory and its folders are of the manifest",
        none_foreign(dir, &manifest),
    ));
    for entry in beside(&manifest) {
        checks.push(Check::of(
            format!("{} has the size and hash of the manifest", entry.file),
            file(dir, &entry.file, entry.bytes, &entry.xxh3),
        ));
    }
    for split in Split::ALL {
        let entries = &manifest.split(split).shards;
        let files: Vec<Check> = entries
            .par_iter()
            .map(|entry| {
                Check::of(
                    format!("{} has the size and hash of the manifest", entry.file),
                    file(dir, &entry.file, entry.bytes, &entry.xxh3),
                )
            })
            .collect();
        let whole = files.iter().all(|check| check.holds);
        checks.extend(files);
        if whole {
            checks.extend(split_checks(dir, split));
        }
    }
    if !manifest.pairs.is_empty() {
        let files = files_of_pairs(dir);
        let whole = files.iter().all(|check| check.holds);
        checks.extend(files);
        for split in Split::ALL.into_iter().filter(|_| whole) {
            checks.push(Check::of(
                format!(
                    "pairs of {}: both answers whole, not the same",
                    split.name()
                ),
                pairs_of(dir, split),
            ));
        }
    }
    Ok(checks)
}

/// Whether the pairs of preferences are whole: two sequences of one document, each with tokens that
/// the loss counts, which differ.
fn pairs_of(dir: &Path, split: Split) -> Result<String> {
    let data = pairs::open(dir, split)?;
    data.check_files(&pairs::dir(dir))?;
    let mut chosen: Option<(DocumentId, Vec<u32>)> = None;
    data.for_each_document(|id, tokens| {
        ensure!(
            tokens.mask.contains(&true),
            "the loss counts no token of an answer of {id}"
        );
        let Some((before, ids)) = chosen.take() else {
            chosen = Some((id, tokens.ids.clone()));
            return Ok(());
        };
        ensure!(before == id, "{before} and {id} are no pair");
        ensure!(ids != tokens.ids, "the answers of {id} are the same");
        Ok(())
    })?;
    Ok(format!("{} pairs", data.documents() / 2))
}

/// The checks of a corpus directory.
///
/// # Errors
/// When it has no manifest.
pub fn corpus(dir: &Path) -> Result<Vec<Check>> {
    let manifest = CorpusManifest::read(dir)?;
    let mut checks: Vec<Check> = manifest
        .documents
        .par_iter()
        .chain(manifest.rejects.par_iter())
        .map(|entry| {
            Check::of(
                format!("{} has the size and hash of the manifest", entry.file),
                file(dir, &entry.file, entry.bytes, &entry.xxh3),
            )
        })
        .collect();
    let listed = manifest.documents.iter().chain(&manifest.rejects);
    let listed: Vec<&str> = listed.map(|entry| entry.file.as_str()).collect();
    checks.push(Check::of(
        "no file lies between the documents and rejects of the manifest",
        no_other(dir, &["documents", "rejects"], &listed),
    ));
    checks.push(Check::of(
        "documents are those of the ledger, each id once",
        documents(dir, &manifest.documents),
    ));
    Ok(checks)
}

/// Whether the tokenizer that lies beside the shards is the one that made them.
fn tokenizer(dir: &Path, manifest: &ShardManifest) -> Result<String> {
    let tokenizer = Tokenizer::from_dir(dir)?;
    let info = &manifest.info;
    let (found, said) = (tokenizer.fingerprint(), &info.tokenizer_fingerprint);
    ensure!(
        found == said,
        "tokenizer.json and tokenizer_config.json have the fingerprint {found}, the manifest says {said}: their ids may mean other tokens"
    );
    let (found, said) = (tokenizer.chat_template_hash(), &info.chat_template_hash);
    ensure!(
        found == *said,
        "the chat template has xxh3-128 {found}, the manifest says {said}"
    );
    Ok(format!("fingerprint {}", info.tokenizer_fingerprint))
}

fn ledger_of_shards(dir: &Path, manifest: &ShardManifest) -> Result<String> {
    let report = Report::read(dir)?;
    report.ledgers().check()?;
    let tokens: u64 = Split::ALL
        .iter()
        .map(|split| manifest.split(*split).tokens)
        .sum();
    let repeated = report.tokens_repeated();
    let kept = report.ledgers().ledger.kept.tokens.unwrap_or(0);
    ensure!(
        tokens as i64 == kept as i64 + repeated,
        "the shards hold {tokens} tokens, the ledger {kept}, weights and cut chats {repeated}"
    );
    Ok(format!("{kept} tokens kept"))
}

/// What the rows of a split look like together.
#[derive(Default)]
struct Seen {
    documents: u64,
    texts: u64,
    tokens: u64,
    tokens_loss: u64,
    above_vocabulary: u64,
    without_end: u64,
    without_bos: u64,
    nothing_learned: u64,
}

fn split_checks(dir: &Path, split: Split) -> Vec<Check> {
    let name = split.name();
    let data = match Dataset::open(dir, split) {
        Ok(data) => data,
        Err(error) => return vec![Check::of(format!("{name} opens"), Err(error))],
    };
    let seen = see(dir, &data);
    let entry = data.manifest().split(split);
    let totals = || -> Result<String> {
        let seen = seen
            .as_ref()
            .map_err(|error| anyhow::anyhow!("{error:#}"))?;
        ensure!(
            (seen.documents, seen.tokens, seen.tokens_loss)
                == (entry.documents, entry.tokens, entry.tokens_loss),
            "{} documents, {} tokens, {} in the loss; the manifest says {}, {}, {}",
            seen.documents,
            seen.tokens,
            seen.tokens_loss,
            entry.documents,
            entry.tokens,
            entry.tokens_loss
        );
        Ok(format!(
            "{} documents, {} tokens",
            seen.documents, seen.tokens
        ))
    };
    let none = |count: fn(&Seen) -> u64, what: &str| -> Result<String> {
        let seen = seen
            .as_ref()
            .map_err(|error| anyhow::anyhow!("{error:#}"))?;
        let wrong = count(seen);
        ensure!(wrong == 0, "{wrong} {what}");
        Ok(format!("all of {}", seen.documents))
    };
    vec![
        Check::of(format!("{name} has the totals of the manifest"), totals()),
        Check::of(
            format!("{name}: ids are in the vocabulary"),
            none(|seen| seen.above_vocabulary, "ids are not"),
        ),
        Check::of(
            format!("{name}: texts end with EOS, answers with a special token"),
            none(|seen| seen.without_end, "documents do not"),
        ),
        Check::of(
            format!("{name}: documents begin with BOS if the tokenizer adds one"),
            none(|seen| seen.without_bos, "documents do not"),
        ),
        Check::of(
            format!("{name}: of each document something is learned"),
            none(|seen| seen.nothing_learned, "documents have an empty mask"),
        ),
        Check::of(
            format!("{name}: continued rows continue the row before"),
            continuations(&data),
        ),
        Check::of(
            format!("{name}: a sample of texts, decoded, encodes as it was"),
            round_trip(dir, &data, seen.as_ref().map_or(0, |seen| seen.texts)),
        ),
    ]
}

fn see(dir: &Path, data: &Dataset) -> Result<Seen> {
    let info = data.info();
    let tokenizer = Tokenizer::from_dir(dir)?;
    let bos = if tokenizer.adds_bos() {
        info.bos_id
    } else {
        None
    };
    let mut seen = Seen::default();
    data.for_each_document(|_, tokens| {
        seen.documents += 1;
        seen.texts += u64::from(is_text(tokens));
        seen.tokens += tokens.ids.len() as u64;
        let learned = tokens.mask.iter().filter(|counts| **counts).count() as u64;
        seen.tokens_loss += learned;
        seen.nothing_learned += u64::from(learned == 0);
        let above = tokens.ids.iter().filter(|id| **id >= info.vocab_size);
        seen.above_vocabulary += above.count() as u64;
        seen.without_end += u64::from(!ends(tokens, info.eos_id, &tokenizer));
        seen.without_bos += u64::from(bos.is_some() && tokens.ids.first() != bos.as_ref());
        Ok(())
    })?;
    Ok(seen)
}

/// A text ends with EOS. Of a chat the last token that is learned ends the turn: templates may put a
/// newline behind it.
fn ends(tokens: &Tokens, eos: u32, tokenizer: &Tokenizer) -> bool {
    if is_text(tokens) {
        return tokens.ids.last() == Some(&eos);
    }
    let learned = tokens.ids.iter().zip(&tokens.mask).rev();
    let last = learned.into_iter().find(|(_, counts)| **counts);
    last.is_some_and(|(id, _)| tokenizer.decode(&[*id], true).is_empty())
}

fn continuations(data: &Dataset) -> Result<String> {
    let mut before = None;
    let mut continued = 0_u64;
    for row in (0..data.rows()).map(|row| data.row(row)) {
        ensure!(
            !row.continuation || before == Some(row.document_id),
            "document {} goes on at token {} behind another one",
            row.document_id,
            row.start
        );
        continued += u64::from(row.continuation);
        before = Some(row.document_id);
    }
    Ok(format!("{continued} rows of {}", data.rows()))
}

/// Decodes a sample evenly spread over the `texts` of the split, and encodes it again. Chats are left out: their
/// text holds the letters of special tokens.
///
/// Of a tokenizer that gives every text back, the ids have to be the same. One that normalises loses
/// white space, and unknown letters as their special token: what such a text says between special
/// tokens has to stay the same letters.
fn round_trip(dir: &Path, data: &Dataset, texts: u64) -> Result<String> {
    let tokenizer = Tokenizer::from_dir(dir)?;
    let exact = tokenizer.gives_back() && tokenizer.letters() == Letters::Text;
    let step = texts.div_ceil(ROUND_TRIPS).max(1);
    let (mut number, mut same, mut alike) = (0, 0_u64, 0_u64);
    data.for_each_document(|id, tokens| {
        if !is_text(tokens) {
            return Ok(());
        }
        number += 1;
        if number % step != 1 % step {
            return Ok(());
        }
        let content = &tokens.ids[usize::from(tokenizer.adds_bos())..tokens.ids.len() - 1];
        let again = tokenizer.encode_document(&tokenizer.decode(content, false))?;
        if again.ids == tokens.ids {
            same += 1;
            return Ok(());
        }
        ensure!(
            !exact,
            "document {id} decodes to a text that encodes to other ids"
        );
        for run in content.split(|id| tokenizer.is_special(*id)) {
            let text = tokenizer.decode(run, false);
            let again = tokenizer.decode(&tokenizer.encode_text(&text)?, true);
            ensure!(
                letters(&text).eq(letters(&again)),
                "document {id} decodes to a text that has other letters when it is encoded and decoded again"
            );
        }
        alike += 1;
        Ok(())
    })?;
    Ok(if exact {
        format!("{same} texts have the same ids")
    } else {
        format!(
            "{same} texts have the same ids, {alike} the same letters (this tokenizer normalises, or letters of special tokens are tokens)"
        )
    })
}

/// What a text says, without white space.
fn letters(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|letter| !letter.is_whitespace())
}

/// Of a text the loss counts everything.
fn is_text(tokens: &Tokens) -> bool {
    tokens.mask.iter().skip(1).all(|counts| *counts)
}

fn documents(dir: &Path, entries: &[PartEntry]) -> Result<String> {
    let report = IngestReport::read(dir)?;
    report.ledgers.check()?;
    let parts: Vec<(Count, Vec<[u8; 16]>)> = entries
        .par_iter()
        .map(|entry| part(dir, entry))
        .collect::<Result<_>>()?;
    let mut total = Count::default();
    let mut ids: Vec<[u8; 16]> = Vec::new();
    for (count, of_part) in parts {
        total += count;
        ids.extend(of_part);
    }
    let kept = report.ledgers.ledger.kept;
    ensure!(
        total == kept,
        "the parts hold {total:?}, the ledger says {kept:?}"
    );
    ids.par_sort_unstable();
    let double = ids.windows(2).filter(|pair| pair[0] == pair[1]).count();
    ensure!(double == 0, "{double} ids occur twice");
    Ok(format!("{} documents", total.records))
}

fn part(dir: &Path, entry: &PartEntry) -> Result<(Count, Vec<[u8; 16]>)> {
    let place = || format!("{} is damaged", entry.file);
    let file = DocumentFile::open(&dir.join(&entry.file))?;
    let (mut total, mut ids) = (Count::default(), Vec::new());
    for document in file.documents() {
        let document = document.with_context(place)?;
        total += Count::one(document.content.characters(), document.content.bytes());
        ids.push(document.id.0);
    }
    ensure!(
        total.records == entry.rows,
        "{} has {} documents, the manifest says {}",
        entry.file,
        total.records,
        entry.rows
    );
    Ok((total, ids))
}
