//! Several prompts at once: each step reads the model's matrices once for all sequences, and a
//! sequence that ends leaves its place to the next prompt.

use anyhow::{Result, ensure};

use super::{Finish, Request, Sampler};
use crate::{
    model::{Model, Sequences},
    ops::Backend,
};

/// One sequence under way.
struct Running<'r> {
    /// Its number among the requests.
    number: usize,
    request: &'r Request<'r>,
    /// The prompt and what was generated.
    seen: Vec<u32>,
    /// The most tokens of both.
    capacity: usize,
}

impl Running<'_> {
    /// Takes the next token from its logits; why it ended, if it did.
    fn take(
        &mut self,
        logits: &mut [f32],
        samplers: &mut [Sampler],
        emit: &mut dyn FnMut(usize, u32) -> Result<bool>,
    ) -> Result<Option<Finish>> {
        let token = samplers[self.number].next(logits, &self.seen)?;
        if self.request.stop.contains(&token) {
            return Ok(Some(Finish::Stop));
        }
        self.seen.push(token);
        let goes_on = emit(self.number, token)? && self.seen.len() < self.capacity;
        Ok((!goes_on).then_some(Finish::Length))
    }
}

/// Generates for every request, at most `most` at a time, each with its own sampler. `emit` gets each
/// new token but the stop with the number of its request, and says whether that request goes on.
///
/// The cache of keys and values has room for `most` sequences of the longest request. What is
/// generated for a request does not depend on the others, but for the last bits of the products,
/// which decide between tokens that are equally probable.
///
/// # Errors
/// When a prompt is empty or fills the model's context, or the model's output is no number.
pub fn generate_many<B: Backend>(
    backend: &B,
    model: &Model<B>,
    requests: &[Request<'_>],
    most: usize,
    samplers: &mut [Sampler],
    emit: &mut dyn FnMut(usize, u32) -> Result<bool>,
) -> Result<Vec<Finish>> {
    let mut ends = vec![Finish::Length; requests.len()];
    let ended = &mut |number: usize, end| ends[number] = end;
    generate_each(backend, model, requests, most, samplers, emit, ended)?;
    Ok(ends)
}

/// As [`generate_many`]; `ended` hears of every request when it ends, so that what is finished is not
/// lost with what is not.
///
/// # Errors
/// Those of [`generate_many`].
pub fn generate_each<B: Backend>(
    backend: &B,
    model: &Model<B>,
    requests: &[Request<'_>],
    most: usize,
    samplers: &mut [Sampler],
    emit: &mut dyn FnMut(usize, u32) -> Result<bool>,
    ended: &mut dyn FnMut(usize, Finish),
) -> Result<()> {
    let context = model.config.max_positions;
    ensure!(
        samplers.len() == requests.len(),
        "{} samplers for {} requests",
        samplers.len(),
        requests.len()
    );
    for request in requests {
        let tokens = request.prompt.len();
        ensure!(
            tokens < context,
            "the prompt has {tokens} tokens, the model's context {context}: shorten the prompt"
        );
    }
    let capacity = |request: &Request| (request.prompt.len() + request.max_tokens).min(context);
    let longest = requests.iter().map(capacity).max().unwrap_or(0);
    let slots = most.clamp(1, requests.len().max(1));
    let mut sequences = Sequences::new(backend, model, slots, longest)?;
    let mut running: Vec<Option<Running>> = (0..slots).map(|_| None).collect();
    let mut waiting = requests.iter().enumerate();
    loop {
        for (slot, place) in running.iter_mut().enumerate() {
            while place.is_none() {
                let Some((number, request)) = waiting.next() else {
                    break;
                };
                let mut next = Running {
                    number,
                    request,
                    seen: request.prompt.to_vec(),
                    capacity: capacity(request),
                };
                if next.seen.len() == next.capacity {
                    ended(number, Finish::Length);
                    continue;
                }
                sequences.rewind(slot, 0);
                let mut logits = sequences.push(slot, request.prompt)?;
                match next.take(&mut logits, samplers, emit)? {
                    Some(end) => ended(number, end),
                    None => *place = Some(next),
                }
            }
        }
        let last = |place: &Option<Running>| place.as_ref()?.seen.last().copied();
        let places = running.iter().enumerate();
        let tokens: Vec<(usize, u32)> = places
            .filter_map(|(slot, place)| Some((slot, last(place)?)))
            .collect();
        if tokens.is_empty() {
            return Ok(());
        }
        let mut logits = sequences.step(&tokens)?;
        let vocab = logits.len() / tokens.len();
        for ((slot, _), logits) in tokens.iter().zip(logits.chunks_exact_mut(vocab)) {
            let Some(sequence) = &mut running[*slot] else {
                continue;
            };
            if let Some(end) = sequence.take(logits, samplers, emit)? {
                ended(sequence.number, end);
                running[*slot] = None;
            }
        }
    }
}
