//! The output head with cross-entropy, in chunks of rows, as on the CPU: the logits are
//! never whole, their gradient goes on to x and the weights at once, and rows that the loss does
//! not count are left out before the product.

use anyhow::{Result, ensure};

use super::{
    Gpu,
    driver::{
        Argument::{Float, Int, Pointer},
        Driver,
    },
    matrix::Matrix,
    products::{Cast, Rows, Sizes, Write, choose},
};
use crate::ops::{Loss, Precision, Targets, scratch::head_rows};

/// What every chunk reads.
struct Read<'a, M> {
    x: &'a Matrix<M>,
    w: Cast<'a, M>,
    element: Precision,
    vocab: usize,
    width: usize,
    targets: Targets<'a>,
}

impl<D: Driver> Gpu<D> {
    /// See [`crate::ops::Backend::head_loss`].
    pub(super) fn loss_of_head(
        &self,
        x: &Matrix<D::Memory>,
        w: &Matrix<D::Memory>,
        targets: Targets<'_>,
        dw: Option<&mut Matrix<D::Memory>>,
    ) -> Result<Loss<Matrix<D::Memory>>> {
        let (read, counted) = self.head_reads(x, w, targets)?;
        let gradients = match dw {
            Some(dw) => Some((dw, self.zeros_of(x.rows, read.width)?)),
            None => None,
        };
        let borrowed = gradients.as_ref().map(|(dw, dx)| [&**dw, dx]);
        // Losses stay on the device until all chunks are under way.
        let chunks = counted.chunks(head_rows(read.vocab));
        let losses: Vec<(D::Memory, usize)> = chunks
            .map(|rows| Ok((self.chunk(&read, rows, borrowed)?, rows.len())))
            .collect::<Result<_>>()?;
        let (mut nats, mut squares) = (0.0, 0.0);
        for (memory, rows) in &losses {
            for pair in self.get::<f32>(memory, 2 * rows)?.chunks_exact(2) {
                nats += f64::from(pair[0]);
                squares += f64::from(pair[1]).powi(2);
            }
        }
        Ok(Loss {
            nats,
            squares,
            dx: gradients.map(|(_, dx)| dx),
        })
    }

    /// See [`crate::ops::Backend::head_losses`]; the same numbers as those that [`Self::loss_of_head`]
    /// adds up. Logits stay on the device.
    pub(super) fn losses_of_head(
        &self,
        x: &Matrix<D::Memory>,
        w: &Matrix<D::Memory>,
        targets: Targets<'_>,
    ) -> Result<Vec<f64>> {
        let (read, counted) = self.head_reads(x, w, targets)?;
        let mut nats = vec![0.0; x.rows];
        for rows in counted.chunks(head_rows(read.vocab)) {
            let memory = self.chunk(&read, rows, None)?;
            let losses = self.get::<f32>(&memory, 2 * rows.len())?;
            for (&row, pair) in rows.iter().zip(losses.chunks_exact(2)) {
                nats[row as usize] = f64::from(pair[0]);
            }
        }
        Ok(nats)
    }

    /// What every chunk reads, and the counted rows.
    fn head_reads<'a>(
        &self,
        x: &'a Matrix<D::Memory>,
        w: &'a Matrix<D::Memory>,
        targets: Targets<'a>,
    ) -> Result<(Read<'a, D::Memory>, Vec<u32>)> {
        let (vocab, width) = (w.rows, w.cols);
        ensure!(
            targets.ids.iter().all(|&id| (id as usize) < vocab),
            "a target is outside of the model's vocabulary of {vocab}"
        );
        let counted: Vec<u32> = (0..x.rows as u32)
            .filter(|&row| targets.counted[row as usize])
            .collect();
        let element = self.precision_of(counted.len());
        let read = Read {
            x,
            w: self.cast(w, element)?,
            element,
            vocab,
            width,
            targets,
        };
        Ok((read, counted))
    }

    /// The rows' losses and log-sum-exps, in pairs; adds to dw and writes these rows of dx.
    fn chunk(
        &self,
        read: &Read<'_, D::Memory>,
        rows: &[u32],
        gradients: Option<[&Matrix<D::Memory>; 2]>,
    ) -> Result<D::Memory> {
        let Read {
            element,
            vocab,
            width,
            targets,
            ..
        } = *read;
        let ids: Vec<u32> = rows.iter().map(|&row| targets.ids[row as usize]).collect();
        let scales: Vec<f32> = (rows.iter())
            .map(|&row| targets.scale_of(row as usize))
            .collect();
        let (numbers, ids, scales) = (self.put(rows)?, self.put(&ids)?, self.put(&scales)?);
        let input = self.matrix_in(element, rows.len(), width)?;
        let rows_of = |from, to| [from, self.to(&numbers), to, Int(width as u32)];
        let arguments = rows_of(self.at(read.x), self.at(&input));
        self.run("take_rows", [rows.len(), 1], &arguments)?;
        let logits = self.matrix(rows.len(), vocab)?;
        let input_rows = Rows::new(self.address(&input), width);
        let w = Rows::new(self.cast_address(&read.w), width);
        self.product(
            Sizes::one(rows.len(), vocab, width),
            element,
            input_rows,
            w.transposed(),
            Rows::new(self.address(&logits), vocab),
            Write::Set,
        )?;
        // In f32 the gradient takes the logits' place.
        let own = match (gradients, element) {
            (Some(_), Precision::Bf16) => Some(self.values::<u16>(logits.len())?),
            _ => None,
        };
        let gradient = match (gradients, &own) {
            (None, _) => 0,
            (Some(_), None) => self.address(&logits),
            (Some(_), Some(own)) => self.driver.address(own),
        };
        let losses = self.values::<f32>(2 * rows.len())?;
        let arguments = [
            self.plain(&logits),
            Pointer(gradient),
            self.to(&ids),
            self.to(&losses),
            Int(vocab as u32),
            self.to(&scales),
            Float(targets.z_loss),
        ];
        let kernel = choose(element, ["cross_entropy_f32", "cross_entropy_bf16"]);
        self.run(kernel, [rows.len(), 1], &arguments)?;
        if let Some([dw, dx]) = gradients {
            let dlogits = Rows::new(gradient, vocab);
            self.product(
                Sizes::one(vocab, width, rows.len()),
                element,
                dlogits.transposed(),
                input_rows,
                Rows::new(self.address(dw), width),
                Write::Add,
            )?;
            let back = self.matrix(rows.len(), width)?;
            self.product(
                Sizes::one(rows.len(), width, vocab),
                element,
                dlogits,
                w,
                Rows::new(self.address(&back), width),
                Write::Set,
            )?;
            let arguments = rows_of(self.at(&back), self.at(dx));
            self.run("put_rows", [rows.len(), 1], &arguments)?;
        }
        Ok(losses)
    }
}
