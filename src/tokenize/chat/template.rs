//! Chat templates: the Jinja of `tokenizer_config.json`, run as `transformers` runs it.
//!
//! One thing differs on purpose: `strftime_now` gives a fixed date, because output must not depend
//! on the day on which it is made.

use super::super::Tokenizer;
use super::builtin::BuiltIn;
use super::{Rendered, private_use, python};
use crate::document::Message;
use anyhow::{Context, Result, bail, ensure};
use minijinja::{Environment, Value};
use std::collections::BTreeMap;

/// Variables that stand where `{% generation %}` and `{% endgeneration %}` stood.
const MARKS: [&str; 2] = ["prep_generation_begins", "prep_generation_ends"];
/// The name of the one template of an environment.
const NAME: &str = "chat template";

/// A chat template, with BOS or without where prep wrote it.
pub(in super::super) struct Template {
    plain: Program,
    /// Of a built-in template: what is used when texts begin with BOS.
    with_bos: Option<Program>,
}

impl Template {
    /// The Jinja template `source`, which decides about BOS itself.
    pub fn jinja(source: &str) -> Result<Self> {
        Ok(Self {
            plain: Program::compile(source)?,
            with_bos: None,
        })
    }

    /// A row of the table.
    pub fn built_in(row: &BuiltIn) -> Result<Self> {
        let without = row.source.replace(super::builtin::BOS, "");
        let with = row.source.replace(super::builtin::BOS, "{{- bos_token -}}");
        Ok(Self {
            plain: Program::compile(&without)?,
            with_bos: Some(Program::compile(&with)?),
        })
    }

    /// The template in use with nothing for `bos_token`.
    pub fn without_bos(self, adds_bos: bool) -> Result<Self> {
        let source = self.source(adds_bos);
        if !source.contains("bos_token") {
            return Ok(self);
        }
        // A newline behind a tag is the tag's: so none of the template's own is lost.
        Self::jinja(&format!("{{% set bos_token = '' %}}\n{source}"))
    }

    /// The Jinja in use.
    pub fn source(&self, adds_bos: bool) -> String {
        self.program(adds_bos).source.clone()
    }

    pub(super) fn program(&self, adds_bos: bool) -> &Program {
        self.with_bos
            .as_ref()
            .filter(|_| adds_bos)
            .unwrap_or(&self.plain)
    }
}

/// A compiled template.
pub(super) struct Program {
    source: String,
    environment: Environment<'static>,
    has_generation_tags: bool,
}

impl Program {
    fn compile(source: &str) -> Result<Self> {
        let (jinja, has_generation_tags) = replace_generation_tags(source);
        let mut environment = python::environment()?;
        environment
            .add_template_owned(NAME, jinja)
            .context("the chat template is not Jinja that prep understands")?;
        Ok(Self {
            source: source.to_owned(),
            environment,
            has_generation_tags,
        })
    }

    /// Whether the template itself says what the assistant generates.
    pub fn has_generation_tags(&self) -> bool {
        self.has_generation_tags
    }

    /// Private-use characters that no message and not the template has.
    pub fn unused_characters(&self, messages: &[Message], count: usize) -> Vec<char> {
        let texts = messages.iter().map(|message| message.content.as_str());
        private_use::unused(
            &private_use::used(texts.chain([self.source.as_str()])),
            count,
        )
    }

    /// The chat as text.
    pub fn render(
        &self,
        tokenizer: &Tokenizer,
        messages: &[Message],
        generation: bool,
    ) -> Result<String> {
        self.run(
            tokenizer,
            messages,
            generation,
            [String::new(), String::new()],
        )
    }

    /// The chat as text, with the spans that the generation tags enclose.
    pub fn render_marked(&self, tokenizer: &Tokenizer, messages: &[Message]) -> Result<Rendered> {
        let marks = self.unused_characters(messages, 2);
        let &[begin, end] = marks.as_slice() else {
            bail!("the chat uses every private-use character")
        };
        let marked = self.run(
            tokenizer,
            messages,
            false,
            [begin.to_string(), end.to_string()],
        )?;
        let mut rendered = Rendered {
            text: String::with_capacity(marked.len()),
            spans: Vec::new(),
        };
        let mut open = None;
        for piece in marked.split_inclusive([begin, end]) {
            let text = piece.strip_suffix([begin, end]).unwrap_or(piece);
            rendered.text.push_str(text);
            let at = rendered.text.len();
            if piece.ends_with(begin) {
                ensure!(
                    open.replace(at).is_none(),
                    "the chat template nests {{% generation %}}"
                );
            } else if piece.ends_with(end) {
                let Some(start) = open.take() else {
                    bail!("the chat template has an {{% endgeneration %}} too many");
                };
                rendered.spans.push(start..at);
            }
        }
        ensure!(
            open.is_none(),
            "the chat template lacks an {{% endgeneration %}}"
        );
        Ok(rendered)
    }

    fn run(
        &self,
        tokenizer: &Tokenizer,
        messages: &[Message],
        generation: bool,
        marks: [String; 2],
    ) -> Result<String> {
        let mut context: BTreeMap<&str, Value> = BTreeMap::from([
            ("messages", messages.iter().map(value_of).collect()),
            ("add_generation_prompt", Value::from(generation)),
            ("tools", Value::from(())),
            ("documents", Value::from(())),
        ]);
        context.extend(MARKS.into_iter().zip(marks.map(Value::from)));
        let specials = &tokenizer.specials;
        let tokens = [
            ("bos_token", specials.bos),
            ("eos_token", Some(specials.eos)),
            ("pad_token", specials.pad),
        ];
        context.extend(
            tokens
                .into_iter()
                .filter_map(|(name, id)| Some((name, Value::from(tokenizer.token(id?))))),
        );
        if let Some(unknown) = tokenizer.config.unk.token() {
            context.insert("unk_token", Value::from(unknown));
        }
        let template = self.environment.get_template(NAME)?;
        template
            .render(Value::from_pairs(context))
            .context("the chat template cannot render this chat")
    }
}

fn value_of(message: &Message) -> Value {
    Value::from_pairs([
        ("role", message.role.as_str()),
        ("content", message.content.as_str()),
    ])
}

/// Puts an expression in the place of each generation tag, with the tag's own white-space control.
fn replace_generation_tags(source: &str) -> (String, bool) {
    let (mut out, mut rest, mut found) = (String::with_capacity(source.len()), source, false);
    while let Some(at) = rest.find("{%") {
        let (before, tag) = rest.split_at(at);
        out.push_str(before);
        let end = tag.find("%}").map_or(tag.len(), |end| end + 2);
        if let Some((left, mark, right)) = generation_tag(&tag[..end]) {
            found = true;
            out.extend([
                "{%",
                left,
                " if true %}{{ ",
                mark,
                " }}{% endif ",
                right,
                "%}",
            ]);
            rest = &tag[end..];
        } else {
            out.push_str("{%");
            rest = &tag[2..];
        }
    }
    out.push_str(rest);
    (out, found)
}

/// The white-space control left and right of a generation tag, and the mark it stands for.
fn generation_tag(tag: &str) -> Option<(&str, &'static str, &str)> {
    let inner = tag.strip_prefix("{%")?.strip_suffix("%}")?;
    let left = &inner[..usize::from(inner.starts_with(['-', '+']))];
    let inner = &inner[left.len()..];
    let right = &inner[inner.len() - usize::from(inner.ends_with(['-', '+']))..];
    let mark = match inner[..inner.len() - right.len()].trim() {
        "generation" => MARKS[0],
        "endgeneration" => MARKS[1],
        _ => return None,
    };
    Some((left, mark, right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generation_tags_keep_their_white_space_control() {
        let (jinja, found) =
            replace_generation_tags("a {%- generation -%} b {% endgeneration %}{% if x %}");
        assert!(found);
        assert_eq!(
            jinja,
            "a {%- if true %}{{ prep_generation_begins }}{% endif -%} b \
             {% if true %}{{ prep_generation_ends }}{% endif %}{% if x %}"
        );
        assert!(!replace_generation_tags("{% if generation %}{% endif %}").1);
    }
}
