//! A Llama for a number of parameters: which layers and widths it could have.
//!
//! Layers and width lie between those of known models on a logarithmic scale; the feed-forward layer is as
//! wide as brings the count to the number asked for. Of all pairs around that point the one is taken that
//! is least far from known proportions, so that memory and attention are those of a model that can exist.

use super::shape::{Block, Shape};

/// Llamas between which shapes are assumed: parameters, layers, width, vocabulary. prep's presets
/// below 1B; above, Llama 3.2 1B and 3B, Llama 3.1 8B, 70B and 405B.
const KNOWN: [(f64, f64, f64, f64); 9] = [
    (1.3e6, 4.0, 64.0, 16_384.0),
    (15.7e6, 8.0, 384.0, 16_384.0),
    (113e6, 16.0, 768.0, 16_384.0),
    (344e6, 24.0, 1024.0, 16_384.0),
    (1.24e9, 16.0, 2048.0, 128_256.0),
    (3.21e9, 28.0, 3072.0, 128_256.0),
    (8.03e9, 32.0, 4096.0, 128_256.0),
    (70.6e9, 80.0, 8192.0, 128_256.0),
    (405.9e9, 126.0, 16_384.0, 128_256.0),
];

/// From here on the head has its own table, as in the Llamas of 8B and more.
const UNTIED: f64 = 4e9;
/// Width of the feed-forward layer in widths of the residual stream, Llama 3's.
const FEED_FORWARD: f64 = 3.5;
/// The smallest width, two numbers for each of four heads, and the step below 512.
const NARROWEST: f64 = 8.0;
/// The step of the width from 512 on: a head of Llama 3.
const HEAD: f64 = 128.0;
/// Steps between nothing and known proportions, at most, so that no size takes long to search.
const FINEST: f64 = 64.0;
/// How far a count may be from the number asked for, as a share of it.
const OFF: f64 = 0.02;

/// The proportions that are searched for.
struct Wanted {
    parameters: f64,
    layers: f64,
    hidden: f64,
    vocab: f64,
}

/// Layers, width, width of the feed-forward layer.
#[derive(Clone, Copy)]
struct Sizes {
    layers: f64,
    hidden: f64,
    feed_forward: f64,
}

/// A Llama of this many parameters. The vocabulary is that of the nearest known model unless given,
/// smaller where its table would take more than half of the parameters at the smallest width. Where the
/// vocabulary that is given takes more than `parameters`, the smallest model that has it, with its true count.
pub(super) fn shape(parameters: f64, vocab_size: Option<u64>) -> Shape {
    let upper = KNOWN.iter().position(|row| row.0 >= parameters);
    let upper = upper.unwrap_or(KNOWN.len() - 1).max(1);
    let (below, above) = (KNOWN[upper - 1], KNOWN[upper]);
    let place = (parameters / below.0).ln() / (above.0 / below.0).ln();
    let between = |from: f64, to: f64| (from.ln() + place * (to / from).ln()).exp();
    let nearest = if place < 0.5 { below } else { above };
    let room = (parameters / 2.0 / NARROWEST).floor().max(256.0);
    let wanted = Wanted {
        parameters,
        layers: between(below.1, above.1),
        hidden: between(below.2, above.2),
        vocab: vocab_size.map_or(nearest.3.min(room), |size| size as f64),
    };
    let smallest = Sizes {
        layers: 1.0,
        hidden: NARROWEST,
        feed_forward: NARROWEST,
    };
    let sizes = wanted.nearest().unwrap_or(smallest);
    let count = wanted.count(sizes);
    let parameters = if (count / parameters - 1.0).abs() <= OFF {
        parameters
    } else {
        count
    };
    Shape {
        parameters,
        active_parameters: parameters,
        assumed: true,
        layers: sizes.layers,
        hidden_size: sizes.hidden,
        intermediate_size: sizes.feed_forward,
        query_size: sizes.hidden,
        key_size: sizes.hidden / 4.0,
        heads: (sizes.hidden / HEAD).max(4.0),
        vocab_size: wanted.vocab,
        tied: wanted.tied(),
        block: Block::Llama,
        position_parameters: 0.0,
        banded: (0.0, 0.0),
    }
}

impl Wanted {
    fn tied(&self) -> bool {
        self.parameters < UNTIED
    }

    /// Token table, head, norm of the output.
    fn around(&self, hidden: f64) -> f64 {
        let tables = if self.tied() { 1.0 } else { 2.0 };
        tables * self.vocab * hidden + hidden
    }

    /// Parameters of these sizes: queries and output of the whole width, keys and values of a quarter,
    /// three matrices of the feed-forward layer, two norms.
    fn count(&self, sizes: Sizes) -> f64 {
        let Sizes {
            layers,
            hidden,
            feed_forward,
        } = sizes;
        let layer = 2.5 * hidden * hidden + 3.0 * hidden * feed_forward + 2.0 * hidden;
        self.around(hidden) + layers * layer
    }

    /// The sizes nearest to the proportions that have the parameters.
    fn nearest(&self) -> Option<Sizes> {
        let mut best: Option<(f64, Sizes)> = None;
        for hidden in self.widths() {
            let most = (3.0 * self.layers).ceil() as u64;
            let step = (self.layers / FINEST).ceil().max(1.0) as usize;
            for layers in (1..=most).step_by(step).map(|layers| layers as f64) {
                let Some(sizes) = self.with(layers, hidden) else {
                    continue;
                };
                let off = |value: f64, wanted: f64| (value / wanted).ln().abs();
                let away = off(layers, self.layers)
                    + off(hidden, self.hidden)
                    + off(sizes.feed_forward / hidden, FEED_FORWARD);
                if best.is_none_or(|(least, _)| away < least) {
                    best = Some((away, sizes));
                }
            }
        }
        best.map(|(_, sizes)| sizes)
    }

    /// Up to twice the width of known models, from the narrowest where the vocabulary leaves no more.
    fn widths(&self) -> impl Iterator<Item = f64> {
        let most = 2.0 * self.hidden.max(NARROWEST);
        let narrow = (1..64).map(|step| f64::from(step) * NARROWEST);
        let step = HEAD * (self.hidden / HEAD / FINEST).floor().max(1.0);
        let wide = (0_u64..).map(move |steps| 512.0 + steps as f64 * step);
        narrow.chain(wide).take_while(move |hidden| *hidden <= most)
    }

    /// The sizes of so many layers of this width, if there are such.
    fn with(&self, layers: f64, hidden: f64) -> Option<Sizes> {
        let layer = (self.parameters - self.around(hidden)) / layers;
        let exact = (layer - 2.5 * hidden * hidden - 2.0 * hidden) / (3.0 * hidden);
        // Wide models have feed-forward layers in steps of 8, as kernels want them.
        let step = if hidden < 64.0 { 1.0 } else { 8.0 };
        let sizes = Sizes {
            layers,
            hidden,
            feed_forward: (exact / step).round() * step,
        };
        let off = (self.count(sizes) / self.parameters - 1.0).abs();
        (sizes.feed_forward >= 1.0 && off <= OFF).then_some(sizes)
    }
}
