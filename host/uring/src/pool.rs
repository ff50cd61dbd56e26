//! The memory that the kernel reads and writes: buffers, and the ring by which it is lent them.
//!
//! ```text
//!  free ──publish──▶ lent to the kernel ──taken──▶ ours ──give_back──▶ free
//!    └──────────────────────take─────────────────────┘ (and read by the kernel while it is sent)
//! ```
//!
//! A buffer is in one of these states, and octets of one that is lent are never looked at. The memory is
//! owned by raw pointers: the kernel has its address, so no reference to all of it may exist.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::types::BufRingEntry;

/// Octets of a buffer: a datagram that fits an Ethernet frame, with what the kernel tells of it before it.
pub(crate) const SIZE: usize = 2_048;

/// Buffers of a ring: 1.5 MiB. A tick's packets of 10,000 ports, while as many wait to be taken.
pub(crate) const BUFFERS: u16 = 768;

/// Buffers that are lent at one time, a power of two. The kernel takes them in turn, so that few of them
/// stay in the cache of the core; a call of it brings at most some dozens.
pub(crate) const LENT: u16 = 256;

/// What addresses of rings must be multiples of.
const PAGE: usize = 4_096;

/// See the module's header.
#[derive(Debug)]
pub(crate) struct Pool {
    octets: NonNull<u8>,
    entries: NonNull<BufRingEntry>,
    /// Where the next buffer is lent, as the kernel counts, and how many it has.
    tail: u16,
    lent: u16,
    free: Vec<u16>,
}

impl Pool {
    pub(crate) fn new() -> Self {
        Pool {
            octets: zeroed(octets_layout()),
            entries: zeroed(entries_layout()).cast(),
            tail: 0,
            lent: 0,
            free: (0..BUFFERS).rev().collect(),
        }
    }

    /// The address of the ring of lent buffers, of [`LENT`] entries.
    pub(crate) fn entries(&self) -> u64 {
        self.entries.as_ptr() as u64
    }

    /// A free buffer.
    pub(crate) fn take(&mut self) -> Option<u16> {
        self.free.pop()
    }

    /// The kernel has put something into a buffer that was lent.
    pub(crate) fn taken(&mut self, buffer: u16) {
        assert!(buffer < BUFFERS, "the kernel knows only our buffers");
        self.lent -= 1;
    }

    /// A buffer of ours is free.
    pub(crate) fn give_back(&mut self, buffer: u16) {
        self.free.push(buffer);
    }

    /// Lends the kernel as many as it may have.
    pub(crate) fn publish(&mut self) {
        if self.lent == LENT {
            return;
        }
        while self.lent < LENT
            && let Some(buffer) = self.free.pop()
        {
            let at = usize::from(self.tail % LENT);
            let address = self.address(buffer) as u64;
            // SAFETY: `at` is within the ring, which is ours to write between the kernel's head and the
            // tail: it has fewer than `LENT` buffers. Fields are written one by one: that of the first
            // entry which is the tail is not among them.
            unsafe {
                let entry = self.entries.add(at).as_mut();
                entry.set_addr(address);
                entry.set_len(SIZE as u32);
                entry.set_bid(buffer);
            }
            self.tail = self.tail.wrapping_add(1);
            self.lent += 1;
        }
        // SAFETY: the address is that of the first entry, which `new` has made; its tail is two octets,
        // aligned, that only this thread writes and the kernel reads.
        let tail = unsafe {
            let tail = BufRingEntry::tail(self.entries.as_ptr());
            AtomicU16::from_ptr(tail.cast_mut())
        };
        // What the entries say is to be seen before the tail.
        tail.store(self.tail, Ordering::Release);
    }

    /// Where a buffer begins.
    pub(crate) fn address(&self, buffer: u16) -> *mut u8 {
        assert!(buffer < BUFFERS, "there are no others");
        // SAFETY: within the allocation, which holds `BUFFERS` of them.
        unsafe { self.octets.add(usize::from(buffer) * SIZE).as_ptr() }
    }

    /// The octets of a buffer of ours, neither lent nor being sent.
    pub(crate) fn octets(&mut self, buffer: u16) -> &mut [u8] {
        let address = self.address(buffer);
        // SAFETY: `SIZE` initialised octets of the allocation; the kernel has no business with them, as the
        // caller holds the buffer, and nobody else has a reference while this borrows the pool.
        unsafe { std::slice::from_raw_parts_mut(address, SIZE) }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with these layouts, and freed once. `Ring` drops its pool only when
        // the kernel has given up every request.
        unsafe {
            dealloc(self.octets.as_ptr(), octets_layout());
            dealloc(self.entries.as_ptr().cast(), entries_layout());
        }
    }
}

fn octets_layout() -> Layout {
    layout(usize::from(BUFFERS) * SIZE)
}

fn entries_layout() -> Layout {
    layout(usize::from(LENT) * size_of::<BufRingEntry>())
}

fn layout(size: usize) -> Layout {
    // A page is a power of two, and the sizes are constants far below the largest.
    Layout::from_size_align(size, PAGE).expect("constants that fit")
}

fn zeroed(layout: Layout) -> NonNull<u8> {
    // SAFETY: no layout here is of size 0.
    let made = unsafe { alloc_zeroed(layout) };
    NonNull::new(made).unwrap_or_else(|| handle_alloc_error(layout))
}
