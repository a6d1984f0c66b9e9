//! The optimizer's memory of one parameter: two moments in f32, in 8 bits, or in the host's memory.

use anyhow::Result;

use super::Options;
use crate::{
    model::ParamSpec,
    ops::{
        AdamStep, Backend, Slot,
        cpu::{Cpu, CpuBuf},
        quant::{
            adam::{BLOCK, Eight, EightSlot},
            words,
        },
    },
};

/// Values from which on a matrix's moments are kept in 8 bits: below, and in vectors, little is saved
/// (as in Dettmers et al. 2021, section 2).
const LEAST_EIGHT: usize = 4096;

/// How moments are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keeping {
    /// 8 bytes a value, on the device.
    #[default]
    Full,
    /// 2 bytes a value and 2 scales a block for large matrices, on the device.
    Eight,
    /// 12 bytes a value in the host's memory, the weights among them; none on the device.
    Host,
}

impl Keeping {
    /// That of a run.
    #[must_use]
    pub fn of(options: &Options) -> Self {
        match (options.offload, options.optimizer_bits) {
            (true, _) => Self::Host,
            (false, Some(_)) => Self::Eight,
            (false, None) => Self::Full,
        }
    }

    /// Bytes on the device for this many values of large matrices, as adapters mostly are.
    #[must_use]
    pub fn least_bytes(self, values: usize) -> u64 {
        match self {
            Self::Host => 0,
            Self::Eight => 8 * (words(values) + values.div_ceil(BLOCK)) as u64,
            Self::Full => 8 * values as u64,
        }
    }

    /// Bytes on the device for a parameter.
    #[must_use]
    pub fn bytes(self, spec: &ParamSpec) -> u64 {
        let count = spec.count();
        match self {
            Self::Eight if !is_eight(spec) => Self::Full.least_bytes(count),
            keeping => keeping.least_bytes(count),
        }
    }
}

fn is_eight(spec: &ParamSpec) -> bool {
    spec.decays() && spec.count() >= LEAST_EIGHT
}

/// Both moments of a parameter.
pub enum Moments<B: Backend> {
    /// f32.
    Full([B::Buf; 2]),
    /// Codes and scales.
    Eight([Eight<B::Buf>; 2]),
    /// In the host's memory, with the master weights; the device has a copy of those.
    Host(Host),
}

/// What the host keeps of a parameter.
pub struct Host {
    cpu: Cpu,
    moments: [CpuBuf; 2],
    /// The weights after the last update; none before the first, and after a load.
    weight: Option<CpuBuf>,
}

/// Names of the moments in a checkpoint.
const NAMES: [&str; 2] = ["m", "v"];

impl<B: Backend> Moments<B> {
    /// Moments of zeros.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn zeros(backend: &B, spec: &ParamSpec, keeping: Keeping) -> Result<Self> {
        let full = || backend.zeros(spec.rows, spec.cols);
        let eight = || -> Result<Eight<B::Buf>> {
            Ok(Eight {
                codes: backend.zeros(1, words(spec.count()))?,
                scales: backend.zeros(1, spec.count().div_ceil(BLOCK))?,
            })
        };
        Ok(match keeping {
            Keeping::Host => {
                let cpu = Cpu::default();
                let zeros = || cpu.zeros(spec.rows, spec.cols);
                Self::Host(Host {
                    moments: [zeros()?, zeros()?],
                    weight: None,
                    cpu,
                })
            }
            Keeping::Eight if is_eight(spec) => Self::Eight([eight()?, eight()?]),
            Keeping::Eight | Keeping::Full => Self::Full([full()?, full()?]),
        })
    }

    /// One update of the weights; the gradient is zero afterwards.
    ///
    /// # Errors
    /// When the device fails.
    pub fn update(
        &mut self,
        backend: &B,
        weight: &mut B::Buf,
        grad: &mut B::Buf,
        step: AdamStep,
    ) -> Result<()> {
        match self {
            Self::Full([m, v]) => backend.adamw(Slot { weight, grad, m, v }, step),
            Self::Eight([m, v]) => backend.adamw8(EightSlot { weight, grad, m, v }, step),
            Self::Host(host) => host.update(backend, weight, grad, step),
        }
    }

    /// The tensors that a checkpoint has of them: names and shapes.
    #[must_use]
    pub fn tensors(&self, spec: &ParamSpec) -> Vec<(String, Vec<usize>)> {
        let name = |prefix: &str| format!("{prefix}.{}", spec.name);
        match self {
            Self::Full(_) | Self::Host(_) => {
                NAMES.map(|prefix| (name(prefix), spec.dims())).to_vec()
            }
            // Bytes lie in the file as they do in memory, four in what it calls a number.
            Self::Eight(_) => NAMES
                .into_iter()
                .flat_map(|prefix| {
                    let codes = (name(&format!("{prefix}8")), vec![words(spec.count())]);
                    let blocks = spec.count().div_ceil(BLOCK);
                    [codes, (name(&format!("{prefix}8_scales")), vec![blocks])]
                })
                .collect(),
        }
    }

    /// The values of tensor `i` of [`Self::tensors`].
    ///
    /// # Errors
    /// When the device fails.
    pub fn values(&self, backend: &B, i: usize) -> Result<Vec<f32>> {
        match self {
            Self::Full(moments) => backend.download(&moments[i]),
            Self::Host(host) => Ok(host.moments[i].to_vec()),
            Self::Eight(moments) => {
                let moment = &moments[i / 2];
                backend.download([&moment.codes, &moment.scales][i % 2])
            }
        }
    }

    /// Takes the values of tensor `i` of [`Self::tensors`].
    ///
    /// # Errors
    /// When the device has no room.
    pub fn set(&mut self, backend: &B, spec: &ParamSpec, i: usize, values: &[f32]) -> Result<()> {
        match self {
            Self::Full(moments) => moments[i] = backend.upload(spec.rows, spec.cols, values)?,
            Self::Host(host) => {
                host.moments[i] = host.cpu.upload(spec.rows, spec.cols, values)?;
                host.weight = None;
            }
            Self::Eight(moments) => {
                let moment = &mut moments[i / 2];
                let target = [&mut moment.codes, &mut moment.scales];
                let [codes, scales] = target;
                *(if i.is_multiple_of(2) { codes } else { scales }) =
                    backend.upload(1, values.len(), values)?;
            }
        }
        Ok(())
    }
}

impl Host {
    fn update<B: Backend>(
        &mut self,
        backend: &B,
        weight: &mut B::Buf,
        grad: &mut B::Buf,
        step: AdamStep,
    ) -> Result<()> {
        let (rows, cols) = backend.shape(weight);
        let master = match &mut self.weight {
            Some(master) => master,
            none => none.insert(self.cpu.upload(rows, cols, &backend.download(weight)?)?),
        };
        let mut gradient = self.cpu.upload(rows, cols, &backend.download(grad)?)?;
        let [m, v] = &mut self.moments;
        let slot = Slot {
            weight: &mut *master,
            grad: &mut gradient,
            m,
            v,
        };
        self.cpu.adamw(slot, step)?;
        *weight = backend.upload(rows, cols, master)?;
        *grad = backend.zeros(rows, cols)?;
        Ok(())
    }
}
