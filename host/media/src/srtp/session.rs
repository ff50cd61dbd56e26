//! Session keys, and one packet under them: RFC 3711 §4, RFC 7714 §8 and §9.
//!
//! Knows the place of a packet (its index) only as a number that it is given. What cannot be opened is
//! left as it came.

use aes::cipher::{BlockCipherEncrypt, BlockSizeUser, InnerIvInit, KeyInit, StreamCipher};
use aes::cipher::{array::Array, consts::U16};
use aes::{Aes128Enc, Aes256Enc};
use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use ctr::{Ctr128BE, CtrCore};
use hmac::{Hmac, Mac};
use sha1::Sha1;

use super::{Keys, SALT, Suite};

/// Octets of the salt and of the nonce of AES-GCM.
const NONCE: usize = 12;

/// Octets of the tag of AES-GCM.
const GCM_TAG: usize = 16;

/// Octets of the authentication key (RFC 3711 §5.2).
const AUTH_KEY: usize = 20;

/// Octets of an RTCP packet that are never encrypted (RFC 3711 §3.4).
pub(super) const RTCP_HEAD: usize = 8;

/// Octets of the index of SRTCP.
const WORD: usize = 4;

/// The bit of the index that says that a packet is encrypted.
const ENCRYPTED: u32 = 1 << 31;

/// Which of the two streams of packets keys are for; their labels (RFC 3711 §4.3.2) begin there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Rtp = 0,
    Rtcp = 3,
}

/// The session keys of one way of RTP or of RTCP.
pub(super) enum Session {
    Cm {
        aes: Aes128Enc,
        salt: [u8; SALT],
        mac: Hmac<Sha1>,
        tag: usize,
    },
    Gcm128(Aes128Gcm, [u8; NONCE]),
    Gcm256(Aes256Gcm, [u8; NONCE]),
}

impl Session {
    pub(super) fn new(keys: &Keys, of: Of) -> Self {
        let (key, salt) = (keys.key(), keys.salt());
        let label = |which: u8| of as u8 + which;
        let tag = match keys.suite() {
            Suite::AesGcm128 => {
                let gcm = Aes128Gcm::new(&derived(key, salt, label(0)).into());
                return Session::Gcm128(gcm, derived(key, salt, label(2)));
            }
            Suite::AesGcm256 => {
                let gcm = Aes256Gcm::new(&derived(key, salt, label(0)).into());
                return Session::Gcm256(gcm, derived(key, salt, label(2)));
            }
            Suite::AesCm32 if of == Of::Rtp => 4,
            Suite::AesCm32 | Suite::AesCm80 => 10,
        };
        // A key that is shorter than a block is one with zeros behind it (RFC 2104 §2).
        let mut block = [0; 64];
        block[..AUTH_KEY].copy_from_slice(&derived::<AUTH_KEY>(key, salt, label(1)));
        Session::Cm {
            aes: Aes128Enc::new(&derived(key, salt, label(0)).into()),
            salt: derived(key, salt, label(2)),
            mac: Hmac::new(&block.into()),
            tag,
        }
    }

    /// Protects the first `len` octets of `packet`, of which `head` stay readable. Its new length;
    /// `None` if there is no room behind it.
    pub(super) fn seal_rtp(
        &self,
        packet: &mut [u8],
        head: usize,
        len: usize,
        ssrc: u32,
        index: u64,
    ) -> Option<usize> {
        if head > len {
            return None;
        }
        let end = len + self.tag();
        let (data, rest) = packet.get_mut(..end)?.split_at_mut(len);
        if let Session::Cm { tag, .. } = self {
            self.stream(ssrc, index, &mut data[head..]);
            let mac = self.mac(data, &rollover(index))?;
            rest.copy_from_slice(mac.get(..*tag)?);
        } else {
            let (aad, text) = data.split_at_mut(head);
            rest.copy_from_slice(&self.encrypt(ssrc, index, aad, text)?);
        }
        Some(end)
    }

    /// Takes the protection off; the length of what is left. `None` if it is not from who has the keys.
    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        head: usize,
        ssrc: u32,
        index: u64,
    ) -> Option<usize> {
        let len = packet.len().checked_sub(self.tag())?;
        let (data, tag) = packet.split_at_mut(len);
        if head > len {
            return None;
        }
        if matches!(self, Session::Cm { .. }) {
            self.verify(data, &rollover(index), tag)?;
            self.stream(ssrc, index, &mut data[head..]);
        } else {
            let (aad, text) = data.split_at_mut(head);
            self.decrypt(ssrc, index, aad, text, tag)?;
        }
        Some(len)
    }

    /// The same for RTCP; the index goes with the packet.
    pub(super) fn seal_rtcp(
        &self,
        packet: &mut [u8],
        len: usize,
        ssrc: u32,
        index: u32,
    ) -> Option<usize> {
        let word = (index | ENCRYPTED).to_be_bytes();
        let end = len + self.tag() + WORD;
        let (data, rest) = packet.get_mut(..end)?.split_at_mut(len);
        let (head, text) = data.split_at_mut_checked(RTCP_HEAD)?;
        if let Session::Cm { tag, .. } = self {
            self.stream(ssrc, index.into(), text);
            let mac = self.mac(data, &word)?;
            rest[..WORD].copy_from_slice(&word);
            rest[WORD..].copy_from_slice(mac.get(..*tag)?);
        } else {
            let tag = self.encrypt(ssrc, index.into(), &rtcp_aad(head, word), text)?;
            rest[..GCM_TAG].copy_from_slice(&tag);
            rest[GCM_TAG..].copy_from_slice(&word);
        }
        Some(end)
    }

    /// The index that came with an RTCP packet. One that is not encrypted has none: nobody agreed to it.
    pub(super) fn rtcp_index(&self, packet: &[u8]) -> Option<u32> {
        let word = match self {
            Session::Cm { tag, .. } => packet.len().checked_sub(tag + WORD)?,
            _ => packet.len().checked_sub(WORD)?,
        };
        let word = u32::from_be_bytes(*packet.get(word..)?.first_chunk()?);
        (word & ENCRYPTED != 0).then_some(word & !ENCRYPTED)
    }

    pub(super) fn open_rtcp(&self, packet: &mut [u8], ssrc: u32, index: u32) -> Option<usize> {
        let word = (index | ENCRYPTED).to_be_bytes();
        let len = packet.len().checked_sub(self.tag() + WORD)?;
        let (data, rest) = packet.split_at_mut(len);
        let (head, text) = data.split_at_mut_checked(RTCP_HEAD)?;
        if matches!(self, Session::Cm { .. }) {
            self.verify(data, &word, &rest[WORD..])?;
            self.stream(ssrc, index.into(), &mut data[RTCP_HEAD..]);
        } else {
            let tag = &rest[..GCM_TAG];
            self.decrypt(ssrc, index.into(), &rtcp_aad(head, word), text, tag)?;
        }
        Some(len)
    }

    fn tag(&self) -> usize {
        match self {
            Session::Cm { tag, .. } => *tag,
            _ => GCM_TAG,
        }
    }

    /// The key stream of counter mode, over data of either kind (RFC 3711 §4.1.1).
    fn stream(&self, ssrc: u32, index: u64, data: &mut [u8]) {
        if let Session::Cm { aes, salt, .. } = self {
            let place = u128::from(ssrc) << 64 | u128::from(index) << 16;
            counter(aes, (left(*salt) ^ place).to_be_bytes(), data);
        }
    }

    fn mac(&self, data: &[u8], more: &[u8]) -> Option<[u8; 20]> {
        let Session::Cm { mac, .. } = self else {
            return None;
        };
        let mac = mac.clone().chain_update(data).chain_update(more);
        Some(mac.finalize().into_bytes().into())
    }

    fn verify(&self, data: &[u8], more: &[u8], tag: &[u8]) -> Option<()> {
        let Session::Cm { mac, .. } = self else {
            return None;
        };
        let mac = mac.clone().chain_update(data).chain_update(more);
        mac.verify_truncated_left(tag).ok()
    }

    fn encrypt(&self, ssrc: u32, index: u64, aad: &[u8], text: &mut [u8]) -> Option<[u8; GCM_TAG]> {
        let tag = match self {
            Session::Gcm128(gcm, salt) => {
                gcm.encrypt_inout_detached(&nonce(*salt, ssrc, index).into(), aad, text.into())
            }
            Session::Gcm256(gcm, salt) => {
                gcm.encrypt_inout_detached(&nonce(*salt, ssrc, index).into(), aad, text.into())
            }
            Session::Cm { .. } => return None,
        };
        tag.ok().map(Into::into)
    }

    fn decrypt(
        &self,
        ssrc: u32,
        index: u64,
        aad: &[u8],
        text: &mut [u8],
        tag: &[u8],
    ) -> Option<()> {
        let tag: [u8; GCM_TAG] = *tag.first_chunk()?;
        let tag = &tag.into();
        let done = match self {
            Session::Gcm128(gcm, salt) => {
                let nonce = nonce(*salt, ssrc, index).into();
                gcm.decrypt_inout_detached(&nonce, aad, text.into(), tag)
            }
            Session::Gcm256(gcm, salt) => {
                let nonce = nonce(*salt, ssrc, index).into();
                gcm.decrypt_inout_detached(&nonce, aad, text.into(), tag)
            }
            Session::Cm { .. } => return None,
        };
        done.ok()
    }
}

/// A session key or salt: RFC 3711 §4.3.1 and §4.3.3 at a derivation rate of 0; with 256 bits RFC 6188.
pub(super) fn derived<const OCTETS: usize>(
    key: &[u8],
    mut salt: [u8; SALT],
    label: u8,
) -> [u8; OCTETS] {
    salt[SALT - 7] ^= label;
    let start = left(salt).to_be_bytes();
    let mut out = [0; OCTETS];
    if let Some(&key) = key.first_chunk::<32>() {
        counter(&Aes256Enc::new(&key.into()), start, &mut out);
    } else if let Some(&key) = key.first_chunk::<16>() {
        counter(&Aes128Enc::new(&key.into()), start, &mut out);
    }
    out
}

/// A salt, with the sixteen bits behind it that count blocks.
fn left(salt: [u8; SALT]) -> u128 {
    let mut all = [0; 16];
    all[..SALT].copy_from_slice(&salt);
    u128::from_be_bytes(all)
}

fn counter<C>(cipher: &C, start: [u8; 16], data: &mut [u8])
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>,
{
    let core = CtrCore::inner_iv_init(cipher, &Array::from(start));
    // It fails beyond 2^64 octets only.
    let _ = Ctr128BE::<&C>::from_core(core).try_apply_keystream(data);
}

/// RFC 7714 §8.1, §9.1.
fn nonce(salt: [u8; NONCE], ssrc: u32, index: u64) -> [u8; NONCE] {
    let place = (u128::from(ssrc) << 48 | u128::from(index)).to_be_bytes();
    let mut nonce = salt;
    for (octet, place) in nonce.iter_mut().zip(&place[16 - NONCE..]) {
        *octet ^= place;
    }
    nonce
}

/// What is authenticated of an RTCP packet beside what is encrypted (RFC 7714 §9.2).
fn rtcp_aad(head: &[u8], word: [u8; WORD]) -> [u8; RTCP_HEAD + WORD] {
    let mut aad = [0; RTCP_HEAD + WORD];
    aad[..RTCP_HEAD].copy_from_slice(head);
    aad[RTCP_HEAD..].copy_from_slice(&word);
    aad
}

/// How often the sequence number began anew.
fn rollover(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}
