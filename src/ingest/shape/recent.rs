//! Shapes by the names of fields: the records of a file have the same names, and to compare these with
//! all names of all shapes costs more than the rest of a short record.

use super::{Fields, Shape};

/// Lists of names that are remembered; files of records with optional fields have a few.
const MOST: usize = 8;

/// Shapes of the records before.
#[derive(Default)]
pub struct Recent(Vec<Known>);

struct Known {
    names: Vec<String>,
    /// The shapes that have these names, in the order of the table.
    shapes: Vec<&'static Shape>,
}

impl Recent {
    /// [`Shape::of`], remembered.
    pub fn shape(&mut self, fields: &Fields) -> Option<&'static Shape> {
        let is_known = |known: &Known| fields.keys().eq(&known.names);
        let at = if let Some(at) = self.0.iter().position(is_known) {
            at
        } else {
            if self.0.len() == MOST {
                self.0.pop();
            }
            self.0.push(Known {
                names: fields.keys().cloned().collect(),
                shapes: Shape::named_by(fields).collect(),
            });
            self.0.len() - 1
        };
        let found = self.0[at].shapes.iter().find(|shape| (shape.fits)(fields));
        found.copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn what_is_remembered_is_what_is_found() {
        let mut recent = Recent::default();
        let records = [
            json!({"question": "q", "answer": "a"}),
            json!({"answer": "a", "question": "q"}),
            // The same names; the values tell whether the answers are those of a forum.
            json!({"title": "t", "body": "b", "answers": [{"body": "x"}]}),
            json!({"title": "t", "body": "b", "answers": [1]}),
            json!({"title": "t", "body": "b", "answers": null}),
            json!({"text": "t"}),
            json!({"a": 1}),
            json!({}),
            json!({"prompt": "p", "chosen": "c", "rejected": "r"}),
            json!({"messages": []}),
            json!({"conversations": []}),
            json!({"instruction": "i", "output": "o"}),
        ];
        for _ in 0..2 {
            for record in &records {
                let Value::Object(fields) = record else {
                    panic!("an object");
                };
                let name = |shape: Option<&Shape>| shape.map(|shape| shape.name);
                assert_eq!(
                    name(recent.shape(fields)),
                    name(Shape::of(fields)),
                    "{record}"
                );
            }
        }
        assert_eq!(recent.0.len(), MOST);
    }
}
