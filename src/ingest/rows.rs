//! Rows of Arrow tables as JSON fields, so that every shape works on Parquet as on JSONL.

use super::shape::Fields;
use anyhow::{Result, bail};
use arrow::array::timezone::Tz;
use arrow::array::{Array, ArrayRef, AsArray, MapArray, RecordBatch, make_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, Schema, UInt64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Map, Number, Value};
use std::sync::Arc;

/// The rows of `batch`, each as the fields that are not null.
///
/// # Errors
/// When a column cannot be converted.
pub fn to_fields(batch: &RecordBatch) -> Result<Vec<Fields>> {
    let mut rows = vec![Map::new(); batch.num_rows()];
    let names = names(&batch.schema());
    for (name, column) in names.iter().zip(batch.columns()) {
        for (row, value) in rows.iter_mut().zip(values(column)?) {
            row.insert(name.clone(), value);
        }
    }
    Ok(rows)
}

/// The names of the columns. Of a name that several have the last counts, as in JSON; the others are
/// `name#1`, `name#2`.
fn names(schema: &Schema) -> Vec<String> {
    let all: Vec<&String> = schema.fields().iter().map(|field| field.name()).collect();
    let of = |at: usize| {
        let name = all[at];
        if !all[at + 1..].contains(&name) {
            return name.clone();
        }
        let earlier = all[..at].iter().filter(|other| **other == name).count();
        format!("{name}#{}", earlier + 1)
    };
    (0..all.len()).map(of).collect()
}

/// The first row of `batch` as JSON, to show a rejected record.
#[must_use]
pub fn to_json(batch: &RecordBatch) -> Vec<u8> {
    to_fields(batch)
        .ok()
        .and_then(|rows| serde_json::to_vec(rows.first()?).ok())
        .unwrap_or_default()
}

/// Bytes that are no text, in hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Lists, whose items lie between `offsets` of `items`. Rows are often a slice of a large batch, and
/// only their items are looked at.
fn lists(items: &ArrayRef, offsets: &[usize], valid: &dyn Fn(usize) -> bool) -> Result<Vec<Value>> {
    let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else {
        return Ok(Vec::new());
    };
    let mut items = values(&items.slice(*first, last - first))?.into_iter();
    let lists = offsets.windows(2).enumerate().map(|(i, ends)| {
        let list: Vec<Value> = items.by_ref().take(ends[1] - ends[0]).collect();
        if valid(i) {
            Value::Array(list)
        } else {
            Value::Null
        }
    });
    Ok(lists.collect())
}

/// The zone that instants of named zones are written in: `2026-01-31T10:00:00Z`.
const UTC: &str = "+00:00";

/// Maps as objects: their keys as they are written.
fn maps(column: &MapArray, valid: &dyn Fn(usize) -> bool) -> Result<Vec<Value>> {
    let offsets: Vec<usize> = column
        .value_offsets()
        .iter()
        .map(|at| *at as usize)
        .collect();
    let (first, last) = (offsets[0], offsets[offsets.len() - 1]);
    let keys = values(&column.keys().slice(first, last - first))?;
    let keys = keys.into_iter().map(|key| match key {
        Value::String(key) => key,
        other => other.to_string(),
    });
    let mut entries = keys.zip(values(&column.values().slice(first, last - first))?);
    let maps = offsets.windows(2).enumerate().map(|(i, ends)| {
        let map: Map<String, Value> = entries.by_ref().take(ends[1] - ends[0]).collect();
        if valid(i) {
            Value::Object(map)
        } else {
            Value::Null
        }
    });
    Ok(maps.collect())
}

/// The values of a column.
fn values(column: &ArrayRef) -> Result<Vec<Value>> {
    let valid = |i| column.is_valid(i);
    let all = 0..column.len();
    let collect = |value: &dyn Fn(usize) -> Value| -> Vec<Value> {
        all.clone()
            .map(|i| if valid(i) { value(i) } else { Value::Null })
            .collect()
    };
    Ok(match column.data_type() {
        DataType::Utf8 => {
            let text = column.as_string::<i32>();
            collect(&|i| Value::String(text.value(i).to_owned()))
        }
        DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => {
            let to = match column.data_type() {
                DataType::Dictionary(_, value) => value.as_ref().clone(),
                _ => DataType::Utf8,
            };
            return values(&cast(column, &to)?);
        }
        DataType::Boolean => {
            let truth = column.as_boolean();
            collect(&|i| Value::Bool(truth.value(i)))
        }
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            let wide = cast(column, &DataType::Int64)?;
            let numbers = wide.as_primitive::<Int64Type>();
            collect(&|i| numbers.value(i).into())
        }
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => {
            let wide = cast(column, &DataType::UInt64)?;
            let numbers = wide.as_primitive::<UInt64Type>();
            collect(&|i| numbers.value(i).into())
        }
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            let wide = cast(column, &DataType::Float64)?;
            let numbers = wide.as_primitive::<Float64Type>();
            collect(&|i| Number::from_f64(numbers.value(i)).map_or(Value::Null, Value::Number))
        }
        DataType::List(_) => {
            let list = column.as_list::<i32>();
            let offsets: Vec<usize> = list.value_offsets().iter().map(|at| *at as usize).collect();
            lists(list.values(), &offsets, &valid)?
        }
        DataType::LargeList(_) => {
            let list = column.as_list::<i64>();
            let offsets: Vec<usize> = list.value_offsets().iter().map(|at| *at as usize).collect();
            lists(list.values(), &offsets, &valid)?
        }
        DataType::FixedSizeList(item, _) => {
            return values(&cast(column, &DataType::List(Arc::clone(item)))?);
        }
        DataType::Map(..) => maps(column.as_map(), &valid)?,
        DataType::Struct(fields) => {
            let parts = column.as_struct();
            let parts: Vec<Vec<Value>> =
                parts.columns().iter().map(values).collect::<Result<_>>()?;
            collect(&|i| {
                Value::Object(
                    fields
                        .iter()
                        .zip(&parts)
                        .map(|(field, part)| (field.name().clone(), part[i].clone()))
                        .collect(),
                )
            })
        }
        DataType::Null => vec![Value::Null; column.len()],
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => {
            // Text columns of some writers are bytes without the note that they are UTF-8.
            let bytes = cast(column, &DataType::LargeBinary)?;
            let bytes = bytes.as_binary::<i64>();
            collect(&|i| match std::str::from_utf8(bytes.value(i)) {
                Ok(text) => Value::String(text.to_owned()),
                Err(_) => serde_json::json!({ "hex": hex(bytes.value(i)) }),
            })
        }
        // Zones by name (UTC, Europe/Moscow) need tables of their own; the instant is the same.
        DataType::Timestamp(unit, Some(zone)) if zone.parse::<Tz>().is_err() => {
            let utc = DataType::Timestamp(*unit, Some(UTC.into()));
            let instants = column.to_data().into_builder().data_type(utc).build()?;
            return values(&make_array(instants));
        }
        other => {
            // Dates, times, decimals: as they are written.
            let options = FormatOptions::default();
            let Ok(format) = ArrayFormatter::try_new(column.as_ref(), &options) else {
                bail!("columns of type {other:?} are not read")
            };
            collect(&|i| Value::String(format.value(i).to_string()))
        }
    })
}
