//! Ranks on the GPUs of one machine: gradients are summed by NCCL, on the devices.
//!
//! Numbers and decisions go over the sockets of [`Wire`], as everywhere. NCCL's sums have a fixed order
//! for a given machine, number of ranks and version of the library, and every rank gets the same
//! bits.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::{Exchange, Ranks, Wire};
use crate::ops::{
    Backend,
    cuda::{
        Gpu,
        nccl::{Group, ID_BYTES, new_id},
        nvidia::Nvidia,
    },
};

/// The sockets, and NCCL's group.
pub struct Nccl<'a> {
    wire: &'a Wire,
    group: Group,
}

impl<'a> Nccl<'a> {
    /// Meets the other ranks.
    ///
    /// # Errors
    /// Names the rank that has failed or died, or says what NCCL did not do.
    pub fn join(wire: &'a Wire, gpu: &Gpu<Nvidia>) -> Result<Self> {
        let own = if wire.rank() == 0 {
            new_id()?.to_vec()
        } else {
            Vec::new()
        };
        let all = wire.gather(&own)?;
        let id: [u8; ID_BYTES] = all[0][..].try_into().context("NCCL's id")?;
        let group = Group::join(gpu, wire.rank(), wire.count(), id)?;
        Ok(Self { wire, group })
    }
}

impl Exchange for Nccl<'_> {
    fn rank(&self) -> usize {
        self.wire.rank()
    }

    fn count(&self) -> usize {
        self.wire.count()
    }

    fn gather(&self, own: &[u8]) -> Result<Vec<Vec<u8>>> {
        self.wire.gather(own)
    }
}

impl Ranks<Gpu<Nvidia>> for Nccl<'_> {
    fn sum_gradients(
        &self,
        _: &Gpu<Nvidia>,
        gradients: &mut [<Gpu<Nvidia> as Backend>::Buf],
    ) -> Result<()> {
        // Whoever is dead is found here rather than waited for on the device.
        self.gather(&[])?;
        let done = self.group.sum(gradients)?;
        while !done.is_complete()? {
            self.wire.check()?;
            std::thread::sleep(Duration::from_micros(50));
        }
        Ok(())
    }
}
