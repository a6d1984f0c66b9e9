//! What the codes of quantised values stand for: numbers from -1 to 1, times the largest of a block.

use std::sync::LazyLock;

/// The numbers of codes, ascending.
pub struct Codebook {
    values: Vec<f32>,
    /// Half-way between neighbours: a number has the code of how many of these are below it.
    midpoints: Vec<f32>,
}

impl Codebook {
    fn new(mut values: Vec<f32>) -> Self {
        values.sort_by(f32::total_cmp);
        let pairs = values.windows(2);
        Self {
            midpoints: pairs.map(|pair| f32::midpoint(pair[0], pair[1])).collect(),
            values,
        }
    }

    /// What each code stands for.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Half-way between neighbours.
    #[must_use]
    pub fn midpoints(&self) -> &[f32] {
        &self.midpoints
    }

    /// What a code stands for.
    #[inline]
    #[must_use]
    pub fn value(&self, code: u8) -> f32 {
        self.values[usize::from(code)]
    }

    /// The code of the nearest number, of two equally near ones the lower.
    #[inline]
    #[must_use]
    pub fn code(&self, number: f32) -> u8 {
        let below = |midpoint: &f32| *midpoint < number;
        self.midpoints.partition_point(below) as u8
    }
}

/// 4-bit `NormalFloat`: quantiles of the normal distribution, with an exact zero (Dettmers et al. 2023,
/// <https://arxiv.org/abs/2305.14314>, appendix E).
pub static NF4: LazyLock<Codebook> = LazyLock::new(|| {
    Codebook::new(vec![
        -1.0,
        -0.696_192_8,
        -0.525_073_05,
        -0.394_917_5,
        -0.284_441_38,
        -0.184_773_43,
        -0.091_050_036,
        0.0,
        0.079_580_3,
        0.160_930_2,
        0.246_112_3,
        0.337_915_24,
        0.440_709_83,
        0.562_617,
        0.722_956_84,
        1.0,
    ])
});

/// Steps of one size, an exact zero among them; the lowest code is not used.
pub static LINEAR: LazyLock<Codebook> = LazyLock::new(|| {
    let steps = (-128_i16..128).map(|step| f32::from(step) / 127.0);
    Codebook::new(steps.collect())
});

/// First moments: a sign, a decimal exponent and a fraction of the bits that the exponent leaves
/// (dynamic tree quantisation: Dettmers et al. 2021, <https://arxiv.org/abs/2110.02861>, section 1.3).
pub static SIGNED: LazyLock<Codebook> = LazyLock::new(|| {
    let positive: Vec<f32> = tree(0).collect();
    let negative: Vec<f32> = positive.iter().map(|value| -value).collect();
    Codebook::new([positive, negative, vec![0.0, 1.0]].concat())
});

/// Second moments, which have no sign: its bit goes to the fraction (section 2.2 there).
pub static UNSIGNED: LazyLock<Codebook> =
    LazyLock::new(|| Codebook::new(tree(1).chain([0.0, 1.0]).collect()));

/// Decades from 1 down to 1e-7; that of 10^-e has 2^(6 - e + more) numbers, the middles of as many equal
/// parts of its upper nine tenths.
fn tree(more: u32) -> impl Iterator<Item = f32> {
    (0..7).flat_map(move |exponent: i32| {
        let parts = 1 << (6 - exponent as u32 + more);
        let scale = 10_f64.powi(-exponent);
        (0..parts).map(move |i| {
            let middle = 0.1 + 0.9 * (f64::from(i) + 0.5) / f64::from(parts);
            (scale * middle) as f32
        })
    })
}
