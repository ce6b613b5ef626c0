//! Memory for large matrices.

use winterforge_air::field::Felt;

use crate::device::Digest;

/// From this size on memory is asked for in large pages.
#[cfg(target_os = "linux")]
const LARGE_BYTES: usize = 4 << 20;

/// What large memory is asked for.
pub(crate) trait Zeroed: Sized {
    /// Zeros, without touching the memory where the system hands it out zeroed: its pages are then first touched by the
    /// threads that fill them. Large ones are asked for in large pages, which costs less to touch and to translate.
    fn zeroed(count: usize) -> Vec<Self>;
}

impl Zeroed for Felt {
    #[allow(
        unsafe_code,
        reason = "the allocator knows zeroed words, not zeroed elements"
    )]
    fn zeroed(count: usize) -> Vec<Self> {
        let mut words = std::mem::ManuallyDrop::new(vec![0_u64; count]);
        advise(&mut words);
        // SAFETY: `Felt` is a transparent `u64`, of the same size and alignment, and zero is canonical. The vector is not
        // dropped, so its memory has one owner.
        unsafe { Vec::from_raw_parts(words.as_mut_ptr().cast(), words.len(), words.capacity()) }
    }
}

impl Zeroed for Digest {
    fn zeroed(count: usize) -> Vec<Self> {
        let mut digests = vec![[0; 8]; count];
        advise(&mut digests);
        digests
    }
}

/// Asks for large pages.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "a system call about memory that is ours")]
fn advise<T>(words: &mut [T]) {
    use rustix::mm::{Advice, madvise};
    const PAGE_BYTES: usize = 4096;
    if size_of_val(words) < LARGE_BYTES {
        return;
    }
    // Whole pages only.
    let start = words.as_mut_ptr().cast::<u8>();
    let first = start.align_offset(PAGE_BYTES);
    let bytes = size_of_val(words).saturating_sub(first) / PAGE_BYTES * PAGE_BYTES;
    // SAFETY: the range is within the slice, and this advice does not change what memory holds. It is advice: a system
    // that does not take it changes nothing.
    let _ = unsafe {
        madvise(
            start.wrapping_add(first).cast(),
            bytes,
            Advice::LinuxHugepage,
        )
    };
}

#[cfg(not(target_os = "linux"))]
fn advise<T>(_: &mut [T]) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_zero_and_writable() {
        for count in [0, 1, 1000, 3 << 20] {
            let mut elements = Felt::zeroed(count);
            assert!(elements.iter().all(|&element| element == Felt::new(0)));
            elements.fill(Felt::new(7));
            assert_eq!(elements.len(), count);
            assert!(elements.iter().all(|&element| element == Felt::new(7)));
        }
    }
}
