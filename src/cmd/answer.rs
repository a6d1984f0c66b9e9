//! What a model says, shown as it comes.

use crate::cmd::Context;
use crate::generate::{Finish, Request, Sampler, TextStream, generate};
use crate::model::Model;
use crate::ops::Backend;
use crate::tokenize::Tokenizer;
use crate::{interrupt, output};
use anyhow::Result;

/// What was said.
pub(super) struct Answer {
    /// All of it.
    pub text: String,
    /// Its tokens.
    pub tokens: u64,
    /// Why it ended.
    pub finish: Finish,
    /// Whether the person broke it off.
    pub interrupted: bool,
}

/// Lets the model go on from a request; the text is printed as it comes, unless `--json` asks for it whole.
///
/// # Errors
/// Those of [`generate`].
pub(super) fn answer<B: Backend>(
    backend: &B,
    model: &Model<B>,
    tokenizer: &Tokenizer,
    request: &Request<'_>,
    sampler: &mut Sampler,
    ctx: &Context,
) -> Result<Answer> {
    let mut stream = TextStream::new(|ids: &[u32]| tokenizer.decode(ids, true));
    let (mut text, mut tokens, mut interrupted) = (String::new(), 0, false);
    let mut show = |piece: &str| {
        if !ctx.json {
            output::stream(piece);
        }
        text.push_str(piece);
    };
    let finish = generate(backend, model, request, sampler, &mut |token| {
        tokens += 1;
        show(&stream.push(token));
        interrupted = interrupt::check().is_err();
        Ok(!interrupted)
    })?;
    show(&stream.finish());
    if !ctx.json {
        output::stream("\n");
    }
    Ok(Answer {
        text,
        tokens,
        finish,
        interrupted,
    })
}
