//! What JavaScript calls. Six buffers belong to the module; JavaScript writes the first two and reads the others. No
//! pointer ever comes back in, so nothing that a page does reaches memory through this code.
//!
//! ```text
//! reserve(slot, length) -> address    makes the buffer so long, zeroed; 0 if there is no memory
//! verify(min_security)  -> 0 | 1 | 2  accepted, rejected, unreadable; fills the buffers 2 to 5
//! address(slot), length(slot)         where a buffer is now
//! ```

use std::cell::RefCell;

use crate::judge::{Verdict, judge};

/// The buffers: bundle, model or key, report (JSON), and the cells of input, quantized output and output.
const SLOTS: usize = 6;

thread_local! {
    static BUFFERS: RefCell<[Vec<u8>; SLOTS]> = const { RefCell::new([const { Vec::new() }; SLOTS]) };
}

/// Makes a buffer `length` bytes long and returns where it is; null if there is no such buffer, or no memory.
#[allow(unsafe_code)] // The name must be the one that JavaScript knows; no other crate exports it.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn winterforge_reserve(slot: usize, length: usize) -> *mut u8 {
    BUFFERS.with_borrow_mut(|buffers| {
        let Some(buffer) = buffers.get_mut(slot) else {
            return std::ptr::null_mut();
        };
        buffer.clear();
        if buffer.try_reserve_exact(length).is_err() {
            return std::ptr::null_mut();
        }
        buffer.resize(length, 0);
        buffer.as_mut_ptr()
    })
}

/// Where a buffer is.
#[allow(unsafe_code)] // As above.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn winterforge_address(slot: usize) -> *const u8 {
    BUFFERS.with_borrow(|buffers| buffers.get(slot).map_or(std::ptr::null(), |b| b.as_ptr()))
}

/// How many bytes a buffer has.
#[allow(unsafe_code)] // As above.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn winterforge_length(slot: usize) -> usize {
    BUFFERS.with_borrow(|buffers| buffers.get(slot).map_or(0, Vec::len))
}

/// Verifies the bundle in buffer 0 against the model or key in buffer 1.
#[allow(unsafe_code)] // As above.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn winterforge_verify(min_security_bits: u32) -> u32 {
    BUFFERS.with_borrow_mut(|[bundle, reference, report, input, output_q, output]| {
        let judged = judge(bundle, reference, min_security_bits);
        // A report of strings and numbers has an encoding; were there none, an empty one is no verdict.
        let Ok(encoded) = serde_json::to_vec(&judged.report) else {
            return 2;
        };
        *report = encoded;
        *input = judged.input;
        *output_q = judged.output_q;
        *output = judged.output;
        match judged.report.verdict {
            Verdict::Accepted => 0,
            Verdict::Rejected => 1,
            Verdict::Unreadable => 2,
        }
    })
}
