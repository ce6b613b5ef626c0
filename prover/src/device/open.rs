//! Devices by name.

use std::path::Path;
use std::sync::Arc;

use super::{CpuDevice, Device, DeviceError, Dual, Recorder, Replay};

/// What opens devices that live in other crates: `None` for a name that it does not know.
pub type OpenOther<'a> = &'a dyn Fn(&str) -> Option<Result<Arc<dyn Device>, DeviceError>>;

/// The device called `name`: `cpu`, `dual:A,B`, `record:FILE` (of the processor, or `record:FILE,A`), `replay:FILE`, or
/// whatever `other` knows.
///
/// # Errors
/// If there is no such device, or it cannot be opened.
pub fn open(name: &str, other: OpenOther<'_>) -> Result<Arc<dyn Device>, DeviceError> {
    let unknown = || DeviceError::Unknown {
        name: name.to_owned(),
    };
    let (kind, argument) = match name.split_once(':') {
        Some((kind, argument)) => (kind, Some(argument)),
        None => (name, None),
    };
    match (kind, argument) {
        ("cpu", None) => Ok(Arc::new(CpuDevice::default())),
        ("dual", Some(names)) => {
            let (first, second) = names.split_once(',').ok_or_else(unknown)?;
            Ok(Arc::new(Dual::new(
                open(first, other)?,
                open(second, other)?,
            )))
        }
        ("record", Some(argument)) => {
            let (path, device) = argument.split_once(',').unwrap_or((argument, "cpu"));
            Ok(Arc::new(Recorder::new(
                open(device, other)?,
                Path::new(path),
            )?))
        }
        ("replay", Some(path)) => Ok(Arc::new(Replay::open(Path::new(path))?)),
        _ => other(name).unwrap_or_else(|| Err(unknown())),
    }
}
