//! G.711 A-law and µ-law, by the rule of ITU-T G.191 (`alaw_compress` and its kin), as tables.
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
        Law::A => ALAW_ENCODE[sample as u16 as usize >> 4],
        Law::U => ULAW_ENCODE[sample as u16 as usize >> 2],
    }
}

/// Expands one octet.
#[inline]
pub fn decode_sample(law: Law, octet: u8) -> i16 {
    match law {
        Law::A => ALAW_DECODE[octet as usize],
        Law::U => ULAW_DECODE[octet as usize],
    }
}

/// Compands samples: as many as both have room for.
pub fn encode(law: Law, samples: &[i16], octets: &mut [u8]) {
    match law {
        Law::A => each(samples, octets, |sample| encode_sample(Law::A, sample)),
        Law::U => each(samples, octets, |sample| encode_sample(Law::U, sample)),
    }
}

/// Expands octets: as many as both have room for.
pub fn decode(law: Law, octets: &[u8], samples: &mut [i16]) {
    match law {
        Law::A => each(octets, samples, |octet| decode_sample(Law::A, octet)),
        Law::U => each(octets, samples, |octet| decode_sample(Law::U, octet)),
    }
}

/// Goes through them by eights, of which the compiler makes no loop: half of the work would be counting.
#[inline]
fn each<T: Copy, U: Copy>(from: &[T], to: &mut [U], turn: impl Fn(T) -> U) {
    let length = from.len().min(to.len());
    let (from, from_rest) = from[..length].as_chunks::<8>();
    let (to, to_rest) = to[..length].as_chunks_mut::<8>();
    for (to, from) in to.iter_mut().zip(from) {
        for at in 0..8 {
            to[at] = turn(from[at]);
        }
    }
    for (to, from) in to_rest.iter_mut().zip(from_rest) {
        *to = turn(*from);
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

/// By the upper 12 bits of a sample: the lower four do not count in A-law.
static ALAW_ENCODE: [u8; 1 << 12] = {
    let mut table = [0; 1 << 12];
    let mut i = 0;
    while i < table.len() {
        table[i] = alaw_compress(((i << 4) as u16) as i16);
        i += 1;
    }
    table
};

/// By the upper 14 bits of a sample: the lower two do not count in µ-law.
static ULAW_ENCODE: [u8; 1 << 14] = {
    let mut table = [0; 1 << 14];
    let mut i = 0;
    while i < table.len() {
        table[i] = ulaw_compress(((i << 2) as u16) as i16);
        i += 1;
    }
    table
};

static ALAW_DECODE: [i16; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < table.len() {
        table[i] = alaw_expand(i as u8);
        i += 1;
    }
    table
};

static ULAW_DECODE: [i16; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < table.len() {
        table[i] = ulaw_expand(i as u8);
        i += 1;
    }
    table
};

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
const fn alaw_compress(sample: i16) -> u8 {
    let mut magnitude = (if sample < 0 { !sample } else { sample }) >> 4;
    if magnitude > 15 {
        let mut exponent = 1;
        while magnitude > 31 {
            magnitude >>= 1;
            exponent += 1;
        }
        magnitude = magnitude - 16 + (exponent << 4);
    }
    let sign = if sample < 0 { 0 } else { 0x80 };
    (magnitude as u8 | sign) ^ 0x55
}

const fn alaw_expand(octet: u8) -> i16 {
    let code = octet ^ 0x55;
    let exponent = (code >> 4) & 0x07;
    let mut magnitude = (code & 0x0f) as i16;
    if exponent > 0 {
        magnitude += 16;
    }
    magnitude = (magnitude << 4) + 8;
    if exponent > 1 {
        magnitude <<= exponent - 1;
    }
    if code & 0x80 != 0 {
        magnitude
    } else {
        -magnitude
    }
}

/// Magnitude of 13 bits with a bias of 33: 3 bits of segment, 4 of mantissa, all bits inverted.
const fn ulaw_compress(sample: i16) -> u8 {
    let magnitude = ((if sample < 0 { !sample } else { sample }) >> 2) + 33;
    let magnitude = if magnitude > 0x1fff {
        0x1fff
    } else {
        magnitude
    };
    let mut segment = 1;
    let mut rest = magnitude >> 6;
    while rest != 0 {
        segment += 1;
        rest >>= 1;
    }
    let high = (8 - segment) as u8;
    let low = 0x0f - ((magnitude >> segment) & 0x0f) as u8;
    let sign = if sample < 0 { 0 } else { 0x80 };
    (high << 4) | low | sign
}

const fn ulaw_expand(octet: u8) -> i16 {
    let code = !octet;
    let exponent = (code >> 4) & 0x07;
    let mantissa = (code & 0x0f) as i16;
    let step = 4_i16 << (exponent + 1);
    let magnitude = (0x80_i16 << exponent) + step * mantissa + step / 2 - 4 * 33;
    if octet & 0x80 != 0 {
        magnitude
    } else {
        -magnitude
    }
}
