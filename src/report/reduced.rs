//! `report.json` without what its page does not show. A corpus of a million small files has as many
//! entries by source: of these the largest are kept, and of the others their number and sums.

use super::html::{MOST_ROWS, step};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

/// Objects with an entry for each source, wherever they stand.
const BY_SOURCE: &str = "by_source";
/// The list of sources.
const SOURCES: &str = "/sources";
/// Amounts by which pages choose entries.
const AMOUNTS: [&str; 2] = ["/kept/characters", "/kept/tokens"];

/// A report as far as it is shown.
pub struct Reduced {
    /// The report without what is left out.
    pub report: Value,
    left: BTreeMap<String, Left>,
}

/// What an object or a list leaves out.
#[derive(Clone, Copy, Default)]
struct Left {
    entries: usize,
    sums: [u64; AMOUNTS.len()],
}

impl Reduced {
    /// Reads a report.
    ///
    /// # Errors
    /// When it is no JSON.
    pub fn read(file: impl Read) -> serde_json::Result<Self> {
        let mut left = BTreeMap::new();
        let mut json = serde_json::Deserializer::from_reader(file);
        let report = Place {
            pointer: String::new(),
            left: &mut left,
        }
        .deserialize(&mut json)?;
        json.end()?;
        Ok(Self { report, left })
    }

    /// Entries of the object or list at `pointer` that are left out.
    #[must_use]
    pub fn entries_left(&self, pointer: &str) -> usize {
        self.left.get(pointer).map_or(0, |left| left.entries)
    }

    /// The sum of `amount`, a pointer within an entry, over the entries that the object at `pointer` leaves
    /// out.
    #[must_use]
    pub fn sum_left(&self, pointer: &str, amount: &str) -> u64 {
        let of = AMOUNTS.iter().position(|known| *known == amount);
        let left = self.left.get(pointer).zip(of);
        left.map_or(0, |(left, of)| left.sums[of])
    }
}

#[cfg(test)]
impl From<Value> for Reduced {
    /// All of a report.
    fn from(report: Value) -> Self {
        Self {
            report,
            left: BTreeMap::new(),
        }
    }
}

/// A value on its way, at `pointer` of the report.
struct Place<'l> {
    pointer: String,
    left: &'l mut BTreeMap<String, Left>,
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let most = if self.pointer == SOURCES {
            MOST_ROWS
        } else {
            usize::MAX
        };
        let mut values = Vec::new();
        while values.len() < most
            && let Some(value) = list.next_element()?
        {
            values.push(value);
        }
        let mut left = Left::default();
        while list.next_element::<IgnoredAny>()?.is_some() {
            left.entries += 1;
        }
        if left.entries > 0 {
            self.left.insert(self.pointer, left);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        if self.pointer.rsplit('/').next() == Some(BY_SOURCE) {
            return self.largest(object);
        }
        let mut values = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            let value = object.next_value_seed(Place {
                pointer: self.pointer.clone() + &step(&name),
                left: &mut *self.left,
            })?;
            values.insert(name, value);
        }
        Ok(Value::Object(values))
    }
}

impl Place<'_> {
    /// The entries that are among the [`MOST_ROWS`] largest by some amount.
    fn largest<'de, A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut left = Left::default();
        let mut kept: Vec<Entry> = Vec::new();
        while let Some((name, value)) = object.next_entry::<String, Value>()? {
            let amounts = AMOUNTS.map(|pointer| amount(&value, pointer));
            kept.push(Entry {
                name,
                value,
                amounts,
            });
            if kept.len() > 4 * MOST_ROWS {
                reduce(&mut kept, &mut left);
            }
        }
        if kept.len() > MOST_ROWS {
            reduce(&mut kept, &mut left);
        }
        if left.entries > 0 {
            self.left.insert(self.pointer, left);
        }
        let kept = kept.into_iter().map(|entry| (entry.name, entry.value));
        Ok(Value::Object(kept.collect()))
    }
}

/// The amount at `pointer` of an entry, 0 where it has none.
pub fn amount(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

/// An entry of an object, with its [`AMOUNTS`].
struct Entry {
    name: String,
    value: Value,
    amounts: [u64; AMOUNTS.len()],
}

/// Leaves out the entries that are not among the largest by any amount; of equal ones the first by name
/// are.
fn reduce(kept: &mut Vec<Entry>, left: &mut Left) {
    let mut stays = vec![false; kept.len()];
    for of in 0..AMOUNTS.len() {
        let mut places: Vec<usize> = (0..kept.len()).collect();
        places.sort_by_key(|place| {
            let entry = &kept[*place];
            (Reverse(entry.amounts[of]), &entry.name)
        });
        places.truncate(MOST_ROWS);
        for place in places {
            stays[place] = true;
        }
    }
    let mut stays = stays.into_iter();
    kept.retain(|entry| {
        let stays = stays.next().unwrap_or(true);
        if !stays {
            left.entries += 1;
            for (sum, amount) in left.sums.iter_mut().zip(entry.amounts) {
                *sum += amount;
            }
        }
        stays
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_largest_stay_and_the_rest_is_summed() {
        let count = 5 * MOST_ROWS;
        let of =
            |i: usize| json!({"kept": {"characters": i * 7 % count, "tokens": i * 11 % count}});
        let by: Map<String, Value> = (0..count).map(|i| (format!("s/{i:05}"), of(i))).collect();
        let sources: Vec<Value> = (0..count).map(|i| json!({"name": i})).collect();
        let whole = json!({
            "ledger": {"x": [1, -2, 1.5, null, true, "ы\n"]},
            "by_source": by,
            "a/b": {"by_source": {"a": {"rows": 1}}},
            "sources": sources,
        });
        let reduced = Reduced::read(whole.to_string().as_bytes()).expect("reads");
        assert_eq!(reduced.report["ledger"], whole["ledger"]);
        assert_eq!(reduced.report["a/b"], whole["a/b"]);
        assert_eq!(
            reduced.report["sources"].as_array().map(Vec::len),
            Some(MOST_ROWS)
        );
        assert_eq!(reduced.entries_left("/sources"), count - MOST_ROWS);
        assert_eq!(reduced.entries_left("/a~1b/by_source"), 0);
        let kept = reduced.report["by_source"].as_object().expect("an object");
        assert_eq!(kept.len() + reduced.entries_left("/by_source"), count);
        for pointer in AMOUNTS {
            let all = by.values().map(|value| amount(value, pointer)).sum::<u64>();
            let shown = kept
                .values()
                .map(|value| amount(value, pointer))
                .sum::<u64>();
            assert_eq!(
                shown + reduced.sum_left("/by_source", pointer),
                all,
                "{pointer}"
            );
            let least = (count - MOST_ROWS) as u64;
            let large = by
                .iter()
                .filter(|(_, value)| amount(value, pointer) >= least);
            for (name, value) in large {
                assert_eq!(kept.get(name), Some(value), "{pointer}");
            }
        }
        let error = Reduced::read(b"{\"by_source\": {}} x".as_slice());
        assert!(error.is_err(), "nothing follows a report");
    }
}
