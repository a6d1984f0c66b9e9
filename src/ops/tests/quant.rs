//! Bounds of the rounding, and the operations of every backend against plain loops.

use candle_core::Device;

use super::{Host, close, on_gpus, random, up};
use crate::ops::{
    AdamStep, Backend, Slot,
    composed::Composed,
    cpu::Cpu,
    quant::{
        Codebook, Format, Frozen, LINEAR, NF4, Packed, SIGNED, UNSIGNED,
        adam::{BLOCK, Eight, EightSlot},
        bytes, frozen, words,
    },
};

#[test]
fn codes_stand_for_the_nearest_number_and_books_hold_zero_and_one() {
    for (book, count) in [(&NF4, 16), (&LINEAR, 256), (&SIGNED, 256), (&UNSIGNED, 256)] {
        let book: &Codebook = book;
        let values = book.values();
        assert_eq!(values.len(), count);
        assert!(values.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(values.contains(&0.0) && values.contains(&1.0));
        for (code, value) in values.iter().enumerate() {
            assert_eq!(usize::from(book.code(*value)), code);
        }
        for i in -1000..=1000_i16 {
            let number = f32::from(i) / 1000.0;
            let got = (book.value(book.code(number)) - number).abs();
            let best = values.iter().map(|value| (value - number).abs());
            assert!(got <= best.fold(f32::INFINITY, f32::min) + 1e-6, "{number}");
        }
    }
    // Seven decades: the least number above zero is below 1e-6, and the largest below 1 near it.
    assert!(UNSIGNED.values()[1] < 4e-7 && UNSIGNED.values()[254] > 0.99);
    assert_eq!(SIGNED.values()[127], 0.0);
}

/// A matrix whose values are of very different sizes from block to block.
fn matrix(rows: usize, cols: usize, seed: u64) -> Host {
    let mut host = random(rows, cols, seed);
    for (i, value) in host.values.iter_mut().enumerate() {
        *value *= [1.0, 1e-3, 30.0][i / 50 % 3];
    }
    host
}

fn upload<B: Backend>(b: &B, packed: &Packed) -> Frozen<B::Buf> {
    Frozen {
        format: packed.format,
        rows: packed.rows,
        cols: packed.cols,
        codes: b.upload(1, packed.codes.len(), &packed.codes).unwrap(),
        scales: b.upload(1, packed.scales.len(), &packed.scales).unwrap(),
    }
}

#[test]
fn frozen_matrices_are_near_and_take_what_is_said() {
    // Half the widest gap between numbers of each book.
    for (format, most) in [(Format::Nf4, 0.152), (Format::Int8, 0.5 / 127.0 + 1e-6)] {
        for (rows, cols) in [(5, 200), (3, 64), (4, 7)] {
            let host = matrix(rows, cols, 3);
            let packed = Packed::new(format, rows, cols, &host.values);
            let stored = 4 * (packed.codes.len() + packed.scales.len());
            assert_eq!(stored, format.bytes(rows, cols));
            let cpu = Cpu::default();
            let got = cpu.unpack(&upload(&cpu, &packed)).unwrap();
            for (got, want) in got.chunks(cols).zip(host.values.chunks(cols)) {
                for (got, want) in got.chunks(frozen::BLOCK).zip(want.chunks(frozen::BLOCK)) {
                    let scale = want.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
                    for (got, want) in got.iter().zip(want) {
                        assert!(
                            (got - want).abs() <= most * scale,
                            "{got} for {want} of {scale}"
                        );
                    }
                    let exact = got.iter().any(|value| value.abs() == scale);
                    assert!(exact, "the largest of a block is exact");
                }
            }
        }
    }
    // Of normal values, 4 bits lose less than a tenth in the root mean square.
    let host = random(64, 256, 9);
    let cpu = Cpu::default();
    let packed = Packed::new(Format::Nf4, 64, 256, &host.values);
    let got = cpu.unpack(&upload(&cpu, &packed)).unwrap();
    let error: f32 = got
        .iter()
        .zip(&host.values)
        .map(|(a, b)| (a - b).powi(2))
        .sum();
    let all: f32 = host.values.iter().map(|v| v * v).sum();
    assert!((error / all).sqrt() < 0.12, "{}", (error / all).sqrt());
}

#[test]
fn products_with_frozen_matrices_are_those_with_what_they_stand_for() {
    fn all<B: Backend>(b: &B) {
        for format in [Format::Nf4, Format::Int8] {
            for (rows, cols) in [(300, 200), (40, 64), (3, 7)] {
                let packed = Packed::new(format, rows, cols, &matrix(rows, cols, 1).values);
                let cpu = Cpu::default();
                let want = cpu.unpack(&upload(&cpu, &packed)).unwrap();
                let w = upload(b, &packed);
                let plain = b.unpack(&w).unwrap();
                assert_eq!(
                    b.download(&plain).unwrap(),
                    want[..],
                    "the same bits everywhere"
                );
                let (x, dy) = (up(b, &random(9, cols, 2)), up(b, &random(9, rows, 3)));
                let (y, dx) = (random(9, rows, 4), random(9, cols, 5));
                let mut got = [up(b, &y), up(b, &dx)];
                let mut want = [up(b, &y), up(b, &dx)];
                let [y, dx] = &mut got;
                b.frozen_linear_add(&x, &w, y).unwrap();
                b.frozen_dx_add(&dy, &w, dx).unwrap();
                let [y, dx] = &mut want;
                b.linear_add(&x, &plain, y).unwrap();
                b.linear_dx_add(&dy, &plain, dx).unwrap();
                for (name, (got, want)) in ["y", "dx"].iter().zip(got.iter().zip(&want)) {
                    let (got, want) = (b.download(got).unwrap(), b.download(want).unwrap());
                    close(name, &got, &want, 1e-5);
                }
            }
        }
    }
    all(&Cpu::default());
    all(&Composed::new(Device::Cpu));
    on_gpus!(b => all(b));
}

const STEP: AdamStep = AdamStep {
    lr: 0.01,
    beta1: 0.9,
    beta2: 0.95,
    eps: 1e-8,
    weight_decay: 0.1,
    grad_scale: 0.5,
    step: 1,
};

/// A few updates with 8-bit moments: weights, and the bytes and scales of both moments.
fn updates<B: Backend>(b: &B, steps: u64) -> (Vec<f32>, Vec<Vec<f32>>) {
    let (rows, cols) = (5, 133);
    let count = rows * cols;
    let zeros = || Eight {
        codes: b.zeros(1, words(count)).unwrap(),
        scales: b.zeros(1, count.div_ceil(BLOCK)).unwrap(),
    };
    let (mut m, mut v) = (zeros(), zeros());
    let mut weight = up(b, &random(rows, cols, 1));
    for step in 1..=steps {
        let mut grad = up(b, &random(rows, cols, 10 + step));
        let slot = EightSlot {
            weight: &mut weight,
            grad: &mut grad,
            m: &mut m,
            v: &mut v,
        };
        b.adamw8(slot, AdamStep { step, ..STEP }).unwrap();
        assert!(b.download(&grad).unwrap().iter().all(|g| *g == 0.0));
    }
    let moments = [&m.codes, &m.scales, &v.codes, &v.scales];
    let moments = moments.map(|buf| b.download(buf).unwrap());
    (b.download(&weight).unwrap(), moments.to_vec())
}

#[test]
fn an_update_with_moments_in_eight_bits_is_near_that_in_f32() {
    let cpu = Cpu::default();
    let (rows, cols) = (5, 133);
    let mut weight = up(&cpu, &random(rows, cols, 1));
    let [mut m, mut v] = [0, 1].map(|_| cpu.zeros(rows, cols).unwrap());
    for step in 1..=6 {
        let mut grad = up(&cpu, &random(rows, cols, 10 + step));
        let slot = Slot {
            weight: &mut weight,
            grad: &mut grad,
            m: &mut m,
            v: &mut v,
        };
        cpu.adamw(slot, AdamStep { step, ..STEP }).unwrap();
        let (got, moments) = updates(&cpu, step);
        if step == 1 {
            // The first update sees its moments before they are rounded.
            close("weights", &got, &weight, 1e-6);
            let scales = &moments[1];
            for (block, scale) in m.chunks(BLOCK).zip(scales) {
                assert_eq!(*scale, block.iter().fold(0.0_f32, |m, v| m.max(v.abs())));
            }
        }
        // Each update moves a weight by about the rate; rounding changes that by a small part.
        let far = got.iter().zip(&weight[..]).map(|(a, b)| (a - b).abs());
        let far = far.fold(0.0, f32::max);
        assert!(far < 0.5 * STEP.lr * step as f32, "step {step}: {far}");
        // No second moment has become zero: the gradients are not.
        assert!(
            bytes(&moments[2])[..rows * cols]
                .iter()
                .all(|code| *code > 0)
        );
    }
}

#[test]
fn moments_in_eight_bits_are_the_same_on_every_backend() {
    let (weights, moments) = updates(&Cpu::default(), 4);
    let check = |(got, theirs): (Vec<f32>, Vec<Vec<f32>>)| {
        close("weights", &got, &weights, 1e-5);
        for i in [0, 2] {
            // A number half-way between two may fall to either.
            let pairs = bytes(&theirs[i]).iter().zip(bytes(&moments[i]));
            assert!(pairs.clone().all(|(a, b)| a.abs_diff(*b) <= 1));
            assert!(pairs.filter(|(a, b)| a != b).count() <= 3);
            close("scales", &theirs[i + 1], &moments[i + 1], 1e-5);
        }
    };
    check(updates(&Composed::new(Device::Cpu), 4));
    on_gpus!(b => check(updates(b, 4)));
}
