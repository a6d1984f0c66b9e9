//! `--map question=колонка,answer=…`: fields of any name onto those that the shapes know.
//!
//! Only mapped fields are understood; everything else of the record is in `meta`, whatever its name.

use super::shape::{self, Fields, Items, Misfit, Shape};
use serde_json::{Value, json};

/// What a field can be mapped onto, with what it holds.
pub const TARGETS: &[(&str, &str)] = &[
    ("text", "running text"),
    ("question", "what the user asks"),
    ("answer", "what the assistant says"),
    ("context", "a passage before the question"),
    ("system", "the system prompt"),
    ("answers", "several answers, the first is taken"),
    ("options", "a list of options, the answer is one of them"),
    ("option_a", "an option in a column of its own"),
    ("option_b", "another, and so on"),
    ("option_c", "another"),
    ("option_d", "another"),
    ("option_e", "another"),
    ("option_f", "another"),
    ("prompt", "what the user says"),
    ("completion", "how it goes on"),
    ("instruction", "what the user wants"),
    ("input", "what it is about"),
    ("output", "what the assistant says"),
    ("messages", "a list of turns with role and content"),
    ("chosen", "the better answer, text or turns"),
    ("rejected", "the worse answer, text or turns"),
    ("ideal", "the expected answer"),
    (
        "label",
        "whether the answer is good; false, 0 and no leave it out",
    ),
];

/// Targets that mean the same when the shape is looked for.
const SAME: &[(&str, &str)] = &[
    ("prompt", "question"),
    ("instruction", "question"),
    ("completion", "answer"),
    ("output", "answer"),
];

/// Targets that hold structure, or whose numbers mean something else than their digits.
const NO_TEXT: &[&str] = &[
    "messages", "options", "answers", "answer", "chosen", "rejected", "ideal", "label",
];

/// Targets whose numbers do not become text.
const NO_SAYING: &[&str] = &["label"];

/// Which field of a record is what.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// Target and path.
    pairs: Vec<Pair>,
    shape: &'static Shape,
    /// Targets that the shape does not look for beside the others.
    unread: Vec<&'static str>,
}

#[derive(Clone, Debug)]
struct Pair {
    target: &'static str,
    path: String,
}

impl std::fmt::Debug for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Mapping {
    /// Parses the values of `--map`, each `target=path` or several separated by commas. A path is a
    /// field's name in any case, or names of nested fields and numbers of list items joined by dots.
    ///
    /// # Errors
    /// Names the target that is unknown or given twice, or says what is missing for a shape.
    pub fn parse(given: &[String]) -> Result<Self, String> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for part in given.iter().flat_map(|given| given.split(',')) {
            match part.split_once('=') {
                Some((target, path)) => {
                    pairs.push((target.trim().to_lowercase(), path.trim().to_owned()));
                }
                // A comma in the name of a column.
                None => match pairs.last_mut() {
                    Some((_, path)) => *path = format!("{path},{part}"),
                    None => {
                        return Err(format!(
                            "`{part}` is no mapping; expected target=field, for instance question=вопрос"
                        ));
                    }
                },
            }
        }
        let names = || {
            TARGETS
                .iter()
                .map(|(name, _)| *name)
                .collect::<Vec<_>>()
                .join(", ")
        };
        let mut known: Vec<Pair> = Vec::new();
        for (target, path) in pairs {
            let Some((target, _)) = TARGETS.iter().find(|(name, _)| *name == target) else {
                return Err(format!("unknown target `{target}`; known are {}", names()));
            };
            if path.is_empty() {
                return Err(format!("`{target}=` names no field"));
            }
            if known.iter().any(|pair| pair.target == *target) {
                return Err(format!("`{target}` is mapped twice"));
            }
            known.push(Pair { target, path });
        }
        let fitting = |pairs: &[Pair]| {
            let fields: Fields = pairs
                .iter()
                .map(|pair| (pair.target.to_owned(), Value::Bool(true)))
                .collect();
            Shape::of(&fields)
        };
        if let Some(shape) = fitting(&known) {
            return Ok(Self::new(known, shape));
        }
        for pair in &mut known {
            if let Some((_, same)) = SAME.iter().find(|(name, _)| *name == pair.target) {
                pair.target = same;
            }
        }
        match fitting(&known) {
            Some(shape) => Ok(Self::new(known, shape)),
            None => Err(format!(
                "no shape has only [{}]; text stands alone, question needs answer, chosen needs rejected, messages stand alone; targets are {}",
                known
                    .iter()
                    .map(|pair| pair.target)
                    .collect::<Vec<_>>()
                    .join(", "),
                names()
            )),
        }
    }

    fn new(pairs: Vec<Pair>, shape: &'static Shape) -> Self {
        let unread = unread(&pairs, shape);
        Self {
            pairs,
            shape,
            unread,
        }
    }

    /// The shape that the targets make.
    #[must_use]
    pub fn shape(&self) -> &'static Shape {
        self.shape
    }

    /// Paths of the fields that are mapped.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.pairs.iter().map(|pair| pair.path.as_str())
    }

    /// Whether a record has all fields that are mapped, at least the outermost of nested ones.
    #[must_use]
    pub fn fits(&self, fields: &Fields) -> bool {
        self.paths().all(|path| {
            let mut dots = path.match_indices('.');
            key(fields, path).is_some() || dots.any(|(at, _)| key(fields, &path[..at]).is_some())
        })
    }

    /// Whether what a field of this name holds becomes text, wherever the field stands.
    #[must_use]
    pub fn learns(&self, name: &str) -> bool {
        let pairs = self.pairs.iter();
        let mut learned = pairs.filter(|pair| !NO_SAYING.contains(&pair.target));
        learned.any(|pair| {
            let mut parts = pair.path.rsplit('.');
            let last = parts.find(|part| part.parse::<usize>().is_err());
            [Some(pair.path.as_str()), last]
                .into_iter()
                .flatten()
                .any(|part| part.trim().to_lowercase() == name.trim().to_lowercase())
        })
    }

    /// As it is written on the command line.
    #[must_use]
    pub fn describe(&self) -> String {
        let pairs = self.pairs.iter();
        pairs
            .map(|pair| format!("{}={}", pair.target, pair.path))
            .collect::<Vec<_>>()
            .join(",")
    }

    /// The documents of a record; what is left in `fields` belongs to each. Calls `seen` with the path
    /// of every mapped field that is there.
    ///
    /// # Errors
    /// Names the field that is missing or of the wrong type.
    pub fn take(&self, fields: &mut Fields, mut seen: impl FnMut(&str)) -> Items {
        let mut mapped = Fields::new();
        for pair in &self.pairs {
            let Some(value) = take_path(fields, &pair.path) else {
                continue;
            };
            seen(&pair.path);
            let value = match value {
                Value::Null => continue,
                // A column of numbers is text where text is wanted.
                number @ (Value::Number(_) | Value::Bool(_)) if !NO_TEXT.contains(&pair.target) => {
                    Value::String(number.to_string())
                }
                value => value,
            };
            mapped.insert(pair.target.to_owned(), value);
        }
        let names: Vec<&str> = fields.keys().map(String::as_str).take(12).collect();
        let explained = |misfit: Misfit| Misfit {
            why: format!(
                "{} (--map {}; other fields are [{}])",
                misfit.why,
                self.describe(),
                names.join(", ")
            ),
            ..misfit
        };
        // The field that marks bad examples belongs to prompts and completions, mapped or not.
        let marks = if self.pairs.iter().any(|pair| pair.target == "label") {
            Some(&mapped)
        } else {
            (self.shape.name == "prompt_completion").then_some(&*fields)
        };
        marks
            .map_or(Ok(()), shape::check_label)
            .map_err(explained)?;
        let items = self.shape.take(&mut mapped).map_err(explained)?;
        let items = shape::with_system(items, &mut mapped, Some(self.shape));
        // A field that was named and is not learned from must not pass for one that is.
        let mut unread = self.unread.iter();
        if let Some(target) = unread.find(|target| mapped.contains_key(**target)) {
            return Err(explained(Misfit {
                error: "map_target_unread",
                why: format!(
                    "nothing reads `{target}` beside the other targets (shape {}): leave it out of --map, \
                     its field then goes to meta",
                    self.shape.name
                ),
                item: None,
            }));
        }
        // What the shape gave back (further answers, turns that say more) is the user's, under the user's name.
        for (target, value) in mapped {
            let path = self.pairs.iter().find(|pair| pair.target == target);
            fields.insert(path.map_or(target, |pair| pair.path.clone()), value);
        }
        Ok(items)
    }
}

/// The targets that `shape` does not look for beside the others: it needs them not, and leaves them where a
/// record made up for this has them. What it gives back of a real record says nothing: that may be the rest
/// of what it read.
fn unread(pairs: &[Pair], shape: &Shape) -> Vec<&'static str> {
    let record = |pair: &Pair| (pair.target.to_owned(), made_up(pair.target));
    let mut fields: Fields = pairs.iter().map(record).collect();
    let needed = shape.evidence(&fields);
    let Ok(items) = shape.take(&mut fields) else {
        return Vec::new();
    };
    shape::with_system(items, &mut fields, Some(shape));
    pairs
        .iter()
        .map(|pair| pair.target)
        .filter(|target| *target != "label" && fields.contains_key(*target))
        .filter(|target| !needed.iter().any(|needed| needed == target))
        .collect()
}

/// What a field for `target` may hold: nothing of one is in another, but for an answer among its options.
fn made_up(target: &str) -> Value {
    match target {
        "messages" => json!([{ "role": "user", "content": "messages" }]),
        "options" | "answers" => json!(["answer", "other"]),
        "label" => json!(true),
        _ => json!(target),
    }
}

/// The key of `fields` that `name` means: as it is, else in any case and without white space around it.
fn key(fields: &Fields, name: &str) -> Option<String> {
    if fields.contains_key(name) {
        return Some(name.to_owned());
    }
    let wanted = name.trim().to_lowercase();
    fields
        .keys()
        .find(|key| key.trim().to_lowercase() == wanted)
        .cloned()
}

/// Takes the value at `path` out of `fields`; objects that it leaves empty go, too.
fn take_path(fields: &mut Fields, path: &str) -> Option<Value> {
    if let Some(key) = key(fields, path) {
        return fields.shift_remove(&key);
    }
    // Every dot may be part of a name.
    for (at, _) in path.match_indices('.') {
        let (name, rest) = (&path[..at], &path[at + 1..]);
        let Some(key) = key(fields, name) else {
            continue;
        };
        let found = fields
            .get_mut(&key)
            .and_then(|value| take_inside(value, rest));
        if found.is_some() {
            if fields[&key].as_object().is_some_and(Fields::is_empty) {
                fields.shift_remove(&key);
            }
            return found;
        }
    }
    None
}

fn take_inside(value: &mut Value, path: &str) -> Option<Value> {
    match value {
        Value::Object(fields) => take_path(fields, path),
        Value::Array(list) => {
            let (index, rest) = path.split_once('.').unwrap_or((path, ""));
            let item = list.get_mut(index.parse::<usize>().ok()?)?;
            // The list keeps its length, so that other paths still mean the same.
            if rest.is_empty() {
                Some(item.take())
            } else {
                take_inside(item, rest)
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
