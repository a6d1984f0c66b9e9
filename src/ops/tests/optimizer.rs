//! The update of weights, their average, and the gradient's norm.

use candle_core::Device;

use super::{Host, on_gpus, random, up};
use crate::ops::{AdamStep, Backend, Slot, composed::Composed, cpu::Cpu};

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
    on_gpus!(b => all(b));
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
    on_gpus!(b => {
        let got = b.sum_squares(&up(b, &host)).unwrap();
        assert!((got / want - 1.0).abs() < 1e-6, "{got} instead of {want}");
    });
}

#[test]
fn averages_agree_and_stand_still_where_the_weights_do() {
    fn all<B: Backend>(b: &B) {
        let (old, new) = (random(3, 7, 1), random(3, 7, 2));
        let mut average = up(b, &old);
        b.average(&mut average, &up(b, &new), 0.75).unwrap();
        let values = old.values.iter().zip(&new.values);
        for (got, (old, new)) in b.download(&average).unwrap().iter().zip(values) {
            assert!((got - (0.75 * old + 0.25 * new)).abs() < 1e-6);
        }
        let mut same = up(b, &new);
        b.average(&mut same, &up(b, &new), 0.999).unwrap();
        assert_eq!(b.download(&same).unwrap(), new.values);
    }
    all(&Cpu::default());
    all(&Composed::new(Device::Cpu));
    on_gpus!(b => all(b));
}
