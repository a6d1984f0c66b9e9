//! Every operation's backward, on both backends, against finite differences and against candle's
//! tape over composed operations.
//!
//! An operation is tested through the scalar `sum(out * probe)` with a random probe, so that `dy`
//! is the probe and every gradient has one expected value.

use candle_core::{D, DType, Device, Tensor, Var};

use super::{
    AdamStep, AttentionShape, Backend, Llama3Scaling, Rope, RopeOptions, Slot, Targets,
    composed::Composed, cpu::Cpu,
};
use crate::train::Random;

/// A matrix of the host.
#[derive(Clone)]
struct Host {
    rows: usize,
    cols: usize,
    values: Vec<f32>,
}

fn random(rows: usize, cols: usize, seed: u64) -> Host {
    let mut random = Random::new(seed);
    Host {
        rows,
        cols,
        values: (0..rows * cols).map(|_| random.normal()).collect(),
    }
}

fn up<B: Backend>(b: &B, host: &Host) -> B::Buf {
    b.upload(host.rows, host.cols, &host.values).unwrap()
}

fn tensor(host: &Host) -> Tensor {
    Tensor::from_slice(&host.values, (host.rows, host.cols), &Device::Cpu).unwrap()
}

/// What a backend makes of some inputs: the output, and the gradients of the inputs for a probe.
trait Operation {
    fn inputs(&self) -> Vec<Host>;
    fn forward<B: Backend>(&self, b: &B, inputs: &[Host]) -> Vec<f32>;
    fn backward<B: Backend>(&self, b: &B, inputs: &[Host], probe: &Host) -> Vec<Vec<f32>>;
    /// The same formula for the tape.
    fn tape(&self, inputs: &[Tensor]) -> candle_core::Result<Tensor>;
}

fn close(what: &str, got: &[f32], want: &[f32], tolerance: f32) {
    assert_eq!(got.len(), want.len(), "{what}: lengths");
    let scale = want.iter().fold(0.0_f32, |m, x| m.max(x.abs())).max(1e-3);
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        assert!(
            (g - w).abs() <= tolerance * scale,
            "{what}[{i}]: {g} instead of {w} (largest {scale})"
        );
    }
}

fn check(name: &str, operation: &impl Operation) {
    let inputs = operation.inputs();
    let vars: Vec<Var> = inputs
        .iter()
        .map(|i| Var::from_tensor(&tensor(i)).unwrap())
        .collect();
    let tensors: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
    let out = operation.tape(&tensors).unwrap();
    let (rows, cols) = out.dims2().unwrap();
    let probe = random(rows, cols, 99);
    let store = (&out * tensor(&probe))
        .unwrap()
        .sum_all()
        .unwrap()
        .backward()
        .unwrap();
    let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let wanted: Vec<Vec<f32>> = vars.iter().map(|v| flat(store.get(v).unwrap())).collect();
    check_backend(
        name,
        operation,
        &Cpu::default(),
        &probe,
        &flat(&out),
        &wanted,
    );
    let composed = Composed::new(Device::Cpu);
    check_backend(name, operation, &composed, &probe, &flat(&out), &wanted);
}

fn check_backend<B: Backend>(
    name: &str,
    operation: &impl Operation,
    b: &B,
    probe: &Host,
    out: &[f32],
    wanted: &[Vec<f32>],
) {
    let inputs = operation.inputs();
    let label = format!("{name} on {}", b.name());
    close(
        &format!("{label}: output"),
        &operation.forward(b, &inputs),
        out,
        2e-5,
    );
    let gradients = operation.backward(b, &inputs, probe);
    assert_eq!(gradients.len(), wanted.len());
    for (i, (got, want)) in gradients.iter().zip(wanted).enumerate() {
        close(&format!("{label}: gradient {i}"), got, want, 5e-5);
        finite_difference(&label, operation, b, probe, i, got);
    }
}

/// The slope along a random direction of input `i` against the gradient.
fn finite_difference<B: Backend>(
    label: &str,
    operation: &impl Operation,
    b: &B,
    probe: &Host,
    i: usize,
    gradient: &[f32],
) {
    let step = 1e-2_f32;
    let value = |sign: f32| -> f64 {
        let mut inputs = operation.inputs();
        let direction = random(inputs[i].rows, inputs[i].cols, 7 + i as u64);
        for (x, d) in inputs[i].values.iter_mut().zip(&direction.values) {
            *x += sign * step * d;
        }
        let out = operation.forward(b, &inputs);
        let products = out.iter().zip(&probe.values);
        products.map(|(o, p)| f64::from(*o) * f64::from(*p)).sum()
    };
    let input = &operation.inputs()[i];
    let direction = random(input.rows, input.cols, 7 + i as u64);
    let products = gradient.iter().zip(&direction.values);
    let want: f64 = products.map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
    let got = (value(1.0) - value(-1.0)) / (2.0 * f64::from(step));
    let norm: f64 = gradient
        .iter()
        .map(|g| f64::from(*g).powi(2))
        .sum::<f64>()
        .sqrt();
    assert!(
        (got - want).abs() < 0.01 * (norm + want.abs()),
        "{label}: input {i}: slope {got}, gradient says {want}"
    );
}

struct Linear;

impl Operation for Linear {
    fn inputs(&self) -> Vec<Host> {
        vec![random(37, 24, 1), random(19, 24, 2)]
    }

    fn forward<B: Backend>(&self, b: &B, i: &[Host]) -> Vec<f32> {
        b.download(&b.linear(&up(b, &i[0]), &up(b, &i[1])).unwrap())
            .unwrap()
    }

    fn backward<B: Backend>(&self, b: &B, i: &[Host], probe: &Host) -> Vec<Vec<f32>> {
        let (x, w, dy) = (up(b, &i[0]), up(b, &i[1]), up(b, probe));
        let mut dw = b.zeros(19, 24).unwrap();
        b.linear_dw_add(&x, &dy, &mut dw).unwrap();
        let dx = b.linear_dx(&dy, &w).unwrap();
        vec![b.download(&dx).unwrap(), b.download(&dw).unwrap()]
    }

    fn tape(&self, i: &[Tensor]) -> candle_core::Result<Tensor> {
        i[0].matmul(&i[1].t()?)
    }
}

struct Norm;

impl Operation for Norm {
    fn inputs(&self) -> Vec<Host> {
        vec![random(130, 24, 1), random(1, 24, 2)]
    }

    fn forward<B: Backend>(&self, b: &B, i: &[Host]) -> Vec<f32> {
        b.download(&b.rms_norm(&up(b, &i[0]), &up(b, &i[1]), 1e-5).unwrap().0)
            .unwrap()
    }

    fn backward<B: Backend>(&self, b: &B, i: &[Host], probe: &Host) -> Vec<Vec<f32>> {
        let (x, w, dy) = (up(b, &i[0]), up(b, &i[1]), up(b, probe));
        let (_, rstd) = b.rms_norm(&x, &w, 1e-5).unwrap();
        let mut dw = b.zeros(1, 24).unwrap();
        let mut dx = b.zeros(130, 24).unwrap();
        b.rms_norm_backward_add(&x, &w, &rstd, &dy, &mut dw, &mut dx)
            .unwrap();
        vec![b.download(&dx).unwrap(), b.download(&dw).unwrap()]
    }

    fn tape(&self, i: &[Tensor]) -> candle_core::Result<Tensor> {
        let root = (i[0].sqr()?.mean_keepdim(D::Minus1)? + 1e-5)?.sqrt()?;
        i[0].broadcast_div(&root)?.broadcast_mul(&i[1])
    }
}

struct SwiGlu;

impl Operation for SwiGlu {
    fn inputs(&self) -> Vec<Host> {
        vec![random(11, 40, 1), random(11, 40, 2)]
    }

    fn forward<B: Backend>(&self, b: &B, i: &[Host]) -> Vec<f32> {
        b.download(&b.swiglu(&up(b, &i[0]), &up(b, &i[1])).unwrap())
            .unwrap()
    }

    fn backward<B: Backend>(&self, b: &B, i: &[Host], probe: &Host) -> Vec<Vec<f32>> {
        let [dgate, dup, act] = b
            .swiglu_backward(up(b, &i[0]), up(b, &i[1]), up(b, probe))
            .unwrap();
        close(
            "swiglu again",
            &b.download(&act).unwrap(),
            &self.forward(b, i),
            1e-6,
        );
        vec![b.download(&dgate).unwrap(), b.download(&dup).unwrap()]
    }

    fn tape(&self, i: &[Tensor]) -> candle_core::Result<Tensor> {
        let sigmoid = (i[0].neg()?.exp()? + 1.0)?.recip()?;
        &i[0] * sigmoid * &i[1]
    }
}

struct Embedding;

const IDS: [u32; 6] = [3, 0, 3, 8, 1, 3];

impl Operation for Embedding {
    fn inputs(&self) -> Vec<Host> {
        vec![random(9, 5, 1)]
    }

    fn forward<B: Backend>(&self, b: &B, i: &[Host]) -> Vec<f32> {
        b.download(&b.embed(&up(b, &i[0]), &IDS).unwrap()).unwrap()
    }

    fn backward<B: Backend>(&self, b: &B, _: &[Host], probe: &Host) -> Vec<Vec<f32>> {
        let mut dtable = b.zeros(9, 5).unwrap();
        b.embed_backward_add(&IDS, &up(b, probe), &mut dtable)
            .unwrap();
        vec![b.download(&dtable).unwrap()]
    }

    fn tape(&self, i: &[Tensor]) -> candle_core::Result<Tensor> {
        i[0].index_select(&Tensor::new(&IDS, &Device::Cpu)?, 0)
    }
}

/// RoPE with causal grouped-query attention; more tokens than a block of the kernel has rows.
struct Attention {
    shape: AttentionShape,
    rope: Rope,
}

fn attention(seq: usize, kv_heads: usize) -> Attention {
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
            head_dim: 8,
        },
        rope: Rope::new(&options, 8, seq),
    }
}

impl Operation for Attention {
    fn inputs(&self) -> Vec<Host> {
        let rows = self.shape.batch * self.shape.seq;
        let kv = self.shape.kv_heads * 8;
        vec![
            random(rows, 32, 1),
            random(rows, kv, 2),
            random(rows, kv, 3),
        ]
    }

    fn forward<B: Backend>(&self, b: &B, i: &[Host]) -> Vec<f32> {
        let (q, k, v) = (up(b, &i[0]), up(b, &i[1]), up(b, &i[2]));
        b.download(&b.attention(q, k, v, self.shape, &self.rope).unwrap().out)
            .unwrap()
    }

    fn backward<B: Backend>(&self, b: &B, i: &[Host], probe: &Host) -> Vec<Vec<f32>> {
        let (q, k, v) = (up(b, &i[0]), up(b, &i[1]), up(b, &i[2]));
        let saved = b.attention(q, k, v, self.shape, &self.rope).unwrap();
        let gradients = b
            .attention_backward(&saved, &up(b, probe), self.shape, &self.rope)
            .unwrap();
        gradients.iter().map(|g| b.download(g).unwrap()).collect()
    }

    fn tape(&self, i: &[Tensor]) -> candle_core::Result<Tensor> {
        tape_attention(&i[0], &i[1], &i[2], self.shape, &self.rope)
    }
}

/// Rotation and attention with whole scores, for the tape.
pub fn tape_attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    shape: AttentionShape,
    rope: &Rope,
) -> candle_core::Result<Tensor> {
    let AttentionShape {
        batch,
        seq,
        heads,
        kv_heads,
        head_dim,
    } = shape;
    let half = head_dim / 2;
    let table =
        |values: &[f32]| Tensor::from_slice(&values[..seq * half], (1, 1, seq, half), &Device::Cpu);
    let (cos, sin) = (table(&rope.cos)?, table(&rope.sin)?);
    let split = |x: &Tensor, heads: usize| {
        x.reshape((batch, seq, heads, head_dim))?
            .transpose(1, 2)?
            .contiguous()
    };
    let turn = |x: &Tensor| {
        let (a, b) = (x.narrow(3, 0, half)?, x.narrow(3, half, half)?);
        let first = (a.broadcast_mul(&cos)? - b.broadcast_mul(&sin)?)?;
        let second = (b.broadcast_mul(&cos)? + a.broadcast_mul(&sin)?)?;
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
    let mask: Vec<f32> = (0..seq * seq)
        .map(|i| {
            if i % seq > i / seq {
                f32::NEG_INFINITY
            } else {
                0.0
            }
        })
        .collect();
    let mask = Tensor::from_vec(mask, (seq, seq), &Device::Cpu)?;
    let scores = (q.matmul(&k.t()?.contiguous()?)? * (1.0 / (head_dim as f64).sqrt()))?;
    let scores = scores.broadcast_add(&mask)?;
    let max = scores.max_keepdim(D::Minus1)?.detach();
    let p = scores.broadcast_sub(&max)?.exp()?;
    let p = p.broadcast_div(&p.sum_keepdim(D::Minus1)?)?;
    p.matmul(&v)?
        .transpose(1, 2)?
        .reshape((batch * seq, heads * head_dim))
}

/// The head's loss is its own scalar; the probe of one number scales it.
struct Head;

const TARGETS: [u32; 40] = [7; 40];

fn counted() -> Vec<bool> {
    (0..40).map(|i| i % 3 != 1).collect()
}

impl Operation for Head {
    fn inputs(&self) -> Vec<Host> {
        vec![random(40, 6, 1), random(50, 6, 2)]
    }

    fn forward<B: Backend>(&self, b: &B, i: &[Host]) -> Vec<f32> {
        let counted = counted();
        let targets = Targets {
            ids: &TARGETS,
            counted: &counted,
            scale: 1.0,
        };
        let (loss, none) = b
            .head_loss(&up(b, &i[0]), &up(b, &i[1]), targets, None)
            .unwrap();
        assert!(none.is_none(), "no gradient was asked for");
        vec![loss as f32]
    }

    fn backward<B: Backend>(&self, b: &B, i: &[Host], probe: &Host) -> Vec<Vec<f32>> {
        let counted = counted();
        let targets = Targets {
            ids: &TARGETS,
            counted: &counted,
            scale: probe.values[0],
        };
        let mut dw = b.zeros(50, 6).unwrap();
        let (x, w) = (up(b, &i[0]), up(b, &i[1]));
        let (_, dx) = b.head_loss(&x, &w, targets, Some(&mut dw)).unwrap();
        vec![b.download(&dx.unwrap()).unwrap(), b.download(&dw).unwrap()]
    }

    fn tape(&self, i: &[Tensor]) -> candle_core::Result<Tensor> {
        tape_loss(&i[0], &i[1], &TARGETS, &counted())?.reshape((1, 1))
    }
}

/// The summed cross-entropy of the counted rows, for the tape.
pub fn tape_loss(
    x: &Tensor,
    w: &Tensor,
    targets: &[u32],
    counted: &[bool],
) -> candle_core::Result<Tensor> {
    let logits = x.matmul(&w.t()?)?;
    let max = logits.max_keepdim(D::Minus1)?.detach();
    let shifted = logits.broadcast_sub(&max)?;
    let lse = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?;
    let ids = Tensor::from_slice(targets, (targets.len(), 1), &Device::Cpu)?;
    let counted: Vec<f32> = counted.iter().map(|&c| f32::from(c)).collect();
    let counted = Tensor::from_vec(counted, (targets.len(), 1), &Device::Cpu)?;
    ((lse - shifted.gather(&ids, 1)?)? * counted)?.sum_all()
}

#[test]
fn linear_agrees() {
    check("linear", &Linear);
}

#[test]
fn rms_norm_agrees() {
    check("rms_norm", &Norm);
}

#[test]
fn swiglu_agrees() {
    check("swiglu", &SwiGlu);
}

#[test]
fn embedding_agrees() {
    check("embedding", &Embedding);
}

#[test]
fn attention_agrees_with_grouped_heads() {
    check("attention", &attention(150, 2));
}

#[test]
fn attention_agrees_with_one_key_head_and_with_all() {
    check("attention, 1 key head", &attention(64, 1));
    check("attention, 4 key heads", &attention(7, 4));
}

#[test]
fn head_loss_agrees_and_skips_what_is_not_counted() {
    check("head", &Head);
}

#[test]
fn accumulating_products_add_to_what_is_there() {
    fn all<B: Backend>(b: &B) {
        let (x, w) = (random(5, 4, 1), random(3, 4, 2));
        let twice = |once: &[f32], more: &[f32]| close("added", more, once, 1e-6);
        let y = b.linear(&up(b, &x), &up(b, &w)).unwrap();
        let mut y2 = b.zeros(5, 3).unwrap();
        b.linear_add(&up(b, &x), &up(b, &w), &mut y2).unwrap();
        b.linear_add(&up(b, &x), &up(b, &w), &mut y2).unwrap();
        let doubled: Vec<f32> = b.download(&y).unwrap().iter().map(|v| 2.0 * v).collect();
        twice(&doubled, &b.download(&y2).unwrap());
        let dx = b.linear_dx(&y, &up(b, &w)).unwrap();
        let mut dx2 = b.copy(&dx).unwrap();
        b.linear_dx_add(&y, &up(b, &w), &mut dx2).unwrap();
        let doubled: Vec<f32> = b.download(&dx).unwrap().iter().map(|v| 2.0 * v).collect();
        twice(&doubled, &b.download(&dx2).unwrap());
    }
    all(&Cpu::default());
    all(&Composed::new(Device::Cpu));
}

/// AdamW as the paper writes it, in f64.
fn adamw_reference(w: f64, g: f64, m: f64, v: f64, s: AdamStep) -> [f64; 3] {
    let (b1, b2) = (f64::from(s.beta1), f64::from(s.beta2));
    let (lr, decay) = (f64::from(s.lr), f64::from(s.weight_decay));
    let g = g * f64::from(s.grad_scale);
    let m = b1 * m + (1.0 - b1) * g;
    let v = b2 * v + (1.0 - b2) * g * g;
    let step = s.step as i32;
    let m_hat = m / (1.0 - b1.powi(step));
    let v_hat = v / (1.0 - b2.powi(step));
    [
        w - lr * decay * w - lr * m_hat / (v_hat.sqrt() + f64::from(s.eps)),
        m,
        v,
    ]
}

#[test]
fn adamw_agrees_with_the_formula_and_clears_the_gradient() {
    fn all<B: Backend>(b: &B) {
        let host: Vec<Host> = (1..5).map(|s| random(3, 7, s)).collect();
        let squares: Vec<f32> = host[3].values.iter().map(|v| v * v).collect();
        let mut bufs: Vec<B::Buf> = host[..3].iter().map(|h| up(b, h)).collect();
        bufs.push(b.upload(3, 7, &squares).unwrap());
        let step = AdamStep {
            lr: 0.01,
            beta1: 0.9,
            beta2: 0.95,
            eps: 1e-8,
            weight_decay: 0.1,
            grad_scale: 0.5,
            step: 3,
        };
        let [weight, grad, m, v] = &mut bufs[..] else {
            unreachable!()
        };
        b.adamw(Slot { weight, grad, m, v }, step).unwrap();
        let got: Vec<Vec<f32>> = bufs.iter().map(|x| b.download(x).unwrap()).collect();
        for i in 0..21 {
            let value = |h: usize| f64::from(host[h].values[i]);
            let want = adamw_reference(value(0), value(1), value(2), f64::from(squares[i]), step);
            for (got, want) in [got[0][i], got[2][i], got[3][i]].iter().zip(want) {
                assert!(
                    (f64::from(*got) - want).abs() < 1e-6,
                    "{got} instead of {want}"
                );
            }
            assert_eq!(got[1][i], 0.0);
        }
    }
    all(&Cpu::default());
    all(&Composed::new(Device::Cpu));
}

#[test]
fn sums_of_squares_agree() {
    let host = random(100, 777, 5);
    let want: f64 = host.values.iter().map(|v| f64::from(*v).powi(2)).sum();
    let cpu = Cpu::default();
    let got = cpu.sum_squares(&up(&cpu, &host)).unwrap();
    assert!((got / want - 1.0).abs() < 1e-6, "{got} instead of {want}");
    let composed = Composed::new(Device::Cpu);
    let got = composed.sum_squares(&up(&composed, &host)).unwrap();
    assert!((got / want - 1.0).abs() < 1e-5, "{got} instead of {want}");
}

#[test]
fn threads_do_not_change_the_bits() {
    let run = |threads: usize| -> Vec<Vec<f32>> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let b = Cpu::default();
            let (x, w) = (random(300, 256, 1), random(512, 256, 2));
            let y = b.linear(&up(&b, &x), &up(&b, &w)).unwrap();
            let mut dw = b.zeros(512, 256).unwrap();
            b.linear_dw_add(&up(&b, &x), &y, &mut dw).unwrap();
            let attention = attention(150, 2);
            let inputs = attention.inputs();
            let mut all = attention.backward(&b, &inputs, &random(300, 32, 4));
            all.extend(Norm.backward(&b, &Norm.inputs(), &random(130, 24, 4)));
            all.extend(Head.backward(&b, &Head.inputs(), &random(1, 1, 4)));
            all.push(b.download(&y).unwrap());
            all.push(b.download(&dw).unwrap());
            all
        })
    };
    assert_eq!(run(1), run(3));
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
    assert_eq!(DType::F32, tensor(&random(1, 1, 1)).dtype());
}
