//! The memory of one event.
//!
//! A policy lives for one event, so what it allocates is soon gone with all of its memory. Most events
//! need a few kilobytes: they come from a fixed arena, front to back, and only the newest piece is ever
//! given back. Whatever does not fit goes to Rust's own allocator, which asks the host for more
//! memory; that is what the arena saves: each such question costs about a tenth of an event.
#![allow(unsafe_code)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::{Cell, UnsafeCell},
};

/// Octets of the arena: what a few dozen strings and a JSON document take.
const ARENA: usize = 64 * 1024;

#[cfg(target_family = "wasm")]
#[global_allocator]
static HEAP: Heap = Heap::new();

#[repr(align(16))]
struct Heap {
    arena: UnsafeCell<[u8; ARENA]>,
    used: Cell<usize>,
}

// SAFETY: a policy has one thread: wasm without atomics knows no other.
#[cfg(target_family = "wasm")]
unsafe impl Sync for Heap {}

impl Heap {
    #[expect(
        clippy::large_stack_arrays,
        reason = "it is a static; only tests have it on a stack"
    )]
    const fn new() -> Self {
        Self {
            arena: UnsafeCell::new([0; ARENA]),
            used: Cell::new(0),
        }
    }

    /// Where a pointer points to in the arena, if it does.
    fn place(&self, pointer: *mut u8) -> Option<usize> {
        let place = (pointer as usize).wrapping_sub(self.arena.get() as usize);
        (place < ARENA).then_some(place)
    }

    /// The next octets with that alignment, if there are so many left.
    fn take(&self, layout: Layout) -> Option<usize> {
        // The arena itself stands at a multiple of 16, and larger alignments are rare.
        if layout.align() > 16 {
            return None;
        }
        let place = self.used.get().next_multiple_of(layout.align());
        let end = place.checked_add(layout.size())?;
        if end > ARENA {
            return None;
        }
        self.used.set(end);
        Some(place)
    }
}

// SAFETY: pieces of the arena never overlap: each begins where the last one ended, and `used` shrinks
// only to the beginning of the newest piece when that one is given back. Everything else is `System`'s.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.take(layout) {
            // SAFETY: `place` is within the arena.
            Some(place) => unsafe { self.arena.get().cast::<u8>().add(place) },
            // SAFETY: the caller's promises are passed on.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        match self.place(pointer) {
            Some(place) if place + layout.size() == self.used.get() => self.used.set(place),
            Some(_) => {}
            // SAFETY: it is not the arena's, so it is `System`'s.
            None => unsafe { System.dealloc(pointer, layout) },
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Some(place) = self.place(pointer) else {
            // SAFETY: it is not the arena's, so it is `System`'s.
            return unsafe { System.realloc(pointer, layout, size) };
        };
        let newest = place + layout.size() == self.used.get();
        if newest && place + size <= ARENA {
            self.used.set(place + size);
            return pointer;
        }
        // SAFETY: the caller's promises make this a good layout; both pieces hold at least the octets
        // that are copied, and a new piece never overlaps an old one.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                std::ptr::copy_nonoverlapping(pointer, new, layout.size().min(size));
            }
            new
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    #[test]
    fn pieces_are_aligned_and_never_overlap() {
        let heap = Heap::new();
        let mut end = 0;
        for (size, align) in [(1, 1), (8, 8), (3, 2), (16, 16), (0, 4), (5, 1)] {
            // SAFETY: the piece is only looked at as a number.
            let piece = unsafe { heap.alloc(layout(size, align)) };
            let place = heap.place(piece).unwrap();
            assert_eq!(piece as usize % align, 0);
            assert!(place >= end);
            end = place + size;
        }
    }

    #[test]
    fn the_newest_piece_grows_in_place_and_is_given_back() {
        let heap = Heap::new();
        // SAFETY: each piece is given back once, with the layout that it has.
        unsafe {
            let piece = heap.alloc(layout(4, 4));
            piece.write(7);
            assert_eq!(heap.realloc(piece, layout(4, 4), 400), piece);
            let other = heap.alloc(layout(4, 4));
            let moved = heap.realloc(piece, layout(400, 4), 800);
            assert!(moved > other, "it was not the newest any more");
            assert_eq!(moved.read(), 7);
            let used = heap.used.get();
            heap.dealloc(other, layout(4, 4));
            assert_eq!(heap.used.get(), used, "gone with the event");
            heap.dealloc(moved, layout(800, 4));
            assert_eq!(heap.used.get(), used - 800);
        }
    }

    #[test]
    fn what_does_not_fit_comes_from_elsewhere() {
        let heap = Heap::new();
        // SAFETY: each piece is given back once, with the layout that it has.
        unsafe {
            for big in [layout(ARENA + 1, 8), layout(64, 32)] {
                let piece = heap.alloc(big);
                assert!(!piece.is_null() && heap.place(piece).is_none());
                heap.dealloc(piece, big);
            }
            let piece = heap.alloc(layout(8, 8));
            piece.write(9);
            let moved = heap.realloc(piece, layout(8, 8), ARENA + 8);
            assert!(heap.place(moved).is_none());
            assert_eq!(moved.read(), 9);
            heap.dealloc(moved, layout(ARENA + 8, 8));
        }
    }
}
