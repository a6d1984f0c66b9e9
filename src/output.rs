//! The one place that writes to stdout and stderr.
//!
//! stdout is data, stderr is for people. A closed pipe (`prep stats | head`) ends quietly.

use std::io::Write;

/// Writes a line of data to stdout.
pub fn data(line: &str) {
    stream(line);
    stream("\n");
}

/// Writes a piece of data to stdout at once, without a newline (streamed generation).
pub fn stream(piece: &str) {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(piece.as_bytes()).and_then(|()| out.flush());
    if let Err(error) = written
        && error.kind() == std::io::ErrorKind::BrokenPipe
    {
        // The reader has seen enough; that is not a failure of ours.
        std::process::exit(0);
    }
}

/// Writes a line for a person to stderr. Nobody is left to tell if stderr itself is gone.
pub fn note(line: &str) {
    let mut err = std::io::stderr().lock();
    let _ = writeln!(err, "{line}");
}
