//! An allocator that counts: how much memory this thread held at most.
//!
//! A program that wants to know declares it its global allocator. Counts are kept for each thread; memory that one thread
//! frees for another makes them wrong, and the targets start no threads that outlive them.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, counting.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counting;

/// Bytes held now and at most, and allocations, since the last [`reset`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Now, less what was held at the reset.
    pub now: isize,
    /// At most, so counted.
    pub most: isize,
}

thread_local! {
    // Plain cells that need no destructor: an allocator may use them at any time in a thread's life.
    static HELD: Cell<Held> = const { Cell::new(Held { now: 0, most: 0 }) };
}

fn add(bytes: isize) {
    // Without the cell, at the very end of a thread, nothing is counted.
    let _ = HELD.try_with(|held| {
        let Held { now, most } = held.get();
        let now = now.wrapping_add(bytes);
        held.set(Held {
            now,
            most: most.max(now),
        });
    });
}

/// Counts from here.
pub fn reset() {
    HELD.set(Held::default());
}

/// What was counted since the last reset. Zero where [`Counting`] is not the allocator.
pub fn held() -> Held {
    HELD.get()
}

// SAFETY: every call is passed on to the system's allocator with the arguments it came with, and its result is returned
// unchanged; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size() as isize);
        // SAFETY: as the caller of this function promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        add(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Old and new may be held at once.
        add(size as isize);
        // SAFETY: as above.
        let moved = unsafe { System.realloc(pointer, layout, size) };
        add(-(layout.size() as isize));
        moved
    }
}
