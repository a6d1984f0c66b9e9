//! Which encoding a sample of a file is in, and how surely.
//!
//! In order: a byte order mark; UTF-16 and UTF-32, whose NUL bytes nothing else has; then UTF-8 and the
//! single-byte encodings side by side, each with what the sample costs in it in bits, the cheapest wins.
//! A valid UTF-8 sequence is cheap and a damaged one dear, so that a UTF-8 file with a few bytes of
//! windows-1252 stays UTF-8 and its damaged lines are told apart later. Where a single-byte encoding wins
//! though whole lines are UTF-8, the lines are read one by one: in a file of both kinds those of UTF-8 say
//! what it is, and the others are decoded one by one as the damaged ones are.

use super::russian::{BIT, Tally};
use super::single_byte::costs;
use super::unicode::{Order, utf8_evidence, wide};
use super::{ENCODINGS, Encoding};
use std::cell::LazyCell;

/// A sequence of UTF-8 costs this.
const SEQUENCE_COST: u64 = 7 * BIT;
/// A place that is no UTF-8 costs this.
const DAMAGE_COST: u64 = 20 * BIT;
/// Lead over the second by which the confidence is 1 - 1/e.
const LEAD_BITS: f64 = 12.0;
/// Bits for a character at which a reading begins to be doubtful, and at which it is noise.
const DOUBTFUL_BITS: f64 = 7.0;
const NOISE_BITS: f64 = 12.0;

/// Bytes by which the second best encoding is told.
const RUNNER_UP_BYTES: usize = 64 << 10;

/// An encoding and how surely.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detected {
    /// The encoding.
    pub encoding: Encoding,
    /// 0 to 1.
    pub confidence: f32,
}

/// The encoding of a file of which `sample` has the beginning and pieces from farther on.
///
/// The first piece begins at the file's first byte, and every piece begins and ends at a multiple of 4
/// bytes (but for the end of the file), because UTF-16 cannot be told from its shifted self. Pieces may
/// begin and end inside a character.
#[must_use]
pub fn detect(sample: &[u8]) -> Detected {
    if let Some(row) = ENCODINGS
        .iter()
        .find(|row| !row.mark.is_empty() && sample.starts_with(row.mark))
        .filter(|row| row.encoding.is_ascii_superset() || has_wide_units(sample))
    {
        return Detected {
            encoding: row.encoding,
            confidence: 1.0,
        };
    }
    if memchr::memchr2(0, 4, sample).is_some()
        && let Some((width, order, confidence)) = wide(sample)
    {
        let encoding = match (width, order) {
            (4, Order::Little) => Encoding::Utf32Le,
            (4, Order::Big) => Encoding::Utf32Be,
            (_, Order::Little) => Encoding::Utf16Le,
            (_, Order::Big) => Encoding::Utf16Be,
        };
        return Detected {
            encoding,
            confidence,
        };
    }
    if sample.is_ascii() {
        return Detected {
            encoding: Encoding::Utf8,
            confidence: 1.0,
        };
    }
    let evidence = utf8_evidence(sample);
    if evidence.damaged == 0 {
        return Detected {
            encoding: Encoding::Utf8,
            confidence: 1.0 - 0.5f32.powf(2.0 * evidence.sequences as f32),
        };
    }
    cheapest(
        sample,
        evidence.sequences * SEQUENCE_COST + evidence.damaged * DAMAGE_COST,
    )
}

/// A windows-1251 text may begin with «яю» as UTF-16 does, but holds no NUL and few bytes of 4.
fn has_wide_units(sample: &[u8]) -> bool {
    let narrow = sample.iter().filter(|byte| **byte == 0 || **byte == 4);
    sample.len() < 16 || narrow.count() * 50 >= sample.len()
}

fn cheapest(sample: &[u8], utf8_cost: u64) -> Detected {
    let mut readings: Vec<(Encoding, u64)> = vec![(Encoding::Utf8, utf8_cost)];
    let mut noise = 0.0;
    let tallies = costs(sample);
    readings.extend(
        tallies
            .iter()
            .map(|(encoding, tally)| (*encoding, tally.cost)),
    );
    // Stable: the first of equal ones stays first.
    readings.sort_by_key(|(_, cost)| *cost);
    let (encoding, cost) = readings[0];
    if encoding != Encoding::Utf8
        && let Some(confidence) = is_latin_with_signs(sample)
    {
        return Detected {
            encoding: Encoding::Windows1252,
            confidence,
        };
    }
    if encoding != Encoding::Utf8
        && let Some(mixed) = Mixed::of(sample)
        && mixed.cost < cost
    {
        return Detected {
            encoding: Encoding::Utf8,
            confidence: mixed.share(),
        };
    }
    if let Some((_, tally)) = tallies.iter().find(|(candidate, _)| *candidate == encoding) {
        noise = (tally.mean_bits() - DOUBTFUL_BITS) / (NOISE_BITS - DOUBTFUL_BITS);
    }
    // A second that reads the sample the same way is no rival.
    let text = LazyCell::new(|| encoding.decode(sample).text);
    let rival = readings[1..]
        .iter()
        .find(|(other, other_cost)| *other_cost > cost || other.decode(sample).text != *text);
    let lead = rival.map_or(0, |(_, other)| other - cost) as f64 / BIT as f64;
    let surely = (1.0 - (-lead / LEAD_BITS).exp()) * (1.0 - noise.clamp(0.0, 0.95));
    Detected {
        encoding,
        confidence: surely as f32,
    }
}

/// Characters beyond ASCII that a line which is UTF-8 proves something by, and in all such lines: in a
/// single-byte encoding one in ten pairs of letters looks like one, and four in a row without another letter
/// one in thousands.
const PROVING_CHARACTERS: u64 = 4;
const PROVING_IN_ALL: u64 = 8;
/// What it costs a line to be in another encoding than the one before.
const CHANGE_COST: u64 = 4 * BIT;

/// A sample as lines of UTF-8 among lines of single-byte encodings, as where files were put together.
#[derive(Default)]
struct Mixed {
    /// Of each line in the encoding that it is read in.
    cost: u64,
    /// Lines that are not ASCII, and those of them that are UTF-8.
    lines: u64,
    whole: u64,
}

impl Mixed {
    /// `None` where no lines prove that there is any UTF-8.
    fn of(sample: &[u8]) -> Option<Self> {
        // Most samples have no such lines, which is seen before the others are read in all encodings.
        let proofs = sample.split(|byte| *byte == b'\n').map(sequences);
        let proving: u64 = proofs.filter(|count| *count >= PROVING_CHARACTERS).sum();
        if proving < PROVING_IN_ALL {
            return None;
        }
        let mut mixed = Self::default();
        for line in sample.split(|byte| *byte == b'\n') {
            if line.is_ascii() {
                continue;
            }
            mixed.lines += 1;
            let sequences = sequences(line);
            mixed.cost += if sequences > 0 {
                mixed.whole += 1;
                sequences * SEQUENCE_COST
            } else if let Some((_, tally)) = rescue(line) {
                tally.cost + CHANGE_COST
            } else {
                let evidence = utf8_evidence(line);
                evidence.sequences * SEQUENCE_COST + evidence.damaged.max(1) * DAMAGE_COST
            };
        }
        Some(mixed)
    }

    /// Share of the lines beyond ASCII that are UTF-8.
    fn share(&self) -> f32 {
        self.whole as f32 / self.lines.max(1) as f32
    }
}

/// Characters beyond ASCII of a line; none where it is no UTF-8.
fn sequences(line: &[u8]) -> u64 {
    std::str::from_utf8(line).map_or(0, |text| {
        text.chars().filter(|c| !c.is_ascii()).count() as u64
    })
}

/// By how much `MacCyrillic` is the less likely encoding of a single line.
const SELDOM_BITS: f64 = 8.0;

/// Letters of ASCII for each byte beyond it from which a text is Latin, and how many at least.
const LATIN_LETTERS: usize = 10;
const LEAST_LETTERS: usize = 20;

/// How surely `sample` is Latin text with a few signs and letters beyond ASCII (£, §, ½, é), each alone:
/// Cyrillic words have several such bytes in a row, and one-letter words do not come without others.
fn is_latin_with_signs(sample: &[u8]) -> Option<f32> {
    let letters = sample.iter().filter(|byte| byte.is_ascii_alphabetic());
    let letters = letters.count();
    let beyond = sample.iter().filter(|byte| !byte.is_ascii()).count();
    let alone = sample
        .windows(2)
        .all(|pair| pair[0].is_ascii() || pair[1].is_ascii());
    let is_latin = alone && letters >= LEAST_LETTERS && letters >= LATIN_LETTERS * beyond;
    is_latin.then(|| 1.0 - 0.5 * 0.8f32.powi(beyond.min(100) as i32))
}

/// The encoding that `sample`, of a file in `chosen`, fits second best, and by how many bits worse.
/// `None` where the chosen one is told by its structure (ASCII, a mark, wide characters) or every
/// other reading is the same text.
#[must_use]
pub fn runner_up(sample: &[u8], chosen: Encoding) -> Option<(Encoding, f64)> {
    if sample.is_ascii() || !chosen.is_ascii_superset() || !chosen.mark().is_empty() {
        return None;
    }
    let sample = &sample[..sample.len().min(RUNNER_UP_BYTES)];
    let mut readings = readings(sample);
    readings.sort_by_key(|(_, cost)| *cost);
    let own = readings.iter().find(|(encoding, _)| *encoding == chosen)?.1;
    let text = chosen.decode(sample).text;
    readings
        .into_iter()
        .find(|(encoding, _)| *encoding != chosen && encoding.decode(sample).text != text)
        .map(|(encoding, cost)| (encoding, (cost as f64 - own as f64) / BIT as f64))
}

/// By how many bits `sample` fits `encoding` worse than `other`; 0 for encodings that are not among
/// those told apart.
#[must_use]
pub fn bits_behind(sample: &[u8], encoding: Encoding, other: Encoding) -> f64 {
    let sample = &sample[..sample.len().min(RUNNER_UP_BYTES)];
    let readings = readings(sample);
    let cost = |wanted| {
        let reading = readings.iter().find(|(encoding, _)| *encoding == wanted);
        reading.map(|(_, cost)| *cost as f64 / BIT as f64)
    };
    cost(encoding)
        .zip(cost(other))
        .map_or(0.0, |(worse, better)| worse - better)
}

/// What the sample costs in UTF-8 and in each single-byte encoding.
fn readings(sample: &[u8]) -> Vec<(Encoding, u64)> {
    let evidence = utf8_evidence(sample);
    let utf8 = evidence.sequences * SEQUENCE_COST + evidence.damaged * DAMAGE_COST;
    let tallies = costs(sample);
    std::iter::once((Encoding::Utf8, utf8))
        .chain(
            tallies
                .iter()
                .map(|(encoding, tally)| (*encoding, tally.cost)),
        )
        .collect()
}

/// The text of a line that is damaged in its file's UTF-8 but whole in a single-byte encoding: files
/// put together from several sources have such lines. `None` where the reading is not certain.
#[must_use]
pub fn rescue_line(line: &[u8]) -> Option<(String, Encoding)> {
    let (encoding, _) = rescue(line)?;
    Some((encoding.decode(line).text, encoding))
}

/// The single-byte encoding that a line is certainly in, and what it costs there.
fn rescue(line: &[u8]) -> Option<(Encoding, Tally)> {
    let mut readings = costs(line);
    readings.sort_by_key(|(_, tally)| tally.cost);
    let (encoding, tally) = readings[0];
    let text = encoding.decode(line).text;
    // One that reads the line the same way is no rival.
    let rival = readings[1..]
        .iter()
        .find(|(other, _)| other.decode(line).text != text)?;
    let mut lead = rival.1.bits() - tally.bits();
    // Which letters are small is all that tells a short line of the two apart, and one is seldom seen.
    if rival.0 == Encoding::MacCyrillic {
        lead += SELDOM_BITS;
    } else if encoding == Encoding::MacCyrillic {
        lead -= SELDOM_BITS;
    }
    let certain = match encoding {
        // One é among Latin letters is as good as a hundred.
        Encoding::Windows1252 => tally.mean_bits() <= 7.0 && utf8_evidence(line).sequences == 0,
        _ => tally.mean_bits() <= 6.5 && lead >= 8.0 && tally.letters >= 4,
    };
    certain.then_some((encoding, tally))
}
