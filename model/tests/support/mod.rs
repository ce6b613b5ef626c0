//! Where the golden files are, and how to read integers from them; models to be damaged.

#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "each test uses its part"
)]

pub(crate) mod base;
pub(crate) mod image;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use zip::ZipArchive;

/// The models without attention that golden files come with.
pub(crate) const MODELS: [&str; 5] = [
    "mlp_mnist",
    "mlp_digits",
    "mlp_bc",
    "lenet_mnist",
    "inverted_residual",
];

/// A file of a golden model.
pub(crate) fn path(model: &str, file: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata/models");
    root.join(model).join(file)
}

/// A file of a model that is too large for the repository, if it is there. On CI it must be.
pub(crate) fn shared_path(model: &str, file: &str) -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let root = root.join("../../shared/models");
    let path = root.join(model).join(file);
    if path.exists() {
        return Some(path);
    }
    let is_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    assert!(!is_ci, "{} is missing", path.display());
    println!("skipped: {} is missing", path.display());
    None
}

/// An array of a golden archive; the first axis counts its rows.
pub(crate) struct Array {
    /// Without `.npy`.
    pub(crate) name: String,
    columns: usize,
    descr: String,
    bytes: Vec<u8>,
}

/// All arrays of an archive, in its order.
pub(crate) fn arrays(model: &str, file: &str) -> Vec<Array> {
    arrays_in(&path(model, file))
}

/// All arrays of the archive at `path`, in its order.
pub(crate) fn arrays_in(path: &Path) -> Vec<Array> {
    let mut archive = ZipArchive::new(File::open(path).unwrap()).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut entry = archive.by_index(index).unwrap();
            let name = entry.name().unwrap().trim_end_matches(".npy").to_string();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            let header_len = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
            let body = bytes.split_off(10 + header_len);
            let header = String::from_utf8_lossy(&bytes[10..]).to_string();
            let descr = header.split('\'').nth(3).unwrap().to_string();
            let shape = header.split(['(', ')']).nth(1).unwrap();
            let sizes = shape.split(',').skip(1);
            let columns = sizes
                .filter_map(|d| d.trim().parse::<usize>().ok())
                .product();
            Array {
                name,
                columns,
                descr,
                bytes: body,
            }
        })
        .collect()
}

/// One array of an archive.
pub(crate) fn array(model: &str, file: &str, name: &str) -> Array {
    arrays(model, file)
        .into_iter()
        .find(|array| array.name == name)
        .unwrap()
}

impl Array {
    /// The number of rows.
    pub(crate) fn rows(&self) -> usize {
        let width = match self.descr.as_str() {
            "<f4" => 4,
            "<i8" => 8,
            _ => 1,
        };
        self.bytes.len() / self.columns / width
    }

    /// A row of 8-bit integers.
    pub(crate) fn integers(&self, row: usize) -> Vec<i32> {
        let bytes = &self.bytes[row * self.columns..][..self.columns];
        match self.descr.as_str() {
            "|i1" => bytes.iter().map(|&b| i32::from(b as i8)).collect(),
            "|u1" => bytes.iter().map(|&b| i32::from(b)).collect(),
            other => panic!("{} is {other}", self.name),
        }
    }

    /// A row of float32, as bits.
    pub(crate) fn float_bits(&self, row: usize) -> Vec<u32> {
        assert_eq!(self.descr, "<f4");
        let bytes = &self.bytes[row * self.columns * 4..][..self.columns * 4];
        let words = bytes.as_chunks::<4>().0;
        words.iter().map(|&word| u32::from_le_bytes(word)).collect()
    }

    /// An int64 of a list.
    pub(crate) fn int64(&self, row: usize) -> i64 {
        assert_eq!((self.descr.as_str(), self.columns), ("<i8", 1));
        i64::from_le_bytes(self.bytes.as_chunks::<8>().0[row])
    }
}
