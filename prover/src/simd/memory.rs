//! Memory for large matrices.

use winterforge_air::field::Felt;

/// From this size on memory is asked for in large pages.
#[cfg(target_os = "linux")]
const LARGE_BYTES: usize = 4 << 20;

/// Zeros, without touching the memory where the system hands it out zeroed: its pages are then first touched by the
/// threads that fill them. Large ones are asked for in large pages, which costs less to touch and to translate.
#[allow(
    unsafe_code,
    reason = "the allocator knows zeroed words, not zeroed elements"
)]
pub(crate) fn zeroed(count: usize) -> Vec<Felt> {
    let mut words = std::mem::ManuallyDrop::new(vec![0_u64; count]);
    #[cfg(target_os = "linux")]
    advise(&mut words);
    // SAFETY: `Felt` is a transparent `u64`, of the same size and alignment, and zero is canonical. The vector is not
    // dropped, so its memory has one owner.
    unsafe { Vec::from_raw_parts(words.as_mut_ptr().cast(), words.len(), words.capacity()) }
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "a system call about memory that is ours")]
fn advise(words: &mut [u64]) {
    use rustix::mm::{Advice, madvise};
    const PAGE_WORDS: usize = 4096 / 8;
    if size_of_val(words) < LARGE_BYTES {
        return;
    }
    // Whole pages only.
    let first = words.as_ptr().align_offset(4096).min(words.len());
    let pages = (words.len() - first) / PAGE_WORDS * PAGE_WORDS;
    let within = &mut words[first..first + pages];
    // SAFETY: the range is within the slice, and this advice does not change what memory holds. It is advice: a system
    // that does not take it changes nothing.
    let _ = unsafe {
        madvise(
            within.as_mut_ptr().cast(),
            size_of_val(within),
            Advice::LinuxHugepage,
        )
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_zero_and_writable() {
        for count in [0, 1, 1000, 3 << 20] {
            let mut elements = zeroed(count);
            assert!(elements.iter().all(|&element| element == Felt::new(0)));
            elements.fill(Felt::new(7));
            assert_eq!(elements.len(), count);
            assert!(elements.iter().all(|&element| element == Felt::new(7)));
        }
    }
}
