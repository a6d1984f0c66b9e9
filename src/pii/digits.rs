//! A number as people write it: digits with separators between them.

/// The digits from a place on, and where each group ends.
pub struct Digits {
    /// Values 0 to 9.
    pub values: Vec<u8>,
    /// Byte at which each digit stands.
    pub places: Vec<usize>,
    /// Digits of each group that separators cut.
    pub groups: Vec<usize>,
    /// The separators between the groups.
    pub separators: Vec<String>,
}

/// The most digits that any datum has, and one more, so that a longer number is seen to be longer.
const MOST: usize = 20;

impl Digits {
    /// Reads digits from byte `at`. Between two digits may stand up to `width` characters for which
    /// `separates` holds.
    pub fn read(text: &str, at: usize, width: usize, separates: fn(char) -> bool) -> Self {
        let mut read = Self {
            values: Vec::with_capacity(MOST),
            places: Vec::with_capacity(MOST),
            groups: vec![0],
            separators: Vec::new(),
        };
        let mut gap = String::new();
        for (offset, c) in text[at..].char_indices() {
            if let Some(digit) = c.to_digit(10) {
                if !gap.is_empty() {
                    read.separators.push(std::mem::take(&mut gap));
                    read.groups.push(0);
                }
                read.values.push(digit as u8);
                read.places.push(at + offset);
                if let Some(group) = read.groups.last_mut() {
                    *group += 1;
                }
                if read.values.len() == MOST {
                    break;
                }
            } else if separates(c) && gap.chars().count() < width {
                gap.push(c);
            } else {
                break;
            }
        }
        read
    }

    /// The byte after the first `count` digits.
    pub fn end(&self, count: usize) -> Option<usize> {
        self.places
            .get(count.checked_sub(1)?)
            .map(|place| place + 1)
    }

    /// Whether the first `count` digits are whole groups: the number does not go on behind them
    /// without a separator.
    pub fn is_whole(&self, count: usize) -> bool {
        let mut sum = 0;
        self.groups.iter().any(|group| {
            sum += group;
            sum == count
        })
    }

    /// The first `count` digits as a number.
    pub fn number(&self, count: usize) -> u64 {
        self.values[..count]
            .iter()
            .fold(0, |number, digit| number * 10 + u64::from(*digit))
    }

    /// The groups that the first `count` digits are in.
    pub fn groups_of(&self, count: usize) -> &[usize] {
        let mut sum = 0;
        let last = self.groups.iter().position(|group| {
            sum += group;
            sum >= count
        });
        &self.groups[..last.map_or(self.groups.len(), |last| last + 1)]
    }
}

/// A space of any width, or a hyphen or dash.
pub fn space_or_dash(c: char) -> bool {
    matches!(
        c,
        ' ' | '\u{a0}' | '\u{202f}' | '-' | '\u{2010}' | '\u{2011}' | '–'
    )
}

/// Whether the number that begins at `at` is part of a longer expression: a decimal, a name.
pub fn continues(text: &str, at: usize) -> bool {
    let before = &text[..at];
    super::word_before(text, at)
        || before.ends_with(['.', ',', '/', '=', '#', '&', '-'])
            && before[..before.len() - 1]
                .chars()
                .next_back()
                .is_some_and(char::is_alphanumeric)
}

/// Whether something at `end` makes the number longer: a letter, a digit, a decimal part.
pub fn goes_on(text: &str, end: usize) -> bool {
    if super::word_at(text, end) {
        return true;
    }
    let mut rest = text[end..].chars();
    matches!(rest.next(), Some('.' | ',' | '-' | '/' | ':' | '%'))
        && rest.next().is_some_and(|c| c.is_ascii_digit())
}
