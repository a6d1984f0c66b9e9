//! One structured record to its documents and rejects.

use super::{Parsed, Rules};
use crate::document::Content;
use crate::ingest::json;
use crate::ingest::mapping::Mapping;
use crate::ingest::reject::Reject;
use crate::ingest::shape::numbering;
use crate::ingest::shape::{self, Fields, Item, Misfit, Shape, telegram};

/// Why a part of a chat that says nothing is left out; the reason in the ledger.
const SILENT_PART: &str = "silent_part";

impl Parsed {
    pub(super) fn add_fields(
        &mut self,
        name: &str,
        record: u64,
        mut fields: Fields,
        rules: Rules<'_>,
        raw: impl Fn() -> Vec<u8>,
    ) {
        let given = rules.mapping.map(Mapping::shape).or(rules.shape);
        let shape = given.or_else(|| self.recent.shape(&fields));
        let mut reject = |error, message: String, raw: &[u8]| {
            self.rejects
                .push(Reject::new(name, record, error, message, raw));
        };
        let Some(shape) = shape else {
            return reject("unknown_shape", shape::unknown(&fields), &raw());
        };
        let habits = self.habits;
        let mut taken = || {
            numbering::within(habits, || match rules.mapping {
                Some(mapping) => mapping.take(&mut fields, |path| {
                    *self.mapped.entry(path.to_owned()).or_default() += 1;
                }),
                None => telegram::within(rules.split, || shape.take(&mut fields)),
            })
        };
        let taken = if rules.first_option.is_some() {
            let (taken, evidence) = numbering::survey(taken);
            self.numbered += u64::from(evidence.numbers > 0);
            taken
        } else {
            taken()
        };
        if self.is_witness {
            return;
        }
        let items = match taken {
            // Pictures and notices of the service.
            Ok(items)
                if items.is_empty()
                    && shape.name == "telegram"
                    && fields.contains_key(shape::PART) =>
            {
                return self.leave(name.to_owned(), SILENT_PART, raw().len() as u64);
            }
            Ok(items) if items.is_empty() => {
                let message = format!("the record holds no question (shape {})", shape.name);
                return reject("no_question", message, &raw());
            }
            Ok(items) => items,
            Err(misfit) => vec![Err(misfit)],
        };
        // What is not mapped is the user's.
        let asked = rules.mapping.is_none().then_some(shape);
        let items = shape::with_system(items, &mut fields, asked);
        let last = items.len() - 1;
        for (number, item) in items.into_iter().enumerate() {
            // What the record says beside its items belongs to each of them.
            let beside = if number == last {
                std::mem::take(&mut fields)
            } else {
                fields.clone()
            };
            match item {
                Ok(item) => self.add_item((name, record, number), item, beside, shape, rules, &raw),
                Err(Misfit { error, why, item }) => {
                    let raw = item.map_or_else(&raw, String::into_bytes);
                    let message = format!("{why} (shape {})", shape.name);
                    self.rejects
                        .push(Reject::new(name, record, error, message, &raw));
                }
            }
        }
    }

    fn add_item(
        &mut self,
        (name, record, number): (&str, u64, usize),
        item: Item,
        mut meta: Fields,
        shape: &Shape,
        rules: Rules<'_>,
        raw: impl Fn() -> Vec<u8>,
    ) {
        let content = self.normalised(item.content, rules.repairs);
        if let Content::Text(text) = &content
            && text.trim().is_empty()
        {
            let message = "the text is empty".to_owned();
            self.rejects
                .push(Reject::new(name, record, "empty_text", message, &raw()));
            return;
        }
        meta.extend(item.fields);
        let meta = (!meta.is_empty()).then(|| json::text(&meta));
        self.keep(name, (record, number), content, meta, shape.name);
    }
}
