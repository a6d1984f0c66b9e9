//! How the ids of an entry are stored: in three bytes each, or in two where a vocabulary has no more ids.

use super::keys::Limits;

/// Ids of a fixed number of bytes, one behind the other, and their number in the last byte of the value.
pub(in super::super) struct Layout {
    /// Bytes of an id.
    pub width: usize,
    /// Ids of a group: as many as there are whole ones in 15 bytes.
    pub group: usize,
    /// Where the bytes of eight ids are among sixteen: -1 is 0. Above the first is the last of the sixteen.
    pub places: [i8; 32],
    /// The tables of words of other scripts than Latin, of which two bytes are about an id: with these
    /// limits 1 word in 200 or fewer of Russian with GPT-2's ids has more than there is room for.
    pub by_ids: Limits,
}

/// Groups of a short, a long and a wide entry.
pub(super) const GROUPS: [usize; 3] = [1, 2, 4];

impl Layout {
    /// The layout for ids up to `largest`.
    pub fn of(largest: u32) -> &'static Self {
        if u16::try_from(largest).is_ok() {
            &TWO
        } else {
            &THREE
        }
    }

    /// Most ids of a short, a long and a wide entry.
    #[inline]
    pub fn most(&self) -> [usize; 3] {
        GROUPS.map(|groups| groups * self.group)
    }

    /// Writes ids and their number.
    pub fn write(&self, value: &mut [u8], ids: &[u32]) {
        value.fill(0);
        for (id, bytes) in ids.iter().zip(value.chunks_exact_mut(self.width)) {
            bytes.copy_from_slice(&id.to_le_bytes()[..self.width]);
        }
        if let Some(last) = value.last_mut() {
            *last = ids.len() as u8;
        }
    }

    const fn new(width: usize, by_ids: Limits) -> Self {
        let group = 15 / width;
        let mut places = [-1; 32];
        let mut byte = 0;
        while byte < group * width {
            places[byte / width * 4 + byte % width] = byte as i8;
            byte += 1;
        }
        places[3] = 15;
        Self {
            width,
            group,
            places,
            by_ids,
        }
    }
}

static THREE: Layout = Layout::new(3, [4, 8, 16]);
static TWO: Layout = Layout::new(2, [4, 10, 20]);
