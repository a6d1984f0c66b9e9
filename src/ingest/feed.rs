//! Reads sources side by side and hands their blocks out in order, grouped to a worker's size.

use super::blocks::{self, Block, Piece};
use super::source::{Source, Wishes};
use super::spool::Spool;
use super::state::Cursor;
use super::weight::{Room, Taken};
use anyhow::{Result, anyhow};
use crossbeam_channel::{Receiver, bounded};
use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::Scope;

/// Bytes after which a group ends: one Parquet row group of documents.
const GROUP_BYTES: usize = 4 << 20;
/// Bytes of groups far larger than that, of long records, which wait for a worker or are with one.
pub const LARGE_BYTES: u64 = 128 << 20;
/// Sources that are open at once, at most.
const MAX_OPEN: usize = 16;

/// Blocks for one worker.
pub struct Group<'a> {
    /// What it takes of the room for large ones, until it is done.
    pub room: Option<Taken<'a>>,
    /// Blocks in order.
    pub blocks: Vec<Piece>,
    /// What comes after them.
    pub end: Cursor,
}

/// Iterator over groups, from a cursor on.
pub struct Feed<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    sources: &'env [Arc<Source>],
    spool: &'env Spool,
    wishes: &'env Wishes<'env>,
    room: &'env Room,
    open: VecDeque<Receiver<Piece>>,
    next_to_open: usize,
    max_open: usize,
    /// The next block to take from the first open source.
    cursor: Cursor,
    /// Blocks of the first source that an interrupted run has done.
    done_before: u64,
}

impl<'scope, 'env> Feed<'scope, 'env> {
    /// A feed of `sources` from `cursor` on; reader threads run in `scope`.
    pub fn new(
        scope: &'scope Scope<'scope, 'env>,
        sources: &'env [Arc<Source>],
        (spool, wishes, room): (&'env Spool, &'env Wishes<'env>, &'env Room),
        cursor: Cursor,
        threads: usize,
    ) -> Self {
        Self {
            scope,
            sources,
            spool,
            wishes,
            room,
            open: VecDeque::new(),
            next_to_open: cursor.source,
            max_open: (threads + 1).min(MAX_OPEN),
            cursor: Cursor { block: 0, ..cursor },
            done_before: cursor.block,
        }
    }

    fn open_more(&mut self) {
        while self.open.len() < self.max_open && self.next_to_open < self.sources.len() {
            let (out, blocks) = bounded(1);
            let source = &self.sources[self.next_to_open];
            let (spool, wishes) = (self.spool, self.wishes);
            self.scope
                .spawn(move || blocks::read(source, spool, wishes, &out));
            self.open.push_back(blocks);
            self.next_to_open += 1;
        }
    }

    /// The next block, skipping those that are done.
    fn next_block(&mut self) -> Option<Result<Piece>> {
        loop {
            self.open_more();
            let Ok(piece) = self.open.front()?.recv() else {
                // Only a panic in the reader ends it without its last block.
                self.open.clear();
                self.next_to_open = self.sources.len();
                let name = &self.sources[self.cursor.source].name;
                return Some(Err(anyhow!(
                    "the reader of {name} failed; this is a bug of prep, please report it"
                )));
            };
            let (source, number) = (self.cursor.source, self.cursor.block);
            if matches!(piece.block, Block::End { .. }) {
                self.open.pop_front();
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

impl<'env> Iterator for Feed<'_, 'env> {
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
