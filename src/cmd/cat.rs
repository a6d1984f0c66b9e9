//! `prep cat`: documents of a shard or a corpus, as they are.

use super::Context;
use crate::corpus::CorpusManifest;
use crate::document::parquet::DocumentFile;
use crate::document::{Content, Document, DocumentId};
use crate::exit::Exit;
use crate::output;
use crate::run_dir::{self, Kind};
use crate::shard::dataset::Tokens;
use crate::shard::{Dataset, ShardManifest, Split};
use crate::tokenize::Tokenizer;
use anyhow::{Context as _, Result, bail, ensure};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// Print documents of shards (text, ids, what the loss counts) or of a corpus.
///
/// Of a shard's document the text is shown token by token: on a terminal, tokens that the loss counts
/// are green and the others grey; elsewhere those that it does not count stand in ⟦ ⟧.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A shard file (train-00000.arrow), a directory of shards, or a corpus.
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Number of the first document to print, from 0, counted in the file or directory.
    #[arg(long, value_name = "N", default_value_t = 0)]
    document: u64,
    /// Documents to print.
    #[arg(long, value_name = "N", default_value_t = 1)]
    count: u64,
    /// Split of a directory of shards: train or val.
    #[arg(long, value_name = "SPLIT", default_value = "train", value_parser = ["train", "val"])]
    split: String,
    /// Print the ids as well. Default: off.
    #[arg(long)]
    ids: bool,
}

/// Find the documents, print them.
///
/// # Errors
/// When the path is no shard and no corpus, or has fewer documents.
pub fn run(args: &Args, context: &Context) -> Result<Exit> {
    let exit = print(args, context)?;
    context.note(&format!(
        "next: prep cat {} --document {}",
        args.path.display(),
        args.document.saturating_add(args.count)
    ));
    Ok(exit)
}

fn print(args: &Args, context: &Context) -> Result<Exit> {
    if run_dir::manifest_path(&args.path).exists() {
        if run_dir::kind(&args.path)? == Kind::Corpus {
            return corpus(args, context);
        }
        let split = Split::from_name(&args.split).context("clap knows the splits")?;
        return shards(&args.path, split, None, args, context);
    }
    ensure!(
        args.path.exists(),
        "there is no {}: give a corpus, a directory of shards, or a shard in one",
        args.path.display()
    );
    if args.path.is_dir() {
        // Says what a finished directory is.
        run_dir::kind(&args.path)?;
    }
    let (dir, name) = (args.path.parent(), args.path.file_name());
    let (Some(dir), Some(name)) = (dir, name.and_then(|name| name.to_str())) else {
        bail!("{} is no shard and no corpus", args.path.display());
    };
    let dir = if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    };
    let manifest = ShardManifest::read(dir)?;
    let split = Split::ALL.into_iter().find(|split| {
        let shards = &manifest.split(*split).shards;
        shards.iter().any(|entry| entry.file == name)
    });
    let split =
        split.with_context(|| format!("{name} is not among the shards of {}", dir.display()))?;
    shards(dir, split, Some(name), args, context)
}

fn shards(
    dir: &Path,
    split: Split,
    file: Option<&str>,
    args: &Args,
    context: &Context,
) -> Result<Exit> {
    let data = Dataset::open(dir, split)?;
    let tokenizer = Tokenizer::from_dir(dir)?;
    // The tokens of the split that belong to the file.
    let belongs = |position: u64| file.is_none_or(|file| data.place(position).file == file);
    let wanted = args.document..args.document.saturating_add(args.count);
    let (mut number, mut printed) = (0, 0);
    let mut tokens = Tokens::default();
    for parts in data.document_rows() {
        if !belongs(parts[0].start) {
            continue;
        }
        if wanted.contains(&number) {
            // What is damaged would be printed as other tokens. Files before these only count, as to read
            // all would take long.
            for part in &parts {
                data.check_file_at(dir, part.start)?;
            }
            data.read(&parts, &mut tokens);
            print_tokens(parts[0].document_id, &tokens, &tokenizer, args, context)?;
            printed += 1;
        }
        number += 1;
        if number >= wanted.end {
            break;
        }
    }
    ensure!(
        printed > 0 || args.count == 0,
        "{} has {number} documents that begin in it; number {} is not among them",
        args.path.display(),
        args.document
    );
    Ok(Exit::Done)
}

fn print_tokens(
    id: DocumentId,
    tokens: &Tokens,
    tokenizer: &Tokenizer,
    args: &Args,
    context: &Context,
) -> Result<()> {
    if context.json {
        let mask: Vec<u8> = tokens.mask.iter().map(|counts| u8::from(*counts)).collect();
        let document = serde_json::json!({
            "document_id": id.to_string(), "text": tokenizer.decode(&tokens.ids, false),
            "input_ids": tokens.ids, "loss_mask": mask,
        });
        output::data(&serde_json::to_string(&document)?);
        return Ok(());
    }
    let learned = tokens.mask.iter().filter(|counts| **counts).count();
    output::data(&format!(
        "document {id}: {} tokens, {learned} in the loss",
        tokens.ids.len()
    ));
    // Pieces with one mask, decoded together: a character may take several tokens.
    let coloured = std::io::stdout().is_terminal();
    let mut at = 0;
    let mut shown = String::new();
    for piece in tokens.mask.chunk_by(|a, b| a == b) {
        let text = tokenizer.decode(&tokens.ids[at..at + piece.len()], false);
        at += piece.len();
        shown += &match (piece[0], coloured) {
            (true, true) => format!("\x1b[32m{text}\x1b[0m"),
            (false, true) => format!("\x1b[90m{text}\x1b[0m"),
            (true, false) => text,
            (false, false) => format!("⟦{text}⟧"),
        };
    }
    output::data(&shown);
    if args.ids {
        let ids: Vec<String> = tokens.ids.iter().map(u32::to_string).collect();
        output::data(&ids.join(" "));
    }
    output::data("");
    Ok(())
}

fn corpus(args: &Args, context: &Context) -> Result<Exit> {
    let manifest = CorpusManifest::read(&args.path)?;
    let (mut before, mut printed) = (0, 0);
    for entry in &manifest.documents {
        if before + entry.rows <= args.document {
            before += entry.rows;
            continue;
        }
        CorpusManifest::check_part(&args.path, entry)?;
        for document in DocumentFile::open(&args.path.join(&entry.file))?.documents() {
            let document = document?;
            if before >= args.document && printed < args.count {
                print_document(&document, context);
                printed += 1;
            }
            before += 1;
            if printed == args.count {
                return Ok(Exit::Done);
            }
        }
    }
    ensure!(
        printed > 0,
        "{} has {before} documents; number {} is not among them",
        args.path.display(),
        args.document
    );
    Ok(Exit::Done)
}

fn print_document(document: &Document, context: &Context) {
    let turns = |messages: &[crate::document::Message]| -> Vec<serde_json::Value> {
        messages
            .iter()
            .map(|turn| serde_json::json!({ "role": turn.role, "content": turn.content }))
            .collect()
    };
    if context.json {
        let (text, messages, rejected) = match &document.content {
            Content::Text(text) => (Some(text), Vec::new(), Vec::new()),
            Content::Chat(messages) => (None, turns(messages), Vec::new()),
            Content::Preference { messages, rejected } => (None, turns(messages), turns(rejected)),
        };
        let all = serde_json::json!({
            "document_id": document.id.to_string(), "source": document.source,
            "record": document.record, "kind": document.content.kind().name(),
            "language": document.lang, "language_score": document.lang_score, "text": text,
            "messages": messages, "rejected": rejected, "meta": document.meta,
        });
        output::data(&all.to_string());
        return;
    }
    output::data(&format!(
        "document {}: {}, record {}, {} in {}",
        document.id,
        document.source,
        document.record,
        document.content.kind().name(),
        document.lang
    ));
    let show = |messages: &[crate::document::Message], mark: &str| {
        for turn in messages {
            output::data(&format!("[{mark}{}] {}", turn.role, turn.content));
        }
    };
    match &document.content {
        Content::Text(text) => output::data(text),
        Content::Chat(messages) => show(messages, ""),
        Content::Preference { messages, rejected } => {
            show(messages, "");
            show(rejected, "rejected: ");
        }
    }
    if let Some(meta) = &document.meta {
        output::data(&format!("meta: {meta}"));
    }
    output::data("");
}
