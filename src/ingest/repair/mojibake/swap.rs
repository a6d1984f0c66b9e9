//! One single-byte encoding read as another: windows-1251 as Latin (ïðèâåò), KOI8-R as windows-1251 and
//! the other way round, CP866 as either. The model of Russian decides, on the whole line.

use super::tables::{Reading, tables};
use crate::ingest::encoding::russian::{symbol, tally, tally_text};

/// Bits by which the repaired line has to be likelier: a line is damaged far more often than healthy
/// text is that unlikely.
const GAIN_BITS: f64 = 40.0;
/// Bits for a character above which a line is no Russian.
const RUSSIAN_BITS: f64 = 6.3;
/// Letters below which no line is judged.
const LEAST_LETTERS: u64 = 8;
/// Bits by which the best repair has to lead the second.
const LEAD_BITS: f64 = 5.0;

/// The line read the right way.
pub fn undo(line: &str) -> Option<String> {
    let before = tally_text(line);
    if before.bits() < GAIN_BITS || before.mean_bits() < RUSSIAN_BITS - 0.8 {
        return None;
    }
    let mut best: Option<(f64, String)> = None;
    let mut second = f64::INFINITY;
    let readings = || {
        tables()
            .iter()
            .filter(|table| table.reading != Reading::MacRoman)
    };
    let mut bytes = Vec::with_capacity(line.len());
    for wrong in readings() {
        bytes.clear();
        bytes.extend(line.chars().map_while(|character| wrong.byte(character)));
        if bytes.len() < line.chars().count() {
            continue;
        }
        for right in readings().filter(|right| right.reading != Reading::Latin) {
            if right.reading == wrong.reading {
                continue;
            }
            let text = || {
                bytes
                    .iter()
                    .map(|byte| right.characters[usize::from(*byte)])
            };
            let after = tally(text().map(symbol));
            let certain = after.letters >= LEAST_LETTERS
                && after.mean_bits() <= RUSSIAN_BITS
                && before.bits() - after.bits() >= GAIN_BITS;
            if !certain {
                continue;
            }
            let text: String = text().collect();
            let bits = after.bits() + seldom_bits(right.reading);
            match &best {
                Some((_, known)) if *known == text => {}
                Some((least, _)) if *least <= bits => second = second.min(bits),
                _ => {
                    second = best.map_or(second, |(least, _)| second.min(least));
                    best = Some((bits, text));
                }
            }
        }
    }
    let (bits, text) = best?;
    (second - bits >= LEAD_BITS).then_some(text)
}

/// How seldom texts in an encoding are, in bits. `MacCyrillic` has windows-1251's lower case, so that a
/// capital or two decide.
fn seldom_bits(reading: Reading) -> f64 {
    match reading {
        Reading::MacCyrillic => 8.0,
        Reading::Iso => 4.0,
        _ => 0.0,
    }
}
