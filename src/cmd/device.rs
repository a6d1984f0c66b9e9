//! `--device`: which machine part computes.

use anyhow::{Result, bail, ensure};

#[cfg(feature = "cuda")]
use crate::ops::cuda::{Gpu, nvidia::Nvidia};
use crate::{
    cmd::Context,
    ops::{Precision, cpu::Cpu},
    train::{available::available_bytes, memory::Place},
    units::human_bytes,
};

/// The flag, where the numbers are f32.
#[derive(Clone, Debug, clap::Args)]
pub struct DeviceArg {
    /// What computes: auto (a GPU, else the CPU), cpu, cuda or cuda:N.
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: String,
}

impl DeviceArg {
    /// The device that it names.
    ///
    /// # Errors
    /// For another name, and for a GPU that cannot be used.
    pub fn choose(&self, ctx: &Context) -> Result<Device> {
        choose(&self.device, ctx)
    }
}

/// The chosen device with its operations.
pub enum Device {
    /// The CPU kernels.
    Cpu(Cpu),
    /// The kernels of a GPU.
    #[cfg(feature = "cuda")]
    Gpu(Gpu<Nvidia>),
}

/// Runs the same generic call on whichever device was chosen.
macro_rules! on_device {
    ($device:expr, $backend:ident => $call:expr) => {
        match $device {
            $crate::cmd::device::Device::Cpu($backend) => $call,
            #[cfg(feature = "cuda")]
            $crate::cmd::device::Device::Gpu($backend) => $call,
        }
    };
}
pub(crate) use on_device;

/// The device for `auto`, `cpu`, `cuda` or `cuda:N`, in f32.
///
/// # Errors
/// For another name, and for a GPU that cannot be used.
pub fn choose(name: &str, ctx: &Context) -> Result<Device> {
    choose_with(name, Precision::F32, ctx)
}

/// The device for `auto`, `cpu`, `cuda` or `cuda:N`, with products in a precision.
///
/// # Errors
/// For another name, for a GPU that cannot be used, and for a precision that the device has not.
pub fn choose_with(name: &str, precision: Precision, ctx: &Context) -> Result<Device> {
    let device = match (name, name.strip_prefix("cuda")) {
        ("cpu", _) => Device::Cpu(Cpu::default()),
        ("auto", _) => gpu(0, precision).or_else(|error| {
            if cfg!(feature = "cuda") {
                ctx.note(&format!("no GPU can be used ({error:#}): the CPU computes"));
            }
            anyhow::Ok(Device::Cpu(Cpu::default()))
        })?,
        (_, Some("")) => gpu(0, precision)?,
        (_, Some(rest)) if rest.starts_with(':') => match rest[1..].parse() {
            Ok(number) => gpu(number, precision)?,
            Err(_) => bail!("--device: expected the number of a GPU after cuda:, got {name}"),
        },
        _ => bail!("--device: expected auto, cpu, cuda or cuda:N, got {name}"),
    };
    ensure!(
        precision == Precision::F32 || !matches!(device, Device::Cpu(_)),
        "--dtype bf16 is for GPUs, and the CPU computes here: leave it out, or choose --device cuda"
    );
    Ok(device)
}

#[cfg(feature = "cuda")]
fn gpu(number: usize, precision: Precision) -> Result<Device> {
    use anyhow::Context as _;
    let gpu = crate::ops::cuda::nvidia::open(number, precision).with_context(|| {
        format!(
            "GPU {number} cannot be used. `nvidia-smi` shows which there are; --device cpu does \
             without"
        )
    })?;
    Ok(Device::Gpu(gpu))
}

#[cfg(not(feature = "cuda"))]
fn gpu(_number: usize, _precision: Precision) -> Result<Device> {
    bail!(
        "this prep was built without CUDA. Build it with `cargo install --path . --features cuda` \
         (needs the CUDA toolkit), or use --device cpu"
    )
}

impl Device {
    /// What a plan may fill, and what says so to a person: `--memory` on the CPU; on a GPU nine
    /// tenths of the card's memory, since the same card has to give the same plan.
    ///
    /// # Errors
    /// When the device fails.
    #[cfg_attr(not(feature = "cuda"), allow(clippy::unnecessary_wraps))]
    pub fn room(&self, ctx: &Context) -> Result<(u64, String)> {
        match self {
            Self::Cpu(_) => Ok((
                ctx.memory,
                format!("--memory is {}", human_bytes(ctx.memory)),
            )),
            #[cfg(feature = "cuda")]
            Self::Gpu(gpu) => {
                let room = gpu.driver().total_bytes()? / 10 * 9;
                let text = format!("nine tenths of the GPU's memory are {}", human_bytes(room));
                Ok((room, text))
            }
        }
    }

    /// Bytes that are free now and whose they are; none where the system does not tell.
    ///
    /// # Errors
    /// When the device fails.
    #[cfg_attr(not(feature = "cuda"), allow(clippy::unnecessary_wraps))]
    pub fn free(&self) -> Result<Option<(u64, &'static str)>> {
        match self {
            Self::Cpu(_) => Ok(available_bytes().map(|free| (free, "machine"))),
            #[cfg(feature = "cuda")]
            Self::Gpu(gpu) => Ok(Some((gpu.driver().free_bytes()?, "GPU"))),
        }
    }

    /// Where a plan's scratch is.
    #[cfg_attr(not(feature = "cuda"), allow(unused_variables))]
    pub fn place(&self, precision: Precision) -> Place {
        match self {
            Self::Cpu(_) => Place::Cpu,
            #[cfg(feature = "cuda")]
            Self::Gpu(_) => Place::Gpu(precision),
        }
    }
}
