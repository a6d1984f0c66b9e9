//! Rotary position embedding: the table of cosines and sines, with Llama 3's frequency scaling.
//!
//! The layout is that of Hugging Face's Llama ("rotate half"): component `i` of a head turns with
//! component `i + head_dim / 2`, not with its neighbour.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// How positions turn into angles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RopeOptions {
    /// The base of the frequencies.
    pub theta: f64,
    /// Llama 3's stretching of long wavelengths.
    pub llama3: Option<Llama3Scaling>,
}

/// The parameters of `rope_type: llama3`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Llama3Scaling {
    /// What long wavelengths are stretched by.
    pub factor: f64,
    /// Wavelengths above `original_context / low_freq_factor` are stretched in full.
    pub low_freq_factor: f64,
    /// Wavelengths below `original_context / high_freq_factor` stay.
    pub high_freq_factor: f64,
    /// The context length before stretching, in tokens.
    pub original_max_position_embeddings: usize,
}

impl RopeOptions {
    /// Angle per token of each of the `head_dim / 2` pairs.
    fn frequencies(&self, head_dim: usize) -> Vec<f64> {
        (0..head_dim / 2)
            .map(|i| {
                // Hugging Face computes the exponent in f32; so do we, to agree in the last bit.
                let power = (self.theta as f32).powf(2.0 * i as f32 / head_dim as f32);
                let freq = f64::from(1.0 / power);
                self.llama3.as_ref().map_or(freq, |s| s.scale(freq))
            })
            .collect()
    }
}

impl Llama3Scaling {
    fn scale(&self, freq: f64) -> f64 {
        let context = self.original_max_position_embeddings as f64;
        let wavelength = 2.0 * PI / freq;
        if wavelength > context / self.low_freq_factor {
            freq / self.factor
        } else if wavelength < context / self.high_freq_factor {
            freq
        } else {
            let smooth = (context / wavelength - self.low_freq_factor)
                / (self.high_freq_factor - self.low_freq_factor);
            (1.0 - smooth) * freq / self.factor + smooth * freq
        }
    }
}

/// Cosines and sines of positions `0..positions`, `[positions, head_dim / 2]` each.
pub struct Rope {
    /// Half of the head's width.
    pub half: usize,
    /// Cosines, row by position.
    pub cos: Vec<f32>,
    /// Sines, row by position.
    pub sin: Vec<f32>,
}

impl Rope {
    /// The table for heads of `head_dim` floats.
    pub fn new(options: &RopeOptions, head_dim: usize, positions: usize) -> Self {
        let frequencies = options.frequencies(head_dim);
        let half = head_dim / 2;
        let mut cos = Vec::with_capacity(positions * half);
        let mut sin = Vec::with_capacity(positions * half);
        for position in 0..positions {
            for &freq in &frequencies {
                // The product in f32, as the reference does.
                let angle = f64::from(position as f32 * freq as f32);
                cos.push(angle.cos() as f32);
                sin.push(angle.sin() as f32);
            }
        }
        Self { half, cos, sin }
    }

    /// Positions in the table.
    pub fn positions(&self) -> usize {
        self.cos.len() / self.half
    }
}
