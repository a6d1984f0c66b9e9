//! Products of groups of rows, each with its own matrix; scaled rows; inner products of rows.

use candle_core::{Device, Tensor};

use super::{Host, Operation, check, random, up};
use crate::ops::{Backend, composed::Composed, cpu::Cpu};

/// One group is empty.
const GROUPS: [usize; 4] = [5, 0, 17, 3];

struct Grouped;

impl Operation for Grouped {
    fn inputs(&self) -> Vec<Host> {
        vec![random(25, 24, 1), random(4 * 19, 24, 2)]
    }

    fn forward<B: Backend>(&self, b: &B, i: &[Host]) -> Vec<f32> {
        let y = b.grouped_linear(&up(b, &i[0]), &up(b, &i[1]), &GROUPS);
        b.download(&y.unwrap()).unwrap()
    }

    fn backward<B: Backend>(&self, b: &B, i: &[Host], probe: &Host) -> Vec<Vec<f32>> {
        let (x, w, dy) = (up(b, &i[0]), up(b, &i[1]), up(b, probe));
        let mut dw = b.zeros(4 * 19, 24).unwrap();
        b.grouped_dw_add(&x, &dy, &GROUPS, &mut dw).unwrap();
        let mut dx = b.zeros(25, 24).unwrap();
        b.grouped_dx_add(&dy, &w, &GROUPS, &mut dx).unwrap();
        vec![b.download(&dx).unwrap(), b.download(&dw).unwrap()]
    }

    fn tape(&self, i: &[Tensor]) -> candle_core::Result<Tensor> {
        let mut from = 0;
        let mut parts = Vec::new();
        for (group, &rows) in GROUPS.iter().enumerate().filter(|(_, rows)| **rows > 0) {
            let (x, w) = (i[0].narrow(0, from, rows)?, i[1].narrow(0, group * 19, 19)?);
            parts.push(x.matmul(&w.t()?)?);
            from += rows;
        }
        Tensor::cat(&parts, 0)
    }
}

#[test]
fn groups_agree() {
    check("groups", &Grouped);
}

#[test]
fn rows_are_scaled_and_multiplied() {
    fn all<B: Backend>(b: &B) {
        let (x, y) = (random(70, 5, 1), random(70, 5, 2));
        let factors: Vec<f32> = (0..70).map(|i| i as f32 / 10.0 - 3.0).collect();
        let mut scaled = up(b, &x);
        b.scale_rows(&factors, &mut scaled).unwrap();
        let scaled = b.download(&scaled).unwrap();
        let dots = b.row_dots(&up(b, &x), &up(b, &y)).unwrap();
        assert_eq!(dots.len(), 70);
        for (row, (factor, dot)) in factors.iter().zip(&dots).enumerate() {
            let values = &x.values[5 * row..][..5];
            for (value, got) in values.iter().zip(&scaled[5 * row..]) {
                assert_eq!(*got, value * factor);
            }
            let pairs = values.iter().zip(&y.values[5 * row..]);
            let want: f32 = pairs.map(|(x, y)| x * y).sum();
            assert!((dot - want).abs() < 1e-5, "{dot} and {want}");
        }
    }
    all(&Cpu::default());
    all(&Composed::new(Device::Cpu));
}

#[test]
fn what_is_left_out_is_the_same_everywhere() {
    let x = random(9, 7, 3);
    let (cpu, composed) = (Cpu::default(), Composed::new(Device::Cpu));
    let one = cpu.dropout(&up(&cpu, &x), 11, 0.4).unwrap();
    let one = cpu.download(&one).unwrap();
    let other = composed.dropout(&up(&composed, &x), 11, 0.4).unwrap();
    assert_eq!(one, composed.download(&other).unwrap());
    assert!(one.contains(&0.0));
    let kept = one.iter().zip(&x.values).filter(|(got, _)| **got != 0.0);
    assert!(kept.clone().count() > 20);
    for (got, value) in kept {
        assert!((got / value - 1.0 / 0.6).abs() < 1e-6);
    }
}
