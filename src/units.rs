//! Sizes and counts as people write them, both directions: `50MB`, `4GiB`, `12.3 M`.

/// Parses `50MB`, `4GiB`, `1_000`, `64k` into bytes. Decimal units are powers of 1,000, `KiB` and
/// friends powers of 1,024.
///
/// # Errors
/// Says what was expected when the number or the unit is not understood.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let clean: String = text
        .chars()
        .filter(|c| *c != '_' && !c.is_whitespace())
        .collect();
    let split = clean
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(clean.len());
    let (number, unit) = clean.split_at(split);
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1_u64 << 40,
        _ => {
            return Err(format!(
                "unknown unit `{unit}`; expected a size such as 50MB or 4GiB"
            ));
        }
    };
    let value: f64 = number
        .parse()
        .map_err(|_| format!("`{text}` is not a size; expected for instance 50MB or 4GiB"))?;
    let bytes = value * factor as f64;
    if !bytes.is_finite() || bytes > u64::MAX as f64 / 2.0 {
        return Err(format!("`{text}` is too large"));
    }
    Ok(bytes.round() as u64)
}

/// Bytes for a person: `843 B`, `12.3 MB`.
#[must_use]
pub fn human_bytes(bytes: u64) -> String {
    scaled(bytes as f64, &["B", "kB", "MB", "GB", "TB"])
}

/// A count for a person: `843`, `12.3 k`, `1.2 M`.
#[must_use]
pub fn human_count(count: u64) -> String {
    scaled(count as f64, &["", "k", "M", "G", "T"])
        .trim_end()
        .to_owned()
}

fn scaled(mut value: f64, units: &[&str]) -> String {
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{value:.0} {}", units[0])
    } else {
        format!("{value:.1} {}", units[unit])
    }
}

/// Digits in groups of three, for tables: `1 234 567`.
#[must_use]
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

/// `a` for each `b`, 0 where there is no `b`.
#[must_use]
pub fn ratio(a: u64, b: u64) -> f64 {
    if b == 0 { 0.0 } else { a as f64 / b as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_parse_in_both_systems() {
        assert_eq!(parse_bytes("50MB"), Ok(50_000_000));
        assert_eq!(parse_bytes("4GiB"), Ok(4 << 30));
        assert_eq!(parse_bytes("1.5 k"), Ok(1_500));
        assert_eq!(parse_bytes("1_000"), Ok(1_000));
        assert!(parse_bytes("MB").is_err());
        assert!(parse_bytes("5 parsecs").is_err());
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(human_bytes(843), "843 B");
        assert_eq!(human_bytes(999_999), "1.0 MB");
        assert_eq!(human_count(12_345), "12.3 k");
        assert_eq!(grouped(1_234_567), "1 234 567");
        assert_eq!(grouped(12), "12");
    }
}
