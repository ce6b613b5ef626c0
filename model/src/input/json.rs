//! JSON input: nested lists of numbers, or an object with such a member `x`.

use serde_json::Value;

use super::{Number, Samples, Target};
use crate::error::InputError;

/// Reads the samples.
pub(super) fn decode(target: &Target<'_>, bytes: &[u8]) -> Result<Samples, InputError> {
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| target.malformed(format!("not JSON: {error}")))?;
    let value = match &value {
        Value::Object(members) => members.get("x").ok_or_else(|| InputError::NoArray {
            file: target.file.to_string(),
            found: "other members".to_string(),
        })?,
        other => other,
    };
    let shape = shape(value);
    target.samples(&shape)?;
    let mut data = Vec::new();
    flatten(target, value, &shape, &mut data)?;
    Ok(target.finish(data))
}

/// The shape, if all lists of a level are as long as the first.
fn shape(mut value: &Value) -> Vec<usize> {
    let mut shape = Vec::new();
    while let Value::Array(items) = value {
        shape.push(items.len());
        match items.first() {
            Some(first) => value = first,
            None => break,
        }
    }
    shape
}

fn flatten(
    target: &Target<'_>,
    value: &Value,
    shape: &[usize],
    data: &mut Vec<f32>,
) -> Result<(), InputError> {
    match (value, shape.split_first()) {
        (Value::Array(items), Some((&len, rest))) if items.len() == len => items
            .iter()
            .try_for_each(|item| flatten(target, item, rest, data)),
        (Value::Number(number), None) => {
            let number = match (number.as_i64(), number.as_f64()) {
                (Some(v), _) => Number::Integer(v),
                (None, Some(v)) => Number::Decimal(v),
                (None, None) => return Err(target.malformed("holds an unusable number")),
            };
            data.push(target.convert(number, data.len())?);
            Ok(())
        }
        _ => Err(target.malformed("the lists are not a regular array of numbers")),
    }
}
