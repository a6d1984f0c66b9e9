//! Exit codes: an enum, so that no caller invents a number.

use std::process::{ExitCode, Termination};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything was done.
    Done = 0,
    /// Done and the output is valid, but some records were rejected.
    Rejects = 1,
    /// Failed or wrong usage.
    Failed = 2,
    /// Interrupted by a signal; the same command continues.
    Interrupted = 130,
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}
