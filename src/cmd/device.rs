//! `--device`: which machine part computes.

use anyhow::{Result, bail};

use crate::{
    cmd::Context,
    ops::{composed::Composed, cpu::Cpu},
};

/// The chosen device with its operations.
pub enum Device {
    /// The CPU kernels.
    Cpu(Cpu),
    /// candle's operations on a GPU.
    Gpu(Composed),
}

/// Runs the same generic call on whichever device was chosen.
macro_rules! on_device {
    ($device:expr, $backend:ident => $call:expr) => {
        match $device {
            $crate::cmd::device::Device::Cpu($backend) => $call,
            $crate::cmd::device::Device::Gpu($backend) => $call,
        }
    };
}
pub(crate) use on_device;

/// The device for `auto`, `cpu`, `cuda` or `cuda:N`.
///
/// # Errors
/// For another name, and for a GPU that cannot be used.
pub fn choose(name: &str, ctx: &Context) -> Result<Device> {
    if name == "cpu" {
        return Ok(Device::Cpu(Cpu::default()));
    }
    if name == "auto" {
        return Ok(match gpu(0) {
            Ok(gpu) => Device::Gpu(gpu),
            Err(error) => {
                if cfg!(feature = "cuda") {
                    ctx.note(&format!(
                        "no GPU to be used ({error:#}), training on the CPU"
                    ));
                }
                Device::Cpu(Cpu::default())
            }
        });
    }
    let number = match name.strip_prefix("cuda") {
        Some("") => Some(0),
        Some(rest) => rest.strip_prefix(':').and_then(|n| n.parse().ok()),
        None => None,
    };
    let Some(number) = number else {
        bail!("--device: expected auto, cpu, cuda or cuda:N, got {name}");
    };
    gpu(number).map(Device::Gpu)
}

#[cfg(feature = "cuda")]
fn gpu(number: usize) -> Result<Composed> {
    use anyhow::Context as _;
    let device = candle_core::Device::new_cuda(number).with_context(|| {
        format!(
            "GPU {number} cannot be used. `nvidia-smi` shows which there are; --device cpu does \
             without"
        )
    })?;
    Ok(Composed::new(device))
}

#[cfg(not(feature = "cuda"))]
fn gpu(_number: usize) -> Result<Composed> {
    bail!(
        "this prep was built without CUDA. Build it with `cargo install --path . --features cuda` \
         (needs the CUDA toolkit), or use --device cpu"
    )
}
