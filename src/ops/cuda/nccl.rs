//! Sums over several GPUs by NCCL, on the stream of the other operations.

use anyhow::{Context as _, Result, anyhow};
use candle_core::cuda_backend::cudarc::{
    driver::CudaEvent,
    nccl::{Comm, Id, ReduceOp, group_end, group_start, result::NcclError},
};

use super::{Gpu, driver::Driver, matrix::Matrix, nvidia::Nvidia};

/// Bytes of the id by which a group's members find each other.
pub const ID_BYTES: usize = 128;

/// This process's place among the GPUs that sum together.
pub struct Group {
    comm: Comm,
}

// SAFETY: a communicator is used by one call at a time: the ranks' calls are those of the thread that
// trains, in its order. NCCL does not tie it to the thread that made it.
unsafe impl Send for Group {}
// SAFETY: as above.
unsafe impl Sync for Group {}

/// When what was asked of the device is done.
pub struct Done(CudaEvent);

impl Done {
    /// Whether it is.
    ///
    /// # Errors
    /// When the device fails.
    pub fn is_complete(&self) -> Result<bool> {
        Ok(self.0.try_is_complete()?)
    }
}

fn failed(error: NcclError) -> anyhow::Error {
    anyhow!("NCCL: {:?} (NCCL_DEBUG=WARN tells more)", error.0)
}

/// The id of a new group, which its first member makes.
///
/// # Errors
/// When NCCL fails.
pub fn new_id() -> Result<[u8; ID_BYTES]> {
    let id = Id::new().map_err(failed)?;
    Ok(id.internal().map(|byte| byte as u8))
}

impl Group {
    /// Joins the group; returns when all have.
    ///
    /// # Errors
    /// When NCCL fails.
    pub fn join(gpu: &Gpu<Nvidia>, rank: usize, count: usize, id: [u8; ID_BYTES]) -> Result<Self> {
        let id = Id::uninit(id.map(|byte| byte as std::ffi::c_char));
        let stream = gpu.driver().stream();
        stream.context().bind_to_thread()?;
        let comm = Comm::from_rank(stream, rank, count, id).map_err(failed)?;
        Ok(Self { comm })
    }

    /// Makes each matrix the sum of all members' in place.
    ///
    /// # Errors
    /// When NCCL or the device fails.
    pub fn sum(&self, matrices: &mut [Matrix<<Nvidia as Driver>::Memory>]) -> Result<Done> {
        group_start().map_err(failed)?;
        for matrix in matrices {
            let count = matrix.len();
            // SAFETY: the memory holds that many f32, which every bit pattern is.
            let values = unsafe { matrix.memory.transmute_mut::<f32>(count) };
            let mut values = values.context("a matrix in too little memory")?;
            self.comm
                .all_reduce_in_place(&mut values, &ReduceOp::Sum)
                .map_err(failed)?;
        }
        group_end().map_err(failed)?;
        Ok(Done(self.comm.stream().record_event(None)?))
    }
}
