//! First values of the parameters: normal with the configuration's deviation, matrices that write
//! into the residual stream divided by `sqrt(2 * layers)` (GPT-2), norms at 1, biases at 0.
//!
//! Each tensor has its own generator, seeded by the seed and the tensor's name, so that a tensor's
//! values depend on nothing else.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{
    Config,
    layout::{ParamSpec, Role},
};
use crate::train::Random;

/// The first values of one parameter.
pub fn values(spec: &ParamSpec, config: &Config, seed: u64) -> Vec<f32> {
    let std = match spec.role {
        Role::Norm => return vec![1.0; spec.count()],
        Role::Bias => return vec![0.0; spec.count()],
        Role::Matrix => config.init_std,
        Role::Residual => config.init_std / (2.0 * config.layers as f64).sqrt(),
    };
    let mut random = Random::new(xxh3_64_with_seed(spec.name.as_bytes(), seed));
    (0..spec.count())
        .map(|_| random.normal() * std as f32)
        .collect()
}
