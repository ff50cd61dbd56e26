//! What a processor offers beyond the language: its [widest] registers, and memory that is asked for [ahead](ask).
//!
//! Owns what is `unsafe` about both (ADR 23); its interface is safe, and neither changes what a program
//! computes. On processors that are not known here a loop is as the compiler makes it for all of them, and nothing is asked
//! for.

#![deny(clippy::undocumented_unsafe_blocks)]

#[cfg(test)]
mod tests;

/// Octets that come from memory together.
const LINE: usize = 64;

/// Runs a loop in the widest registers that this processor has. What is worth it goes through a hundred numbers or
/// more, one like the other, and lets the compiler see that: no branch, no table, no call that is not inlined.
///
/// On x86-64 that is AVX-512 (the parts that all processors with its 16-bit numbers have) or AVX2, if there is one of
/// them; the loop is compiled for each.
#[inline]
pub fn widest<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    {
        use x86_64::{Registers, WIDEST, by_avx2, by_avx512};
        match *WIDEST {
            // SAFETY: this processor has what the function is compiled for: it was asked.
            Registers::Avx512 => return unsafe { by_avx512(work) },
            // SAFETY: the same.
            Registers::Avx2 => return unsafe { by_avx2(work) },
            Registers::All => {}
        }
    }
    work()
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use std::sync::LazyLock;

    /// What its widest registers are.
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub(super) enum Registers {
        Avx512,
        Avx2,
        /// Those that every such processor has.
        All,
    }

    /// Asked once.
    pub(super) static WIDEST: LazyLock<Registers> = LazyLock::new(|| {
        let has_avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512cd")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        if has_avx512 {
            Registers::Avx512
        } else if is_x86_feature_detected!("avx2") {
            Registers::Avx2
        } else {
            Registers::All
        }
    });

    #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl")]
    pub(super) fn by_avx512<R>(work: impl FnOnce() -> R) -> R {
        work()
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn by_avx2<R>(work: impl FnOnce() -> R) -> R {
        work()
    }
}

/// Asks for the memory of a value, all of its lines, and does not wait for it: it is on its way to the first cache
/// when it is read.
#[inline]
pub fn ask<T: ?Sized>(value: &T) {
    let first = std::ptr::from_ref(value).cast::<u8>();
    let octets = size_of_val(value);
    for line in (0..octets).step_by(LINE) {
        fetch(first.wrapping_add(line));
    }
    // It may begin in the midst of a line, and so end in one more.
    if octets > 1 {
        fetch(first.wrapping_add(octets - 1));
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn fetch(place: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: every x86-64 processor has it, and it reads nothing: a place that may not be read is no fault.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) }
}

#[cfg(target_arch = "aarch64")]
#[inline]
fn fetch(place: *const u8) {
    // SAFETY: every processor of this kind has it, and it reads nothing: a place that may not be read is no fault.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{place}]", place = in(reg) place, options(nostack, preserves_flags, readonly));
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[inline]
fn fetch(_place: *const u8) {}
