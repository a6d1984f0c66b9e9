//! Which languages a document is in, and how much of each, without a model to download.
//!
//! A bounded sample of the document's whole length is taken line by line. Code, signatures and lists
//! of names are set aside ([`lines`]); a line of prose belongs to the script that carries it, so that
//! a Russian sentence full of English terms is Russian. Cyrillic languages are told apart by the
//! letters that only some of them have and where they stand ([`letters`]), Latin ones by their most
//! common words ([`words`]). Where a short text has too few of either, trigrams (`whatlang`) are asked, too
//! ([`latin`], [`cyrillic`]).

mod cyrillic;
mod latin;
mod letters;
mod lines;
mod said;
#[cfg(test)]
mod tests;
mod words;

use latin::SILENT;
use letters::Letters;
use lines::Fence;
use said::Said;
use words::Hits;

/// Bytes of a document that are looked at.
pub const SAMPLE_BYTES: usize = 4 << 10;
/// Places of a longer document that the sample is drawn from.
const WINDOWS: usize = 8;
/// A longer line is taken in pieces.
const LINE_BYTES: usize = 400;
/// Letters below which those of Cyrillic guess rather than tell.
const ENOUGH_LETTERS: u32 = 24;
/// Share of the letters of prose, and number of them, from which a second language counts.
const LEAST_SHARE: f32 = 0.05;
const LEAST_LETTERS: u32 = 20;

/// The languages of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Language {
    /// ISO 639-1 code of the one with most of the prose; `und` without letters, `other` for scripts
    /// and languages that are not told apart.
    pub code: &'static str,
    /// 0 to 1: its share of the prose times how clearly it is this language.
    pub score: f32,
    /// Shares of the prose by language, the largest first, each 0 to 1; empty where there is one.
    pub shares: Vec<(&'static str, f32)>,
}

/// Tells the languages of a document from its pieces.
pub fn detect<'a>(pieces: impl Iterator<Item = &'a str>) -> Language {
    let pieces: Vec<&str> = pieces.collect();
    let bytes: usize = pieces.iter().map(|piece| piece.len()).sum();
    let mut tally = Tally::default();
    if bytes <= SAMPLE_BYTES {
        for piece in pieces {
            tally.text(piece);
        }
    } else {
        let window = SAMPLE_BYTES / WINDOWS;
        for number in 0..WINDOWS {
            // The first begins the document, the last ends it.
            let start = (bytes - window) * number / (WINDOWS - 1);
            tally.window(&pieces, start, window);
        }
    }
    tally.language()
}

/// A line of prose: its script, its letters, and its language where the line alone tells it.
struct Line {
    is_cyrillic: bool,
    letters: u32,
    code: Option<&'static str>,
}

/// What was seen in a sample.
#[derive(Default)]
struct Tally<'a> {
    lines: Vec<Line>,
    cyrillic: Letters,
    cyrillic_text: Said<'a>,
    latin: Hits,
    latin_text: Said<'a>,
    /// Letters of scripts that are neither Latin nor Cyrillic.
    other: u32,
    /// What is no prose, for documents that have nothing else.
    rest: Letters,
    rest_hits: Hits,
    rest_text: Said<'a>,
}

impl<'a> Tally<'a> {
    /// The part of the pieces, one after another, that begins at byte `start`.
    fn window(&mut self, pieces: &[&'a str], mut start: usize, mut length: usize) {
        for piece in pieces {
            if length == 0 {
                return;
            }
            if start >= piece.len() {
                start -= piece.len();
                continue;
            }
            let from = boundary(piece, start);
            let to = boundary(piece, piece.len().min(start + length));
            self.text(&piece[from..to]);
            length -= (piece.len() - start).min(length);
            start = 0;
        }
    }

    fn text(&mut self, text: &'a str) {
        let mut fence = Fence::default();
        let ends = memchr::memchr_iter(b'\n', text.as_bytes()).chain([text.len()]);
        let mut start = 0;
        for end in ends {
            let mut line = &text[start..end];
            start = end + 1;
            let is_inside = fence.passes(line);
            while line.len() > LINE_BYTES {
                let at = boundary(line, LINE_BYTES);
                let end = line[..at].rfind(' ').map_or(at, |space| space + 1);
                self.line(&line[..end], is_inside);
                line = &line[end..];
            }
            self.line(line, is_inside);
        }
    }

    fn line(&mut self, line: &'a str, is_code: bool) {
        let letters = Letters::count(line);
        if letters.all() == 0 {
            return;
        }
        if letters.other > letters.latin + letters.cyrillic {
            self.other += letters.all();
            return;
        }
        // A sentence with foreign terms is in the language of its own words.
        let is_cyrillic = letters.cyrillic * 10 >= 3 * (letters.cyrillic + letters.latin);
        if is_code && !is_cyrillic || lines::is_no_prose(line, &letters) {
            self.rest += &letters;
            self.rest_hits.add(line);
            self.rest_text.push(line);
            return;
        }
        let code = if is_cyrillic {
            // Of a longer text the letters tell enough.
            if self.cyrillic.cyrillic < cyrillic::MOST_LETTERS {
                self.cyrillic_text.push(line);
            }
            self.cyrillic += &letters;
            letters.clear_language()
        } else {
            let hits = Hits::of(line);
            self.latin += &hits;
            self.latin_text.push(line);
            hits.clear_language()
        };
        self.lines.push(Line {
            is_cyrillic,
            letters: letters.latin + letters.cyrillic,
            code,
        });
    }

    fn language(mut self) -> Language {
        let (mut limit, mut is_prose) = (1.0, true);
        if self.lines.is_empty() && self.other == 0 {
            if self.rest.all() == 0 {
                return Language {
                    code: "und",
                    score: 0.0,
                    shares: Vec::new(),
                };
            }
            // Code and names alone: a guess.
            (limit, is_prose) = (0.5, false);
            let is_cyrillic = self.rest.cyrillic * 2 >= self.rest.all();
            self.lines.push(Line {
                is_cyrillic,
                letters: self.rest.all(),
                code: None,
            });
            self.cyrillic = std::mem::take(&mut self.rest);
            self.latin = std::mem::take(&mut self.rest_hits);
            self.latin_text = std::mem::take(&mut self.rest_text);
        }
        let by_letters = self.cyrillic.language();
        let cyrillic = cyrillic::language(&self.cyrillic, &self.cyrillic_text, by_letters);
        let latin_letters = self.letters(false);
        // Latin without common words is terms and names when there is Cyrillic prose.
        let has_cyrillic = self.letters(true) >= LEAST_LETTERS / 2;
        let is_doubtful = has_cyrillic || !is_prose;
        let latin = latin::language(&self.latin, &self.latin_text, latin_letters, is_doubtful);
        let is_silent = latin.sure <= SILENT && has_cyrillic;
        let mut amounts: Vec<(&'static str, u32, f32)> = Vec::new();
        let mut add = |code, letters, sure| match amounts.iter_mut().find(|(has, ..)| *has == code)
        {
            Some((_, sum, _)) => *sum += letters,
            None => amounts.push((code, letters, sure)),
        };
        for line in &self.lines {
            let whole = if line.is_cyrillic { cyrillic } else { latin };
            match line.code {
                None if is_silent && !line.is_cyrillic => {}
                // What the letters of a line say was heard.
                Some(code) if line.is_cyrillic && code == by_letters.code => {
                    add(whole.code, line.letters, whole.sure);
                }
                Some(code) if code != whole.code => add(code, line.letters, 0.9),
                _ => add(whole.code, line.letters, whole.sure),
            }
        }
        if self.other > 0 {
            add("other", self.other, 1.0);
        }
        let total: u32 = amounts.iter().map(|(_, letters, _)| letters).sum();
        amounts.sort_by_key(|(code, letters, _)| (std::cmp::Reverse(*letters), *code));
        let share = |letters: u32| letters as f32 / total.max(1) as f32;
        let Some((code, letters, sure)) = amounts.first().copied() else {
            return Language {
                code: "und",
                score: 0.0,
                shares: Vec::new(),
            };
        };
        let shares: Vec<(&'static str, f32)> = amounts
            .iter()
            .filter(|(_, letters, _)| *letters >= LEAST_LETTERS && share(*letters) >= LEAST_SHARE)
            .map(|(code, letters, _)| (*code, (share(*letters) * 1000.0).round() / 1000.0))
            .collect();
        Language {
            code,
            score: (share(letters) * sure).min(limit),
            shares: if shares.len() > 1 { shares } else { Vec::new() },
        }
    }

    fn letters(&self, is_cyrillic: bool) -> u32 {
        let of = self.lines.iter();
        of.filter(|line| line.is_cyrillic == is_cyrillic)
            .map(|line| line.letters)
            .sum()
    }
}

/// A language and how clearly it is this one, 0 to 1.
#[derive(Clone, Copy)]
struct Told {
    code: &'static str,
    sure: f32,
}

/// The last character boundary of `text` at or before `at`.
fn boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
