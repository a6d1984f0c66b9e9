//! What threads keep between texts, each its own: its words are in the caches of the core that it runs on.

use super::cache::layout::Layout;
use super::piece::State;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Places for states: with more threads than these some share one, and may find each other's.
const PLACES: usize = 256;

static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The place where this thread looks first.
    static PLACE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % PLACES;
}

/// States that no thread is using; about as many as threads have used at once.
pub(super) struct States {
    places: Vec<Mutex<Vec<State>>>,
    layout: &'static Layout,
}

impl States {
    /// None yet; those of a tokenizer with ids up to `largest`.
    pub fn new(largest: u32) -> Self {
        Self {
            places: (0..PLACES).map(|_| Mutex::default()).collect(),
            layout: Layout::of(largest),
        }
    }

    /// The state that this thread put back last, else one of a thread that may be gone, else a new one.
    pub fn take(&self) -> Option<State> {
        let own = PLACE.with(|place| *place);
        let places = (own..PLACES).chain(0..own);
        let kept = places.map(|place| self.lock(place).pop());
        kept.flatten()
            .next()
            .or_else(|| State::new(self.layout).ok())
    }

    /// Keeps `state` for this thread's next text.
    pub fn put_back(&self, state: State) {
        self.lock(PLACE.with(|place| *place)).push(state);
    }

    /// Gives back the memory of all; returns how many they were.
    pub fn clear(&self) -> usize {
        (0..PLACES)
            .map(|place| self.lock(place).drain(..).count())
            .sum()
    }

    fn lock(&self, place: usize) -> MutexGuard<'_, Vec<State>> {
        self.places[place]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    /// Threads that work in turn share one state; those that work at once have one each, and the same
    /// one again and again.
    #[test]
    fn a_thread_finds_its_own_state_again() {
        let states = States::new(0);
        for _ in 0..4 {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let state = states.take().unwrap();
                    states.put_back(state);
                });
            });
        }
        assert_eq!(states.clear(), 1, "one after the other");
        let barrier = Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut own = None;
                    for _ in 0..50 {
                        let state = states.take().unwrap();
                        // All have taken one before the first is put back.
                        barrier.wait();
                        let place = state.words.place();
                        assert_eq!(*own.get_or_insert(place), place);
                        states.put_back(state);
                        barrier.wait();
                    }
                });
            }
        });
        assert_eq!(states.clear(), 4);
    }
}
