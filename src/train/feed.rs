//! Prefetch: a thread gathers the next steps' sequences while the device computes.

use std::{
    ops::Range,
    thread::Scope,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use crossbeam_channel::{Receiver, bounded};

use super::{Loader, Sequences};

/// Steps that wait, gathered, for the device: one would do, two even out slow pages.
const AHEAD: usize = 2;

/// The steps' sequences, in order.
pub struct Feed {
    receiver: Receiver<Sequences>,
}

impl Feed {
    /// Begins to gather: `n` samples a step, from sample `first` on, and of those the ones that are
    /// this process's `share`. The thread ends with the feed.
    pub fn start<'scope, 'env>(
        scope: &'scope Scope<'scope, 'env>,
        loader: &'env Loader<'env>,
        mut first: u64,
        n: usize,
        share: Range<usize>,
    ) -> Self {
        let (sender, receiver) = bounded(AHEAD);
        scope.spawn(move || {
            let own = |first: u64| loader.samples(first + share.start as u64, share.len());
            while sender.send(own(first)).is_ok() {
                first += n as u64;
            }
        });
        Self { receiver }
    }

    /// The next step's sequences, and how long they were waited for.
    ///
    /// # Errors
    /// When the thread failed.
    pub fn next(&self) -> Result<(Sequences, Duration)> {
        let begin = Instant::now();
        let data = self.receiver.recv();
        let data = data.context("the thread that reads the shards has stopped")?;
        Ok((data, begin.elapsed()))
    }
}
