//! `prep export`, `prep verify` and `prep cat`: each export is read back as its own reader does.

use crate::support::corpus::batches;
use crate::support::shards::{self, tokenizer};
use crate::support::{Prep, fixture, place, read, read_json, write};
use arrow::array::AsArray;
use arrow::datatypes::UInt32Type;
use prep::document::DocumentId;
use prep::export::FORMATS;
use prep::shard::{Dataset, Split};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

struct Made {
    place: tempfile::TempDir,
}

impl Made {
    /// Shards of the fixtures, so small that documents are cut at their ends.
    fn new() -> Self {
        let made = Self { place: place() };
        Prep::ingest(&fixture(""), &made.at("corpus"))
            .code(1)
            .json();
        Prep::shard(&made.at("corpus"), &made.at("shards"))
            .args(["--val", "20%", "--shard-size", "40kB"])
            .json();
        made
    }

    fn at(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn export(&self, format: &str, options: &[&str]) -> PathBuf {
        let out = self.at(&format!("{format}{}", options.concat()));
        let report = Prep::new(["export"])
            .arg(self.at("shards"))
            .arg("--out")
            .arg(&out)
            .args(["--format", format])
            .args(options)
            .json();
        assert_eq!(report, read_json(&out.join("export.json")));
        out
    }

    /// Ids and mask of each document of a split, in order.
    fn documents(&self, split: Split) -> Vec<(DocumentId, Vec<u32>, Vec<bool>)> {
        let mut all = Vec::new();
        let data = Dataset::open(&self.at("shards"), split).expect("shards");
        assert!(
            data.manifest().split(split).shards.len() > 1,
            "several shards"
        );
        data.for_each_document(|id, tokens| {
            all.push((id, tokens.ids.clone(), tokens.mask.clone()));
            Ok(())
        })
        .expect("documents");
        assert_eq!(all.len() as u64, data.documents());
        all
    }

    fn ids(&self, split: Split) -> Vec<u32> {
        let documents = self.documents(split);
        documents.into_iter().flat_map(|(_, ids, _)| ids).collect()
    }
}

fn ints<const N: usize>(bytes: &[u8], each: fn([u8; N]) -> u64) -> Vec<u64> {
    bytes
        .chunks(N)
        .map(|chunk| each(chunk.try_into().expect("whole integers")))
        .collect()
}

fn u16s(bytes: &[u8]) -> Vec<u32> {
    ints(bytes, |b: [u8; 2]| u64::from(u16::from_le_bytes(b)))
        .into_iter()
        .map(|id| u32::try_from(id).expect("16 bits"))
        .collect()
}

#[test]
fn megatron_nanogpt_llmc_and_datatrove_hold_every_token() {
    let made = Made::new();
    for split in Split::ALL {
        let documents = made.documents(split);
        let all = made.ids(split);
        let name = split.name();
        let out = made.export("megatron", &[]);
        assert_eq!(u16s(&read(&out.join(format!("{name}.bin")))), all);
        let index = read(&out.join(format!("{name}.idx")));
        let count = documents.len();
        assert_eq!(&index[..9], b"MMIDIDX\0\0");
        assert_eq!(ints(&index[9..17], u64::from_le_bytes), [1]);
        assert_eq!(index[17], 8, "uint16");
        assert_eq!(
            ints(&index[18..34], u64::from_le_bytes),
            [count as u64, count as u64 + 1]
        );
        let (lengths, rest) = index[34..].split_at(4 * count);
        let lengths = ints(lengths, |b| u64::from(u32::from_le_bytes(b)));
        let expected: Vec<u64> = documents
            .iter()
            .map(|(_, ids, _)| ids.len() as u64)
            .collect();
        assert_eq!(lengths, expected);
        let (pointers, ends) = rest.split_at(8 * count);
        let mut at = 0;
        for (pointer, length) in ints(pointers, u64::from_le_bytes).iter().zip(&lengths) {
            assert_eq!(*pointer, at);
            at += 2 * length;
        }
        assert_eq!(
            ints(ends, u64::from_le_bytes),
            (0..=count as u64).collect::<Vec<_>>()
        );
        std::fs::remove_dir_all(&out).expect("removed");

        let out = made.export("nanogpt", &[]);
        assert_eq!(u16s(&read(&out.join(format!("{name}.bin")))), all);
        std::fs::remove_dir_all(&out).expect("removed");

        let out = made.export("llmc", &[]);
        let bytes = read(&out.join(format!("{name}.bin")));
        let header = ints(&bytes[..1024], |b| u64::from(u32::from_le_bytes(b)));
        assert_eq!(header[..4], [20_240_520, 1, all.len() as u64, 0]);
        assert_eq!(u16s(&bytes[1024..]), all);
        std::fs::remove_dir_all(&out).expect("removed");

        let out = made.export("datatrove", &[]);
        assert_eq!(u16s(&read(&out.join(format!("{name}.ds")))), all);
        let mut end = 0;
        let expected: Vec<u64> = expected
            .iter()
            .map(|length| {
                end += length;
                end
            })
            .collect();
        assert_eq!(
            ints(
                &read(&out.join(format!("{name}.ds.index"))),
                u64::from_le_bytes
            ),
            expected
        );
        let loss: Vec<u8> = documents
            .iter()
            .flat_map(|(_, _, mask)| mask.iter().map(|m| u8::from(*m)))
            .collect();
        assert_eq!(read(&out.join(format!("{name}.ds.loss"))), loss);
        let metadata =
            String::from_utf8(read(&out.join(format!("{name}.ds.metadata")))).expect("text");
        assert!(
            metadata.contains(&format!("|2\n{}\n", all.len())),
            "{metadata}"
        );
        std::fs::remove_dir_all(&out).expect("removed");
    }
}

fn lines(path: &Path) -> Vec<Value> {
    let text = String::from_utf8(read(path)).expect("text");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[test]
fn records_and_packed_sequences_hold_every_token() {
    let made = Made::new();
    let documents = made.documents(Split::Train);
    let tokenizer = tokenizer(&made.at("shards"));
    let records = lines(&made.export("jsonl", &[]).join("train.jsonl"));
    assert_eq!(records.len(), documents.len());
    for (record, (id, ids, mask)) in records.iter().zip(&documents) {
        assert_eq!(record["document_id"], id.to_string());
        assert_eq!(record["input_ids"], json!(ids));
        assert_eq!(
            record["loss_mask"],
            json!(mask.iter().map(|m| u8::from(*m)).collect::<Vec<_>>())
        );
        assert_eq!(record["text"], tokenizer.decode(ids, false));
    }
    let rows = batches(&made.export("parquet", &[]).join("train.parquet"));
    let found: Vec<u32> = rows
        .iter()
        .flat_map(|batch| {
            batch
                .column(1)
                .as_list::<i32>()
                .values()
                .as_primitive::<UInt32Type>()
                .values()
                .to_vec()
        })
        .collect();
    assert_eq!(found, made.ids(Split::Train));

    let packed = lines(&made.export("jsonl", &["--pack", "128"]).join("train.jsonl"));
    let all = made.ids(Split::Train);
    let numbers =
        |value: &Value| -> Vec<u32> { serde_json::from_value(value.clone()).expect("numbers") };
    let joined: Vec<u32> = packed
        .iter()
        .flat_map(|record| numbers(&record["input_ids"]))
        .collect();
    assert_eq!(joined.len(), all.len().next_multiple_of(128));
    assert_eq!(joined[..all.len()], all);
    for record in &packed {
        let lengths = numbers(&record["sequence_lengths"]);
        assert_eq!(lengths.iter().sum::<u32>(), 128);
        let positions: Vec<u32> = lengths.iter().flat_map(|length| 0..*length).collect();
        assert_eq!(numbers(&record["position_ids"]), positions);
    }
    let parquet = batches(
        &made
            .export("parquet", &["--pack", "128"])
            .join("train.parquet"),
    );
    assert_eq!(
        parquet
            .iter()
            .map(arrow::array::RecordBatch::num_rows)
            .sum::<usize>(),
        packed.len()
    );
    let error = Prep::new(["export", "--format", "nanogpt", "--pack", "128"])
        .arg(made.at("shards"))
        .arg("--out")
        .arg(made.at("no"))
        .fails();
    assert!(error.contains("jsonl or parquet"), "{error}");
    assert!(FORMATS.iter().filter(|format| format.packs).count() == 2);
}

#[test]
fn an_export_does_not_overwrite_what_it_did_not_write() {
    let made = Made::new();
    std::fs::create_dir(made.at("full")).expect("a folder");
    write(&made.at("full/thesis.txt"), "years of work");
    let export = |out: &str| {
        Prep::new(["export", "--format", "nanogpt"])
            .arg(made.at("shards"))
            .arg("--out")
            .arg(made.at(out))
    };
    assert!(export("full").fails().contains("thesis.txt"));
    std::fs::create_dir(made.at("killed")).expect("a folder");
    write(&made.at("killed/train.bin.tmp"), "half");
    export("killed").json();
    assert!(export("killed").fails().contains("export.json"));
}

#[test]
fn verify_finds_files_that_the_manifest_does_not_name() {
    let made = Made::new();
    for foreign in [
        "shards/origins/part-00009.arrow",
        "shards/removed/part-00009.parquet",
        "corpus/documents/part-00009.parquet",
    ] {
        write(&made.at(foreign), "something else");
        let dir = made.at(foreign.split('/').next().expect("a directory"));
        let (said, _) = Prep::new(["verify"])
            .arg(dir)
            .code(2)
            .prints("WRONG")
            .says("1 of")
            .run();
        let name = foreign.split_once('/').expect("a folder").1;
        assert!(
            said.contains(&format!("{name} not in the manifest")),
            "{said}"
        );
        std::fs::remove_file(made.at(foreign)).expect("removes");
    }
}

#[test]
fn what_is_damaged_is_not_exported() {
    let made = Made::new();
    let shard = made.at("shards/train-00000.arrow");
    let mut bytes = read(&shard);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    write(&shard, &bytes);
    let said = Prep::new(["export", "--format", "nanogpt"])
        .arg(made.at("shards"))
        .arg("--out")
        .arg(made.at("damaged"))
        .fails();
    assert!(
        said.contains("train-00000.arrow was changed or damaged"),
        "{said}"
    );
}

#[test]
fn verify_finds_what_is_damaged_and_names_it() {
    let made = Made::new();
    for dir in ["corpus", "shards"] {
        let report = Prep::new(["verify"]).arg(made.at(dir)).json();
        assert_eq!(report["holds"], true);
        assert!(
            report["checks"]
                .as_array()
                .is_some_and(|checks| checks.len() > 2)
        );
    }
    let damage = |file: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let path = made.at(file);
        let whole = read(&path);
        let mut bytes = whole.clone();
        change(&mut bytes);
        write(&path, &bytes);
        let dir = made.at(file.split('/').next().expect("a directory"));
        let (stdout, stderr) = Prep::new(["verify"])
            .arg(dir)
            .code(2)
            .prints("WRONG")
            .says("checks of")
            .run();
        write(&path, &whole);
        (stdout, stderr)
    };
    let (said, _) = damage("shards/train-00001.arrow", &|bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
    let wrong: Vec<&str> = said.lines().filter(|line| line.contains("WRONG")).collect();
    assert!(
        matches!(wrong.as_slice(), [line] if line.contains("train-00001.arrow") && line.contains("xxh3")),
        "{said}"
    );
    let (said, _) = damage("shards/val-00000.arrow", &|bytes| bytes.truncate(100));
    assert!(said.contains("100 bytes"), "{said}");
    let (said, _) = damage("shards/dedup/keys-00000.arrow", &|bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
    assert!(said.contains("keys-00000.arrow has"), "{said}");
    // A later run cannot tell copies by what is damaged or gone.
    let keys = made.at("shards/dedup/keys-00000.arrow");
    let whole = read(&keys);
    write(&keys, &whole[..whole.len() / 2]);
    let against = |out: &str| {
        Prep::shard(&made.at("corpus"), &made.at(out))
            .arg("--against")
            .arg(made.at("shards"))
            .fails()
    };
    let said = against("cut");
    assert!(
        said.contains("--against") && said.contains("keys-00000.arrow is missing or damaged"),
        "{said}"
    );
    std::fs::remove_file(&keys).expect("remove");
    assert!(against("gone").contains("keys-00000.arrow"));
    write(&keys, &whole);
    let (said, _) = damage("shards/removed/part-00000.parquet", &|bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
    assert!(said.contains("removed/part-00000.parquet has"), "{said}");
    let (said, _) = damage("shards/tokenizer_config.json", &|bytes| {
        let config = String::from_utf8(bytes.clone()).expect("text");
        *bytes = config
            .replace("\"chat_template\": \"", "\"chat_template\": \" ")
            .into();
    });
    let wrong: Vec<&str> = said.lines().filter(|line| line.contains("WRONG")).collect();
    assert!(
        matches!(wrong.as_slice(), [line] if line.contains("chat template has")),
        "{said}"
    );
    let (said, _) = damage("shards/tokenizer.json", &|bytes| {
        let json = String::from_utf8(bytes.clone()).expect("text");
        *bytes = json
            .replace("\"ignore_merges\":false", "\"ignore_merges\":true")
            .into();
    });
    assert!(said.contains("have the fingerprint"), "{said}");
    let foreign = made.at("shards/train-00099.arrow");
    write(&foreign, "");
    Prep::new(["verify"])
        .arg(made.at("shards"))
        .code(2)
        .prints("train-00099.arrow not in the manifest")
        .says("1 of")
        .run();
    std::fs::remove_file(&foreign).expect("remove");
    let (said, _) = damage("corpus/documents/part-00000.parquet", &|bytes| {
        bytes[1000] ^= 1;
    });
    assert!(said.contains("part-00000.parquet"), "{said}");
}

/// The ids of a shard are changed and its hash and manifest with it: only sense can tell.
#[test]
fn verify_finds_shards_that_make_no_sense() {
    let made = Made::new();
    let path = made.at("shards/manifest.json");
    let mut manifest = read_json(&path);
    manifest["train"]["tokens_loss"] = json!(7);
    write(&path, manifest.to_string());
    let (said, _) = Prep::new(["verify"])
        .arg(made.at("shards"))
        .code(2)
        .prints("WRONG")
        .says("1 of")
        .run();
    assert!(
        said.contains("totals of the manifest") && said.contains("says"),
        "{said}"
    );
}

#[test]
fn cat_shows_documents_of_shards_and_corpora() {
    let made = Made::new();
    let documents = made.documents(Split::Train);
    let tokenizer = tokenizer(&made.at("shards"));
    let shown = Prep::new(["cat", "--document", "2"])
        .arg(made.at("shards"))
        .json();
    assert_eq!(shown["document_id"], documents[2].0.to_string());
    assert_eq!(shown["input_ids"], json!(documents[2].1));
    // Of a chat, what the loss does not count is marked.
    let (number, chat) = documents
        .iter()
        .enumerate()
        .find(|(_, (_, _, mask))| mask.iter().skip(1).any(|counts| !counts))
        .expect("a chat");
    let text = shards::documents(&made.at("shards"))[&chat.0].learned(&tokenizer);
    let answer = text.split("<|").next().expect("an answer").to_owned();
    Prep::new(["cat", "--ids", "--document", &number.to_string()])
        .arg(made.at("shards"))
        .prints("⟦")
        .prints(&answer)
        .prints(&format!("{}", chat.1[0]))
        .run();
    // The file is counted from its own first document.
    let second = Dataset::open(&made.at("shards"), Split::Train).expect("shards");
    let begins = second.manifest().train.shards[0].tokens;
    let first = (0..second.rows())
        .map(|row| second.row(row))
        .find(|row| row.start >= begins && !row.continuation)
        .expect("a document");
    let shown = Prep::new(["cat"])
        .arg(made.at("shards/train-00001.arrow"))
        .json();
    assert_eq!(shown["document_id"], first.document_id.to_string());
    let shown = Prep::new(["cat", "--document", "1"])
        .arg(made.at("corpus"))
        .json();
    assert!(shown["source"].is_string() && shown["record"].is_u64());
    assert!(
        Prep::new(["cat", "--document", "99999"])
            .arg(made.at("corpus"))
            .fails()
            .contains("99999")
    );
    assert!(
        Prep::new(["cat", "--document", "99999"])
            .arg(made.at("shards"))
            .fails()
            .contains("99999")
    );
}
