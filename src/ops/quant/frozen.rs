//! Frozen matrices in 4 or 8 bits, which adapters learn beside (`QLoRA`: Dettmers et al. 2023,
//! <https://arxiv.org/abs/2305.14314>).
//!
//! A block is [`BLOCK`] values of one row, so that any rows or, from block to block, any columns can
//! be made f32 again on their own. 4-bit `NormalFloat` takes 4.5 bits a value with its f32 scale (the
//! paper's scales are quantised once more, to 4.127), 8 bits take 8.5.

use serde::{Deserialize, Serialize};

use super::{
    bytes_mut,
    codebook::{Codebook, LINEAR, NF4},
    words,
};

/// Values of a block: neighbours in a row.
pub const BLOCK: usize = 64;

/// How values are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// 4-bit `NormalFloat`.
    Nf4,
    /// 255 steps of one size.
    Int8,
}

impl Format {
    /// What its codes stand for.
    #[must_use]
    pub fn codebook(self) -> &'static Codebook {
        match self {
            Self::Nf4 => &NF4,
            Self::Int8 => &LINEAR,
        }
    }

    /// Codes of a byte.
    #[must_use]
    pub fn codes_per_byte(self) -> usize {
        match self {
            Self::Nf4 => 2,
            Self::Int8 => 1,
        }
    }

    /// Bytes of the codes of a row.
    #[must_use]
    pub fn row_bytes(self, cols: usize) -> usize {
        cols.div_ceil(self.codes_per_byte())
    }

    /// Bytes of a matrix, scales included.
    #[must_use]
    pub fn bytes(self, rows: usize, cols: usize) -> usize {
        4 * (words(rows * self.row_bytes(cols)) + rows * cols.div_ceil(BLOCK))
    }
}

/// A frozen matrix on a device.
pub struct Frozen<T> {
    /// How it is stored.
    pub format: Format,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
    /// Codes, row by row: `[1, words(rows * row_bytes)]`.
    pub codes: T,
    /// The largest of each block, `[rows, blocks of a row]`.
    pub scales: T,
}

/// A frozen matrix in the host's memory.
pub type Packed = Frozen<Vec<f32>>;

impl Packed {
    /// Rounds a matrix.
    #[must_use]
    pub fn new(format: Format, rows: usize, cols: usize, values: &[f32]) -> Self {
        let (book, each) = (format.codebook(), format.row_bytes(cols));
        let mut codes = vec![0.0; words(rows * each)];
        let mut scales = Vec::with_capacity(rows * cols.div_ceil(BLOCK));
        let all = bytes_mut(&mut codes).chunks_exact_mut(each.max(1));
        for (values, codes) in values.chunks_exact(cols.max(1)).zip(all) {
            for (values, first) in values.chunks(BLOCK).zip((0..).step_by(BLOCK)) {
                let most = values
                    .iter()
                    .fold(0.0_f32, |most, value| most.max(value.abs()));
                scales.push(most);
                let divisor = if most > 0.0 { most } else { 1.0 };
                for (value, col) in values.iter().zip(first..) {
                    let code = book.code(value / divisor);
                    match format {
                        Format::Int8 => codes[col] = code,
                        Format::Nf4 if col % 2 == 0 => codes[col / 2] = code << 4,
                        Format::Nf4 => codes[col / 2] |= code,
                    }
                }
            }
        }
        Self {
            format,
            rows,
            cols,
            codes,
            scales,
        }
    }
}

/// Makes columns `first..` of a row f32 again, as many as `out` has; `first` begins a block.
pub fn unpack(format: Format, codes: &[u8], scales: &[f32], first: usize, out: &mut [f32]) {
    let book = format.codebook().values();
    let scales = &scales[first / BLOCK..];
    for ((out, scale), first) in out
        .chunks_mut(BLOCK)
        .zip(scales)
        .zip((first..).step_by(BLOCK))
    {
        match format {
            Format::Int8 => {
                for (out, code) in out.iter_mut().zip(&codes[first..]) {
                    *out = book[usize::from(*code)] * scale;
                }
            }
            Format::Nf4 => {
                for (out, pair) in out.chunks_mut(2).zip(&codes[first / 2..]) {
                    out[0] = book[usize::from(pair >> 4)] * scale;
                    if let Some(second) = out.get_mut(1) {
                        *second = book[usize::from(pair & 15)] * scale;
                    }
                }
            }
        }
    }
}
