//! What a run will need in memory, so that it can adapt before it starts.
//!
//! f32 weights, gradients and two moments are 16 bytes a parameter; the rest are activations,
//! which smaller micro-batches and recomputation reduce, and on the CPU the process itself.

use super::moments::Keeping;
use crate::{
    model::{Config, Part, frozen_bytes, layout, parameters},
    ops::{Precision, quant::Format, scratch},
};

/// How sequences go through the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Sequences at once.
    pub micro_batch: usize,
    /// Whether layers keep only their input.
    pub recompute: bool,
    /// Whether an average of the weights is kept.
    pub average: bool,
    /// Whether a frozen copy of the first weights is kept, too: where preferences are learned.
    pub reference: bool,
    /// Parameters of the adapters that learn; none where all weights do.
    pub adapters: Option<usize>,
    /// How the frozen base's matrices are stored; none for f32.
    pub base: Option<Format>,
    /// How moments are kept.
    pub keeping: Keeping,
    /// What computes.
    pub place: Place,
}

/// What computes, since operations hold memory of their own while they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The CPU: a chunk of the head's logits and its gradient.
    Cpu,
    /// A GPU with products in a precision: [`scratch::bytes`].
    Gpu(Precision),
}

/// Weights, gradients and moments, and the average of the weights where one is kept, in bytes on
/// the device.
#[must_use]
pub fn fixed_bytes(config: &Config, plan: Plan) -> u64 {
    let each = if plan.average { 12 } else { 8 };
    let all = parameters(config) as u64;
    // With adapters the base is the reference.
    let each = each
        + if plan.reference && plan.adapters.is_none() {
            4
        } else {
            0
        };
    if let Some(adapters) = plan.adapters {
        // Frozen weights have no gradients and no moments.
        let base = plan
            .base
            .map_or(4 * all, |format| frozen_bytes(config, format));
        return base + each * adapters as u64 + plan.keeping.least_bytes(adapters);
    }
    let moments = layout(config).into_iter();
    let moments: u64 = moments.map(|spec| plan.keeping.bytes(&spec)).sum();
    each * all + moments
}

/// What the host holds beside the device: moments and master weights that are offloaded, in bytes.
#[must_use]
pub fn host_bytes(config: &Config, plan: Plan) -> u64 {
    let trained = plan.adapters.unwrap_or_else(|| parameters(config)) as u64;
    match plan.keeping {
        Keeping::Host => 12 * trained,
        Keeping::Full | Keeping::Eight => 0,
    }
}

/// What a process has beside its model: the program, its libraries, the pages of the shards that are in
/// use. Measured on Linux: the peak of `--dry-run` with 467 and with 4096 ids was 92 MB each, of which 69
/// are the tokenizer's words, which are given back before the steps; these add 8 MB of files' pages.
const PROCESS_BYTES: u64 = 30_000_000;
/// Bytes of the tokenizer for each id; measured with 16,384 (108 MB in all).
const ID_BYTES: u64 = 1_100;

/// What the process itself takes where the device is the CPU, beside all that the model needs, in
/// bytes; 0 on a GPU, whose memory has none of it.
#[must_use]
pub fn process_bytes(config: &Config, place: Place) -> u64 {
    match place {
        Place::Cpu => PROCESS_BYTES + ID_BYTES * config.vocab_size as u64,
        Place::Gpu(_) => 0,
    }
}

/// What passes through the CPU's memory when a file is written, in bytes: the largest tensor, while
/// activations are given back.
fn passing_bytes(config: &Config, place: Place) -> u64 {
    let specs = layout(config);
    let largest = specs.iter().fold(0, |most, spec| most.max(spec.count()));
    match place {
        Place::Cpu => 4 * largest as u64,
        Place::Gpu(_) => 0,
    }
}

/// An estimate of everything, in bytes: on the CPU of the whole process.
#[must_use]
pub fn bytes(config: &Config, seq: usize, plan: Plan) -> u64 {
    let rows = (plan.micro_batch * seq) as u64;
    let width = config.hidden_size as u64;
    let q = (config.heads * config.head_dim) as u64;
    let kv = (config.kv_heads * config.head_dim) as u64;
    // A token goes through several experts, each as wide as this.
    let wide = (config.intermediate_size * config.experts_per_token()) as u64;
    let row = config.arch.row();
    // Queries and keys before the norms of their heads.
    let unnormed = row.index(Part::QNorm).map_or(0, |_| q + kv);
    let gates = if row.index(Part::Gate).is_some() {
        2
    } else {
        1
    };
    // Bytes of what lies between products; the residual stream (a layer's input, and its middle) is
    // f32 in any case, and so is what it works with beside.
    let between = match plan.place {
        Place::Gpu(Precision::Bf16) => 2,
        Place::Gpu(Precision::F32) | Place::Cpu => 4,
    };
    let layer = 8 * width + between * (2 * width + 2 * q + 2 * kv + unnormed + gates * wide);
    let working = 4 * 3 * width + between * (2 * q + 2 * kv + 3 * wide);
    let kept = if plan.recompute {
        4 * config.layers as u64 * width + layer
    } else {
        config.layers as u64 * layer
    };
    let scratch = match plan.place {
        Place::Cpu => 32 << 20,
        Place::Gpu(precision) => {
            // A frozen matrix is f32 while it is multiplied.
            let unpacked = plan.base.map_or(0, |_| 4 * width * wide);
            let sizes = scratch::Sizes {
                rows: plan.micro_batch * seq,
                seq,
                heads: config.heads,
                head_dim: config.head_dim,
                width: config.hidden_size,
                widest: config.intermediate_size,
                vocab: config.vocab_size,
            };
            unpacked + scratch::bytes(precision, sizes)
        }
    };
    let activations = rows * (kept + working) + scratch;
    fixed_bytes(config, plan)
        + activations.max(passing_bytes(config, plan.place))
        + process_bytes(config, plan.place)
}

/// The first plan that fits `limit` bytes: as asked, then with recomputation, then with ever
/// smaller micro-batches. `None` when not even one sequence fits.
#[must_use]
pub fn plan(config: &Config, seq: usize, asked: Plan, limit: u64) -> Option<Plan> {
    let mut plan = asked;
    while bytes(config, seq, plan) > limit {
        if !plan.recompute {
            plan.recompute = true;
        } else if plan.micro_batch > 1 {
            plan.micro_batch = plan.micro_batch.div_ceil(2);
        } else {
            return None;
        }
    }
    Some(plan)
}

/// The longest sequences, in tokens, of which one at a time fits with recomputation; `None` when
/// weights, gradients and moments alone leave no room for one.
#[must_use]
pub fn longest_seq(config: &Config, asked: Plan, limit: u64) -> Option<usize> {
    let least = Plan {
        micro_batch: 1,
        recompute: true,
        ..asked
    };
    (0..=config.max_positions.max(1).ilog2())
        .rev()
        .map(|power| 1 << power)
        .find(|&seq| bytes(config, seq, least) <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::preset;

    const SEQ: usize = 512;

    fn config() -> Config {
        preset("llama-1m").unwrap().config(4096, SEQ)
    }

    fn asked(place: Place) -> Plan {
        Plan {
            micro_batch: 8,
            recompute: false,
            average: false,
            reference: false,
            adapters: None,
            base: None,
            keeping: Keeping::Full,
            place,
        }
    }

    #[test]
    fn fewer_bits_take_what_they_say() {
        let config = preset("llama-15m").unwrap().config(8192, SEQ);
        let all = parameters(&config) as u64;
        let full = asked(Place::Cpu);
        assert_eq!(fixed_bytes(&config, full), 16 * all);
        let of = |keeping| fixed_bytes(&config, Plan { keeping, ..full }) as f64 / all as f64;
        assert!((of(Keeping::Eight) - 10.03).abs() < 0.01);
        assert_eq!(of(Keeping::Host), 8.0);
        let host = Plan {
            keeping: Keeping::Host,
            ..full
        };
        assert_eq!(
            (host_bytes(&config, full), host_bytes(&config, host)),
            (0, 12 * all)
        );
        let frozen = |base| {
            let plan = Plan {
                adapters: Some(1000),
                base,
                ..full
            };
            fixed_bytes(&config, plan) - 16_000
        };
        assert_eq!(frozen(None), 4 * all);
        // The token table of 8192 x 384 and the norms stay f32.
        let table = 8192 * 384;
        let norms = (2 * config.layers as u64 + 1) * 384;
        let packed = all - table - norms;
        assert_eq!(
            frozen(Some(Format::Nf4)),
            4 * (table + norms) + packed * 9 / 16
        );
        assert_eq!(
            frozen(Some(Format::Int8)),
            4 * (table + norms) + packed * 17 / 16
        );
    }

    #[test]
    fn a_plan_gives_up_memory_in_order_until_nothing_fits() {
        let config = config();
        let whole = asked(Place::Cpu);
        let mut limit = bytes(&config, SEQ, whole);
        assert_eq!(plan(&config, SEQ, whole, limit), Some(whole));
        let mut seen = Vec::new();
        while let Some(smaller) = plan(&config, SEQ, whole, limit - 1) {
            assert!(bytes(&config, SEQ, smaller) < limit);
            limit = bytes(&config, SEQ, smaller);
            seen.push((smaller.micro_batch, smaller.recompute));
        }
        assert_eq!(seen, [(8, true), (4, true), (2, true), (1, true)]);
    }

    #[test]
    fn the_process_is_counted_where_it_is_and_files_pass_through_it() {
        let of = |ids| preset("llama-15m").unwrap().config(ids, SEQ);
        let gpu = Place::Gpu(Precision::F32);
        assert_eq!(process_bytes(&of(16_384), gpu), 0);
        let more = process_bytes(&of(16_384), Place::Cpu) - process_bytes(&of(4096), Place::Cpu);
        assert_eq!(more, 12_288 * ID_BYTES);
        // A table of a million ids is more than the activations of one short sequence.
        let config = of(1 << 20);
        let least = Plan {
            micro_batch: 1,
            recompute: true,
            ..asked(Place::Cpu)
        };
        let parts = fixed_bytes(&config, least) + process_bytes(&config, Place::Cpu);
        let table = 4 * config.vocab_size * config.hidden_size;
        assert_eq!(bytes(&config, 16, least) - parts, table as u64);
    }

    #[test]
    fn the_longest_sequence_fits_and_twice_as_long_does_not() {
        let config = config();
        let asked = asked(Place::Gpu(Precision::Bf16));
        let least = Plan {
            micro_batch: 1,
            recompute: true,
            ..asked
        };
        let limit = bytes(&config, 300, least);
        assert_eq!(longest_seq(&config, asked, limit), Some(256));
        assert!(bytes(&config, 512, least) > limit);
        let fixed = fixed_bytes(&config, asked);
        assert_eq!(longest_seq(&config, asked, fixed), None);
    }
}
