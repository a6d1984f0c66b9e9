//! FLOPs to hours, dollars and kilowatt-hours.
//!
//! Hours = FLOPs / (peak rate × MFU). MFU is the share of the peak that does the model's own
//! arithmetic (Chowdhery et al. 2022, appendix B). Public trainers reach 33-50 % on H100 with
//! well-tuned code, and the GPU-hours that Meta published for whole runs come to 48 % (Llama 65B), 43 %
//! (Llama 2 70B), 35 % (Llama 3.1 405B) and 16 % (Llama 3 8B). The default of 40 % is an assumption,
//! and so is that it stays the same on any number of GPUs. Energy = power limit × hours × PUE, with the 1.1 that Touvron et al. 2023 (Llama,
//! <https://arxiv.org/abs/2302.13971>, table 15) use: GPUs alone, no CPUs or network.

use super::gpu::Gpu;
use serde::Serialize;

/// Hours from which on training is out of reach: a year. Published runs took months.
pub const TOO_LONG_HOURS: f64 = 8_766.0;

/// Hours of the month for which the cards are counted that training within reach takes.
pub const MONTH_HOURS: f64 = 730.5;

/// Cards that do some GPU-hours in a month.
pub fn cards_for_a_month(gpu_hours: f64) -> u64 {
    (gpu_hours / MONTH_HOURS).ceil().max(1.0) as u64
}

/// Power that a data centre draws for each watt of its computers.
pub const PUE: f64 = 1.1;

/// What some FLOPs cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// Hours of one card, summed over all cards.
    pub gpu_hours: f64,
    /// Dollars at the low and at the high end of the price band.
    pub money_usd: Range,
    /// Electricity, in kWh.
    pub energy_kwh: f64,
}

/// From, to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Range {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Range {
    /// Whether there is only one value.
    pub fn is_point(self) -> bool {
        self.high <= self.low
    }

    /// Whether it is less than a cent, too little to be told in figures.
    pub fn is_nothing(self) -> bool {
        self.high < 0.01
    }
}

/// What decides a cost beside the FLOPs.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// The card.
    pub gpu: &'static Gpu,
    /// How many.
    pub gpus: u64,
    /// Model FLOPs utilisation, as a share of 1.
    pub mfu: f64,
    /// Dollars for an hour of one card, when the user gave them.
    pub price: Option<f64>,
}

impl Rates {
    /// Dollars for an hour of one card.
    pub fn usd_per_hour(&self) -> Range {
        let [low, high] = self.price.map_or(self.gpu.usd_per_hour, |price| [price; 2]);
        Range { low, high }
    }

    /// What `flops` cost.
    pub fn cost(&self, flops: f64) -> Cost {
        let gpu_hours = flops / (self.gpu.flops_per_second() * self.mfu) / 3600.0;
        let price = self.usd_per_hour();
        Cost {
            gpu_hours,
            money_usd: Range {
                low: gpu_hours * price.low,
                high: gpu_hours * price.high,
            },
            energy_kwh: energy_kwh(self.gpu, gpu_hours),
        }
    }
}

/// Electricity of some hours of a card at its power limit, in kWh.
pub fn energy_kwh(gpu: &Gpu, gpu_hours: f64) -> f64 {
    gpu.tdp_watts as f64 / 1000.0 * gpu_hours * PUE
}
