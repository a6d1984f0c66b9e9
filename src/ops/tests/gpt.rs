//! What GPT-2 has and Llama has not: `LayerNorm`, GELU, biases, a second table.

use candle_core::{D, Device, Tensor};

use super::{Host, Operation, check, close, random, up};
use crate::ops::Backend;

pub struct LayerNorm;

impl Operation for LayerNorm {
    fn inputs(&self) -> Vec<Host> {
        vec![random(130, 24, 1), random(1, 24, 2), random(1, 24, 3)]
    }

    fn forward<B: Backend>(&self, b: &B, i: &[Host]) -> Vec<f32> {
        let (x, w, bias) = (up(b, &i[0]), up(b, &i[1]), up(b, &i[2]));
        b.download(&b.layer_norm(&x, &w, &bias, 1e-5).unwrap().0)
            .unwrap()
    }

    fn backward<B: Backend>(&self, b: &B, i: &[Host], probe: &Host) -> Vec<Vec<f32>> {
        let (x, w, bias) = (up(b, &i[0]), up(b, &i[1]), up(b, &i[2]));
        let (_, stats) = b.layer_norm(&x, &w, &bias, 1e-5).unwrap();
        let zeros = |rows| b.zeros(rows, 24).unwrap();
        let (mut dx, mut dw, mut db) = (zeros(130), zeros(1), zeros(1));
        let dy = up(b, probe);
        b.layer_norm_backward_add(&x, &w, &stats, &dy, [&mut dw, &mut db], &mut dx)
            .unwrap();
        [dx, dw, db]
            .iter()
            .map(|d| b.download(d).unwrap())
            .collect()
    }

    fn tape(&self, i: &[Tensor]) -> candle_core::Result<Tensor> {
        let centred = i[0].broadcast_sub(&i[0].mean_keepdim(D::Minus1)?)?;
        let root = (centred.sqr()?.mean_keepdim(D::Minus1)? + 1e-5)?.sqrt()?;
        let normed = centred.broadcast_div(&root)?.broadcast_mul(&i[1])?;
        normed.broadcast_add(&i[2])
    }
}

pub struct Gelu;

impl Operation for Gelu {
    fn inputs(&self) -> Vec<Host> {
        vec![random(11, 40, 1)]
    }

    fn forward<B: Backend>(&self, b: &B, i: &[Host]) -> Vec<f32> {
        b.download(&b.gelu(&up(b, &i[0])).unwrap()).unwrap()
    }

    fn backward<B: Backend>(&self, b: &B, i: &[Host], probe: &Host) -> Vec<Vec<f32>> {
        let [dx, act] = b.gelu_backward(up(b, &i[0]), up(b, probe)).unwrap();
        let again = b.download(&act).unwrap();
        close("gelu again", &again, &self.forward(b, i), 1e-6);
        vec![b.download(&dx).unwrap()]
    }

    fn tape(&self, i: &[Tensor]) -> candle_core::Result<Tensor> {
        let x = &i[0];
        let inner = ((x + (x.powf(3.0)? * 0.044_715)?)? * (2.0 / std::f64::consts::PI).sqrt())?;
        ((inner.tanh()? + 1.0)? * x)? * 0.5
    }
}

/// A bias, and a second table on top of the first.
pub struct Sums;

const IDS: [u32; 6] = [3, 0, 3, 8, 1, 3];

impl Operation for Sums {
    fn inputs(&self) -> Vec<Host> {
        vec![random(6, 5, 1), random(1, 5, 2), random(9, 5, 3)]
    }

    fn forward<B: Backend>(&self, b: &B, i: &[Host]) -> Vec<f32> {
        let mut y = up(b, &i[0]);
        b.bias_add(&up(b, &i[1]), &mut y).unwrap();
        b.embed_add(&up(b, &i[2]), &IDS, &mut y).unwrap();
        b.download(&y).unwrap()
    }

    fn backward<B: Backend>(&self, b: &B, _: &[Host], probe: &Host) -> Vec<Vec<f32>> {
        let dy = up(b, probe);
        let (mut dbias, mut dtable) = (b.zeros(1, 5).unwrap(), b.zeros(9, 5).unwrap());
        b.bias_backward_add(&dy, &mut dbias).unwrap();
        b.embed_backward_add(&IDS, &dy, &mut dtable).unwrap();
        let others = [dbias, dtable].map(|d| b.download(&d).unwrap());
        [vec![probe.values.clone()], others.to_vec()].concat()
    }

    fn tape(&self, i: &[Tensor]) -> candle_core::Result<Tensor> {
        let rows = i[2].index_select(&Tensor::new(&IDS, &Device::Cpu)?, 0)?;
        (i[0].broadcast_add(&i[1])? + rows)? * 1.0
    }
}

#[test]
fn layer_norm_agrees() {
    check("layer_norm", &LayerNorm);
}

#[test]
fn gelu_agrees() {
    check("gelu", &Gelu);
}

#[test]
fn biases_and_second_tables_agree() {
    check("sums", &Sums);
}
