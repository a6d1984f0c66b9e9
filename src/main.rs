//! Parses, runs, and maps the result to an exit code.

use clap::Parser;
use prep::cmd::Cli;
use prep::exit::Exit;
use prep::output;

fn main() -> Exit {
    match Cli::parse().run() {
        Ok(exit) => exit,
        Err(error) => {
            output::note(&format!("prep: error: {error:#}"));
            Exit::Failed
        }
    }
}
