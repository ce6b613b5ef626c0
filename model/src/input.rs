//! Input files: float32 samples from `.npz`, `.npy` or `.json`.
//!
//! A file of numpy's holds an array whose first axis is the sample; in an archive it is called `x`.
//! JSON holds the same as nested lists, or as an object with a member `x`. The remaining axes must
//! be the model's. Numbers are taken over only where that is exact: float64 and integers are fine
//! as long as each is a float32. JSON's decimals are rounded to the nearest float64 first and may
//! then be rounded to float32, since decimals are hardly ever exact.
//!
//! What is allocated is bounded by what the file really holds, and that by the file's size.

mod json;
mod npy;
mod npz;

use std::ops::RangeInclusive;
use std::path::Path;

use crate::error::InputError;
use crate::graph::{Graph, InputBoundary};

/// Input samples, one behind the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// The number of samples.
    pub count: usize,
    /// The number of values in one sample.
    pub sample_len: usize,
    /// All values, sample by sample. Integers unless the model takes [`InputBoundary::Float`].
    pub data: Vec<f32>,
}

impl Samples {
    /// The values of one sample.
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn sample(&self, index: usize) -> &[f32] {
        &self.data[index * self.sample_len..][..self.sample_len]
    }
}

/// Reads the samples in the file at `path`, as `graph` takes them.
///
/// # Errors
/// If the file cannot be read, is not what its extension says, or holds anything but numbers that
/// are exactly what the model can be fed with.
pub fn read_input(path: &Path, graph: &Graph) -> Result<Samples, InputError> {
    let decode = decoder(path)?;
    let file = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|source| InputError::Read {
        file: file.clone(),
        source,
    })?;
    let target = Target { file: &file, graph };
    decode(&target, &bytes)
}

/// As [`read_input`], from memory: the extension of `name` says what the bytes are, and errors call them by it.
///
/// # Errors
/// As [`read_input`].
pub fn decode_input(name: &Path, bytes: &[u8], graph: &Graph) -> Result<Samples, InputError> {
    let decode = decoder(name)?;
    let file = &name.display().to_string();
    decode(&Target { file, graph }, bytes)
}

type Decoder = fn(&Target<'_>, &[u8]) -> Result<Samples, InputError>;

fn decoder(name: &Path) -> Result<Decoder, InputError> {
    let extension = name.extension().and_then(|e| e.to_str()).unwrap_or("");
    match extension {
        "npz" => Ok(npz::decode),
        "npy" => Ok(|target, bytes| npy::decode(target, bytes, bytes.len())),
        "json" => Ok(json::decode),
        _ => Err(InputError::Kind {
            file: name.display().to_string(),
        }),
    }
}

/// What the numbers of a file are to become.
struct Target<'a> {
    file: &'a str,
    graph: &'a Graph,
}

/// A number as a file holds it.
#[derive(Clone, Copy)]
enum Number {
    F32(f32),
    F64(f64),
    /// A decimal fraction, which may be rounded.
    Decimal(f64),
    Integer(i64),
}

impl Target<'_> {
    fn malformed(&self, detail: impl Into<String>) -> InputError {
        InputError::Malformed {
            file: self.file.to_string(),
            detail: detail.into(),
        }
    }

    /// The shape of one sample.
    fn sample_shape(&self) -> &[usize] {
        self.graph.input_shape()
    }

    fn sample_len(&self) -> usize {
        self.graph.input_len()
    }

    /// The integers that the model takes and what they are called, or `None` if it takes floats.
    fn integers(&self) -> Option<(RangeInclusive<i64>, String)> {
        match self.graph.input_boundary {
            InputBoundary::Float => None,
            InputBoundary::Quantized => {
                let qtype = self.graph.tensor(self.graph.input).quantization.qtype;
                let range = i64::from(qtype.min())..=i64::from(qtype.max());
                Some((range, qtype.to_string()))
            }
            InputBoundary::Tokens(_) => {
                let last = self.graph.vocabulary().unwrap_or(0) as i64 - 1;
                Some((0..=last, format!("token (0 to {last})")))
            }
        }
    }

    /// Checks the shape of the whole array and returns the number of samples.
    fn samples(&self, shape: &[usize]) -> Result<usize, InputError> {
        let expected = self.sample_shape();
        match shape.split_first() {
            Some((0, _)) => Err(self.malformed("holds no samples")),
            Some((&count, sample)) if sample == expected => Ok(count),
            _ => Err(InputError::Shape {
                file: self.file.to_string(),
                found: shape.to_vec(),
                expected: expected
                    .iter()
                    .map(usize::to_string)
                    .collect::<Vec<_>>()
                    .join(", "),
            }),
        }
    }

    /// The number as the model is fed with it; `index` counts over all samples.
    fn convert(&self, number: Number, index: usize) -> Result<f32, InputError> {
        let fail = |detail: String| InputError::Value {
            file: self.file.to_string(),
            sample: index / self.sample_len(),
            index: index % self.sample_len(),
            detail,
        };
        if let Some((range, kind)) = self.integers() {
            return match number {
                Number::Integer(v) if range.contains(&v) => Ok(v as f32),
                Number::Integer(v) => Err(fail(format!("{v} is no {kind}, which the model takes"))),
                Number::F32(_) | Number::F64(_) | Number::Decimal(_) => {
                    Err(fail(format!("not an integer, but the model takes {kind}")))
                }
            };
        }
        let hint = "convert the input to float32 yourself, so that it is clear what is fed";
        match number {
            Number::F32(v) => Ok(v),
            Number::F64(v) if v.is_nan() => Ok(f32::NAN),
            Number::F64(v) if f64::from(v as f32) == v => Ok(v as f32),
            Number::F64(v) => Err(fail(format!("{v:e} is not exactly a float32; {hint}"))),
            Number::Decimal(v) if (v as f32).is_finite() => Ok(v as f32),
            Number::Decimal(v) => Err(fail(format!("{v:e} is beyond float32"))),
            Number::Integer(v) if v as f32 as i128 == i128::from(v) => Ok(v as f32),
            Number::Integer(v) => Err(fail(format!("{v} is not exactly a float32; {hint}"))),
        }
    }

    fn finish(&self, data: Vec<f32>) -> Samples {
        let sample_len = self.sample_len();
        Samples {
            count: data.len() / sample_len,
            sample_len,
            data,
        }
    }
}
