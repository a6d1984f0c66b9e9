//! Byte pair merges of one word, exactly as the `tokenizers` crate does them: the pair of the lowest
//! rank first, the leftmost of equals.
//!
//! Words of up to 32 bytes, which is nearly all, keep ranks in an array and look for the lowest each
//! time; longer ones use a heap, so that 100 KB of one letter take 10 ms instead of minutes.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// Words of at most this many bytes are merged without a heap.
const SHORT: usize = 32;

/// The rank of a pair that is not merged.
const NEVER: u32 = u32::MAX;

/// A pair's rank and what it becomes.
#[derive(Clone, Copy)]
struct Merged {
    rank: u32,
    into: u32,
}

const UNMERGED: Merged = Merged {
    rank: NEVER,
    into: 0,
};

/// The merges of a tokenizer: an open hash table of pairs, at most half full.
pub(super) struct Merges {
    slots: Vec<Slot>,
    shift: u32,
    alphabet: Alphabet,
}

/// What a word is made of before anything is merged.
pub(super) enum Alphabet {
    /// Bytes, by their ids.
    Bytes(Box<[u32; 256]>),
    /// Characters, and bytes where the vocabulary lacks a character.
    Characters {
        /// The id of each character that is a token.
        ids: CharacterIds,
        /// The id of each byte.
        bytes: Box<[u32; 256]>,
    },
}

/// Characters by code point: the alphabets of Europe and their signs in a table, others hashed.
pub(super) struct CharacterIds {
    table: Box<[u32]>,
    others: HashMap<char, u32>,
}

const TABLE: usize = 0x3000;

impl CharacterIds {
    pub fn new(ids: HashMap<char, u32>) -> Self {
        let mut table = vec![NONE; TABLE].into_boxed_slice();
        let (near, others): (HashMap<_, _>, HashMap<_, _>) = ids
            .into_iter()
            .partition(|(character, _)| (*character as usize) < TABLE);
        for (place, id) in table.iter_mut().enumerate() {
            let character = char::from_u32(place as u32);
            *id = character
                .and_then(|c| near.get(&c))
                .copied()
                .unwrap_or(NONE);
        }
        Self { table, others }
    }

    #[inline]
    fn get(&self, character: char) -> Option<u32> {
        match self.table.get(character as usize) {
            Some(&NONE) => None,
            Some(&id) => Some(id),
            None => self.others.get(&character).copied(),
        }
    }
}

impl Alphabet {
    /// Writes the ids of the symbols of `word`, at most one a byte; returns how many they are.
    #[inline]
    fn symbols(&self, word: &[u8], out: &mut [u32]) -> usize {
        match self {
            Self::Bytes(ids) => {
                for (id, &byte) in out.iter_mut().zip(word) {
                    *id = ids[usize::from(byte)];
                }
                word.len()
            }
            Self::Characters { ids, bytes } => {
                let mut count = 0;
                // Words are cut from text between characters.
                for character in String::from_utf8_lossy(word).chars() {
                    if let Some(id) = ids.get(character) {
                        out[count] = id;
                        count += 1;
                        continue;
                    }
                    for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                        out[count] = bytes[usize::from(byte)];
                        count += 1;
                    }
                }
                count
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Slot {
    /// Left id in the upper half, right id in the lower.
    pair: u64,
    merged: Merged,
}

/// No pair: ids are below 2^24.
const EMPTY: u64 = u64::MAX;

/// What merging a long word needs, kept between words.
#[derive(Default)]
pub(super) struct Scratch {
    ids: Vec<u32>,
    symbols: Vec<Symbol>,
    /// Rank in the upper half, place in the lower.
    queue: BinaryHeap<Reverse<u64>>,
}

#[derive(Clone, Copy)]
struct Symbol {
    id: u32,
    previous: u32,
    next: u32,
    /// With the next symbol; never for the last symbol and those merged away.
    merged: Merged,
}

/// Neither previous nor next.
const NONE: u32 = u32::MAX;

impl Merges {
    /// From the alphabet, and left, right and merged ids in the order of ranks. The later of
    /// two equal pairs counts, as in the crate.
    pub fn new(alphabet: Alphabet, merges: &[[u32; 3]]) -> Self {
        let size = (2 * merges.len()).next_power_of_two().max(16);
        let empty = Slot {
            pair: EMPTY,
            merged: UNMERGED,
        };
        let mut table = Self {
            slots: vec![empty; size],
            shift: 64 - size.trailing_zeros(),
            alphabet,
        };
        for (rank, &[left, right, into]) in (0..).zip(merges) {
            let pair = pair(left, right);
            let index = table.find(pair);
            let merged = Merged { rank, into };
            table.slots[index] = Slot { pair, merged };
        }
        table
    }

    /// The slot of `pair`, or the empty one where it would be.
    #[inline]
    fn find(&self, pair: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut index = (pair.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as usize;
        while self.slots[index & mask].pair != pair && self.slots[index & mask].pair != EMPTY {
            index += 1;
        }
        index & mask
    }

    #[inline]
    fn get(&self, left: u32, right: u32) -> Merged {
        self.slots[self.find(pair(left, right))].merged
    }

    /// Appends the ids of `word`.
    pub fn merge(&self, word: &[u8], scratch: &mut Scratch, out: &mut Vec<u32>) {
        if word.len() <= SHORT {
            self.merge_short(word, out);
        } else {
            self.merge_long(word, scratch, out);
        }
    }

    fn merge_short(&self, word: &[u8], out: &mut Vec<u32>) {
        let mut ids = [0; SHORT];
        let len = self.alphabet.symbols(word, &mut ids);
        // Of the symbol at each place with the next one: rank in the upper half, place in the lower.
        let mut ranks = [u64::MAX; SHORT];
        let mut into = [0; SHORT];
        for at in 1..len {
            let merged = self.get(ids[at - 1], ids[at]);
            (ranks[at - 1], into[at - 1]) = (queued(merged.rank, at - 1), merged.into);
        }
        // A bit for each symbol that has not been merged into the one before it.
        let mut alive = u64::MAX >> (64 - len.max(1));
        while let Some(&best) = ranks[..len].iter().min()
            && best >> 32 < u64::from(NEVER)
        {
            let at = best as usize % SHORT;
            ids[at] = into[at];
            let behind = alive & (u64::MAX << at << 1);
            ranks[behind.trailing_zeros() as usize % SHORT] = u64::MAX;
            // The symbol after `at` is the lowest bit behind it; it is gone now.
            let behind = behind & behind.wrapping_sub(1);
            let before = alive & ((1 << at) - 1);
            alive = before | 1 << at | behind;
            ranks[at] = u64::MAX;
            if behind != 0 {
                let next = behind.trailing_zeros() as usize % SHORT;
                let merged = self.get(ids[at], ids[next]);
                (ranks[at], into[at]) = (queued(merged.rank, at), merged.into);
            }
            if before != 0 {
                let left = before.ilog2() as usize % SHORT;
                let merged = self.get(ids[left], ids[at]);
                (ranks[left], into[left]) = (queued(merged.rank, left), merged.into);
            }
        }
        let merged = (0..len).filter(|place| alive >> place & 1 != 0);
        out.extend(merged.map(|place| ids[place]));
    }

    fn merge_long(&self, word: &[u8], scratch: &mut Scratch, out: &mut Vec<u32>) {
        let Scratch {
            ids,
            symbols,
            queue,
        } = scratch;
        ids.resize(word.len(), 0);
        let len = self.alphabet.symbols(word, ids);
        symbols.clear();
        symbols.extend((0..).zip(&ids[..len]).map(|(at, &id): (u32, _)| Symbol {
            id,
            previous: at.wrapping_sub(1),
            next: at + 1,
            merged: UNMERGED,
        }));
        if let Some(last) = symbols.last_mut() {
            last.next = NONE;
        }
        queue.clear();
        for at in 0..len as u32 {
            self.renew(symbols, queue, at);
        }
        while let Some(Reverse(top)) = queue.pop() {
            let at = top as u32;
            let symbol = symbols[at as usize];
            if u64::from(symbol.merged.rank) != top >> 32 {
                continue;
            }
            let right = symbols[symbol.next as usize];
            symbols[symbol.next as usize].merged = UNMERGED;
            symbols[at as usize].id = symbol.merged.into;
            symbols[at as usize].next = right.next;
            if right.next != NONE {
                symbols[right.next as usize].previous = at;
            }
            if symbol.previous != NONE {
                self.renew(symbols, queue, symbol.previous);
            }
            self.renew(symbols, queue, at);
        }
        let mut at = if symbols.is_empty() { NONE } else { 0 };
        while at != NONE {
            let symbol = symbols[at as usize];
            out.push(symbol.id);
            at = symbol.next;
        }
    }

    /// Looks up the pair at `at` anew and queues it.
    fn renew(&self, symbols: &mut [Symbol], queue: &mut BinaryHeap<Reverse<u64>>, at: u32) {
        let symbol = symbols[at as usize];
        let merged = match symbol.next {
            NONE => UNMERGED,
            next => self.get(symbol.id, symbols[next as usize].id),
        };
        symbols[at as usize].merged = merged;
        if merged.rank != NEVER {
            queue.push(Reverse(queued(merged.rank, at as usize)));
        }
    }
}

/// What orders merges: rank in the upper half, place in the lower.
fn queued(rank: u32, place: usize) -> u64 {
    u64::from(rank) << 32 | place as u64
}

fn pair(left: u32, right: u32) -> u64 {
    u64::from(left) << 32 | u64::from(right)
}
