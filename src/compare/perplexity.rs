//! What a base model makes of the documents: perplexity of each of a sample, from its beginning.

use crate::interrupt;
use crate::model::{Model, Session};
use crate::ops::Backend;
use crate::progress::Progress;
use crate::tokenize::Tokenizer;
use anyhow::Result;
use serde::Serialize;

/// Tokens of a document that are looked at.
pub const TOKENS: usize = 512;
/// Tokens that go through the model at once, so that logits stay below 100 MB.
const CHUNK: usize = 128;

/// One document.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// Its id.
    pub document_id: String,
    /// Tokens that were predicted.
    pub tokens: u64,
    /// Perplexity a token.
    pub perplexity: f64,
    /// Bits for each UTF-8 byte of them.
    pub bits_per_byte: f64,
}

/// The documents of a set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// A tenth of the documents have a lower perplexity.
    pub p10: f64,
    /// Half have.
    pub p50: f64,
    /// Nine tenths have.
    pub p90: f64,
    /// Bits a byte over all of them.
    pub bits_per_byte: f64,
    /// Each, in the order of its set.
    pub documents: Vec<Measured>,
}

/// Measures texts with their documents' ids.
///
/// # Errors
/// When a text cannot be encoded, or the device fails.
pub fn measure<B: Backend>(
    backend: &B,
    model: &Model<B>,
    tokenizer: &Tokenizer,
    texts: &[(String, String)],
    progress: &Progress,
) -> Result<Option<Figures>> {
    let most = TOKENS.min(model.config.max_positions);
    let bytes_of = tokenizer.token_bytes();
    let mut session = Session::new(backend, model, most)?;
    let (mut documents, mut nats, mut bytes) = (Vec::new(), 0.0, 0);
    for (id, text) in texts {
        interrupt::check()?;
        progress.add(1);
        let begin = tokenizer.bos_id().filter(|_| tokenizer.adds_bos());
        let ids = begin.into_iter().chain(tokenizer.encode_text(text)?);
        let ids: Vec<u32> = ids.take(most).collect();
        if ids.len() < 2 {
            continue;
        }
        session.rewind(0);
        let own = nats_of(&mut session, &ids)?;
        let own_bytes: u64 = (ids[1..].iter())
            .map(|id| u64::from(bytes_of.get(*id as usize).copied().unwrap_or(0)))
            .sum();
        let tokens = ids.len() as u64 - 1;
        documents.push(Measured {
            document_id: id.clone(),
            tokens,
            perplexity: (own / tokens as f64).exp(),
            bits_per_byte: own / std::f64::consts::LN_2 / own_bytes.max(1) as f64,
        });
        nats += own;
        bytes += own_bytes;
    }
    let mut sorted: Vec<f64> = documents.iter().map(|found| found.perplexity).collect();
    if sorted.is_empty() {
        return Ok(None);
    }
    sorted.sort_by(f64::total_cmp);
    let quantile = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
    Ok(Some(Figures {
        p10: quantile(0.1),
        p50: quantile(0.5),
        p90: quantile(0.9),
        bits_per_byte: nats / std::f64::consts::LN_2 / bytes.max(1) as f64,
        documents,
    }))
}

/// Minus the log-probability of all tokens but the first, in nats.
fn nats_of<B: Backend>(session: &mut Session<'_, B>, ids: &[u32]) -> Result<f64> {
    let mut sum = 0.0;
    // Nothing is predicted after the last.
    let inputs = &ids[..ids.len() - 1];
    for (number, chunk) in inputs.chunks(CHUNK).enumerate() {
        let logits = session.push_all(chunk)?;
        let width = logits.len() / chunk.len();
        for (i, row) in logits.chunks_exact(width).enumerate() {
            let target = ids[number * CHUNK + i + 1] as usize;
            let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let all: f64 = row.iter().map(|x| f64::from(x - most).exp()).sum();
            sum += all.ln() - f64::from(row[target] - most);
        }
    }
    Ok(sum)
}
