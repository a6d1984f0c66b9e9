//! The words in which two texts differ.

/// Words of a text that are compared: the time grows with their product.
pub const MOST_WORDS: usize = 300;

/// A run of words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Run {
    /// In both.
    Same(String),
    /// Only in the first.
    First(String),
    /// Only in the second.
    Second(String),
}

/// Words with the white space behind them; at most [`MOST_WORDS`].
fn words(text: &str) -> Vec<&str> {
    text.split_inclusive(char::is_whitespace)
        .take(MOST_WORDS)
        .collect()
}

/// Whether a text has more words than are compared.
#[must_use]
pub fn is_cut(text: &str) -> bool {
    text.split_inclusive(char::is_whitespace)
        .nth(MOST_WORDS)
        .is_some()
}

/// The runs of two texts by a longest common subsequence of their words.
#[must_use]
pub fn diff(first: &str, second: &str) -> Vec<Run> {
    let (a, b) = (words(first), words(second));
    let same = |i: usize, j: usize| a[i].trim_end() == b[j].trim_end();
    // longest[i][j] is that of a[i..] and b[j..].
    let width = b.len() + 1;
    let mut longest = vec![0_u16; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            longest[i * width + j] = if same(i, j) {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j, mut runs) = (0, 0, Vec::new());
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && same(i, j) {
            push(&mut runs, Run::Same(a[i].to_owned()));
            i += 1;
            j += 1;
        } else if j == b.len()
            || (i < a.len() && longest[(i + 1) * width + j] >= longest[i * width + j + 1])
        {
            push(&mut runs, Run::First(a[i].to_owned()));
            i += 1;
        } else {
            push(&mut runs, Run::Second(b[j].to_owned()));
            j += 1;
        }
    }
    runs
}

/// Appends a word to the last run, or begins another.
fn push(runs: &mut Vec<Run>, run: Run) {
    match (runs.last_mut(), run) {
        (Some(Run::Same(text)), Run::Same(word))
        | (Some(Run::First(text)), Run::First(word))
        | (Some(Run::Second(text)), Run::Second(word)) => text.push_str(&word),
        (_, run) => runs.push(run),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_differ_where_they_do() {
        let got = diff("a b c d", "a x c d e");
        let want = [
            Run::Same("a ".to_owned()),
            Run::First("b ".to_owned()),
            Run::Second("x ".to_owned()),
            Run::Same("c d".to_owned()),
            Run::Second("e".to_owned()),
        ];
        assert_eq!(got, want);
        assert_eq!(diff("", ""), []);
        assert_eq!(diff("", "new"), [Run::Second("new".to_owned())]);
        let long = "w ".repeat(MOST_WORDS + 1);
        assert!(is_cut(&long) && !is_cut(long[2..].trim_end()));
        assert_eq!(diff(&long, &long).len(), 1);
    }
}
