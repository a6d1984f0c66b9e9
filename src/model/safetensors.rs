//! safetensors files, one tensor at a time.
//!
//! Writing streams: a model on a device never has a second whole copy in memory. Reading seeks to
//! one tensor after another for the same reason, and turns bf16 and f16 into f32.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::atomic;

/// Writes tensors to `path` in the given order, stored as `dtype`; the file is whole or absent.
///
/// `tensors` names each with its dimensions; `values` gives the numbers of tensor `i`.
///
/// # Errors
/// When the file cannot be written, or a tensor does not have the size it says.
pub fn write(
    path: &Path,
    dtype: Dtype,
    tensors: &[(String, Vec<usize>)],
    mut values: impl FnMut(usize) -> Result<Vec<f32>>,
) -> Result<()> {
    let mut header = Map::new();
    header.insert("__metadata__".to_owned(), json!({"format": "pt"}));
    let mut at = 0;
    for (name, dims) in tensors {
        let end = at + dtype.width() * dims.iter().product::<usize>();
        let entry = json!({"dtype": dtype.name(), "shape": dims, "data_offsets": [at, end]});
        ensure!(
            header.insert(name.clone(), entry).is_none(),
            "two tensors are named {name}"
        );
        at = end;
    }
    let mut header = Value::Object(header).to_string();
    // Data begins at a multiple of 8, as the reference writes it.
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    atomic::write_with(path, |out| {
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(header.as_bytes())?;
        for (i, (name, dims)) in tensors.iter().enumerate() {
            let values = values(i)?;
            ensure!(
                values.len() == dims.iter().product::<usize>(),
                "tensor {name}: expected {dims:?}, got {} values",
                values.len()
            );
            for block in values.chunks(1 << 16) {
                out.write_all(&dtype.bytes(block))?;
            }
        }
        Ok(())
    })
}

/// How a file stores numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits, of them 10 of precision.
    F16,
    /// 16 bits, of them 7 of precision.
    Bf16,
}

impl Dtype {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::F32, Self::F16, Self::Bf16];

    /// The name in safetensors' headers.
    fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
        }
    }

    /// The name that a person types.
    pub fn short_name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        }
    }

    /// The name in config.json.
    pub fn torch_name(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
        }
    }

    /// Bytes of a number.
    pub fn width(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    fn bytes(self, values: &[f32]) -> Vec<u8> {
        let values = values.iter();
        match self {
            Self::F32 => values.flat_map(|v| v.to_le_bytes()).collect(),
            Self::F16 => values
                .flat_map(|&v| half::f16::from_f32(v).to_le_bytes())
                .collect(),
            Self::Bf16 => values
                .flat_map(|&v| half::bf16::from_f32(v).to_le_bytes())
                .collect(),
        }
    }
}

struct Entry {
    stored: Dtype,
    dims: Vec<usize>,
    start: u64,
    end: u64,
}

/// An open file and the tensors in it.
pub struct Reader {
    path: PathBuf,
    file: BufReader<File>,
    entries: BTreeMap<String, Entry>,
}

/// The longest header that the format allows.
const MAX_HEADER: u64 = 100_000_000;

impl Reader {
    /// Reads the header and checks that the file holds what it promises.
    ///
    /// # Errors
    /// When the file is missing, cut or of another format.
    pub fn open(path: &Path) -> Result<Self> {
        let named = || format!("{}", path.display());
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let size = file.metadata().with_context(named)?.len();
        let mut file = BufReader::with_capacity(1 << 20, file);
        let mut length = [0; 8];
        file.read_exact(&mut length).with_context(|| {
            format!(
                "{}: not a safetensors file: only {size} bytes",
                path.display()
            )
        })?;
        let length = u64::from_le_bytes(length);
        ensure!(
            length <= MAX_HEADER && 8 + length <= size,
            "{}: not a safetensors file, or a cut one: its header should have {length} bytes, the \
             file has {size}. Copy it again",
            path.display()
        );
        let mut header = vec![0; usize::try_from(length)?];
        file.read_exact(&mut header).with_context(named)?;
        let header: Map<String, Value> = serde_json::from_slice(&header)
            .with_context(|| format!("{}: the header is not JSON", path.display()))?;
        let mut entries = BTreeMap::new();
        for (name, value) in header {
            if name == "__metadata__" {
                continue;
            }
            let entry = entry(&value, 8 + length)
                .with_context(|| format!("{}: tensor {name}", path.display()))?;
            ensure!(
                entry.end <= size,
                "{}: tensor {name} ends at byte {}, but the file has {size} bytes: it is cut. \
                 Copy it again",
                path.display(),
                entry.end
            );
            entries.insert(name, entry);
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            entries,
        })
    }

    /// The names in the file, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Whether the file has this tensor.
    pub fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// The dimensions of a tensor, where the file has it.
    pub fn dims(&self, name: &str) -> Option<&[usize]> {
        Some(&self.entries.get(name)?.dims)
    }

    /// The values of a tensor that must have these dimensions.
    ///
    /// # Errors
    /// When the tensor is missing or has other dimensions.
    pub fn read(&mut self, name: &str, dims: &[usize]) -> Result<Vec<f32>> {
        let path = &self.path;
        let Some(entry) = self.entries.get(name) else {
            bail!("{}: tensor {name} is missing", path.display());
        };
        ensure!(
            entry.dims == dims,
            "{}: tensor {name}: expected shape {dims:?} by config.json, got {:?}. The weights and \
             config.json are of different models",
            path.display(),
            entry.dims
        );
        self.file.seek(SeekFrom::Start(entry.start))?;
        let mut bytes = vec![0; usize::try_from(entry.end - entry.start)?];
        self.file
            .read_exact(&mut bytes)
            .with_context(|| format!("cannot read tensor {name} of {}", path.display()))?;
        Ok(match entry.stored {
            Dtype::F32 => bytes
                .as_chunks::<4>()
                .0
                .iter()
                .map(|b| f32::from_le_bytes(*b))
                .collect(),
            Dtype::F16 => halves(&bytes, |b| half::f16::from_bits(b).to_f32()),
            Dtype::Bf16 => halves(&bytes, |b| half::bf16::from_bits(b).to_f32()),
        })
    }
}

fn halves(bytes: &[u8], widen: impl Fn(u16) -> f32) -> Vec<f32> {
    let pairs = bytes.as_chunks::<2>().0;
    pairs
        .iter()
        .map(|b| widen(u16::from_le_bytes(*b)))
        .collect()
}

/// One entry of the header; `base` is the first byte of data.
fn entry(value: &Value, base: u64) -> Result<Entry> {
    let numbers = |key: &str| -> Result<Vec<u64>> {
        value[key]
            .as_array()
            .and_then(|list| list.iter().map(Value::as_u64).collect())
            .with_context(|| format!("{key} is not a list of numbers"))
    };
    let name = value["dtype"].as_str().unwrap_or("nothing");
    let Some(stored) = Dtype::ALL.into_iter().find(|dtype| dtype.name() == name) else {
        bail!("stored as {name}; prep reads F32, F16 and BF16");
    };
    let dims = numbers("shape")?
        .into_iter()
        .map(usize::try_from)
        .collect::<Result<Vec<_>, _>>()?;
    let offsets = numbers("data_offsets")?;
    let [start, end] = offsets[..] else {
        bail!("data_offsets does not have two numbers");
    };
    let count = dims
        .iter()
        .try_fold(stored.width() as u64, |product: u64, &d| {
            product.checked_mul(d as u64)
        })
        .context("the shape overflows")?;
    ensure!(
        end.checked_sub(start) == Some(count),
        "shape {dims:?} needs {count} bytes, but data_offsets are {start}..{end}"
    );
    Ok(Entry {
        stored,
        dims,
        start: base + start,
        end: base + end,
    })
}
