//! Small shard directories for the trainer's tests, written without the rest of the path.

use std::path::Path;

use prep::{
    atomic,
    document::{DocumentId, Message},
    shard::{
        ShardInfo, ShardManifest, Split,
        manifest::{SplitEntry, VERSION},
        writer::SplitWriter,
    },
    tokenize::{Encoded, Tokenizer},
    train::Random,
};

/// Sentences in both languages that a tiny model can learn.
pub fn sentence(i: usize) -> String {
    let words = ["one", "two", "three", "four", "five", "six"];
    let russian = ["один", "два", "три", "четыре", "пять", "шесть"];
    let at = |list: &[&str], i: usize| list[i % list.len()].to_owned();
    format!(
        "After {} comes {}. После {} идёт {}.",
        at(&words, i),
        at(&words, i + 1),
        at(&russian, i),
        at(&russian, i + 1)
    )
}

/// A tokenizer trained on the sentences; another `size` gives another tokenizer.
pub fn tokenizer(size: u32) -> Tokenizer {
    Tokenizer::train((0..40).map(sentence), size).expect("trains")
}

/// Writes a shard directory with this many train and val documents, every third one a chat.
pub fn write(dir: &Path, tokenizer: &Tokenizer, train: usize, val: usize) {
    write_of(dir, tokenizer, [train, val], sentence);
}

/// The same of other texts: `text` makes one of a number below 36.
pub fn write_of(
    dir: &Path,
    tokenizer: &Tokenizer,
    [train, val]: [usize; 2],
    text: fn(usize) -> String,
) {
    let info = info(tokenizer);
    std::fs::create_dir_all(dir).expect("makes the directory");
    tokenizer.save(dir).expect("saves the tokenizer");
    let manifest = ShardManifest {
        format: "prep-shards".to_owned(),
        version: VERSION,
        prep_version: "0".to_owned(),
        config: serde_json::json!({"train": train, "val": val}),
        train: split(dir, Split::Train, &info, tokenizer, (train, text)),
        val: split(dir, Split::Val, &info, tokenizer, (val, text)),
        keys: Vec::new(),
        origins: Vec::new(),
        pairs: Vec::new(),
        labels: None,
        removed: Vec::new(),
        conflicts: Vec::new(),
        info,
    };
    atomic::write_json(&dir.join("manifest.json"), &manifest).expect("writes the manifest");
}

fn info(tokenizer: &Tokenizer) -> ShardInfo {
    ShardInfo {
        vocab_size: tokenizer.vocab_size(),
        bos_id: tokenizer.bos_id(),
        eos_id: tokenizer.eos_id(),
        pad_id: tokenizer.pad_id(),
        tokenizer_fingerprint: tokenizer.fingerprint().to_owned(),
        chat_template_hash: tokenizer.chat_template_hash(),
    }
}

fn split(
    dir: &Path,
    split: Split,
    info: &ShardInfo,
    tokenizer: &Tokenizer,
    (documents, text): (usize, fn(usize) -> String),
) -> SplitEntry {
    let mut writer = SplitWriter::new(dir, split, info, 20_000).expect("a writer");
    let mut random = Random::new(documents as u64);
    for i in 0..documents {
        // In random order: no sentence says which one comes next.
        let text = text((random.bits() % 36) as usize);
        let Encoded { ids, loss_mask, .. } = if i % 3 == 2 {
            let chat = [
                Message::new("user", "?"),
                Message::new("assistant", text.as_str()),
            ];
            tokenizer.encode_chat(&chat).expect("encodes a chat")
        } else {
            tokenizer.encode_document(&text).expect("encodes")
        };
        let id = DocumentId::new(split.name(), i as u64);
        let bytes = text.len() as u64;
        writer
            .push(id, &ids, &loss_mask, bytes)
            .expect("is written");
    }
    writer.finish().expect("is finished")
}
