//! Reads sources side by side and hands their blocks out in order, grouped to a worker's size.

use super::blocks::{self, Block, Piece, Stop};
use super::codec::Codec;
use super::source::{Source, Wishes};
use super::spool::Spool;
use super::state::Cursor;
use super::weight::{Room, Taken};
use anyhow::{Result, anyhow};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::thread::Scope;

/// Bytes after which a group ends: one Parquet row group of documents.
const GROUP_BYTES: usize = 4 << 20;
/// Bytes of groups far larger than that, of long records, which wait for a worker or are with one.
pub const LARGE_BYTES: u64 = 128 << 20;
/// Runs of sources that are open at once, at most.
const MAX_OPEN: usize = 16;
/// Bytes and number of small sources that one reader reads one after another: handing over each by
/// itself costs more than reading it.
const RUN_BYTES: u64 = 1 << 20;
const RUN_SOURCES: usize = 256;
/// Bytes of pieces that are handed over together.
const HANDOVER_BYTES: usize = 256 << 10;

/// Blocks for one worker.
pub struct Group<'a> {
    /// What it takes of the room for large ones, until it is done.
    pub room: Option<Taken<'a>>,
    /// Blocks in order.
    pub blocks: Vec<Piece>,
    /// What comes after them.
    pub end: Cursor,
}

/// Consecutive sources for one reader, and where their pieces go.
struct Run {
    sources: Range<usize>,
    out: Sender<Vec<Piece>>,
}

/// A run that is being read.
struct Open {
    /// The index behind its last source.
    end: usize,
    pieces: Receiver<Vec<Piece>>,
}

/// Iterator over groups, from a cursor on.
pub struct Feed<'env> {
    sources: &'env [Arc<Source>],
    room: &'env Room,
    /// To the readers, which end when it is gone.
    runs: Sender<Run>,
    open: VecDeque<Open>,
    /// Pieces of the first open run that were handed over and not taken yet.
    handed: std::vec::IntoIter<Piece>,
    next_to_open: usize,
    max_open: usize,
    /// The next block to take from the first open source.
    cursor: Cursor,
    /// Blocks of the first source that an interrupted run has done.
    done_before: u64,
}

impl<'env> Feed<'env> {
    /// A feed of `sources` from `cursor` on; reader threads run in `scope`.
    pub fn new(
        scope: &'env Scope<'env, '_>,
        sources: &'env [Arc<Source>],
        (spool, wishes, room): (&'env Spool, &'env Wishes<'env>, &'env Room),
        cursor: Cursor,
        threads: usize,
    ) -> Self {
        let max_open = (threads + 1).min(MAX_OPEN);
        let (runs, to_read) = unbounded::<Run>();
        for _ in 0..max_open.min(sources.len()) {
            let to_read = to_read.clone();
            scope.spawn(move || {
                for run in to_read {
                    read_run(&sources[run.sources], spool, wishes, &run.out);
                }
            });
        }
        Self {
            sources,
            room,
            runs,
            open: VecDeque::new(),
            handed: Vec::new().into_iter(),
            next_to_open: cursor.source,
            max_open,
            cursor: Cursor { block: 0, ..cursor },
            done_before: cursor.block,
        }
    }

    fn open_more(&mut self) {
        while self.open.len() < self.max_open && self.next_to_open < self.sources.len() {
            let (out, pieces) = bounded(1);
            let end = self.next_to_open + run_length(&self.sources[self.next_to_open..]);
            let sources = self.next_to_open..end;
            self.next_to_open = end;
            self.open.push_back(Open { end, pieces });
            // Without a reader `out` is gone, which is noticed where the pieces are missed.
            let _ = self.runs.send(Run { sources, out });
        }
    }

    /// The next piece; `None` when all sources were read to their ends.
    fn next_piece(&mut self) -> Option<Result<Piece>> {
        loop {
            if let Some(piece) = self.handed.next() {
                return Some(Ok(piece));
            }
            self.open_more();
            let first = self.open.front()?;
            match first.pieces.recv() {
                Ok(pieces) => self.handed = pieces.into_iter(),
                Err(_) if first.end == self.cursor.source => {
                    self.open.pop_front();
                }
                Err(_) => {
                    // Only a panic in the reader ends it without its last block.
                    self.open.clear();
                    self.next_to_open = self.sources.len();
                    let name = &self.sources[self.cursor.source].name;
                    return Some(Err(anyhow!(
                        "the reader of {name}, or of a small source behind it, failed; this is a bug of prep, please report it"
                    )));
                }
            }
        }
    }

    /// The next block, skipping those that are done.
    fn next_block(&mut self) -> Option<Result<Piece>> {
        loop {
            let piece = match self.next_piece()? {
                Ok(piece) => piece,
                Err(error) => return Some(Err(error)),
            };
            let (source, number) = (self.cursor.source, self.cursor.block);
            if matches!(piece.block, Block::End { .. }) {
                self.cursor = Cursor {
                    source: source + 1,
                    block: 0,
                };
            } else {
                self.cursor.block += 1;
            }
            let done = std::mem::take(&mut self.done_before);
            if number < done {
                self.done_before = done;
                continue;
            }
            return Some(Ok(piece));
        }
    }
}

impl<'env> Iterator for Feed<'env> {
    type Item = Result<Group<'env>>;

    fn next(&mut self) -> Option<Self::Item> {
        let (mut blocks, mut size) = (Vec::new(), 0);
        while size < GROUP_BYTES {
            let piece = match self.next_block() {
                None => break,
                Some(Ok(next)) => next,
                Some(Err(error)) => return Some(Err(error)),
            };
            size += piece.block.size();
            blocks.push(piece);
        }
        // Workers give it back, whatever comes after this group.
        let room = (size > 2 * GROUP_BYTES).then(|| self.room.take(size as u64));
        (!blocks.is_empty()).then_some(Ok(Group {
            room,
            blocks,
            end: self.cursor,
        }))
    }
}

/// How many of `sources`, from the first on, one reader takes: as many small files as make a run, or one
/// other. What is compressed or an archive may be of any size.
fn run_length(sources: &[Arc<Source>]) -> usize {
    let mut bytes = 0;
    let small = sources.iter().take(RUN_SOURCES).take_while(|source| {
        let is_archive = |source: &Source| source.format.as_ref().is_ok_and(|f| f.is_archive());
        bytes += source.bytes;
        bytes <= RUN_BYTES && source.codec == Codec::Plain && !is_archive(source)
    });
    small.count().max(1)
}

/// Reads `sources` one after another and hands their pieces over, small ones together.
fn read_run(sources: &[Arc<Source>], spool: &Spool, wishes: &Wishes<'_>, out: &Sender<Vec<Piece>>) {
    let waiting = RefCell::new((Vec::new(), 0));
    let hand_over = |least: usize| {
        let (pieces, bytes) = &mut *waiting.borrow_mut();
        if *bytes < least || pieces.is_empty() {
            return Ok(());
        }
        *bytes = 0;
        let pieces = std::mem::take(pieces);
        out.send(pieces).map_err(|_| Stop::Unwanted)
    };
    let taker = |piece: Piece| {
        {
            let (pieces, bytes) = &mut *waiting.borrow_mut();
            *bytes += piece.block.size();
            pieces.push(piece);
        }
        hand_over(HANDOVER_BYTES)
    };
    // Whoever wants no more has no use for an error.
    let mut all = sources.iter();
    let read = all.try_for_each(|source| blocks::read(source, spool, wishes, &taker));
    let _ = read.and_then(|()| hand_over(0));
}
