//! Counts of parameters and tokens as people write them, `8B` and `1.5T`, and as they read them in
//! English or Russian.

use serde::Serialize;

/// Language of what a person reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// English.
    En,
    /// Russian.
    Ru,
}

/// Parses `7B`, `1.5T`, `350M`, `64k`, `1_000_000`, `3e9`.
///
/// # Errors
/// Says what was expected when the number or the unit is not understood.
pub fn parse_count(text: &str) -> Result<u64, String> {
    let clean: String = text
        .chars()
        .filter(|c| *c != '_' && !c.is_whitespace())
        .collect();
    if clean.starts_with('-') {
        return Err(format!(
            "`{text}` is no count: it is more than nothing, for instance 350M, 7B or 1.5T"
        ));
    }
    let (number, factor) = match clean.chars().last().map(|c| c.to_ascii_lowercase()) {
        Some('k') => (&clean[..clean.len() - 1], 1e3),
        Some('m') => (&clean[..clean.len() - 1], 1e6),
        Some('b' | 'g') => (&clean[..clean.len() - 1], 1e9),
        Some('t') => (&clean[..clean.len() - 1], 1e12),
        _ => (clean.as_str(), 1.0),
    };
    let value: f64 = number
        .parse()
        .map_err(|_| format!("`{text}` is not a count; expected for instance 350M, 7B or 1.5T"))?;
    let count = (value * factor).round();
    if !(1.0..=1e18).contains(&count) {
        return Err(format!("`{text}` is not between 1 and 1e18"));
    }
    Ok(count as u64)
}

/// Three significant digits without trailing zeros.
pub fn number(value: f64, lang: Lang) -> String {
    let text = if value == 0.0 {
        "0".to_owned()
    } else if value.abs() < 0.001 {
        "<0.001".to_owned()
    } else if value.abs() >= 99.95 {
        grouped(value)
    } else {
        let digits = (2 - value.abs().log10().floor() as i32).clamp(0, 6) as usize;
        let text = format!("{value:.digits$}");
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text
        }
    };
    match lang {
        Lang::En => text,
        Lang::Ru => text.replace('.', ","),
    }
}

/// Two significant digits, for sentences about estimates.
pub fn rough(value: f64, lang: Lang) -> String {
    if value == 0.0 {
        return number(value, lang);
    }
    let scale = 10_f64.powi(value.abs().log10().floor() as i32 - 1);
    number((value / scale).round() * scale, lang)
}

/// A whole number of three significant digits, in groups of three.
fn grouped(value: f64) -> String {
    let scale = 10_f64.powi((value.abs().log10().floor() as i32 - 2).max(0));
    crate::units::grouped(((value / scale).round() * scale) as u64)
}

/// `8B`, `350M`; in Russian `8 млрд`, `350 млн`.
pub fn count(value: f64, lang: Lang) -> String {
    const UNITS: [(f64, &str, &str); 4] = [
        (1e12, "T", "трлн"),
        (1e9, "B", "млрд"),
        (1e6, "M", "млн"),
        (1e3, "k", "тыс."),
    ];
    // 999.6M would be shown as 1 000M: it belongs to the next unit.
    let unit = UNITS.iter().find(|(size, ..)| value >= size * 0.9995);
    let Some((size, en, ru)) = unit else {
        return number(value.round(), lang);
    };
    match lang {
        Lang::En => format!("{}{en}", number(value / size, lang)),
        Lang::Ru => format!("{} {ru}", number(value / size, lang)),
    }
}

/// `128 GB`, in units of 1,000.
pub fn bytes(value: u64, lang: Lang) -> String {
    const UNITS: [(f64, &str, &str); 4] = [
        (1e12, "TB", "ТБ"),
        (1e9, "GB", "ГБ"),
        (1e6, "MB", "МБ"),
        (1e3, "kB", "кБ"),
    ];
    let value = value as f64;
    let (size, en, ru) = UNITS
        .into_iter()
        .find(|(size, ..)| value >= size * 0.9995)
        .unwrap_or((1.0, "B", "Б"));
    let unit = match lang {
        Lang::En => en,
        Lang::Ru => ru,
    };
    format!("{} {unit}", number(value / size, lang))
}

/// Scientific notation for FLOPs: `3.36e20`.
pub fn flops(value: f64, lang: Lang) -> String {
    let text = format!("{value:.2e}");
    match lang {
        Lang::En => text,
        Lang::Ru => text.replace('.', ","),
    }
}

/// Hours as minutes, hours, days or years, whichever reads best.
pub fn duration(hours: f64, lang: Lang) -> String {
    let (value, en, ru) = if hours < 1.0 / 60.0 {
        (hours * 3600.0, "s", "с")
    } else if hours < 1.0 {
        (hours * 60.0, "min", "мин")
    } else if hours < 48.0 {
        (hours, "h", "ч")
    } else if hours < 24.0 * 730.0 {
        (hours / 24.0, "days", "сут.")
    } else {
        (hours / 24.0 / 365.25, "years", "г.")
    };
    let unit = match lang {
        Lang::En => en,
        Lang::Ru => ru,
    };
    format!("{} {unit}", number(value, lang))
}
