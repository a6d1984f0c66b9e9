//! Every operation's backward, on both backends, against finite differences and against candle's
//! tape over composed operations.
//!
//! An operation is tested through the scalar `sum(out * probe)` with a random probe, so that `dy`
//! is the probe and every gradient has one expected value.

mod attention;
mod experts;
mod gpt;
pub(crate) mod gpus;
mod optimizer;
mod quant;

use candle_core::{D, Device, Tensor, Var};

pub use attention::tape_attention;

use super::{Backend, Loss, Targets, composed::Composed, cpu::Cpu, log_share};
use crate::train::Random;
use attention::attention;
pub(crate) use gpus::{on_gpus, on_gpus_in_bf16};

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
    let want = Wanted {
        probe: &probe,
        out: &flat(&out),
        gradients: &wanted,
    };
    check_with_slopes(name, operation, &Cpu::default(), want);
    check_with_slopes(name, operation, &Composed::new(Device::Cpu), want);
    // The slopes have been seen to be those of the tape.
    on_gpus!(b => check_backend(name, operation, b, want));
}

/// What the tape makes of an operation's inputs.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    probe: &'a Host,
    out: &'a [f32],
    gradients: &'a [Vec<f32>],
}

fn check_with_slopes<B: Backend>(name: &str, operation: &impl Operation, b: &B, want: Wanted<'_>) {
    let gradients = check_backend(name, operation, b, want);
    let label = format!("{name} on {}", b.name());
    for (i, gradient) in gradients.iter().enumerate() {
        finite_difference(&label, operation, b, want.probe, i, gradient);
    }
}

fn check_backend<B: Backend>(
    name: &str,
    operation: &impl Operation,
    b: &B,
    want: Wanted<'_>,
) -> Vec<Vec<f32>> {
    let inputs = operation.inputs();
    let label = format!("{name} on {}", b.name());
    close(
        &format!("{label}: output"),
        &operation.forward(b, &inputs),
        want.out,
        2e-5,
    );
    let gradients = operation.backward(b, &inputs, want.probe);
    assert_eq!(gradients.len(), want.gradients.len());
    for (i, (got, want)) in gradients.iter().zip(want.gradients).enumerate() {
        close(&format!("{label}: gradient {i}"), got, want, 5e-5);
    }
    gradients
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
            z_loss: Z_LOSS,
            weights: &[],
        };
        let loss = b
            .head_loss(&up(b, &i[0]), &up(b, &i[1]), targets, None)
            .unwrap();
        assert!(loss.dx.is_none(), "no gradient was asked for");
        vec![(loss.nats + f64::from(Z_LOSS) * loss.squares) as f32]
    }

    fn backward<B: Backend>(&self, b: &B, i: &[Host], probe: &Host) -> Vec<Vec<f32>> {
        let counted = counted();
        let targets = Targets {
            ids: &TARGETS,
            counted: &counted,
            scale: probe.values[0],
            z_loss: Z_LOSS,
            weights: &[],
        };
        let mut dw = b.zeros(50, 6).unwrap();
        let (x, w) = (up(b, &i[0]), up(b, &i[1]));
        let loss = b.head_loss(&x, &w, targets, Some(&mut dw)).unwrap();
        let value = (loss.nats + f64::from(Z_LOSS) * loss.squares) as f32;
        let alone = self.forward(b, i);
        close("the loss beside its gradients", &[value], &alone, 1e-6);
        let frozen = b.frozen_head_loss(&x, &w, targets).unwrap();
        let dx = |loss: &Loss<B::Buf>| b.download(loss.dx.as_ref().unwrap()).unwrap();
        assert_eq!((frozen.nats, dx(&frozen)), (loss.nats, dx(&loss)));
        vec![
            b.download(&loss.dx.unwrap()).unwrap(),
            b.download(&dw).unwrap(),
        ]
    }

    fn tape(&self, i: &[Tensor]) -> candle_core::Result<Tensor> {
        let logits = i[0].matmul(&i[1].t()?)?;
        let lse = logits.exp()?.sum_keepdim(D::Minus1)?.log()?;
        let counted: Vec<f32> = counted().iter().map(|&c| f32::from(c)).collect();
        let counted = Tensor::from_vec(counted, (TARGETS.len(), 1), &Device::Cpu)?;
        let squares = (lse.sqr()? * counted)?.sum_all()?;
        let loss = tape_loss(&i[0], &i[1], &TARGETS, &self::counted())?;
        (loss + (squares * f64::from(Z_LOSS))?)?.reshape((1, 1))
    }
}

const Z_LOSS: f32 = 0.03;

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
fn head_loss_agrees_and_skips_what_is_not_counted() {
    check("head", &Head);
}

#[test]
fn weights_multiply_the_gradients_of_their_rows_alone() {
    fn both<B: Backend>(b: &B, targets: Targets<'_>) -> (f64, Vec<f32>, Vec<f32>) {
        let (x, w) = (up(b, &random(6, 4, 1)), up(b, &random(5, 4, 2)));
        let mut dw = b.zeros(5, 4).unwrap();
        let loss = b.head_loss(&x, &w, targets, Some(&mut dw)).unwrap();
        let dx = b.download(&loss.dx.unwrap()).unwrap();
        (loss.nats, dx, b.download(&dw).unwrap())
    }
    fn all<B: Backend>(b: &B) {
        let weights = [0.5, 7.0, -2.0, 0.0, 9.0, 1.0];
        let plain = Targets {
            ids: &[0, 4, 2, 2, 1, 3],
            counted: &[true, false, true, true, false, true],
            scale: 0.3,
            z_loss: 0.1,
            weights: &[],
        };
        let (nats, dx, dw) = both(
            b,
            Targets {
                weights: &weights,
                ..plain
            },
        );
        let (whole, plain_dx, _) = both(b, plain);
        assert_eq!(nats, whole, "losses have no weights");
        let want: Vec<f32> = plain_dx
            .chunks_exact(4)
            .zip(weights)
            .flat_map(|(row, weight)| row.iter().map(move |v| weight * v))
            .collect();
        close("dx of weighed rows", &dx, &want, 1e-6);
        let mut sum = vec![0.0; dw.len()];
        for (row, weight) in weights
            .iter()
            .enumerate()
            .filter(|(row, _)| plain.counted[*row])
        {
            let counted: Vec<bool> = (0..6).map(|r| r == row).collect();
            let (.., dw) = both(
                b,
                Targets {
                    counted: &counted,
                    ..plain
                },
            );
            for (sum, value) in sum.iter_mut().zip(dw) {
                *sum += weight * value;
            }
        }
        close("dw of weighed rows", &dw, &sum, 1e-5);
    }
    all(&Cpu::default());
    all(&Composed::new(Device::Cpu));
    on_gpus!(b => all(b));
}

#[test]
fn losses_of_rows_add_up_to_the_loss() {
    fn all<B: Backend>(b: &B) {
        let (x, w) = (up(b, &random(6, 4, 1)), up(b, &random(5, 4, 2)));
        let targets = Targets {
            ids: &[0, 4, 2, 2, 1, 3],
            counted: &[true, false, true, true, false, true],
            scale: 1.0,
            z_loss: 0.0,
            weights: &[],
        };
        let rows = b.head_losses(&x, &w, targets).unwrap();
        assert_eq!((rows.len(), rows[1], rows[4]), (6, 0.0, 0.0));
        let sum: f64 = rows.iter().sum();
        let whole = b.head_loss(&x, &w, targets, None).unwrap().nats;
        assert!((sum - whole).abs() < 1e-5, "{sum} instead of {whole}");
        // Each row alone is the loss of its row.
        for row in [0, 2, 3, 5] {
            let counted: Vec<bool> = (0..6).map(|r| r == row).collect();
            let only = Targets {
                counted: &counted,
                ..targets
            };
            let want = b.head_loss(&x, &w, only, None).unwrap().nats;
            assert!((rows[row] - want).abs() < 1e-5, "row {row}");
            let logits = b.download(&b.linear(&x, &w).unwrap()).unwrap();
            let by_hand = -log_share(&logits[row * 5..][..5], targets.ids[row]).unwrap();
            assert!((rows[row] - by_hand).abs() < 1e-5, "row {row}");
        }
    }
    all(&Cpu::default());
    all(&Composed::new(Device::Cpu));
    on_gpus!(b => all(b));
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
    on_gpus!(b => all(b));
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
