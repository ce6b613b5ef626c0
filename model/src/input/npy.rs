//! The `.npy` format: a header with a Python dictionary, and the array in row-major order.
//!
//! Source: numpy's format specification, versions 1 to 3.

use std::io::Read;

use super::{Number, Samples, Target};
use crate::error::InputError;

/// Headers of plain arrays take about a hundred bytes.
const MAX_HEADER_BYTES: usize = 1 << 16;

/// Reads a number from its bytes, extended to eight little-endian ones.
type Decode = fn(&[u8; 8]) -> Option<Number>;

/// Numbers of one type in one byte order.
#[derive(Clone, Copy)]
struct Format {
    size: usize,
    decode: Decode,
    is_big_endian: bool,
}

/// Reads an array from `reader`, which must end with it. `max_bytes` bounds the array's data.
pub(super) fn decode(
    target: &Target<'_>,
    mut reader: impl Read,
    max_bytes: usize,
) -> Result<Samples, InputError> {
    let header = read_header(target, &mut reader)?;
    let header = Header::parse(&header)
        .ok_or_else(|| target.malformed("the array has a header that numpy does not write"))?;
    let Some(format) = format(header.descr) else {
        let expected = match target.integers() {
            Some((_, kind)) => format!("the model takes {kind}"),
            None => "the model takes float32 (x.astype(numpy.float32))".to_string(),
        };
        let (file, found) = (target.file.to_string(), header.descr.to_string());
        return Err(InputError::Type {
            file,
            found,
            expected,
        });
    };
    let count = target.samples(&header.shape)?;
    if header.is_fortran_order && header.shape.len() > 1 {
        return Err(target.malformed("is in column order; save numpy.ascontiguousarray(x)"));
    }
    let cells = count.checked_mul(target.sample_len());
    let bytes = cells
        .and_then(|n| n.checked_mul(format.size))
        .filter(|&n| n <= max_bytes);
    let Some(bytes) = bytes else {
        let shape = &header.shape;
        return Err(target.malformed(format!("claims shape {shape:?}, far beyond its size")));
    };

    // Grows with what is really there: the header may still promise more than that.
    let mut body = Vec::new();
    reader
        .take(bytes as u64 + 1)
        .read_to_end(&mut body)
        .map_err(|error| target.malformed(format!("the array is damaged: {error}")))?;
    if body.len() != bytes {
        let shape = &header.shape;
        return Err(target.malformed(format!("the data do not fill the shape {shape:?} exactly")));
    }
    let mut data = Vec::with_capacity(bytes / format.size);
    for (index, element) in body.chunks_exact(format.size).enumerate() {
        // Widened to eight little-endian bytes.
        let mut wide = [0; 8];
        wide[..format.size].copy_from_slice(element);
        if format.is_big_endian {
            wide[..format.size].reverse();
        }
        let number = (format.decode)(&wide)
            .ok_or_else(|| target.malformed("holds an integer beyond 2^63"))?;
        data.push(target.convert(number, index)?);
    }
    Ok(target.finish(data))
}

fn read_header(target: &Target<'_>, reader: &mut impl Read) -> Result<String, InputError> {
    let cut = |_| target.malformed("is not a .npy array, or cut off");
    let mut start = [0; 8];
    reader.read_exact(&mut start).map_err(cut)?;
    if &start[..6] != b"\x93NUMPY" {
        return Err(target.malformed("is not a .npy array"));
    }
    let len = match start[6] {
        1 => {
            let mut len = [0; 2];
            reader.read_exact(&mut len).map_err(cut)?;
            usize::from(u16::from_le_bytes(len))
        }
        2 | 3 => {
            let mut len = [0; 4];
            reader.read_exact(&mut len).map_err(cut)?;
            u32::from_le_bytes(len) as usize
        }
        version => return Err(target.malformed(format!("has unknown .npy version {version}"))),
    };
    if len > MAX_HEADER_BYTES {
        return Err(target.malformed(format!("has a header of {len} bytes")));
    }
    let mut text = vec![0; len];
    reader.read_exact(&mut text).map_err(cut)?;
    String::from_utf8(text).map_err(|_| target.malformed("has a header that is not text"))
}

/// The entries of the dictionary.
struct Header<'a> {
    descr: &'a str,
    is_fortran_order: bool,
    shape: Vec<usize>,
}

impl<'a> Header<'a> {
    /// Parses the literal that numpy writes. `None` if it is anything else.
    fn parse(text: &'a str) -> Option<Self> {
        let mut rest = text
            .trim()
            .strip_prefix('{')?
            .strip_suffix('}')?
            .trim_start();
        let (mut descr, mut is_fortran_order, mut shape) = (None, None, None);
        while !rest.is_empty() {
            let (key, value) = quoted(rest)?;
            let value = value.trim_start().strip_prefix(':')?.trim_start();
            rest = match key {
                "descr" => {
                    // A list here is a record type, which stays unrecognised.
                    let (text, tail) = quoted(value)?;
                    descr = Some(text);
                    tail
                }
                "fortran_order" => {
                    let word_end = value.find([',', '}', ' ']).unwrap_or(value.len());
                    let (word, tail) = value.split_at(word_end);
                    is_fortran_order = Some(match word {
                        "True" => true,
                        "False" => false,
                        _ => return None,
                    });
                    tail
                }
                "shape" => {
                    let (list, tail) = value.strip_prefix('(')?.split_once(')')?;
                    let items = list
                        .split(',')
                        .map(str::trim)
                        .filter(|item| !item.is_empty());
                    shape = Some(items.map(|item| item.parse().ok()).collect::<Option<_>>()?);
                    tail
                }
                _ => return None,
            };
            rest = rest.trim_start();
            rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        }
        Some(Self {
            descr: descr?,
            is_fortran_order: is_fortran_order?,
            shape: shape?,
        })
    }
}

/// A Python string without escapes, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| ['\'', '"'].contains(c))?;
    text[1..].split_once(quote)
}

fn format(descr: &str) -> Option<Format> {
    let (order, kind) = descr.split_at_checked(1)?;
    let is_big_endian = match order {
        "<" | "|" => false,
        ">" => true,
        _ => return None,
    };
    let (size, decode): (usize, Decode) = match kind {
        "f4" => (4, |b| Some(Number::F32(f32::from_bits(low(b) as u32)))),
        "f8" => (8, |b| Some(Number::F64(f64::from_bits(low(b))))),
        "i1" => (1, |b| Some(Number::Integer(i64::from(low(b) as i8)))),
        "i2" => (2, |b| Some(Number::Integer(i64::from(low(b) as i16)))),
        "i4" => (4, |b| Some(Number::Integer(i64::from(low(b) as i32)))),
        "i8" => (8, |b| Some(Number::Integer(low(b) as i64))),
        "u1" | "u2" | "u4" | "u8" => {
            let size = usize::from(kind.as_bytes()[1] - b'0');
            (size, |b| i64::try_from(low(b)).ok().map(Number::Integer))
        }
        _ => return None,
    };
    Some(Format {
        size,
        decode,
        is_big_endian,
    })
}

fn low(bytes: &[u8; 8]) -> u64 {
    u64::from_le_bytes(*bytes)
}
