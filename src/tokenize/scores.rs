//! Scores of Unigram pieces as the `tokenizers` library reads them.
//!
//! It parses tokenizer.json by `serde_json` without `float_roundtrip`, which is off by one in the last
//! place of about every fifth score; prep parses all JSON exactly. Pieces that make a ruled line in
//! several ways of the same score are then told apart by other errors, and have other ids.

use serde_json::Value;

/// Largest power of ten that a double holds.
const MOST: i32 = 308;

/// Gives the scores of a Unigram model the values that the library gives them; other models stay.
pub(super) fn as_the_library_reads(model: &mut Value) {
    // Files of before say no type: of Unigram they have the pairs of pieces and scores.
    if model.get("type").is_some_and(|kind| kind != "Unigram") {
        return;
    }
    let Some(pieces) = model.get_mut("vocab").and_then(Value::as_array_mut) else {
        return;
    };
    for piece in pieces {
        if let Some(score) = piece.get_mut(1)
            && let Some(exact) = score.as_f64()
            && let Some(read) = read(&score.to_string())
            && read.to_bits() != exact.to_bits()
        {
            *score = Value::from(read);
        }
    }
}

/// A number of JSON by way of its digits and a power of ten, as `serde_json` does without its feature
/// `float_roundtrip`; `None` for what it would refuse.
fn read(text: &str) -> Option<f64> {
    let (text, negative) = text
        .strip_prefix('-')
        .map_or((text, false), |rest| (rest, true));
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (mut significand, mut power, mut behind_point) = (0_u64, exponent, false);
    let mut is_full = false;
    for digit in digits.bytes() {
        if digit == b'.' {
            behind_point = true;
            continue;
        }
        let digit = u64::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
        let more = (significand.checked_mul(10)).and_then(|more| more.checked_add(digit));
        if let Some(more) = more.filter(|_| !is_full) {
            significand = more;
            power -= i32::from(behind_point);
        } else {
            // Digits that a u64 has no room for: of an integer they count as zeros.
            is_full = true;
            power += i32::from(!behind_point);
        }
    }
    let mut value = significand as f64;
    while power.abs() > MOST {
        if value == 0.0 || power > 0 {
            return (value == 0.0).then_some(value);
        }
        value /= 1e308;
        power += MOST;
    }
    // The exact power: the nearest double, as in `serde_json`'s table.
    let ten: f64 = format!("1e{}", power.abs()).parse().ok()?;
    value = if power < 0 { value / ten } else { value * ten };
    value
        .is_finite()
        .then_some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_a_number_that_is_rounded_twice() {
        let cases: [(&str, f64); 6] = [
            ("-7.5", -7.5),
            ("0", 0.0),
            ("-0.0", -0.0),
            ("1e300", 1e300),
            // More digits than a u64 has room for count as zeros.
            ("18446744073709551616", 18_446_744_073_709_551_610.0),
            ("0.18446744073709551616", 1_844_674_407_370_955_161.0 / 1e19),
        ];
        for (text, value) in cases {
            assert_eq!(
                read(text).map(f64::to_bits),
                Some(value.to_bits()),
                "{text}"
            );
        }
        assert_eq!(read("1e400"), None);
        // The first is exact but for the division, the second is rounded before it, too.
        for (text, digits, divisor) in [
            ("8.123456789012345", 8_123_456_789_012_345_u64, 1e15),
            ("9.8765432109876543", 98_765_432_109_876_543, 1e16),
        ] {
            assert_eq!(read(text), Some(digits as f64 / divisor), "{text}");
        }
    }

    #[test]
    fn only_scores_of_unigram_are_read_so() {
        let vocab = serde_json::json!([["a", -9.876_543_210_987_654], ["b", -1.5]]);
        let mut model = serde_json::json!({ "type": "Unigram", "vocab": vocab });
        let mut other = serde_json::json!({ "type": "BPE", "vocab": vocab });
        as_the_library_reads(&mut model);
        as_the_library_reads(&mut other);
        let wanted = -(9_876_543_210_987_654_u64 as f64 / 1e15);
        assert_eq!(model["vocab"][0][1].as_f64(), Some(wanted));
        assert_eq!(model["vocab"][1][1].as_f64(), Some(-1.5));
        assert_eq!(other["vocab"], vocab);
    }
}
