//! Exact match: is what the model writes after a question, word for word, the answer?
//!
//! Both are normalised first ([`normalise`]): NFKC, lower case, ё as е, quotes left out, the
//! punctuation around each word left out (that inside of it stays: 3.14, -5, e-mail), white space as
//! one space. The model's most probable token is taken each time.

use anyhow::Result;
use unicode_normalization::UnicodeNormalization;

use crate::{
    generate::{Request, Sampler, Sampling, TextStream, generate_many},
    interrupt,
    model::Model,
    ops::Backend,
};

/// A question that is answered freely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What is asked.
    pub question: String,
    /// The answers that are right; at least one.
    pub answers: Vec<String>,
}

impl Question {
    /// Whether `given` is one of the answers.
    #[must_use]
    pub fn is_answered_by(&self, given: &str) -> bool {
        let given = normalise(given);
        self.answers.iter().any(|answer| normalise(answer) == given)
    }
}

/// A text as answers are compared.
#[must_use]
pub fn normalise(text: &str) -> String {
    let folded: String = text
        .nfkc()
        .flat_map(char::to_lowercase)
        .filter(|letter| !is_quote(*letter))
        .map(|letter| if letter == 'ё' { 'е' } else { letter })
        .collect();
    let words = folded
        .split_whitespace()
        .map(|word| word.trim_matches(is_mark));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

fn is_quote(letter: char) -> bool {
    matches!(
        letter,
        '"' | '\'' | '`' | '«' | '»' | '“' | '”' | '„' | '‘' | '’' | '‹' | '›'
    )
}

fn is_mark(letter: char) -> bool {
    matches!(
        letter,
        '.' | ','
            | ';'
            | ':'
            | '!'
            | '?'
            | '…'
            | '('
            | ')'
            | '['
            | ']'
            | '*'
            | '—'
            | '–'
            | '¿'
            | '¡'
    )
}

/// How answers are made.
pub struct Asking<'a> {
    /// Tokens that end an answer.
    pub stop: &'a [u32],
    /// The most tokens of an answer.
    pub max_tokens: usize,
    /// Whether the answer ends with its first line: a model that was not trained on chats goes on
    /// with the next question.
    pub one_line: bool,
    /// From tokens to text.
    pub decode: &'a dyn Fn(&[u32]) -> String,
}

/// The model's greedy answers to prompts, `most` at a time: each without the white space around it, and
/// whether the beginning of its prompt was left out, since it is longer than the model's context.
///
/// # Errors
/// When the model's output is no number.
pub fn answers<B: Backend>(
    backend: &B,
    model: &Model<B>,
    prompts: &[Vec<u32>],
    most: usize,
    asking: &Asking<'_>,
) -> Result<Vec<(String, bool)>> {
    let room = model.config.max_positions.saturating_sub(asking.max_tokens);
    let cut = |prompt: &Vec<u32>| prompt.len().saturating_sub(room.max(1));
    let request = |prompt| Request {
        prompt: &prompt[cut(prompt)..],
        max_tokens: asking.max_tokens,
        stop: asking.stop,
    };
    let requests: Vec<Request> = prompts.iter().map(request).collect();
    let greedy = || Sampler::new(Sampling::GREEDY, 0);
    let mut samplers: Vec<Sampler> = prompts.iter().map(|_| greedy()).collect();
    let mut said: Vec<_> = prompts
        .iter()
        .map(|_| (TextStream::new(asking.decode), String::new()))
        .collect();
    generate_many(
        backend,
        model,
        &requests,
        most,
        &mut samplers,
        &mut |number, token| {
            interrupt::check()?;
            let (stream, text) = &mut said[number];
            text.push_str(&stream.push(token));
            Ok(!(asking.one_line && text.trim_start().contains('\n')))
        },
    )?;
    let whole = |((mut stream, mut text), prompt): ((TextStream<_>, String), _)| {
        text.push_str(&stream.finish());
        let text = text.trim();
        let said = if asking.one_line {
            text.lines().next().unwrap_or_default()
        } else {
            text
        };
        (said.trim_end().to_owned(), cut(prompt) > 0)
    };
    Ok(said.into_iter().zip(prompts).map(whole).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_compared_as_is_said() {
        let question = Question {
            question: "Столица России?".to_owned(),
            answers: vec!["Москва".to_owned(), "г. Москва".to_owned()],
        };
        for right in ["Москва", " «МОСКВА».", "москва!", "г Москва", "Москва\n"]
        {
            assert!(question.is_answered_by(right), "{right}");
        }
        for wrong in ["", "Москва-река", "Это Москва", "М о с к в а"] {
            assert!(!question.is_answered_by(wrong), "{wrong}");
        }
        for (text, want) in [
            ("Ёж, «ёлка»…", "еж елка"),
            ("3.14", "3.14"),
            ("-5", "-5"),
            ("5 + 3 = 8.", "5 + 3 = 8"),
            ("ﬁve", "five"),
            ("Don't  \t panic!", "dont panic"),
        ] {
            assert_eq!(normalise(text), want);
        }
        assert_ne!(normalise("1.5"), normalise("15"));
    }
}
