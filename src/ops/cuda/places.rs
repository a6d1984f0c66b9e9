//! The rotary table and the starts of documents on the device.
//!
//! Every layer of a batch asks with the same ones, so the last few tables and the last starts stay
//! there.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;

use super::{Gpu, driver::Driver};
use crate::ops::{Places, Rope};

/// Tables that stay: a model has one, or one each for local and global layers.
const TABLES: usize = 4;

/// What tells tables apart. The rows of positions 1 and last give every frequency and the number
/// of positions, and with them the whole table.
#[derive(Clone, PartialEq)]
struct Key {
    half: usize,
    positions: usize,
    rows: Vec<u32>,
}

impl Key {
    fn of(rope: &Rope) -> Self {
        let positions = rope.positions();
        let row = |position: usize| {
            let at = position.min(positions.saturating_sub(1)) * rope.half;
            let values = [&rope.cos[at..at + rope.half], &rope.sin[at..at + rope.half]];
            values.concat()
        };
        let rows = [row(1), row(positions)].concat();
        Self {
            half: rope.half,
            positions,
            rows: rows.into_iter().map(f32::to_bits).collect(),
        }
    }
}

/// Cosines and sines.
pub type Table<M> = Arc<[M; 2]>;

struct State<M> {
    tables: Vec<(Key, Table<M>)>,
    starts: Option<(Vec<u32>, Arc<M>)>,
}

/// What stays on the device.
pub struct Cache<M>(Mutex<State<M>>);

impl<M> Default for Cache<M> {
    fn default() -> Self {
        Self(Mutex::new(State {
            tables: Vec::new(),
            starts: None,
        }))
    }
}

impl<M> Cache<M> {
    fn lock(&self) -> std::sync::MutexGuard<'_, State<M>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Driver> Gpu<D> {
    /// The table on the device.
    pub(super) fn table(&self, rope: &Rope) -> Result<Table<D::Memory>> {
        let key = Key::of(rope);
        let mut state = self.places.lock();
        if let Some((_, table)) = state.tables.iter().find(|(known, _)| *known == key) {
            return Ok(Arc::clone(table));
        }
        let table = Arc::new([self.put(&rope.cos)?, self.put(&rope.sin)?]);
        if state.tables.len() == TABLES {
            state.tables.remove(0);
        }
        state.tables.push((key, Arc::clone(&table)));
        Ok(table)
    }

    /// The starts on the device; none where each sequence is one document.
    pub(super) fn starts(&self, places: Places<'_>) -> Result<Option<Arc<D::Memory>>> {
        if places.starts.is_empty() {
            return Ok(None);
        }
        let mut state = self.places.lock();
        if let Some((known, memory)) = &state.starts
            && known == places.starts
        {
            return Ok(Some(Arc::clone(memory)));
        }
        let memory = Arc::new(self.put(places.starts)?);
        state.starts = Some((places.starts.to_vec(), Arc::clone(&memory)));
        Ok(Some(memory))
    }
}
