//! Reads one split of a shard directory: mmap to Arrow buffers to slices, no copy of a shard.
//!
//! A window costs the pages that it lies on.

use super::bits::unpack;
use super::format;
use super::manifest::ShardEntry;
use super::{ShardInfo, ShardManifest, Split};
use crate::document::DocumentId;
use crate::document::id::hash_file;
use crate::mapped;
use anyhow::{Context, Result, bail, ensure};
use arrow::array::{Array, AsArray};
use arrow::buffer::{BooleanBuffer, Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, UInt16Type, UInt32Type};
use arrow::ipc::reader::StreamDecoder;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Token ids of a shard, in the width in which they are stored.
enum Ids {
    Narrow(ScalarBuffer<u16>),
    Wide(ScalarBuffer<u32>),
}

/// One mapped shard.
struct Shard {
    /// Position of its first token in the split.
    start: u64,
    /// Position of its first row in the split.
    first_row: u64,
    ids: Ids,
    mask: BooleanBuffer,
    offsets: OffsetBuffer<i32>,
    document_ids: Buffer,
    continuation: BooleanBuffer,
    /// Whether its file has been compared with the manifest.
    is_checked: AtomicBool,
}

impl Shard {
    fn tokens(&self) -> usize {
        self.mask.len()
    }

    fn rows(&self) -> usize {
        self.offsets.len() - 1
    }
}

/// One split of a shard directory. Opening it maps the files and reads their headers and offsets: 1,000
/// of them in well under 0.1 s. A window costs the pages that it lies on, and no allocation.
///
/// ```
/// use prep::shard::{Dataset, Split};
/// # use prep::{atomic, document::DocumentId, shard::{ShardInfo, ShardManifest, manifest::{SplitEntry, VERSION}, writer::SplitWriter}};
/// # let place = tempfile::tempdir()?;
/// # let dir = place.path();
/// # let info = ShardInfo { vocab_size: 1000, bos_id: None, eos_id: 0, pad_id: None, tokenizer_fingerprint: String::new(), chat_template_hash: String::new() };
/// # let mut writer = SplitWriter::new(dir, Split::Train, &info, 3_000)?;
/// # for record in 0..10 {
/// #     let ids: Vec<u32> = (record * 300..record * 300 + 300).map(|id| id % 1000).collect();
/// #     writer.push(DocumentId::new("a.txt", record as u64), &ids, &[true; 300], 900)?;
/// # }
/// # let manifest = ShardManifest { format: "prep-shards".into(), version: VERSION, prep_version: "0".into(), config: serde_json::Value::Null, info, train: writer.finish()?, val: SplitEntry::default(), keys: Vec::new(), origins: Vec::new(), pairs: Vec::new(), labels: None, removed: Vec::new(), conflicts: Vec::new() };
/// # atomic::write_json(&dir.join("manifest.json"), &manifest)?;
/// // `dir` is what `prep shard CORPUS --out DIR` wrote.
/// let data = Dataset::open(dir, Split::Train)?;
/// let (mut ids, mut mask) = ([0_u32; 257], [false; 257]);
/// for index in 0..data.tokens() / 256 - 1 {
///     // 256 inputs and the target of the last of them, across the ends of files.
///     data.window(256 * index, &mut ids, &mut mask);
///     let (inputs, targets) = (&ids[..256], &ids[1..]);
/// #   assert_eq!((inputs[0], targets[255]), (256 * index as u32 % 1000, (256 * index as u32 + 256) % 1000));
/// }
/// let first = data.row(0);
/// println!("{} begins at {} and has {} tokens", first.document_id, first.start, first.len);
/// # assert_eq!((data.tokens(), data.documents(), first.len), (3000, 10, 300));
/// # assert!(data.manifest().train.shards.len() > 1);
/// # anyhow::Ok(())
/// ```
pub struct Dataset {
    shards: Vec<Shard>,
    manifest: ShardManifest,
    split: Split,
}

/// Where a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilePlace<'a> {
    /// Name of the shard file.
    pub file: &'a str,
    /// Tokens before it in the file.
    pub position: u64,
}

/// One row: a document, or a part of one that a shard's end cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where the document is from.
    pub document_id: DocumentId,
    /// Whether it continues the last row of the shard before.
    pub continuation: bool,
    /// Position of its first token in the split.
    pub start: u64,
    /// Tokens in it.
    pub len: u64,
}

impl Dataset {
    /// Opens `split` of the shard directory `dir`.
    ///
    /// # Errors
    /// When the directory is unfinished, a file is missing or has another size than the manifest
    /// says, or is no shard of this tokenizer.
    pub fn open(dir: &Path, split: Split) -> Result<Self> {
        let manifest = ShardManifest::read(dir)?;
        let mut shards = Vec::new();
        let (mut start, mut first_row) = (0, 0);
        for entry in &manifest.split(split).shards {
            let path = dir.join(&entry.file);
            let shard = map_shard(&path, entry.bytes, &manifest.info, start, first_row).with_context(|| {
                format!("{}: shard it again or restore the file; `manifest.json` lists size and xxh3-128", path.display())
            })?;
            ensure!(
                shard.tokens() as u64 == entry.tokens && shard.rows() as u64 == entry.rows,
                "{}: has {} tokens in {} rows, the manifest says {} in {}",
                path.display(),
                shard.tokens(),
                shard.rows(),
                entry.tokens,
                entry.rows
            );
            start += entry.tokens;
            first_row += entry.rows;
            shards.push(shard);
        }
        Ok(Self {
            shards,
            manifest,
            split,
        })
    }

    /// Reads all files of the split in `dir` and compares them with the manifest's xxh3-128.
    ///
    /// # Errors
    /// Names the file that was changed or damaged.
    pub fn check_files(&self, dir: &Path) -> Result<()> {
        let mut entries = self.files().iter();
        entries.try_for_each(|entry| check(dir, entry))
    }

    /// The same, once, of the file that the token at `position` is in: 50 MB take 10 ms.
    ///
    /// # Errors
    /// Names the file that was changed or damaged.
    ///
    /// # Panics
    /// When `position` is not below [`Dataset::tokens`].
    pub fn check_file_at(&self, dir: &Path, position: u64) -> Result<()> {
        let index = self
            .shards
            .partition_point(|shard| shard.start + shard.tokens() as u64 <= position);
        let is_checked = &self.shards[index].is_checked;
        if !is_checked.load(Ordering::Relaxed) {
            check(dir, &self.files()[index])?;
            is_checked.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The split's files, in order.
    #[must_use]
    pub fn files(&self) -> &[ShardEntry] {
        &self.manifest.split(self.split).shards
    }

    /// Tokens of the split.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.manifest.split(self.split).tokens
    }

    /// Documents of the split.
    #[must_use]
    pub fn documents(&self) -> u64 {
        self.manifest.split(self.split).documents
    }

    /// Rows of the split: documents, those that a shard's end cut counted once for each part.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.shards
            .last()
            .map_or(0, |shard| shard.first_row + shard.rows() as u64)
    }

    /// Tokenizer and special tokens.
    #[must_use]
    pub fn info(&self) -> &ShardInfo {
        &self.manifest.info
    }

    /// Which split it is.
    #[must_use]
    pub fn split(&self) -> Split {
        self.split
    }

    /// The directory's manifest.
    #[must_use]
    pub fn manifest(&self) -> &ShardManifest {
        &self.manifest
    }

    /// The file that holds the token at `position` of the split, and its place in that file.
    ///
    /// # Panics
    /// When `position` is not below [`Dataset::tokens`].
    #[must_use]
    pub fn place(&self, position: u64) -> FilePlace<'_> {
        let index = self
            .shards
            .partition_point(|shard| shard.start + shard.tokens() as u64 <= position);
        FilePlace {
            file: &self.manifest.split(self.split).shards[index].file,
            position: position - self.shards[index].start,
        }
    }

    /// Row number `row` of the split.
    ///
    /// # Panics
    /// When `row` is not below [`Dataset::rows`].
    #[must_use]
    pub fn row(&self, row: u64) -> Row {
        let index = self
            .shards
            .partition_point(|shard| shard.first_row + shard.rows() as u64 <= row);
        let shard = &self.shards[index];
        let local = (row - shard.first_row) as usize;
        let mut id = [0; 16];
        id.copy_from_slice(&shard.document_ids[local * 16..local * 16 + 16]);
        let (from, to) = (shard.offsets[local], shard.offsets[local + 1]);
        Row {
            document_id: DocumentId(id),
            continuation: shard.continuation.value(local),
            start: shard.start + from as u64,
            len: (to - from) as u64,
        }
    }

    /// Calls `each` with the first position and the tokens of every document, in order, its parts in
    /// several shards joined.
    pub fn for_each_span(&self, each: &mut dyn FnMut(u64, u64)) {
        let mut open: Option<(u64, u64)> = None;
        for shard in &self.shards {
            for (row, ends) in shard.offsets.windows(2).enumerate() {
                let (from, to) = (ends[0] as u64, ends[1] as u64);
                match &mut open {
                    Some((_, tokens)) if shard.continuation.value(row) => *tokens += to - from,
                    _ => {
                        if let Some((start, tokens)) = open {
                            each(start, tokens);
                        }
                        open = Some((shard.start + from, to - from));
                    }
                }
            }
        }
        if let Some((start, tokens)) = open {
            each(start, tokens);
        }
    }

    /// How many of the `len` tokens from position `start` on the loss counts.
    ///
    /// # Panics
    /// When they reach beyond [`Dataset::tokens`].
    #[must_use]
    pub fn counted(&self, start: u64, len: u64) -> u64 {
        let mut index = self
            .shards
            .partition_point(|shard| shard.start + shard.tokens() as u64 <= start);
        let (mut position, end, mut counted) = (start, start + len, 0);
        while position < end {
            let shard = &self.shards[index];
            let from = (position - shard.start) as usize;
            let count = (shard.tokens() - from).min((end - position) as usize);
            counted += shard.mask.slice(from, count).count_set_bits() as u64;
            position += count as u64;
            index += 1;
        }
        counted
    }

    /// Copies the tokens from global position `start` on into `ids`, and whether the loss counts
    /// predicting each into `mask`, across shard files, without allocating.
    ///
    /// # Panics
    /// When the slices differ in length or reach beyond [`Dataset::tokens`].
    pub fn window(&self, start: u64, ids: &mut [u32], mask: &mut [bool]) {
        assert_eq!(ids.len(), mask.len(), "one mask bit a token");
        assert!(
            start + ids.len() as u64 <= self.tokens(),
            "the window ends inside the split"
        );
        let mut index = self
            .shards
            .partition_point(|shard| shard.start + shard.tokens() as u64 <= start);
        let (mut filled, mut position) = (0, start);
        while filled < ids.len() {
            let shard = &self.shards[index];
            let from = (position - shard.start) as usize;
            let count = (shard.tokens() - from).min(ids.len() - filled);
            let out = &mut ids[filled..filled + count];
            match &shard.ids {
                Ids::Narrow(all) => {
                    for (to, id) in out.iter_mut().zip(&all[from..from + count]) {
                        *to = u32::from(*id);
                    }
                }
                Ids::Wide(all) => out.copy_from_slice(&all[from..from + count]),
            }
            unpack(&shard.mask, from, &mut mask[filled..filled + count]);
            filled += count;
            position += count as u64;
            index += 1;
        }
    }
}

/// A whole document, its parts in several shards joined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Its ids, BOS and EOS included.
    pub ids: Vec<u32>,
    /// Whether the loss counts predicting each.
    pub mask: Vec<bool>,
}

impl Dataset {
    /// The rows of each document, in order.
    pub fn document_rows(&self) -> impl Iterator<Item = Vec<Row>> {
        let mut rows = (0..self.rows()).map(|row| self.row(row)).peekable();
        std::iter::from_fn(move || {
            let mut document = vec![rows.next()?];
            while let Some(row) = rows.next_if(|row| row.continuation) {
                document.push(row);
            }
            Some(document)
        })
    }

    /// Puts the tokens of a document's rows in place of what `tokens` holds.
    ///
    /// # Panics
    /// When they are no rows of this split.
    pub fn read(&self, rows: &[Row], tokens: &mut Tokens) {
        tokens.ids.clear();
        tokens.mask.clear();
        for row in rows {
            let start = tokens.ids.len();
            tokens.ids.resize(start + row.len as usize, 0);
            tokens.mask.resize(start + row.len as usize, false);
            self.window(
                row.start,
                &mut tokens.ids[start..],
                &mut tokens.mask[start..],
            );
        }
    }

    /// Calls `each` with every document in order. One document is in memory at a time.
    ///
    /// # Errors
    /// That of `each`.
    pub fn for_each_document(
        &self,
        mut each: impl FnMut(DocumentId, &Tokens) -> Result<()>,
    ) -> Result<()> {
        let mut tokens = Tokens::default();
        self.document_rows().try_for_each(|rows| {
            self.read(&rows, &mut tokens);
            // The id of the last of them, where they differ.
            rows.last()
                .map_or(Ok(()), |last| each(last.document_id, &tokens))
        })
    }
}

/// Compares a file with what the manifest says of it.
fn check(dir: &Path, entry: &ShardEntry) -> Result<()> {
    let path = dir.join(&entry.file);
    let found = hash_file(&path)?;
    ensure!(
        found == entry.xxh3,
        "{} was changed or damaged: its xxh3-128 is {found}, the manifest says {}; shard the corpus again or restore the file (prep verify {} checks all files)",
        path.display(),
        entry.xxh3,
        dir.display()
    );
    Ok(())
}

/// Maps one file and decodes its single batch over the map.
fn map_shard(
    path: &Path,
    bytes: u64,
    info: &ShardInfo,
    start: u64,
    first_row: u64,
) -> Result<Shard> {
    let file = File::open(path).context("cannot be opened")?;
    let found = file.metadata()?.len();
    ensure!(
        found == bytes,
        "has {found} bytes, the manifest says {bytes}"
    );
    // A shard is written once and renamed into place; nobody who follows the format changes it.
    let mut buffer = mapped::buffer(&file)?;
    super::frames::check(&buffer)?;
    let mut decoder = StreamDecoder::new().with_require_alignment(true);
    // Of a damaged schema it panics where it should say so.
    let decoded = catch_unwind(AssertUnwindSafe(|| decoder.decode(&mut buffer)));
    let batch = decoded
        .map_err(|_| anyhow::anyhow!("is damaged: its schema makes no sense"))?
        .context("is no Arrow stream")?
        .context("holds no record batch")?;
    let expected = format::schema(info);
    let found = batch.schema();
    if found.fields() != expected.fields() {
        bail!(
            "has the columns {:?}, a shard has {:?}",
            found.fields(),
            expected.fields()
        );
    }
    for (key, wanted) in format::identity(info) {
        let value = found.metadata().get(key).map_or("nothing", String::as_str);
        ensure!(
            value == wanted,
            "has {key} = {value}, the manifest says {wanted}"
        );
    }
    let lists = batch.column(0).as_list::<i32>();
    let ids = match lists.value_type() {
        DataType::UInt16 => {
            Ids::Narrow(lists.values().as_primitive::<UInt16Type>().values().clone())
        }
        _ => Ids::Wide(lists.values().as_primitive::<UInt32Type>().values().clone()),
    };
    let masks = batch.column(1).as_list::<i32>();
    ensure!(
        masks.offsets() == lists.offsets(),
        "has masks of other lengths than its ids"
    );
    Ok(Shard {
        start,
        first_row,
        ids,
        mask: masks.values().as_boolean().values().clone(),
        offsets: lists.offsets().clone(),
        document_ids: batch.column(2).to_data().buffers()[0].clone(),
        continuation: batch.column(3).as_boolean().values().clone(),
        is_checked: AtomicBool::new(false),
    })
}
