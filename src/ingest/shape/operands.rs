//! Columns `a` and `b` that hold numbers: the operands of a calculation, or two options.

use super::Fields;
use super::Misfit;
use super::columns::has_columns;
use super::fields::has;
use super::known::{Names, entry};
use super::names::{FIRST_OPTION, NAMES_OPTION, OPTIONS, SECOND_OPTION};
use serde_json::Value;

/// The column of a third option.
const THIRD: Names<'static> = Names::of(&["c", "в", "с"]);

/// A number, as a number or as the text of one.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => {
            let text = text.trim();
            // Most texts are told by their first letter from numbers, infinity and NaN.
            let may_be = |c: char| c.is_ascii_digit() || "+-.,iInN".contains(c);
            text.starts_with(may_be)
                .then(|| text.replace(',', ".").parse().ok())?
        }
        _ => None,
    }
}

/// The numbers of the columns `a` and `b` and of the answer beside them, `None` where one is none.
fn numbers(fields: &Fields) -> Option<[f64; 3]> {
    if has(fields, OPTIONS) {
        return None;
    }
    let of = |names| entry(fields, names);
    let of_letter = |names| {
        let (key, value) = of(names)?;
        (key.chars().count() <= 1).then(|| number(value))?
    };
    let (a, b) = (of_letter(FIRST_OPTION)?, of_letter(SECOND_OPTION)?);
    let (_, answer) = of(NAMES_OPTION)?;
    Some([a, b, number(answer)?])
}

/// Whether the columns are options: not where all are numbers and the answer is neither of them nor
/// their place.
pub(super) fn has_options(fields: &Fields) -> bool {
    if !has_columns(fields) {
        return false;
    }
    let Some([a, b, answer]) = numbers(fields) else {
        return true;
    };
    // More letters than two are a list.
    let is_list = has(fields, THIRD);
    is_list || answer == a || answer == b || answer == 0.0 || answer == 1.0
}

/// Refuses two numbers with a 0 or 1 as the answer, which may be the result or a place.
pub(super) fn check_operands(fields: &Fields) -> Result<(), Misfit> {
    match numbers(fields) {
        Some([a, b, answer])
            if (answer == 0.0 || answer == 1.0)
                && answer != a
                && answer != b
                && !has(fields, THIRD) =>
        {
            Err(Misfit::named(
                "ambiguous_option",
                format!(
                    "the columns `a` and `b` and the field `answer` hold numbers ({a}, {b} and {answer}): the answer may be a result or the place of an option; --map question=FIELD,answer=FIELD reads it as a result, option columns of the names option1, option2 as a place"
                ),
            ))
        }
        _ => Ok(()),
    }
}
