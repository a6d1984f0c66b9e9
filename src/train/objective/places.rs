//! Documents of a split that an objective knows more of than where they are: pairs of answers, documents
//! with labels. The stream of a split says where they are, and all places of a mixture what is at each.

use crate::{
    shard::Dataset,
    train::{Tokens, TooLong},
};

/// What an objective knows of a document.
pub trait Place: Copy + Send + Sync {
    /// What becomes of documents that are longer than a sequence.
    const TOO_LONG: TooLong;

    /// Its first token in the stream.
    fn start(&self) -> u64;

    /// Its tokens.
    fn tokens(&self) -> u64;

    /// The same behind so many tokens of other streams.
    #[must_use]
    fn behind(self, tokens: u64) -> Self;

    /// Tokens of the first of its sides, where it has two.
    fn joint(&self) -> Option<usize> {
        None
    }

    /// How many of the `len` tokens of one document from position `start` on the loss counts.
    fn counted(data: &Dataset, start: u64, len: u64) -> u64;
}

/// The documents of a split.
pub struct Stream<P> {
    /// The tokens.
    pub data: Dataset,
    pub(super) places: Vec<P>,
    /// Documents that have no place, because nothing can be learned of them.
    pub left_out: u64,
}

impl<P: Place> Tokens for Stream<P> {
    fn tokens(&self) -> u64 {
        self.data.tokens()
    }

    fn window(&self, start: u64, ids: &mut [u32], mask: &mut [bool]) {
        self.data.window(start, ids, mask);
    }

    fn documents(&self, each: &mut dyn FnMut(u64, u64)) {
        for place in &self.places {
            each(place.start(), place.tokens());
        }
    }

    fn counted(&self, start: u64, len: u64) -> u64 {
        P::counted(&self.data, start, len)
    }

    fn joint(&self, start: u64) -> Option<usize> {
        let found = self.places.binary_search_by_key(&start, P::start);
        self.places[found.ok()?].joint()
    }

    fn too_long(&self) -> TooLong {
        P::TOO_LONG
    }
}

/// The documents of all streams of a mixture, in the order of their starts there.
pub struct Places<P>(pub(super) Vec<P>);

impl<P: Place + 'static> Places<P> {
    /// Those of streams that lie one after another.
    pub fn new<'a>(streams: impl Iterator<Item = &'a Stream<P>>) -> Self {
        let (mut all, mut before) = (Vec::new(), 0);
        for stream in streams {
            all.extend(stream.places.iter().map(|place| place.behind(before)));
            before += stream.tokens();
        }
        Self(all)
    }

    /// What begins at this position.
    pub(super) fn at(&self, start: u64) -> Option<P> {
        let found = self.0.binary_search_by_key(&start, P::start);
        found.ok().map(|index| self.0[index])
    }
}
