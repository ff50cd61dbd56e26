//! A component that is cheap to send and dear to compile, and the octets that such are made of.

/// An empty component: it exports nothing.
pub(crate) const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

/// A component or module with one more section.
pub(crate) fn with_section(base: &[u8], id: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = base.to_vec();
    bytes.push(id);
    bytes.extend(length(content.len()));
    bytes.extend(content);
    bytes
}

/// A length, as LEB128.
pub(crate) fn length(mut rest: usize) -> Vec<u8> {
    let mut octets = Vec::new();
    while rest > 0x7f {
        octets.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    octets.push(rest as u8);
    octets
}

/// That policy with a module that nobody instantiates: 60 KB that make it a bomb.
pub(crate) fn bomb_in(component: &[u8]) -> Vec<u8> {
    with_section(component, 1, &bomb(3_000, 4_000))
}

/// One function of loops in loops, around a use of each of many locals: each loop must hand each local on, so
/// that the compiler's work grows with the product of both.
fn bomb(loops: usize, locals: u32) -> Vec<u8> {
    let mut body = [&[1][..], &length(locals as usize), &[0x7e]].concat();
    body.extend([0x03, 0x40].repeat(loops));
    for local in 0..locals {
        // local = local + 1
        let local = length(local as usize);
        body.extend([&[0x20][..], &local, &[0x42, 1, 0x7c, 0x21], &local].concat());
    }
    // Each loop may begin again.
    body.extend([0x20, 0, 0xa7, 0x0d, 0, 0x0b].repeat(loops));
    body.push(0x0b);
    let code = [&[1][..], &length(body.len()), &body].concat();
    let module = b"\0asm\x01\0\0\0";
    let module = with_section(module, 1, &[1, 0x60, 0, 0]);
    let module = with_section(&module, 3, &[1, 0]);
    with_section(&module, 10, &code)
}
