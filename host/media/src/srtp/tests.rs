//! The vectors of RFC 3711, RFC 6188 and RFC 7714, and what no vector shows.

mod streams;

use aes::cipher::KeyInit;
use aes_gcm::{Aes128Gcm, Aes256Gcm};

use super::session::{Session, derived};
use super::*;
use crate::rtp::{self, Fixed};

fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(|c| !c.is_whitespace()).collect();
    let pairs = digits.chunks(2).map(|pair| pair.iter().collect::<String>());
    pairs
        .map(|pair| u8::from_str_radix(&pair, 16).unwrap())
        .collect()
}

fn array<const OCTETS: usize>(hex: &str) -> [u8; OCTETS] {
    octets(hex).try_into().unwrap()
}

/// Master key and salt of RFC 3711 §B.3.
fn of_rfc_3711(suite: Suite) -> Keys {
    let material = octets("E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6");
    Keys::new(suite, &material).unwrap()
}

/// Some keys of each suite, others for each `seed`.
fn keys(suite: Suite, seed: u8) -> Keys {
    Secret::new([seed; 32]).keys(suite)
}

/// A packet of ours: fixed header and twenty octets.
fn packet(ssrc: u32, sequence: u16) -> Vec<u8> {
    let fixed = Fixed {
        marker: false,
        payload_type: 8,
        sequence,
        timestamp: u32::from(sequence) * 160,
        ssrc,
    };
    rtp::build(fixed, &[0xd5; 20])
}

/// The packet, protected.
fn sealed(sealer: &mut Sealer, plain: &[u8]) -> Vec<u8> {
    let mut buffer = plain.to_vec();
    buffer.resize(plain.len() + OVERHEAD, 0);
    let len = sealer.seal(&mut buffer, plain.len()).unwrap();
    buffer.truncate(len);
    buffer
}

fn opened(opener: &mut Opener, sealed: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut buffer = sealed.to_vec();
    let len = opener.open(&mut buffer).inspect_err(|_| {
        // What is refused may be tried elsewhere.
        assert_eq!(buffer, sealed);
    })?;
    buffer.truncate(len);
    Ok(buffer)
}

/// RFC 3711 §B.2: the key stream is what becomes of zeros.
#[test]
fn the_key_stream_of_counter_mode_is_that_of_the_rfc() {
    let session = Session::Cm {
        aes: aes::Aes128Enc::new(&array("2B7E151628AED2A6ABF7158809CF4F3C").into()),
        salt: array("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"),
        mac: hmac::Hmac::new(&[0; 64].into()),
        tag: 10,
    };
    let mut packet = vec![0; 48 + OVERHEAD];
    session.seal_rtp(&mut packet, 0, 48, 0, 0).unwrap();
    let expected = octets(
        "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB
         41E95B3BB0A2E8DD477901E4FCA894C0",
    );
    assert_eq!(packet[..48], expected);
}

/// RFC 3711 §B.3.
#[test]
fn session_keys_are_derived_as_in_the_rfc() {
    let keys = of_rfc_3711(Suite::AesCm80);
    assert_eq!(
        derived(keys.key(), keys.salt(), 0),
        array::<16>("C61E7A93744F39EE10734AFE3FF7A087")
    );
    assert_eq!(
        derived(keys.key(), keys.salt(), 2),
        array::<14>("30CBBC08863D8C85D49DB34A9AE1")
    );
    assert_eq!(
        derived(keys.key(), keys.salt(), 1),
        array::<94>(
            "CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE
             E049646C43D9327AD175578EF7227098 6371C10C9A369AC2F94A8C5FBCDDDC25
             6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2"
        )
    );
}

/// RFC 6188 §7.2.
#[test]
fn session_keys_are_derived_with_256_bits_from_keys_of_256_bits() {
    let key = octets("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6");
    let salt = array("3b04803de51ee7c96423ab5b78d2");
    assert_eq!(
        derived(&key, salt, 0),
        array::<32>("5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4")
    );
    assert_eq!(
        derived(&key, salt, 2),
        array::<14>("fa31791685ca444a9e07c6c64e93")
    );
    assert_eq!(
        derived(&key, salt, 1),
        array::<20>("fd9c32d39ed5fbb5a9dc96b30818454d1313dc05")
    );
}

/// A packet as every other implementation protects it, under the keys of RFC 3711 §B.3.
#[test]
fn a_packet_in_counter_mode_is_encrypted_and_authenticated() {
    let plain = octets("800f1234decafbadcafebabe abababababababababababababababab");
    let mut sealer = Sealer::new(of_rfc_3711(Suite::AesCm80));
    let expected =
        octets("800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb");
    assert_eq!(sealed(&mut sealer, &plain), expected);
    let mut opener = Opener::new(of_rfc_3711(Suite::AesCm80));
    assert_eq!(opened(&mut opener, &expected), Ok(plain.clone()));
    // The same, but for the length of its tag.
    let mut short = Sealer::new(of_rfc_3711(Suite::AesCm32));
    assert_eq!(sealed(&mut short, &plain), expected[..expected.len() - 6]);
}

/// The session keys of RFC 7714 §16 and §17.
fn of_rfc_7714() -> [Session; 2] {
    let salt = array("517569642070726f2071756f");
    let short: [u8; 16] = array("000102030405060708090a0b0c0d0e0f");
    let long: [u8; 32] = array("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    [
        Session::Gcm128(Aes128Gcm::new(&short.into()), salt),
        Session::Gcm256(Aes256Gcm::new(&long.into()), salt),
    ]
}

/// RFC 7714 §16.1 and §16.2.
#[test]
fn rtp_under_aes_gcm_is_that_of_the_rfc() {
    let plain = octets(
        "8040f17b8041f8d35501a0b2 47616c6c696120657374206f6d6e69732064697669736120696e2070
         61727465732074726573",
    );
    let expected = [
        "8040f17b8041f8d35501a0b2 f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7
         d19b36de3adf8833 899d7f27beb16a9152cf765ee4390cce",
        "8040f17b8041f8d35501a0b2 32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ff
         ae0f1ba63799b87b 7aa3db36dfffd6b0f9bb7878d7a76c13",
    ];
    for (session, expected) in of_rfc_7714().iter().zip(expected.map(octets)) {
        let mut packet = plain.clone();
        packet.resize(plain.len() + 16, 0);
        let len = session.seal_rtp(&mut packet, 12, plain.len(), 0x5501_a0b2, 0xf17b);
        assert_eq!((len, &packet), (Some(plain.len() + 16), &expected));
        let len = session.open_rtp(&mut packet, 12, 0x5501_a0b2, 0xf17b);
        assert_eq!(len.map(|len| &packet[..len]), Some(&plain[..]));
    }
}

/// RFC 7714 §17.1 and §17.2; §17.3 is not encrypted, to which nobody has agreed.
#[test]
fn rtcp_under_aes_gcm_is_that_of_the_rfc() {
    let plain = octets(
        "81c8000d4d617273 4e5450314e545032525450200000042a0000e9304c756e61
         deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
    );
    let expected = [
        "81c8000d4d617273 63e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce0
         9b4686303ded0bb9275bc84aa458 96cf4d2fc5abf87245d9eade 800005d4",
        "81c8000d4d617273 d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415
         f658c61de0476f1b6fad1d1eb30c 4446839f57ff6f6cb26ac3be 800005d4",
    ];
    let ssrc = 0x4d61_7273;
    for (session, expected) in of_rfc_7714().iter().zip(expected.map(octets)) {
        let mut packet = plain.clone();
        packet.resize(plain.len() + OVERHEAD, 0);
        let len = session.seal_rtcp(&mut packet, plain.len(), ssrc, 0x5d4);
        assert_eq!((len, &packet), (Some(packet.len()), &expected));
        assert_eq!(session.rtcp_index(&packet), Some(0x5d4));
        let len = session.open_rtcp(&mut packet, ssrc, 0x5d4);
        assert_eq!(len.map(|len| &packet[..len]), Some(&plain[..]));
    }
    let [session, _] = of_rfc_7714();
    let tagged = [
        &plain[..],
        &octets("841dd9683dd78ec92ae58790125f62b3 000005d4"),
    ]
    .concat();
    assert_eq!(session.rtcp_index(&tagged), None);
}

#[test]
fn every_suite_opens_what_it_has_sealed_and_nothing_else_does() {
    for suite in Suite::ALL {
        let plain = packet(7, 1);
        let mut sealer = Sealer::new(keys(suite, 1));
        let secure = sealed(&mut sealer, &plain);
        assert_eq!(secure[..rtp::HEADER], plain[..rtp::HEADER]);
        assert_ne!(secure[rtp::HEADER..plain.len()], plain[rtp::HEADER..]);
        for at in 0..secure.len() {
            let mut changed = secure.clone();
            changed[at] ^= 1;
            let refused = opened(&mut Opener::new(keys(suite, 1)), &changed);
            assert!(refused.is_err(), "{suite} {at}");
        }
        for len in 0..secure.len() {
            let refused = opened(&mut Opener::new(keys(suite, 1)), &secure[..len]);
            assert!(refused.is_err(), "{suite} {len}");
        }
        let mut other = Opener::new(keys(suite, 2));
        assert_eq!(opened(&mut other, &secure), Err(Refused::Forged));
        let mut opener = Opener::new(keys(suite, 1));
        assert_eq!(opened(&mut opener, &secure), Ok(plain));
        assert_eq!(opened(&mut opener, &secure), Err(Refused::Replayed));
    }
}

#[test]
fn what_stands_before_the_payload_stays_readable() {
    let mut plain = packet(7, 1);
    // Two contributing sources, and an extension of one word.
    plain[0] = 2 << 6 | 1 << 4 | 2;
    let more = octets("00000001 00000002 bede0001 10ff0000");
    plain.splice(rtp::HEADER..rtp::HEADER, more);
    assert_eq!(rtp::header_length(&plain), Some(28));
    for suite in Suite::ALL {
        let secure = sealed(&mut Sealer::new(keys(suite, 1)), &plain);
        assert_eq!(secure[..28], plain[..28]);
        assert_ne!(secure[28..plain.len()], plain[28..]);
        let mut opener = Opener::new(keys(suite, 1));
        assert_eq!(opened(&mut opener, &secure), Ok(plain.clone()));
    }
}

#[test]
fn nothing_is_sealed_where_there_is_no_room_for_its_tag() {
    for suite in Suite::ALL {
        let mut sealer = Sealer::new(keys(suite, 1));
        let mut plain = packet(7, 1);
        let len = plain.len();
        assert_eq!(sealer.seal(&mut plain, len), None);
        assert_eq!(sealer.seal(&mut plain, len + 1), None);
        assert_eq!(sealer.seal_rtcp(&mut plain, len), None);
        assert_eq!(sealer.seal(&mut [0; 64], rtp::HEADER - 1), None);
        assert_eq!(plain, packet(7, 1));
    }
}

#[test]
fn keys_are_as_long_as_their_suite_wants_and_never_shown() {
    for suite in Suite::ALL {
        assert_eq!(Suite::named(suite.name()), Some(suite));
        let ours = keys(suite, 7);
        let material = ours.material();
        assert_eq!(Keys::new(suite, material), Some(ours.clone()));
        assert_eq!(Keys::new(suite, &material[1..]), None);
        assert_eq!(Keys::new(suite, &[material, &[0]].concat()), None);
        assert_eq!(format!("{ours:?}"), format!("Keys({suite})"));
        let shown = format!("{:?}", Sealer::new(ours.clone()));
        assert_eq!(shown, format!("Sealer(Keys({suite}), None)"));
        let shown = format!("{:?}", Opener::new(ours));
        assert_eq!(
            shown,
            format!("Opener(Keys({suite}), Streams {{ known: [] }})")
        );
    }
    assert_eq!(format!("{:?}", Secret::new([7; 32])), "Secret");
    assert_eq!(Suite::named("F8_128_HMAC_SHA1_80"), None);
}

#[test]
fn one_secret_has_other_keys_for_each_suite() {
    let secret = Secret::new([7; 32]);
    let all: std::collections::BTreeSet<Vec<u8>> = Suite::ALL
        .iter()
        .map(|&suite| secret.keys(suite).material()[..16].to_vec())
        .collect();
    assert_eq!(all.len(), Suite::ALL.len());
    assert_eq!(secret.keys(Suite::AesCm80), secret.keys(Suite::AesCm80));
}
