//! Makes document number n: a pure function of the options and the number, run on every core.

use super::edit::{self, Place};
use super::exchange::{Exchanges, Holds, Shape};
use super::jaccard::{jaccard, shingles};
use super::language::Language;
use super::plant::{self, CHAIN_LEVEL, Role, Shares};
use super::prose::Prose;
use super::rng::{Purpose, Rng};
use super::spread::Spread;
use crate::document::Content;

/// What the records of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Records {
    /// Plain text, documents apart by two blank lines.
    Txt,
    /// `{"id": …, "text": …}` a line.
    Jsonl,
    /// Questions and answers, a line each.
    Qa,
}

impl Records {
    /// Name of files and their ending.
    #[must_use]
    pub fn file_name(self) -> (&'static str, &'static str) {
        match self {
            Self::Txt => ("text", "txt"),
            Self::Jsonl => ("documents", "jsonl"),
            Self::Qa => ("exchanges", "jsonl"),
        }
    }
}

/// Documents of one batch; those of a batch have the same records.
pub const BATCH: u64 = 128;

/// Which records the batches have, in turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mix(pub &'static [Records]);

impl Mix {
    /// The records of document `number`.
    #[must_use]
    pub fn records(self, number: u64) -> Records {
        self.0[(number / BATCH % self.0.len() as u64) as usize]
    }
}

/// A document and what is true of it.
pub struct Made {
    /// The text, or the messages.
    pub content: Content,
    /// The shape of its record if it is an exchange.
    pub shape: Option<&'static Shape>,
    /// Code of its language.
    pub language: &'static str,
    /// What it became: `Plain` where no original was found.
    pub role: Role,
    /// Number of its original and the similarity to it.
    pub of: Option<(u64, f64)>,
    /// At the end of a chain, number of its beginning and the similarity to that.
    pub root: Option<(u64, f64)>,
}

/// Makes documents.
pub struct Maker {
    seed: u64,
    shares: Shares,
    mix: Mix,
    proses: Vec<Prose>,
    exchanges: Exchanges,
    text_characters: Spread,
}

/// A document without plant.
struct Base<'a> {
    content: Content,
    shape: Option<&'static Shape>,
    prose: &'a Prose,
}

impl Maker {
    /// A maker of documents in `languages`, each as often as the others.
    #[must_use]
    pub fn new(seed: u64, shares: Shares, mix: Mix, languages: &[&'static Language]) -> Self {
        Self {
            seed,
            shares,
            mix,
            proses: languages
                .iter()
                .map(|language| Prose::new(language))
                .collect(),
            exchanges: Exchanges::default(),
            text_characters: Spread::new(2_500.0, 2.7, 300, 200_000),
        }
    }

    /// The records of document `number`.
    #[must_use]
    pub fn records(&self, number: u64) -> Records {
        self.mix.records(number)
    }

    /// Document `number`.
    #[must_use]
    pub fn make(&self, number: u64) -> Made {
        let role = self.shares.role(self.seed, number);
        let made = match role {
            Role::Plain => None,
            Role::Exact | Role::SameKey => self.copy(number, role),
            Role::Near(level) => self
                .original_of(number)
                .map(|original| self.near(number, role, original, level)),
            Role::ChainMiddle => self.chain_middle(number),
            Role::ChainEnd => self.chain_end(number),
            Role::Boilerplate(shared) | Role::Template(shared) => {
                Some(self.sharing(number, role, shared))
            }
        };
        made.unwrap_or_else(|| {
            let base = self.base(number);
            Made {
                content: base.content,
                shape: base.shape,
                language: base.prose.language.code,
                role: Role::Plain,
                of: None,
                root: None,
            }
        })
    }

    fn rng(&self, purpose: Purpose, number: u64) -> Rng {
        Rng::new(self.seed, purpose, number)
    }

    /// The document that `number` would be without a plant.
    fn base(&self, number: u64) -> Base<'_> {
        let mut rng = self.rng(Purpose::Content, number);
        let prose = &self.proses[rng.below(self.proses.len() as u64) as usize];
        let (content, shape) = self.content(self.records(number), prose, &mut rng);
        Base {
            content,
            shape,
            prose,
        }
    }

    fn content(
        &self,
        records: Records,
        prose: &Prose,
        rng: &mut Rng,
    ) -> (Content, Option<&'static Shape>) {
        if records == Records::Qa {
            let shape = Shape::draw(rng);
            return (self.exchanges.make(prose, shape.holds, rng), Some(shape));
        }
        let mut text = String::new();
        prose.text(self.text_characters.sample(rng), rng, &mut text);
        (Content::Text(text), None)
    }

    /// An ordinary document with the same records before `number`.
    fn original_of(&self, number: u64) -> Option<u64> {
        self.origin(number, |role| role == Role::Plain)
    }

    fn origin(&self, number: u64, fits: impl Fn(Role) -> bool) -> Option<u64> {
        let records = self.records(number);
        plant::origin(self.seed, number, |candidate| {
            self.records(candidate) == records && fits(self.shares.role(self.seed, candidate))
        })
    }

    fn copy(&self, number: u64, role: Role) -> Option<Made> {
        let original = self.original_of(number)?;
        let base = self.base(original);
        let mut rng = self.rng(Purpose::Edit, number);
        let content = match role {
            Role::SameKey => edit::same_key(&base.content),
            _ => base.content,
        };
        let shape = base.shape.map(|_| Shape::for_copy(&content, &mut rng));
        Some(Made {
            content,
            shape,
            language: base.prose.language.code,
            role,
            of: Some((original, 1.0)),
            root: None,
        })
    }

    fn near(&self, number: u64, role: Role, original: u64, level: f64) -> Made {
        let base = self.base(original);
        self.near_of(number, role, &base, original, level)
    }

    fn near_of(&self, number: u64, role: Role, base: &Base, of: u64, level: f64) -> Made {
        let mut rng = self.rng(Purpose::Edit, number);
        let place = match role {
            Role::ChainMiddle => Place::First,
            Role::ChainEnd => Place::Last,
            _ => Place::Anywhere,
        };
        let (content, similarity) = edit::near(&base.content, level, place, base.prose, &mut rng);
        Made {
            content,
            shape: base.shape,
            language: base.prose.language.code,
            role,
            of: Some((of, similarity)),
            root: None,
        }
    }

    /// The beginning of the chain in which `middle` is B, if it is long enough to be one.
    fn chain_beginning(&self, middle: u64) -> Option<(u64, Base<'_>)> {
        let first = self.original_of(middle)?;
        let base = self.base(first);
        let words: usize = base
            .content
            .pieces()
            .map(|piece| piece.split_whitespace().count())
            .sum();
        (words >= SHORTEST_CHAIN_WORDS).then_some((first, base))
    }

    fn chain_middle(&self, number: u64) -> Option<Made> {
        let (first, base) = self.chain_beginning(number)?;
        Some(self.near_of(number, Role::ChainMiddle, &base, first, CHAIN_LEVEL))
    }

    fn chain_end(&self, number: u64) -> Option<Made> {
        let middle = self.origin(number, |role| role == Role::ChainMiddle)?;
        let (first, first_base) = self.chain_beginning(middle)?;
        let made = self.near_of(middle, Role::ChainMiddle, &first_base, first, CHAIN_LEVEL);
        let base = Base {
            content: made.content,
            shape: first_base.shape,
            prose: first_base.prose,
        };
        let mut end = self.near_of(number, Role::ChainEnd, &base, middle, CHAIN_LEVEL);
        let similarity = jaccard(&shingles(&end.content), &shingles(&first_base.content));
        end.root = Some((first, similarity));
        Some(end)
    }

    /// A document that shares text number `shared` with others; compared with the one before it.
    fn sharing(&self, number: u64, role: Role, shared: u64) -> Made {
        let (content, shape, prose) = self.shared(number, role, shared);
        let records = self.records(number);
        let before = plant::previous(number, |candidate| {
            self.records(candidate) == records && self.shares.role(self.seed, candidate) == role
        });
        let of = before.map(|before| {
            let other = self.shared(before, role, shared).0;
            (before, jaccard(&shingles(&content), &shingles(&other)))
        });
        Made {
            content,
            shape,
            language: prose.language.code,
            role,
            of,
            root: None,
        }
    }

    fn shared(
        &self,
        number: u64,
        role: Role,
        shared: u64,
    ) -> (Content, Option<&'static Shape>, &Prose) {
        let prose = &self.proses[shared as usize % self.proses.len()];
        let records = self.records(number);
        let mut common = self.rng(Purpose::Shared, shared);
        if let Role::Template(_) = role {
            let (skeleton, shape) = self.skeleton(records, prose, &mut common);
            let mut rng = self.rng(Purpose::Edit, number);
            return (
                edit::fill(&skeleton, TEMPLATE_SLOT, prose, &mut rng),
                shape,
                prose,
            );
        }
        let mut prefix = String::new();
        prose.text(PREFIX_CHARACTERS, &mut common, &mut prefix);
        let mut rng = self.rng(Purpose::Content, number);
        let (content, shape) = self.content(records, prose, &mut rng);
        (edit::prefixed(content, &prefix), shape, prose)
    }

    /// What all documents of a template have in common.
    fn skeleton(
        &self,
        records: Records,
        prose: &Prose,
        rng: &mut Rng,
    ) -> (Content, Option<&'static Shape>) {
        if records == Records::Qa {
            let pair = |shape: &&Shape| shape.holds == Holds::Pair;
            let shape = super::exchange::SHAPES.iter().find(pair);
            return (self.exchanges.make(prose, Holds::Pair, rng), shape);
        }
        let mut text = String::new();
        prose.text(TEMPLATE_CHARACTERS, rng, &mut text);
        (Content::Text(text), None)
    }
}

/// In a shorter document one changed word is too much for a chain.
const SHORTEST_CHAIN_WORDS: usize = 80;
/// Every 12th word of a template is a slot: two documents of it have a similarity of about 0.4.
const TEMPLATE_SLOT: usize = 12;
const TEMPLATE_CHARACTERS: u64 = 1_200;
const PREFIX_CHARACTERS: u64 = 400;
