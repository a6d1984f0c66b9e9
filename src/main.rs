//! Parses, runs, and maps the result to an exit code.

use prep::cmd::Cli;
use prep::exit::Exit;
use prep::interrupt::Interrupted;
use prep::output;

fn main() -> Exit {
    match Cli::read().and_then(Cli::run) {
        Ok(exit) => exit,
        Err(error) if error.is::<Interrupted>() => {
            output::note(&format!("prep: {error}"));
            Exit::Interrupted
        }
        Err(error) => {
            output::note(&format!("prep: error: {error:#}"));
            Exit::Failed
        }
    }
}
