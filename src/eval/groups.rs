//! Whose tokens are measured: the source and the language of each document of a split.
//!
//! Memory: 12 bytes a document, and while a split is looked up about 40 more.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{Means, Sums};
use crate::{
    document::DocumentId,
    locate::beside,
    shard::{Dataset, Split, origins},
};

/// Sources that are told apart: those with the most tokens in the split. A corpus of many small files
/// would else write all of their names at every evaluation.
pub const MOST_SOURCES: usize = 50;

/// What stands for the sources beyond [`MOST_SOURCES`].
pub const OTHERS: &str = "(other sources)";

/// The means by source and by language.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Breakdown {
    /// By source, those of most tokens by name and the rest as `(other sources)`.
    pub by_source: BTreeMap<String, Means>,
    /// By language.
    pub by_language: BTreeMap<String, Means>,
}

/// The source and the language of every document of a stream.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    /// First positions of the documents, rising.
    starts: Vec<u64>,
    /// The group of each.
    group: Vec<u32>,
    /// Source and language of each group.
    names: Vec<(String, String)>,
}

impl Groups {
    /// The documents of splits that follow one another in a stream, each with the directory that it
    /// is from; `None` where neither the shards nor a corpus beside them says where they are from.
    ///
    /// # Errors
    /// When a file that should say it is damaged.
    pub fn read(splits: &[(&Path, &Dataset)]) -> Result<Option<Self>> {
        let (mut groups, mut known) = (Self::default(), HashMap::new());
        let (mut tokens, mut first) = (HashMap::<u32, u64>::new(), 0);
        for (dir, data) in splits {
            let of_document = look_up(dir, data, &mut groups.names, &mut known)?;
            let mut number = 0;
            for row in (0..data.rows()).map(|row| data.row(row)) {
                if !row.continuation {
                    let Some(&group) = of_document.get(&row.document_id) else {
                        return Ok(None);
                    };
                    groups.starts.push(first + row.start);
                    groups.group.push(group);
                    number = group;
                }
                *tokens.entry(number).or_default() += row.len;
            }
            first += data.tokens();
        }
        groups.join_small(&tokens);
        Ok((!groups.starts.is_empty()).then_some(groups))
    }

    /// Groups of given documents, for tests: first position, source and language of each.
    #[cfg(test)]
    pub fn of(documents: &[(u64, &str, &str)]) -> Self {
        let (mut groups, mut known) = (Self::default(), HashMap::new());
        for (start, source, language) in documents {
            let group = number(&mut groups.names, &mut known, source, language);
            groups.starts.push(*start);
            groups.group.push(group);
        }
        groups
    }

    /// Gives the sources beyond the largest one name.
    fn join_small(&mut self, tokens: &HashMap<u32, u64>) {
        let mut sources = BTreeMap::<&str, u64>::new();
        for (number, (source, _)) in (0..).zip(&self.names) {
            *sources.entry(source).or_default() += tokens.get(&number).copied().unwrap_or(0);
        }
        let mut largest: Vec<_> = sources.into_iter().collect();
        largest.sort_by_key(|&(name, tokens)| (std::cmp::Reverse(tokens), name));
        let small: Vec<String> = largest
            .into_iter()
            .skip(MOST_SOURCES)
            .map(|(name, _)| name.to_owned())
            .collect();
        for (source, _) in &mut self.names {
            if small.contains(source) {
                OTHERS.clone_into(source);
            }
        }
    }

    /// The documents of a split of which nothing is known.
    #[must_use]
    pub fn unknown(data: &Dataset) -> Self {
        let mut groups = Self {
            names: vec![(String::new(), String::new())],
            ..Self::default()
        };
        data.for_each_span(&mut |start, _| groups.starts.push(start));
        groups.group = vec![0; groups.starts.len()];
        groups
    }

    /// Documents in the stream.
    #[must_use]
    pub fn documents(&self) -> usize {
        self.starts.len()
    }

    /// The group of a document.
    #[must_use]
    pub fn group(&self, document: usize) -> usize {
        self.group[document] as usize
    }

    /// The groups of each source.
    #[must_use]
    pub fn by_source(&self) -> BTreeMap<String, Vec<usize>> {
        self.by(|(source, _)| source)
    }

    /// The groups of each language.
    #[must_use]
    pub fn by_language(&self) -> BTreeMap<String, Vec<usize>> {
        self.by(|(_, language)| language)
    }

    fn by(&self, key: fn(&(String, String)) -> &String) -> BTreeMap<String, Vec<usize>> {
        let mut all = BTreeMap::<String, Vec<usize>>::new();
        for (number, name) in self.names.iter().enumerate() {
            all.entry(key(name).clone()).or_default().push(number);
        }
        all
    }

    /// The number of the document that holds a position, and of its group.
    #[must_use]
    pub fn at(&self, position: u64) -> (usize, usize) {
        let after = self.starts.partition_point(|&start| start <= position);
        let document = after.saturating_sub(1);
        (document, self.group[document] as usize)
    }

    /// An account of sums by group.
    #[must_use]
    pub fn account(&self) -> Vec<Sums> {
        vec![Sums::default(); self.names.len()]
    }

    /// The means of an account.
    #[must_use]
    pub fn breakdown(&self, account: &[Sums]) -> Breakdown {
        let means = |all: BTreeMap<String, Vec<usize>>| {
            let each = all.into_iter().filter_map(|(name, groups)| {
                let mut sums = Sums::default();
                for group in groups {
                    sums += account[group];
                }
                Some((name, sums.means()?))
            });
            each.collect()
        };
        Breakdown {
            by_source: means(self.by_source()),
            by_language: means(self.by_language()),
        }
    }
}

/// The group of each document of the split that is known; those of a corpus beside the shards where
/// the shards themselves do not say it.
fn look_up(
    dir: &Path,
    data: &Dataset,
    names: &mut Vec<(String, String)>,
    known: &mut HashMap<(String, String), u32>,
) -> Result<HashMap<DocumentId, u32>> {
    let mut found = HashMap::new();
    let manifest = data.manifest();
    if data.split() == Split::Val && !manifest.origins.is_empty() {
        origins::for_each(dir, &manifest.origins, &mut |id, source, language| {
            found.insert(id, number(names, known, source, language));
        })?;
        return Ok(found);
    }
    let wanted: std::collections::HashSet<DocumentId> = (0..data.rows())
        .map(|row| data.row(row).document_id)
        .collect();
    if wanted.is_empty() {
        return Ok(found);
    }
    for hash in manifest.corpora() {
        let Some(corpus) = beside(dir, hash)? else {
            continue;
        };
        let each = &mut |id: DocumentId, source: &str, language: &str| {
            if wanted.contains(&id) {
                found.insert(id, number(names, known, source, language));
            }
        };
        origins::for_each_in_corpus(&corpus, each)
            .with_context(|| format!("{}: the sources of its documents", corpus.display()))?;
    }
    Ok(found)
}

/// The number of a group, a new one if need be.
fn number(
    names: &mut Vec<(String, String)>,
    known: &mut HashMap<(String, String), u32>,
    source: &str,
    language: &str,
) -> u32 {
    let name = (source.to_owned(), language.to_owned());
    *known.entry(name).or_insert_with_key(|name| {
        names.push(name.clone());
        names.len() as u32 - 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_found_and_sums_are_means_by_both() {
        let groups = Groups::of(&[(0, "a", "ru"), (10, "b", "ru"), (25, "a", "en")]);
        assert_eq!(groups.at(0), (0, 0));
        assert_eq!(groups.at(9), (0, 0));
        assert_eq!(groups.at(10), (1, 1));
        assert_eq!(groups.at(99), (2, 2));
        let mut account = groups.account();
        for (place, nats) in [(3, 2.0), (12, 4.0), (30, 6.0)] {
            account[groups.at(place).1] += Sums {
                nats,
                tokens: 2,
                bytes: 4,
            };
        }
        let means = groups.breakdown(&account);
        assert_eq!(
            (means.by_source["a"].loss, means.by_source["a"].tokens),
            (2.0, 4)
        );
        assert_eq!(means.by_language["ru"].loss, 1.5);
        let bits = means.by_language["en"].bits_per_byte.unwrap();
        assert!((bits - 6.0 / std::f64::consts::LN_2 / 4.0).abs() < 1e-12);
    }

    #[test]
    fn small_sources_are_joined() {
        let names: Vec<String> = (0..MOST_SOURCES + 3).map(|i| format!("s{i:03}")).collect();
        let each: Vec<_> = (0..)
            .zip(&names)
            .map(|(i, n)| (i, n.as_str(), "en"))
            .collect();
        let mut groups = Groups::of(&each);
        // The last sources are the largest.
        groups.join_small(&(0..names.len() as u32).map(|i| (i, u64::from(i))).collect());
        let others = groups.names.iter().filter(|(source, _)| source == OTHERS);
        assert_eq!(others.count(), 3);
        assert_eq!(groups.names[2].0, OTHERS);
        assert_eq!(groups.names[3].0, "s003");
    }
}
