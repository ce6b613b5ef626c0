//! A Verilated model of a kernel: the only place that talks to C++.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char, c_int, c_void};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::thread;

use winterforge_hdl::design::{Dut, Port};
use winterforge_hdl::registry::Kernel;

/// The functions of one kernel; `WinterforgeApi` in shim/shim.h.
#[repr(C)]
struct Api {
    create: unsafe extern "C" fn() -> *mut c_void,
    destroy: unsafe extern "C" fn(*mut c_void),
    eval: unsafe extern "C" fn(*mut c_void),
    set_clock: unsafe extern "C" fn(*mut c_void, c_int),
    set: unsafe extern "C" fn(*mut c_void, u32, u64, u64),
    get: unsafe extern "C" fn(*mut c_void, u32, *mut u64),
    open_trace: unsafe extern "C" fn(*mut c_void, *const c_char),
    dump_trace: unsafe extern "C" fn(*mut c_void, u64),
    write_coverage: unsafe extern "C" fn(*mut c_void, *const c_char),
    state_bits: unsafe extern "C" fn(*mut c_void, c_int) -> u64,
    flip: unsafe extern "C" fn(*mut c_void, c_int, u64),
}

include!(concat!(env!("OUT_DIR"), "/models.rs"));

/// Why there is no model, or no waveform.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The kernel is not among those built.
    #[error("no Verilated model of {0}")]
    Unknown(String),
    /// A path that C++ cannot open.
    #[error("{0} cannot be a file name")]
    Path(String),
    /// A waveform that cannot be written.
    #[error("{0}: cannot be written: {1}")]
    Waveform(PathBuf, io::Error),
}

/// A Verilated model of a kernel.
///
/// Ports are driven and read through [`Dut`]. Values are at most 128 bits wide.
pub struct Model {
    api: &'static Api,
    /// Invariant: made by `api.create` and not yet destroyed; used by this value alone.
    handle: *mut c_void,
    ports: Vec<Port>,
    half_cycles: u64,
    is_traced: bool,
}

impl Model {
    /// A new model of a kernel, its registers at their initial values.
    ///
    /// # Errors
    /// If the build did not include the kernel.
    pub fn new(kernel: &Kernel) -> Result<Self, ModelError> {
        let table = table(kernel.name).ok_or_else(|| ModelError::Unknown(kernel.name.into()))?;
        // SAFETY: the function takes nothing and returns a static table of the layout of `Api`.
        let api = unsafe { &*table() };
        // SAFETY: `create` has no precondition.
        let handle = unsafe { (api.create)() };
        let ports = kernel.design().ports();
        let mut model = Self {
            api,
            handle,
            ports,
            half_cycles: 0,
            is_traced: false,
        };
        model.set_clock(false);
        model.settle();
        Ok(model)
    }

    /// Writes an FST waveform of everything from now on; about a hundred times slower.
    ///
    /// # Errors
    /// If the path holds a zero byte, or the file cannot be made.
    pub fn trace(&mut self, path: &Path) -> Result<(), ModelError> {
        // Verilator does not say why it cannot open a file.
        File::create(path).map_err(|error| ModelError::Waveform(path.to_owned(), error))?;
        let path = c_path(path)?;
        // SAFETY: `handle` is a live model; `path` ends in a zero byte and outlives the call.
        unsafe { (self.api.open_trace)(self.handle, path.as_ptr()) };
        self.is_traced = true;
        Ok(())
    }

    /// Writes the coverage counted so far, for `verilator_coverage`; nothing unless the crate was
    /// built with `WINTERFORGE_COVERAGE=1`.
    ///
    /// # Errors
    /// If the path holds a zero byte.
    pub fn write_coverage(&mut self, path: &Path) -> Result<(), ModelError> {
        let path = c_path(path)?;
        // SAFETY: as in `trace`.
        unsafe { (self.api.write_coverage)(self.handle, path.as_ptr()) };
        Ok(())
    }

    /// Flips a bit of a register, or of a word of a memory: the one that `choose` picks among so many. Does nothing in a kernel
    /// that is not of the family `accelerator`.
    pub fn flip(&mut self, is_memory: bool, choose: impl FnOnce(u64) -> u64) {
        let memories = c_int::from(is_memory);
        // SAFETY: `handle` is a live model.
        let bits = unsafe { (self.api.state_bits)(self.handle, memories) };
        let Some(last) = bits.checked_sub(1) else {
            return;
        };
        // SAFETY: `handle` is a live model; it has such a bit.
        unsafe { (self.api.flip)(self.handle, memories, choose(bits).min(last)) };
    }

    fn set_clock(&mut self, level: bool) {
        // SAFETY: `handle` is a live model.
        unsafe { (self.api.set_clock)(self.handle, c_int::from(level)) };
    }

    fn dump(&mut self) {
        if self.is_traced {
            // SAFETY: `handle` is a live model with an open trace.
            unsafe { (self.api.dump_trace)(self.handle, self.half_cycles) };
        }
        self.half_cycles += 1;
    }
}

/// Makes a model in a thread of its own, which it cannot leave, and hands it to `serve` there.
///
/// # Errors
/// If there is no such model.
pub(crate) fn spawn(
    kernel: Kernel,
    serve: impl FnOnce(Model) + Send + 'static,
) -> Result<(), ModelError> {
    let name = kernel.name;
    let (started, ready) = channel();
    thread::spawn(move || match Model::new(&kernel) {
        Ok(model) => {
            let _ = started.send(Ok(()));
            serve(model);
        }
        Err(error) => {
            let _ = started.send(Err(error));
        }
    });
    ready
        .recv()
        .unwrap_or_else(|_| Err(ModelError::Unknown(name.to_owned())))
}

fn c_path(path: &Path) -> Result<CString, ModelError> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|_| ModelError::Path(path.display().to_string()))
}

impl Dut for Model {
    fn ports(&self) -> &[Port] {
        &self.ports
    }

    fn set(&mut self, port: usize, value: u128) {
        let value = value & (u128::MAX >> (128 - self.ports[port].width));
        // SAFETY: `handle` is a live model; `port` is in range, and unknown ports are ignored.
        unsafe { (self.api.set)(self.handle, port as u32, value as u64, (value >> 64) as u64) };
    }

    fn get(&self, port: usize) -> u128 {
        let mut words = [0u64; 2];
        // SAFETY: `handle` is a live model; two words are what `get` writes.
        unsafe { (self.api.get)(self.handle, port as u32, words.as_mut_ptr()) };
        u128::from(words[0]) | u128::from(words[1]) << 64
    }

    fn settle(&mut self) {
        // SAFETY: `handle` is a live model.
        unsafe { (self.api.eval)(self.handle) };
    }

    fn clock_edge(&mut self) {
        self.settle();
        self.dump();
        self.set_clock(true);
        self.settle();
        self.dump();
        self.set_clock(false);
        self.settle();
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: `handle` was made by `create`, and nobody uses it after this.
        unsafe { (self.api.destroy)(self.handle) };
    }
}
