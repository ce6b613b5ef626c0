//! The native part of the Python package `winterforge`. It takes bytes and gives bytes; what people call, with paths and arrays,
//! is `python/winterforge/__init__.py`.

mod errors;
mod key;
mod model;
mod progress;
mod prove;
mod verify;

use pyo3::prelude::*;

/// `winterforge._native`.
#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::key::{Key, setup};
    #[pymodule_export]
    use crate::model::{Model, Samples};
    #[pymodule_export]
    use crate::prove::prove;
    #[pymodule_export]
    use crate::verify::{inspect, verify};
}
