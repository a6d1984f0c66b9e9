//! What the speed of a run is compared with.

use anyhow::Result;

use crate::{
    ops::Backend,
    plan::gpu,
    train::mfu::{Peak, measure},
};

/// The device's peak and where it is from: as stated, of a card as its data sheet has it, of a CPU as
/// measured.
///
/// # Errors
/// When the device has no room for what is measured.
pub fn of<B: Backend>(backend: &B, asked: Option<f64>) -> Result<(Option<Peak>, String)> {
    let stated = |flops_per_second| {
        Some(Peak {
            flops_per_second,
            measured: false,
        })
    };
    let name = backend.name();
    Ok(match (asked, gpu::of_device(&name)) {
        (Some(peak), _) => (stated(peak), "as --peak says".to_owned()),
        (None, Some(card)) => (
            stated(card.flops_per_second()),
            format!("the dense bf16 rate of the data sheet of {}", card.title),
        ),
        (None, None) if name == "cpu" => (
            Some(measure(backend)?),
            "measured here by products of f32 matrices".to_owned(),
        ),
        (None, None) => (None, String::new()),
    })
}
