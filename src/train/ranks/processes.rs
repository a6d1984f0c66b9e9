//! The processes of the ranks: rank 0 starts the others with its own command line.
//!
//! A rank knows its number by an environment variable and speaks with rank 0 over its standard
//! input, one end of a pair of sockets: there is no address that anybody else could connect to, and
//! nothing is left behind by whatever end of whichever process. Standard output is closed to ranks
//! (libraries write there), and what they report goes through rank 0.

use std::{
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    process::{Command, Stdio},
    sync::Mutex,
};

use anyhow::{Context as _, Result};

use super::wire::{Peer, Wire};

/// The variable that tells a process its rank.
const RANK: &str = "PREP_RANK";

/// The rank that this process was started as; none for one that a person started.
#[must_use]
pub fn own_rank() -> Option<usize> {
    std::env::var(RANK).ok()?.parse().ok()
}

/// Starts a process for each device but the first, which is this process's.
///
/// # Errors
/// When a process cannot be started.
pub fn start(devices: &[String]) -> Result<Wire> {
    let program = std::env::current_exe().context("where is this program?")?;
    let mut peers = Vec::new();
    for (rank, device) in devices.iter().enumerate().skip(1) {
        let (ours, theirs) = UnixStream::pair().context("a pair of sockets")?;
        let process = Command::new(&program)
            .args(std::env::args_os().skip(1))
            .env(RANK, rank.to_string())
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start the process of rank {rank}"))?;
        peers.push(Peer {
            device: device.clone(),
            stream: ours,
            process: Some(Mutex::new(process)),
        });
    }
    let wire = Wire::leader(peers);
    wire.begin()?;
    Ok(wire)
}

/// The way of this process, which is rank `rank`, to rank 0.
///
/// # Errors
/// When standard input is not the socket that rank 0 gives.
pub fn join(rank: usize) -> Result<Wire> {
    let input = std::io::stdin().as_fd().try_clone_to_owned();
    let stream = UnixStream::from(input.context("standard input is closed")?);
    // A terminal or a file would be waited for in vain.
    let begin = stream.peer_addr().map_err(anyhow::Error::from);
    begin
        .and_then(|_| Wire::follower(rank, stream))
        .with_context(|| {
            format!("{RANK} is set, but standard input does not lead to rank 0. Unset it")
        })
}
