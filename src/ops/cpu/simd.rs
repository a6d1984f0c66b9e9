//! Runtime choice of the instruction set for loops that the compiler vectorises.
//!
//! A kernel's body is compiled twice, once for AVX2 with FMA and once for the build's own target,
//! and the call picks by what the processor says. Bodies use no fused multiply-add of their own,
//! so that both give the same bits; sums run over [`LANES`] fixed lanes for the same reason.

/// Independent partial sums: two AVX2 registers.
pub const LANES: usize = 16;

/// Defines a kernel that is compiled for AVX2 and FMA as well as for the build's target.
macro_rules! kernel {
    ($(#[$doc:meta])* pub fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$doc])*
        pub fn $name($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn portable($($arg: $ty),*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $ty),*) $(-> $ret)? {
                    portable($($arg),*)
                }
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    // SAFETY: the processor has the features, as just asked.
                    return unsafe { avx2($($arg),*) };
                }
            }
            portable($($arg),*)
        }
    };
}
pub(crate) use kernel;

/// `e^x` to about 2 units in the last place (Cephes' polynomial), 0 below -87.3: branch-free, so
/// that loops over it vectorise.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Adding 1.5 * 2^23 rounds to the nearest integer and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let under = x < -87.3;
    let x = if x > 88.3 { 88.3 } else { x };
    let x = if under { -87.3 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    // ln 2 in two parts, the first exact in few bits.
    let r = x - n * 0.693_359_4;
    let r = r - n * -2.121_944_4e-4;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_2e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let p = p * r * r + r + 1.0;
    let exponent = shifted
        .to_bits()
        .wrapping_sub(ROUND.to_bits())
        .wrapping_add(127)
        << 23;
    let value = p * f32::from_bits(exponent);
    if under { 0.0 } else { value }
}

/// The sum of `f(i)` for `i < len`, over fixed lanes and a fixed tree.
#[inline(always)]
pub fn sum(len: usize, f: impl Fn(usize) -> f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let whole = len / LANES * LANES;
    let mut i = 0;
    while i < whole {
        for (l, lane) in lanes.iter_mut().enumerate() {
            *lane += f(i + l);
        }
        i += LANES;
    }
    let mut rest = 0.0;
    while i < len {
        rest += f(i);
        i += 1;
    }
    let mut width = LANES / 2;
    while width > 0 {
        for l in 0..width {
            lanes[l] += lanes[l + width];
        }
        width /= 2;
    }
    lanes[0] + rest
}

kernel! {
    /// The inner product.
    pub fn dot(a: &[f32], b: &[f32]) -> f32 {
        let len = a.len();
        let b = &b[..len];
        sum(len, |i| a[i] * b[i])
    }
}

kernel! {
    /// The sum of the elements.
    pub fn total(x: &[f32]) -> f32 {
        sum(x.len(), |i| x[i])
    }
}

kernel! {
    /// `y += scale * x`.
    pub fn axpy(scale: f32, x: &[f32], y: &mut [f32]) {
        for (y, x) in y.iter_mut().zip(x) {
            *y += scale * x;
        }
    }
}

kernel! {
    /// `y *= scale`.
    pub fn scale(scale: f32, y: &mut [f32]) {
        for y in y {
            *y *= scale;
        }
    }
}

kernel! {
    /// Turns scores into `e^(factor * (s - max))` in place; returns (max of the scores, sum).
    pub fn exponentials(scores: &mut [f32], factor: f32) -> (f32, f32) {
        let mut lanes = [f32::NEG_INFINITY; LANES];
        let mut chunks = scores.chunks_exact(LANES);
        for chunk in &mut chunks {
            for (lane, &s) in lanes.iter_mut().zip(chunk) {
                *lane = if s > *lane { s } else { *lane };
            }
        }
        let mut max = f32::NEG_INFINITY;
        for &s in lanes.iter().chain(chunks.remainder()) {
            max = if s > max { s } else { max };
        }
        for s in scores.iter_mut() {
            *s = exp((*s - max) * factor);
        }
        let total = sum(scores.len(), |i| scores[i]);
        (max, total)
    }
}

kernel! {
    /// Turns scores into `e^(factor * s - lse)` in place.
    pub fn probabilities(scores: &mut [f32], factor: f32, lse: f32) {
        for s in scores.iter_mut() {
            *s = exp(*s * factor - lse);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_a_few_units_in_the_last_place() {
        let mut x = -87.0_f32;
        while x < 88.0 {
            let want = f64::from(x).exp();
            let got = f64::from(exp(x));
            assert!(
                ((got - want) / want).abs() < 3e-7,
                "e^{x}: {got} instead of {want}"
            );
            x += 0.013;
        }
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn sums_take_every_element_once() {
        for len in [0, 1, 15, 16, 17, 100] {
            let ones = vec![1.0; len];
            assert_eq!(dot(&ones, &ones), len as f32);
        }
    }
}
