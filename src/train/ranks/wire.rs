//! Ranks on one machine that speak over sockets; gradients go through the host's memory.
//!
//! A star: rank 0 hears every other rank, in their order, and tells all of them what came of it. That
//! order makes sums the same bits in every run, and a socket's end shows at once who has died. A
//! message is its kind (1 byte), its length (8 bytes, little-endian) and its bytes.

use std::{
    io::{Read, Write},
    os::unix::{net::UnixStream, process::parent_id},
    process::Child,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Error, Result, anyhow, bail, ensure};

use super::{Exchange, Ranks};
use crate::ops::Backend;

/// Values of one message of gradients.
const CHUNK: usize = 1 << 18;

/// What a message is.
const VALUE: u8 = 0;
/// The last one of a rank that fails, with the reason.
const FAILURE: u8 = 1;

/// The sockets of a rank.
pub struct Wire {
    rank: usize,
    count: usize,
    ends: Ends,
}

enum Ends {
    /// Rank 0's: to every other.
    Leader(Vec<Peer>),
    /// Another's: to rank 0, whose process has this number.
    Follower(UnixStream, u32),
}

/// Another rank, as rank 0 sees it.
pub struct Peer {
    /// What computes there.
    pub device: String,
    /// The socket to it.
    pub stream: UnixStream,
    /// Its process; none for a thread of the tests.
    pub process: Option<Mutex<Child>>,
}

impl Wire {
    /// Rank 0's, with ranks 1 and up in order.
    #[must_use]
    pub fn leader(peers: Vec<Peer>) -> Self {
        Self {
            rank: 0,
            count: 1 + peers.len(),
            ends: Ends::Leader(peers),
        }
    }

    /// Another rank's; rank 0 says how many there are.
    ///
    /// # Errors
    /// When rank 0 is gone.
    pub fn follower(rank: usize, stream: UnixStream) -> Result<Self> {
        let count = receive(&stream).context(LEADER_GONE)?;
        let count: [u8; 8] = count.try_into().map_err(|_| anyhow!("not a number"))?;
        Ok(Self {
            rank,
            count: u64::from_le_bytes(count) as usize,
            ends: Ends::Follower(stream, parent_id()),
        })
    }

    /// Tells every rank how many there are: the first message.
    ///
    /// # Errors
    /// Names the rank that has died.
    pub fn begin(&self) -> Result<()> {
        let Ends::Leader(peers) = &self.ends else {
            return Ok(());
        };
        let count = (self.count as u64).to_le_bytes();
        for (i, peer) in peers.iter().enumerate() {
            send(&peer.stream, VALUE, &[&count]).map_err(|error| peer.lost(i + 1, error))?;
        }
        Ok(())
    }

    /// The other ranks, as rank 0 shows them to a person.
    #[must_use]
    pub fn others(&self) -> Vec<String> {
        let Ends::Leader(peers) = &self.ends else {
            return Vec::new();
        };
        let each = peers.iter().zip(1..).map(|(peer, rank)| {
            let process = peer.process.as_ref().map_or(0, |process| {
                process.lock().unwrap_or_else(PoisonError::into_inner).id()
            });
            format!("rank {rank} on {} (process {process})", peer.device)
        });
        each.collect()
    }

    /// Tells rank 0 why this rank ends; nobody may be left to hear it.
    pub fn fail(&self, reason: &Error) {
        if let Ends::Follower(stream, _) = &self.ends {
            let _ = send(stream, FAILURE, &[format!("{reason:#}").as_bytes()]);
        }
    }

    /// Fails when a rank has died, for those who wait on something else than a socket.
    ///
    /// # Errors
    /// Names the rank.
    pub fn check(&self) -> Result<()> {
        match &self.ends {
            Ends::Leader(peers) => {
                for (i, peer) in peers.iter().enumerate() {
                    let Some(process) = &peer.process else {
                        continue;
                    };
                    let mut process = process.lock().unwrap_or_else(PoisonError::into_inner);
                    if process.try_wait()?.is_some() {
                        drop(process);
                        return Err(peer.lost(i + 1, anyhow!("its process has ended")));
                    }
                }
            }
            Ends::Follower(_, leader) => ensure!(parent_id() == *leader, LEADER_GONE),
        }
        Ok(())
    }

    /// Sums values over the ranks, at most [`CHUNK`] at once.
    fn sum_values(&self, values: &mut [f32]) -> Result<()> {
        match &self.ends {
            Ends::Follower(stream, _) => {
                send(stream, VALUE, &[&to_bytes(values)]).context(LEADER_GONE)?;
                let bytes = receive(stream).context(LEADER_GONE)?;
                each(&bytes, values, |value, sum| *value = sum)
            }
            Ends::Leader(peers) => {
                for (i, peer) in peers.iter().enumerate() {
                    let bytes = receive(&peer.stream).map_err(|error| peer.lost(i + 1, error))?;
                    each(&bytes, values, |value, theirs| *value += theirs)?;
                }
                let bytes = to_bytes(values);
                for (i, peer) in peers.iter().enumerate() {
                    send(&peer.stream, VALUE, &[&bytes])
                        .map_err(|error| peer.lost(i + 1, error))?;
                }
                Ok(())
            }
        }
    }
}

const LEADER_GONE: &str = "rank 0, which leads the run, has ended. The checkpoints are intact: its \
                           command continues";

impl Exchange for Wire {
    fn rank(&self) -> usize {
        self.rank
    }

    fn count(&self) -> usize {
        self.count
    }

    fn gather(&self, own: &[u8]) -> Result<Vec<Vec<u8>>> {
        match &self.ends {
            Ends::Follower(stream, _) => {
                send(stream, VALUE, &[own]).context(LEADER_GONE)?;
                let each = |_| receive(stream).context(LEADER_GONE);
                (0..self.count).map(each).collect()
            }
            Ends::Leader(peers) => {
                let mut all = vec![own.to_vec()];
                for (i, peer) in peers.iter().enumerate() {
                    let said = receive(&peer.stream).map_err(|error| peer.lost(i + 1, error))?;
                    all.push(said);
                }
                for (i, peer) in peers.iter().enumerate() {
                    for said in &all {
                        send(&peer.stream, VALUE, &[said])
                            .map_err(|error| peer.lost(i + 1, error))?;
                    }
                }
                Ok(all)
            }
        }
    }
}

impl<B: Backend> Ranks<B> for Wire {
    fn sum_gradients(&self, backend: &B, gradients: &mut [B::Buf]) -> Result<()> {
        for gradient in gradients {
            let (rows, cols) = backend.shape(gradient);
            let mut values = backend.download(gradient)?;
            for values in values.chunks_mut(CHUNK) {
                self.sum_values(values)?;
            }
            *gradient = backend.upload(rows, cols, &values)?;
        }
        Ok(())
    }
}

impl Peer {
    /// What became of rank `rank`: the reason that it gave, or how its process ended.
    fn lost(&self, rank: usize, error: Error) -> Error {
        const REMEDY: &str = "The others have stopped, and the checkpoints are intact: the same \
                              command continues, with other --devices, too";
        let device = &self.device;
        let mut last = error;
        while last.downcast_ref::<Failed>().is_none() {
            // A rank that fails says why before it ends, which is read here where writing to it
            // failed.
            match receive(&self.stream) {
                Ok(_) => {}
                Err(error) if error.is::<Failed>() => last = error,
                Err(_) => break,
            }
        }
        if let Some(Failed(reason)) = last.downcast_ref() {
            return anyhow!("rank {rank} ({device}) has failed: {reason}. {REMEDY}");
        }
        let how = self.process.as_ref().map_or(String::new(), |process| {
            let mut process = process.lock().unwrap_or_else(PoisonError::into_inner);
            let id = process.id();
            match process.wait() {
                Ok(status) => format!(", process {id}, {status}"),
                Err(_) => format!(", process {id}"),
            }
        });
        anyhow!("rank {rank} ({device}{how}) has died. {REMEDY}")
    }
}

impl Drop for Wire {
    /// Nobody trains on without rank 0.
    fn drop(&mut self) {
        let Ends::Leader(peers) = &self.ends else {
            return;
        };
        for process in peers.iter().filter_map(|peer| peer.process.as_ref()) {
            let mut process = process.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// The reason that a rank gave for its end.
#[derive(Debug)]
struct Failed(String);

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}

fn send(mut stream: &UnixStream, kind: u8, parts: &[&[u8]]) -> Result<()> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut head = [kind; 9];
    head[1..].copy_from_slice(&(length as u64).to_le_bytes());
    stream.write_all(&head)?;
    for part in parts {
        stream.write_all(part)?;
    }
    Ok(())
}

fn receive(mut stream: &UnixStream) -> Result<Vec<u8>> {
    let mut head = [0; 9];
    stream.read_exact(&mut head)?;
    let [kind, length @ ..] = head;
    let length = u64::from_le_bytes(length);
    ensure!(length < 1 << 32, "a message of {length} bytes");
    let mut bytes = vec![0; length as usize];
    stream.read_exact(&mut bytes)?;
    match kind {
        VALUE => Ok(bytes),
        FAILURE => bail!(Failed(String::from_utf8_lossy(&bytes).into_owned())),
        other => bail!("a message of the kind {other}"),
    }
}

fn to_bytes(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

/// Calls `change` with each value and the one that came for it.
fn each(bytes: &[u8], values: &mut [f32], change: impl Fn(&mut f32, f32)) -> Result<()> {
    let (theirs, _) = bytes.as_chunks::<4>();
    ensure!(
        theirs.len() == values.len(),
        "{} gradients came for {}: a rank is at another place of the run",
        theirs.len(),
        values.len()
    );
    for (value, theirs) in values.iter_mut().zip(theirs) {
        change(value, f32::from_le_bytes(*theirs));
    }
    Ok(())
}
