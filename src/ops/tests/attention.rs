//! Rotation and attention, whole and packed.

use candle_core::{D, Device, Tensor};

use super::{Host, Operation, check, random, up};
use crate::ops::{AttentionShape, Backend, Llama3Scaling, Places, Rope, RopeOptions, usual_factor};

/// RoPE with causal grouped-query attention; more tokens than a block of the kernel has rows.
pub struct Attention {
    shape: AttentionShape,
    rope: Option<Rope>,
    starts: Vec<u32>,
}

impl Attention {
    /// Values of a row of queries, and of the output.
    pub fn width(&self) -> usize {
        self.shape.heads * self.shape.head_dim
    }

    fn places(&self) -> Places<'_> {
        Places {
            rope: self.rope.as_ref(),
            starts: &self.starts,
        }
    }
}

pub fn attention(seq: usize, kv_heads: usize) -> Attention {
    attention_of(seq, kv_heads, 8)
}

/// With heads of a width.
fn attention_of(seq: usize, kv_heads: usize, head_dim: usize) -> Attention {
    let options = RopeOptions {
        theta: 100.0,
        llama3: Some(Llama3Scaling {
            factor: 4.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_max_position_embeddings: 32,
        }),
    };
    Attention {
        shape: AttentionShape {
            batch: 2,
            seq,
            heads: 4,
            kv_heads,
            head_dim,
            factor: usual_factor(head_dim),
            window: None,
        },
        rope: Some(Rope::new(&options, head_dim, seq)),
        starts: Vec::new(),
    }
}

impl Operation for Attention {
    fn inputs(&self) -> Vec<Host> {
        let rows = self.shape.batch * self.shape.seq;
        let kv = self.shape.kv_heads * self.shape.head_dim;
        vec![
            random(rows, self.width(), 1),
            random(rows, kv, 2),
            random(rows, kv, 3),
        ]
    }

    fn forward<B: Backend>(&self, b: &B, i: &[Host]) -> Vec<f32> {
        let (q, k, v) = (up(b, &i[0]), up(b, &i[1]), up(b, &i[2]));
        b.download(&b.attention(q, k, v, self.shape, self.places()).unwrap().out)
            .unwrap()
    }

    fn backward<B: Backend>(&self, b: &B, i: &[Host], probe: &Host) -> Vec<Vec<f32>> {
        let (q, k, v) = (up(b, &i[0]), up(b, &i[1]), up(b, &i[2]));
        let saved = b.attention(q, k, v, self.shape, self.places()).unwrap();
        let gradients = b
            .attention_backward(&saved, &up(b, probe), self.shape, self.places())
            .unwrap();
        gradients.iter().map(|g| b.download(g).unwrap()).collect()
    }

    fn tape(&self, i: &[Tensor]) -> candle_core::Result<Tensor> {
        tape_attention(&i[0], &i[1], &i[2], self.shape, self.places())
    }
}

/// Rotation and attention with whole scores, for the tape.
pub fn tape_attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    shape: AttentionShape,
    places: Places<'_>,
) -> candle_core::Result<Tensor> {
    let AttentionShape {
        batch,
        seq,
        heads,
        kv_heads,
        head_dim,
        factor,
        ..
    } = shape;
    let half = head_dim / 2;
    let table = |values: fn(&Rope) -> &[f32]| {
        let Some(rope) = places.rope else {
            return Ok(None);
        };
        let rows = (0..batch * seq).flat_map(|row| {
            let position = row % seq - places.start(row);
            values(rope)[position * half..][..half].to_vec()
        });
        let shape = (batch, 1, seq, half);
        Tensor::from_vec(rows.collect::<Vec<f32>>(), shape, &Device::Cpu).map(Some)
    };
    let (cos, sin) = (table(|rope| &rope.cos)?, table(|rope| &rope.sin)?);
    let split = |x: &Tensor, heads: usize| {
        x.reshape((batch, seq, heads, head_dim))?
            .transpose(1, 2)?
            .contiguous()
    };
    let turn = |x: &Tensor| {
        let (Some(cos), Some(sin)) = (&cos, &sin) else {
            return Ok(x.clone());
        };
        let (a, b) = (x.narrow(3, 0, half)?, x.narrow(3, half, half)?);
        let first = (a.broadcast_mul(cos)? - b.broadcast_mul(sin)?)?;
        let second = (b.broadcast_mul(cos)? + a.broadcast_mul(sin)?)?;
        Tensor::cat(&[first, second], 3)
    };
    let widen = |x: &Tensor| {
        x.unsqueeze(2)?
            .broadcast_as((batch, kv_heads, heads / kv_heads, seq, head_dim))?
            .reshape((batch, heads, seq, head_dim))
    };
    let q = turn(&split(q, heads)?)?;
    let k = widen(&turn(&split(k, kv_heads)?)?)?;
    let v = widen(&split(v, kv_heads)?)?;
    let mask: Vec<f32> = (0..batch * seq * seq)
        .map(|i| {
            let (row, key) = (i / seq, i % seq);
            if key > row % seq || key < shape.first_key(places.start(row), row % seq) {
                f32::NEG_INFINITY
            } else {
                0.0
            }
        })
        .collect();
    let mask = Tensor::from_vec(mask, (batch, 1, seq, seq), &Device::Cpu)?;
    let scores = (q.matmul(&k.t()?.contiguous()?)? * f64::from(factor))?;
    let scores = scores.broadcast_add(&mask)?;
    let max = scores.max_keepdim(D::Minus1)?.detach();
    let p = scores.broadcast_sub(&max)?.exp()?;
    let p = p.broadcast_div(&p.sum_keepdim(D::Minus1)?)?;
    p.matmul(&v)?
        .transpose(1, 2)?
        .reshape((batch * seq, heads * head_dim))
}

#[test]
fn attention_agrees_with_grouped_heads() {
    check("attention", &attention(150, 2));
    let mut banded = attention(150, 2);
    banded.shape.window = Some(17);
    check("attention with a window", &banded);
}

/// Documents of 1, 69 and 80 tokens, and of 64, 64, 20 and 2 of padding.
pub fn packed() -> Attention {
    packed_of(2, 8)
}

fn packed_of(kv_heads: usize, head_dim: usize) -> Attention {
    let mut packed = attention_of(150, kv_heads, head_dim);
    for lengths in [&[1, 69, 80][..], &[64, 64, 20, 2]] {
        let mut start = 0;
        for &length in lengths {
            packed.starts.extend(std::iter::repeat_n(start, length));
            start += length as u32;
        }
    }
    packed
}

/// Attention with heads of the widths that GPUs keep on the chip: whole and packed, with windows, more
/// than one tile of queries and of keys.
pub fn for_flash() -> Vec<(String, Attention)> {
    let mut all = Vec::new();
    for (head_dim, kv_heads) in [(32, 1), (64, 2), (128, 4)] {
        let whole = attention_of(150, kv_heads, head_dim);
        let packed = packed_of(kv_heads, head_dim);
        let mut banded = packed_of(kv_heads, head_dim);
        banded.shape.window = Some(30);
        let mut short = attention_of(70, kv_heads, head_dim);
        short.rope = None;
        let cases = [
            ("whole", whole),
            ("packed", packed),
            ("banded", banded),
            ("short", short),
        ];
        all.extend(cases.map(|(name, case)| (format!("{name} of {head_dim}"), case)));
    }
    all
}

#[test]
fn attention_of_packed_documents_agrees() {
    let mut packed = packed();
    check("packed attention", &packed);
    packed.rope = None;
    check("packed attention without rotation", &packed);
    // Windows that begin within documents, before them, and that cross blocks.
    for window in [2, 30, 70] {
        packed.shape.window = Some(window);
        packed.shape.factor = 1.0;
        check("packed attention with a window", &packed);
    }
}

#[test]
fn attention_agrees_with_one_key_head_and_with_all() {
    check("attention, 1 key head", &attention(64, 1));
    check("attention, 4 key heads", &attention(7, 4));
}

#[test]
fn llama3_scaling_stretches_long_waves_only() {
    let plain = RopeOptions {
        theta: 10_000.0,
        llama3: None,
    };
    let scaled = RopeOptions {
        llama3: Some(Llama3Scaling {
            factor: 8.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_max_position_embeddings: 64,
        }),
        ..plain.clone()
    };
    let (a, b) = (Rope::new(&plain, 16, 2), Rope::new(&scaled, 16, 2));
    assert_eq!(a.sin[8], b.sin[8], "the shortest wave stays");
    let ratio = a.sin[15] / b.sin[15];
    assert!(
        (ratio - 8.0).abs() < 1e-3,
        "the longest is stretched 8 times, not {ratio}"
    );
}
