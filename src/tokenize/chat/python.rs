//! A Jinja environment that behaves as the Python one in which chat templates are written.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Value};
use minijinja::{Environment, Error, ErrorKind};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};
use std::io::{self, Write};

/// What `strftime_now` knows of its day, 26 July 2024 at midnight: the date that Llama's template
/// uses when there is no clock.
const DATE: [(char, &str); 12] = [
    ('a', "Fri"),
    ('A', "Friday"),
    ('b', "Jul"),
    ('B', "July"),
    ('d', "26"),
    ('H', "00"),
    ('j', "208"),
    ('m', "07"),
    ('M', "00"),
    ('S', "00"),
    ('y', "24"),
    ('Y', "2024"),
];

/// The environment that `transformers` makes, without a template.
pub(super) fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()?,
    );
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_function("raise_exception", raise_exception);
    environment.add_function("strftime_now", strftime_now);
    environment.add_filter("tojson", to_json);
    Ok(environment)
}

fn raise_exception(message: String) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, message))
}

fn strftime_now(format: &str) -> String {
    let mut out = String::with_capacity(format.len());
    let mut characters = format.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            out.push(character);
            continue;
        }
        // `%-d` is `%d` without a leading zero, which 26 does not have and 07 does.
        let (code, bare) = match characters.next() {
            Some('-') => (characters.next(), true),
            code => (code, false),
        };
        match code.and_then(|code| DATE.iter().find(|(name, _)| *name == code)) {
            Some((_, text)) if bare => out.push_str(text.trim_start_matches('0')),
            Some((_, text)) => out.push_str(text),
            None => out.extend(code),
        }
    }
    out
}

/// Python's `json.dumps(value, ensure_ascii=False)`: a space after commas and colons.
#[allow(
    clippy::needless_pass_by_value,
    reason = "the signature of a minijinja filter"
)]
fn to_json(value: &Value, options: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = options.get("indent")?;
    let _: Option<bool> = options.get("ensure_ascii")?;
    options.assert_all_used()?;
    let mut out = Vec::new();
    let written = match indent {
        None => value.serialize(&mut Serializer::with_formatter(&mut out, PythonFormatter)),
        Some(width) => {
            let spaces = " ".repeat(width);
            let formatter = PrettyFormatter::with_indent(spaces.as_bytes());
            value.serialize(&mut Serializer::with_formatter(&mut out, formatter))
        }
    };
    let failed = |error: &dyn std::fmt::Display| {
        Error::new(ErrorKind::BadSerialization, format!("tojson: {error}"))
    };
    written.map_err(|error| failed(&error))?;
    String::from_utf8(out).map_err(|error| failed(&error))
}

struct PythonFormatter;

impl Formatter for PythonFormatter {
    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn write_null<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        CompactFormatter.write_null(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::context;

    #[test]
    fn json_is_spaced_as_python_spaces_it() {
        let value = context! { a => vec![Value::from(1), Value::from("я<b>"), Value::from(())], b => context! {} };
        let render = |source| {
            environment()
                .unwrap()
                .render_str(source, context! { value => &value })
                .unwrap()
        };
        assert_eq!(
            render("{{ value | tojson }}"),
            r#"{"a": [1, "я<b>", null], "b": {}}"#
        );
        assert_eq!(
            render("{{ value.a | tojson(indent=2) }}"),
            "[\n  1,\n  \"я<b>\",\n  null\n]"
        );
    }

    #[test]
    fn the_clock_stands_still() {
        assert_eq!(strftime_now("%d %b %Y, %-d.%-m."), "26 Jul 2024, 26.7.");
    }

    #[test]
    fn python_methods_and_loop_controls_work() {
        let source = "{% set ns = namespace(n=0) %}{% for m in messages[::-1] %}{% if m.content.startswith('b') %}\
            {% break %}{% endif %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }} {{ ' x '.strip() }} {{ none }} {{ true }}";
        let messages = [context! { content => "b" }, context! { content => "a" }];
        assert_eq!(
            environment()
                .unwrap()
                .render_str(source, context! { messages })
                .unwrap(),
            "1 x None True"
        );
    }
}
