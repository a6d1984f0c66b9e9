//! The cards that plans can be made for: public figures, one row a card.
//!
//! Peak rates are the data sheets' dense bf16 tensor rates with f32 accumulation, without sparsity
//! (the doubled figures on data sheets assume it). Prices are an **assumption**: what hourly rental
//! without commitment cost on marketplaces and GPU clouds in May 2026, large clouds ask more;
//! `--price` replaces them.

/// When the price bands were looked up.
pub const PRICES_DATE: &str = "2026-05";

/// When peak rates, memory and power were taken from the makers' data sheets.
pub const RATES_DATE: &str = "2026-05";

/// One card.
#[derive(Debug, PartialEq)]
pub struct Gpu {
    /// What the user types.
    pub name: &'static str,
    /// Other names for it.
    aliases: &'static [&'static str],
    /// Words that its driver's name for it has ("NVIDIA H100 80GB HBM3").
    words: &'static [&'static str],
    /// Its name in texts.
    pub title: &'static str,
    /// Peak dense bf16 rate, in TFLOP/s.
    pub tflops: f64,
    /// Memory, in gigabytes of 10^9 bytes.
    pub memory_gb: u64,
    /// Memory bandwidth, in GB/s.
    pub bandwidth_gb_s: u64,
    /// Power limit, in watts.
    pub tdp_watts: u64,
    /// Typical rent of an hour, in dollars: from, to.
    pub usd_per_hour: [f64; 2],
}

/// All of them, weakest memory first within a family.
#[rustfmt::skip]
pub const GPUS: &[Gpu] = &[
    Gpu { name: "rtx-3090",  aliases: &["3090"],                 words: &["3090"],          title: "RTX 3090",   tflops: 71.0,   memory_gb: 24,  bandwidth_gb_s: 936,  tdp_watts: 350,  usd_per_hour: [0.20, 0.45] },
    Gpu { name: "rtx-4090",  aliases: &["4090"],                 words: &["4090"],          title: "RTX 4090",   tflops: 165.2,  memory_gb: 24,  bandwidth_gb_s: 1008, tdp_watts: 450,  usd_per_hour: [0.34, 0.75] },
    Gpu { name: "rtx-5090",  aliases: &["5090"],                 words: &["5090"],          title: "RTX 5090",   tflops: 209.5,  memory_gb: 32,  bandwidth_gb_s: 1792, tdp_watts: 575,  usd_per_hour: [0.65, 1.25] },
    Gpu { name: "a10",       aliases: &[],                       words: &["A10"],           title: "A10",        tflops: 125.0,  memory_gb: 24,  bandwidth_gb_s: 600,  tdp_watts: 150,  usd_per_hour: [0.50, 1.30] },
    Gpu { name: "l4",        aliases: &[],                       words: &["L4"],            title: "L4",         tflops: 121.0,  memory_gb: 24,  bandwidth_gb_s: 300,  tdp_watts: 72,   usd_per_hour: [0.44, 0.80] },
    Gpu { name: "l40s",      aliases: &[],                       words: &["L40S"],          title: "L40S",       tflops: 362.0,  memory_gb: 48,  bandwidth_gb_s: 864,  tdp_watts: 350,  usd_per_hour: [0.75, 2.00] },
    Gpu { name: "a100-40gb", aliases: &["a100-40"],              words: &["A100", "40GB"],  title: "A100 40 GB", tflops: 312.0,  memory_gb: 40,  bandwidth_gb_s: 1555, tdp_watts: 400,  usd_per_hour: [0.80, 1.80] },
    Gpu { name: "a100-80gb", aliases: &["a100-80", "a100"],      words: &["A100", "80GB"],  title: "A100 80 GB", tflops: 312.0,  memory_gb: 80,  bandwidth_gb_s: 2039, tdp_watts: 400,  usd_per_hour: [1.00, 2.50] },
    Gpu { name: "h100-pcie", aliases: &[],                       words: &["H100", "PCIe"],  title: "H100 PCIe",  tflops: 756.0,  memory_gb: 80,  bandwidth_gb_s: 2000, tdp_watts: 350,  usd_per_hour: [1.90, 3.50] },
    Gpu { name: "h100-sxm",  aliases: &["h100"],                 words: &["H100", "HBM3"],  title: "H100 SXM",   tflops: 989.4,  memory_gb: 80,  bandwidth_gb_s: 3350, tdp_watts: 700,  usd_per_hour: [2.00, 4.00] },
    Gpu { name: "h200",      aliases: &["h200-sxm"],             words: &["H200"],          title: "H200",       tflops: 989.4,  memory_gb: 141, bandwidth_gb_s: 4800, tdp_watts: 700,  usd_per_hour: [2.50, 5.00] },
    Gpu { name: "b200",      aliases: &[],                       words: &["B200"],          title: "B200",       tflops: 2250.0, memory_gb: 180, bandwidth_gb_s: 7700, tdp_watts: 1000, usd_per_hour: [3.75, 7.00] },
    Gpu { name: "mi300x",    aliases: &[],                       words: &["MI300X"],        title: "MI300X",     tflops: 1307.4, memory_gb: 192, bandwidth_gb_s: 5300, tdp_watts: 750,  usd_per_hour: [1.80, 4.00] },
];

/// Share of a card's memory that a plan may fill. The rest is for the CUDA context, communication
/// buffers and the allocator's gaps (an assumption).
const USABLE: f64 = 0.92;

impl Gpu {
    /// Memory in bytes.
    pub fn memory_bytes(&self) -> u64 {
        self.memory_gb * 1_000_000_000
    }

    /// Memory that a plan may fill, in bytes.
    pub fn usable_bytes(&self) -> f64 {
        self.memory_bytes() as f64 * USABLE
    }

    /// Peak rate in FLOP/s.
    pub fn flops_per_second(&self) -> f64 {
        self.tflops * 1e12
    }
}

/// The card of this name; case, spaces, dashes and the makers' words do not matter.
///
/// # Errors
/// Names the known cards.
pub fn parse(text: &str) -> Result<&'static Gpu, String> {
    let wanted = key(text);
    GPUS.iter()
        .find(|gpu| {
            let mut names = std::iter::once(&gpu.name).chain(gpu.aliases);
            names.any(|name| key(name) == wanted)
        })
        .ok_or_else(|| {
            let names: Vec<&str> = GPUS.iter().map(|gpu| gpu.name).collect();
            format!(
                "no GPU named `{text}` is known; known are {}",
                names.join(", ")
            )
        })
}

/// Words of the names of slower relatives: of laptops, of parts of a card, of boards with other clocks.
const OTHERS: [&str; 5] = ["Laptop", "Max", "D", "MIG", "NVL"];

/// The card that a driver calls so; none where its data sheet is not known.
pub fn of_device(name: &str) -> Option<&'static Gpu> {
    let words: Vec<&str> = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let has = |word: &&str| words.contains(word);
    if OTHERS.iter().any(has) {
        return None;
    }
    GPUS.iter().find(|gpu| gpu.words.iter().all(has))
}

fn key(name: &str) -> String {
    let mut key: String = name
        .to_lowercase()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    for word in ["nvidia", "geforce", "amd", "instinct", "rtx"] {
        if let Some(rest) = key.strip_prefix(word) {
            key = rest.to_owned();
        }
    }
    key
}

/// The table as help text.
pub fn help() -> String {
    let mut text = String::from(
        "GPUs (approximate: peak dense bf16 TFLOP/s, memory and power of data sheets, rent of an hour asked in May 2026):\n",
    );
    for gpu in GPUS {
        let [low, high] = gpu.usd_per_hour;
        text += &format!(
            "  {:<10} {:>7.1} TFLOP/s  {:>3} GB  {:>4} W  ${low:.2}-{high:.2}\n",
            gpu.name, gpu.tflops, gpu.memory_gb, gpu.tdp_watts
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::of_device;

    #[test]
    fn drivers_names_lead_to_the_cards_whose_rates_are_known() {
        let name = |device| of_device(device).map(|gpu| gpu.name);
        assert_eq!(name("cuda:0 (NVIDIA H200) (bf16)"), Some("h200"));
        assert_eq!(name("NVIDIA H100 80GB HBM3"), Some("h100-sxm"));
        assert_eq!(name("NVIDIA H100 PCIe"), Some("h100-pcie"));
        assert_eq!(name("NVIDIA A100-SXM4-40GB"), Some("a100-40gb"));
        assert_eq!(name("NVIDIA A100 80GB PCIe"), Some("a100-80gb"));
        assert_eq!(name("NVIDIA GeForce RTX 4090"), Some("rtx-4090"));
        assert_eq!(name("NVIDIA L4"), Some("l4"));
        assert_eq!(name("NVIDIA L40S"), Some("l40s"));
        // Their relatives have other rates.
        for other in [
            "NVIDIA GeForce RTX 4090 Laptop GPU",
            "NVIDIA GeForce RTX 4090 D",
            "NVIDIA H100 NVL",
            "NVIDIA GH200 480GB",
            "NVIDIA A100-SXM4-80GB MIG 1g.10gb",
            "NVIDIA A10G",
            "cpu",
        ] {
            assert_eq!(name(other), None, "{other}");
        }
    }
}
