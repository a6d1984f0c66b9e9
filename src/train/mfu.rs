//! How much of the device's peak a run uses: model FLOPs utilisation (MFU).
//!
//! As `PaLM` defines it (Chowdhery et al. 2022, arXiv 2204.02311, appendix B): the operations that the
//! model needs for the tokens of a second, over what the device could do. Layers that are computed
//! twice do not count twice. Attention counts between the tokens of a document alone, since those of
//! others are never looked at; padding is no token.
//!
//! The peak is what `--peak` states. Of a CPU it is measured otherwise, by products of matrices with
//! this build's own kernel: no data sheet says what a CPU reaches, and it is shared with others.

use std::time::Instant;

use anyhow::Result;

use super::{Loader, Options, objective::Objective};
use crate::{
    ops::Backend,
    plan::{flops, shape::Shape},
};

/// The peak of a device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peak {
    /// Floating-point operations a second.
    pub flops_per_second: f64,
    /// Whether it was measured, not stated.
    pub measured: bool,
}

impl Peak {
    /// That of several such devices.
    #[must_use]
    pub fn times(self, devices: usize) -> Self {
        Self {
            flops_per_second: self.flops_per_second * devices as f64,
            ..self
        }
    }
}

/// What a run's speed is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Utilisation {
    /// FLOPs that the model needs for a token of a sequence, on average.
    pub flops_per_token: f64,
    /// The device's peak.
    pub peak: Peak,
}

impl Utilisation {
    /// The share of the peak at this speed.
    #[must_use]
    pub fn share(&self, tokens_per_second: f64) -> f64 {
        self.flops_per_token * tokens_per_second / self.peak.flops_per_second
    }
}

/// FLOPs of a step of these options for one token of the sequences of `loader`, on average, padding
/// included: 6 for each parameter that it is multiplied with, 4 where it is frozen beside adapters, and
/// 6·L·d·S for attention over documents of S tokens. Where answers are compared the reference runs
/// forward, a third of a step of all weights, and the head once more.
#[must_use]
pub fn flops_per_token(options: &Options, loader: &Loader<'_>) -> f64 {
    let shape = Shape::of(&options.model);
    let packed = loader.packed();
    let used = packed.used_tokens as f64 / packed.room_tokens.max(1) as f64;
    let multiplied = shape.multiplied();
    let weights = match options.trained() {
        Some(adapters) => flops::frozen_weights(multiplied) + flops::weights(adapters as f64),
        None => flops::weights(multiplied),
    };
    let seen = loader.mean_span_tokens();
    let attention = flops::causal_attention(shape.layers, shape.query_size, seen);
    let beside = match options.objective {
        Objective::Tokens | Objective::Classify { .. } => 0.0,
        Objective::Preference(_) => {
            let head = shape.vocab_size * shape.hidden_size;
            (flops::weights(multiplied + head) + attention) / 3.0
        }
    };
    used * (weights + attention + beside)
}

/// Side of the matrices: large enough that the product, not memory, is what takes the time.
const SIDE: usize = 1024;
/// Products; the fastest counts, since others may use the machine, too.
const PRODUCTS: usize = 5;

/// Measures the peak of a CPU: the fastest of a few products of f32 matrices.
///
/// # Errors
/// When the device has no room.
pub fn measure<B: Backend>(backend: &B) -> Result<Peak> {
    let values: Vec<f32> = (0..SIDE * SIDE).map(|i| (i % 7) as f32 - 3.0).collect();
    let a = backend.upload(SIDE, SIDE, &values)?;
    let b = backend.upload(SIDE, SIDE, &values)?;
    let mut fastest = f64::INFINITY;
    for _ in 0..PRODUCTS {
        let begin = Instant::now();
        let product = backend.linear(&a, &b)?;
        fastest = fastest.min(begin.elapsed().as_secs_f64().max(1e-9));
        drop(product);
    }
    drop((a, b));
    backend.release();
    Ok(Peak {
        flops_per_second: 2.0 * (SIDE as f64).powi(3) / fastest,
        measured: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Lora, preset},
        train::{
            Packing,
            loader::tests::Counting,
            objective::{Formula, tests::preference_options},
            tests::options,
        },
    };

    #[test]
    fn flops_are_those_of_the_documents_that_tokens_see() {
        // A tied Llama: 6 for each parameter and 6·L·d·S.
        let config = preset("llama-1m").unwrap().config(512, 64);
        let (layers, width) = (
            config.layers as f64,
            (config.heads * config.head_dim) as f64,
        );
        let parameters = crate::model::parameters(&config) as f64;
        let weights = 6.0 * parameters;
        let whole = Options {
            model: config.clone(),
            ..options(1)
        };
        // Documents of 65 tokens fill a sequence; two of 33 share one, so that each sees half.
        for (lengths, seen) in [([65; 4], 64.0), ([33; 4], 32.0)] {
            let stream = Counting::texts(&lengths);
            let loader = Loader::new(&stream, Packing::Bestfit, 64, 0).unwrap();
            let got = flops_per_token(&whole, &loader);
            assert_eq!(got, weights + 6.0 * layers * width * seen);
        }
        // One document of 33 tokens in sequences of 64: half of it is padding.
        let stream = Counting::texts(&[33]);
        let loader = Loader::new(&stream, Packing::None, 64, 0).unwrap();
        let got = flops_per_token(&whole, &loader);
        assert_eq!(got, 0.5 * (weights + 6.0 * layers * width * 32.0));
        // Frozen matrices have no gradients; of pairs the reference runs forward and the head again.
        let stream = Counting::texts(&[65; 4]);
        let loader = Loader::new(&stream, Packing::Bestfit, 64, 0).unwrap();
        let attention = 6.0 * layers * width * 64.0;
        let adapted = Options {
            lora: Some(Lora {
                rank: 2,
                alpha: 4.0,
                dropout: 0.0,
                targets: Lora::all_targets(&config).unwrap(),
            }),
            ..whole.clone()
        };
        let adapters = adapted.trained().unwrap() as f64;
        let got = flops_per_token(&adapted, &loader);
        assert_eq!(got, 4.0 * parameters + 6.0 * adapters + attention);
        let pairs = Options {
            model: config.clone(),
            ..preference_options(Formula::Dpo, 1)
        };
        let head = (config.vocab_size * config.hidden_size) as f64;
        let want = 8.0 * parameters + 2.0 * head + 4.0 / 3.0 * attention;
        let got = flops_per_token(&pairs, &loader);
        assert!((got / want - 1.0).abs() < 1e-12, "{got} instead of {want}");
        let use_of = Utilisation {
            flops_per_token: 2e6,
            peak: Peak {
                flops_per_second: 1e9,
                measured: false,
            },
        };
        assert_eq!(use_of.share(100.0), 0.2);
    }
}
