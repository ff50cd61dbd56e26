//! G.711 A-law and µ-law, by the rule of ITU-T G.191 (`alaw_compress` and its kin), many samples at once.
//!
//! Owns the companding of samples and the transcoding of payloads. Knows no packet.

#[cfg(test)]
mod tests;

/// Which of the two compandings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Law {
    /// A-law: what Europe speaks.
    A,
    /// µ-law: North America and Japan.
    U,
}

/// The octet that is silence.
pub const fn silence(law: Law) -> u8 {
    match law {
        Law::A => 0xd5,
        Law::U => 0xff,
    }
}

/// Compands one sample.
#[inline]
pub fn encode_sample(law: Law, sample: i16) -> u8 {
    match law {
        Law::A => alaw_compress(sample),
        Law::U => ulaw_compress(sample),
    }
}

/// Expands one octet.
#[inline]
pub fn decode_sample(law: Law, octet: u8) -> i16 {
    match law {
        Law::A => alaw_expand(octet),
        Law::U => ulaw_expand(octet),
    }
}

/// Compands samples: as many as both have room for.
pub fn encode(law: Law, samples: &[i16], octets: &mut [u8]) {
    match law {
        Law::A => each(samples, octets, alaw_compress),
        Law::U => each(samples, octets, ulaw_compress),
    }
}

/// Expands octets: as many as both have room for.
pub fn decode(law: Law, octets: &[u8], samples: &mut [i16]) {
    match law {
        Law::A => each(octets, samples, alaw_expand),
        Law::U => each(octets, samples, ulaw_expand),
    }
}

/// As many as the widest registers turn at once. Frames are whole multiples of it; in a plain loop the compiler leaves a
/// fifth of each to narrow ones.
const TOGETHER: usize = 32;

/// Goes through them with the widest registers of this processor.
fn each<T: Copy, U>(from: &[T], to: &mut [U], turn: impl Fn(T) -> U) {
    let both = from.len().min(to.len());
    let (from, last_from) = from[..both].as_chunks::<TOGETHER>();
    let (to, last_to) = to[..both].as_chunks_mut::<TOGETHER>();
    cpu::widest(|| {
        for (to, from) in to.iter_mut().zip(from) {
            for (to, &from) in to.iter_mut().zip(from) {
                *to = turn(from);
            }
        }
    });
    for (to, &from) in last_to.iter_mut().zip(last_from) {
        *to = turn(from);
    }
}

/// Turns a payload of one law into the other's, in place.
pub fn transcode(from: Law, to: Law, payload: &mut [u8]) {
    let table = match (from, to) {
        (Law::A, Law::U) => &ALAW_TO_ULAW,
        (Law::U, Law::A) => &ULAW_TO_ALAW,
        (Law::A, Law::A) | (Law::U, Law::U) => return,
    };
    for octet in payload {
        *octet = table[*octet as usize];
    }
}

static ALAW_TO_ULAW: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < table.len() {
        table[i] = ulaw_compress(alaw_expand(i as u8));
        i += 1;
    }
    table
};

static ULAW_TO_ALAW: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < table.len() {
        table[i] = alaw_compress(ulaw_expand(i as u8));
        i += 1;
    }
    table
};

/// One's complement magnitude of 11 bits: 3 bits of exponent, 4 of mantissa, even bits inverted.
#[inline]
const fn alaw_compress(sample: i16) -> u8 {
    let sample = sample as i32;
    let magnitude = (sample ^ (sample >> 15)) >> 4;
    // Below 32 the steps are of one size; from 16 on the two ways agree.
    let code = if magnitude < 16 {
        magnitude
    } else {
        floating(magnitude) - (130 << 4)
    };
    let sign = if sample < 0 { 0 } else { 0x80 };
    (code as u8 | sign) ^ 0x55
}

#[inline]
const fn alaw_expand(octet: u8) -> i16 {
    let code = octet as i16 ^ 0x55;
    let exponent = (code >> 4) & 7;
    let mantissa = ((code & 15) << 4) + 8;
    let magnitude = if exponent == 0 {
        mantissa
    } else {
        (mantissa + 0x100) << (exponent - 1)
    };
    if code & 0x80 != 0 {
        magnitude
    } else {
        -magnitude
    }
}

/// One's complement magnitude of 13 bits with a bias of 33: 3 bits of segment, 4 of mantissa, all bits inverted.
#[inline]
const fn ulaw_compress(sample: i16) -> u8 {
    let sample = sample as i32;
    let magnitude = ((sample ^ (sample >> 15)) >> 2) + 33;
    let magnitude = if magnitude > 0x1fff {
        0x1fff
    } else {
        magnitude
    };
    let code = floating(magnitude) - (132 << 4);
    let sign = if sample < 0 { 0 } else { 0x80 };
    (0x7f - code) as u8 | sign
}

#[inline]
const fn ulaw_expand(octet: u8) -> i16 {
    let code = !octet as i16;
    let exponent = (code >> 4) & 7;
    let magnitude = (((code & 15) * 8 + 132) << exponent) - 132;
    if octet & 0x80 != 0 {
        magnitude
    } else {
        -magnitude
    }
}

/// The exponent of a number as a float of 32 bits has it, with its bias of 127, and the 4 bits behind its first:
/// what both laws are made of, and of all ways to it the one that vectors of numbers have.
#[inline]
const fn floating(number: i32) -> i32 {
    (number as f32).to_bits() as i32 >> 19
}
