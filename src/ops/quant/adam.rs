//! AdamW with moments in 8 bits (Dettmers et al. 2021, <https://arxiv.org/abs/2110.02861>): of each
//! block of 256 a byte a value and the largest as f32, 1.016 bytes instead of 4.
//!
//! The update itself is f32 and sees the new moments before they are rounded. One rule is added to the
//! paper's: a second moment above zero never becomes zero, since the next step would divide by it.

use super::codebook::{Codebook, SIGNED, UNSIGNED};
use crate::ops::AdamStep;

/// Values of a block.
pub const BLOCK: usize = 256;

/// Moments of a parameter: codes, four in each word, and the largest of each block.
pub struct Eight<T> {
    /// `[1, words(values)]`.
    pub codes: T,
    /// `[1, blocks]`.
    pub scales: T,
}

/// One parameter as the optimizer sees it.
pub struct EightSlot<'a, T> {
    /// The master weights, changed in place.
    pub weight: &'a mut T,
    /// The gradient, set to zero after use.
    pub grad: &'a mut T,
    /// The first moment.
    pub m: &'a mut Eight<T>,
    /// The second moment.
    pub v: &'a mut Eight<T>,
}

/// One block of a moment.
pub struct Block<'a> {
    /// A byte a value.
    pub codes: &'a mut [u8],
    /// The largest.
    pub scale: &'a mut f32,
}

/// What of a step is the same for every value.
#[derive(Clone, Copy)]
pub struct Factors {
    /// What weights keep of themselves.
    pub keep: f32,
    /// What first moments are multiplied by for their bias.
    pub unbias1: f32,
    /// What second moments are multiplied by for their bias.
    pub unbias2: f32,
}

impl Factors {
    /// Those of a step.
    #[must_use]
    pub fn of(step: AdamStep) -> Self {
        let power = i32::try_from(step.step).unwrap_or(i32::MAX);
        Self {
            keep: 1.0 - step.lr * step.weight_decay,
            unbias1: 1.0 / (1.0 - step.beta1.powi(power)),
            unbias2: 1.0 / (1.0 - step.beta2.powi(power)),
        }
    }
}

/// Updates a block of at most [`BLOCK`] values.
pub fn update_block(w: &mut [f32], g: &mut [f32], m: Block<'_>, v: Block<'_>, step: AdamStep) {
    let Factors {
        keep,
        unbias1,
        unbias2,
    } = Factors::of(step);
    let (signed, unsigned) = (&*SIGNED, &*UNSIGNED);
    let (mut first, mut second) = ([0.0_f32; BLOCK], [0.0_f32; BLOCK]);
    let values = first.iter_mut().zip(&mut second);
    let codes = m.codes.iter().zip(v.codes.iter());
    for (((w, g), (first, second)), (m_code, v_code)) in w.iter_mut().zip(g).zip(values).zip(codes)
    {
        let grad = *g * step.grad_scale;
        *g = 0.0;
        *first = step.beta1 * (signed.value(*m_code) * *m.scale) + (1.0 - step.beta1) * grad;
        *second =
            step.beta2 * (unsigned.value(*v_code) * *v.scale) + (1.0 - step.beta2) * grad * grad;
        let root = (*second * unbias2).sqrt() + step.eps;
        *w = *w * keep - step.lr * (*first * unbias1) / root;
    }
    let count = m.codes.len();
    round(&first[..count], signed, m, 0);
    round(&second[..count], unsigned, v, 1);
}

/// Rounds a block; numbers other than zero get at least code `least`.
fn round(values: &[f32], book: &Codebook, block: Block<'_>, least: u8) {
    let most = values
        .iter()
        .fold(0.0_f32, |most, value| most.max(value.abs()));
    *block.scale = most;
    let divisor = if most > 0.0 { most } else { 1.0 };
    for (code, value) in block.codes.iter_mut().zip(values) {
        *code = book.code(value / divisor);
        if *value != 0.0 {
            *code = (*code).max(least);
        }
    }
}
