//! Columns `a` and `b` that hold numbers: the operands of a calculation, or two options.

use super::Fields;
use super::Misfit;
use super::choice::has_columns;
use super::fields::find;
use super::names::{FIRST_OPTION, NAMES_OPTION, OPTIONS, SECOND_OPTION};
use serde_json::Value;

/// A number, as a number or as the text of one.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().replace(',', ".").parse().ok(),
        _ => None,
    }
}

/// The numbers of the columns `a` and `b` and of the answer beside them, `None` where one is none.
fn numbers(fields: &Fields) -> Option<[f64; 3]> {
    if find(fields, OPTIONS).is_some() {
        return None;
    }
    let of = |names: &[&str]| find(fields, names).map(|key| (key.clone(), &fields[&key]));
    let ((first, a), (second, b)) = (of(FIRST_OPTION)?, of(SECOND_OPTION)?);
    if first.chars().count() > 1 || second.chars().count() > 1 {
        return None;
    }
    let (_, answer) = of(NAMES_OPTION)?;
    Some([number(a)?, number(b)?, number(answer)?])
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
    let is_list = find(fields, &["c", "в", "с"]).is_some();
    is_list || answer == a || answer == b || answer == 0.0 || answer == 1.0
}

/// Refuses two numbers with a 0 or 1 as the answer, which may be the result or a place.
pub(super) fn check_operands(fields: &Fields) -> Result<(), Misfit> {
    match numbers(fields) {
        Some([a, b, answer])
            if (answer == 0.0 || answer == 1.0)
                && answer != a
                && answer != b
                && find(fields, &["c", "в", "с"]).is_none() =>
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
