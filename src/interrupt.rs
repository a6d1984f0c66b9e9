//! Ctrl-C and SIGTERM: finish what is being written, keep what is finished, exit 130.
//!
//! A signal reaches a process, not a function, so this flag is the one piece of global state.

use std::sync::atomic::{AtomicBool, Ordering};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// The error of a command that was told to stop.
#[derive(Debug)]
pub struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted; what was finished is kept, the same command continues")
    }
}

impl std::error::Error for Interrupted {}

/// Listens for signals; a second one ends the process at once.
pub fn listen() {
    // Without a handler a signal still ends the process, which loses nothing that was finished.
    let _ = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
}

/// Fails once a signal has arrived; called wherever stopping is safe.
///
/// # Errors
/// [`Interrupted`].
pub fn check() -> Result<(), Interrupted> {
    if INTERRUPTED.load(Ordering::Relaxed) {
        Err(Interrupted)
    } else {
        Ok(())
    }
}
