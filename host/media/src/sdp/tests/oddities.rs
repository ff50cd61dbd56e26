//! Lines that are odd, or that nobody here reads, cost no call: each stream is refused alone (RFC 3264 §6).

use super::*;

/// The `m=` lines of the answer to an offer of a good stream of audio and this behind it.
fn beside_audio(more: &str) -> Vec<String> {
    let (answer, agreed) = answered(&(audio("8", &[]) + more));
    assert_eq!(agreed.remote.port(), 4000, "{more}");
    let streams = answer.lines().filter(|line| line.starts_with("m="));
    streams.map(str::to_owned).collect()
}

#[test]
fn an_odd_stream_is_refused_in_its_place_with_its_own_formats() {
    for (odd, refused) in [
        (
            "m=application 70000 TCP/BFCP *",
            "m=application 0 TCP/BFCP *",
        ),
        ("m=message $ TCP/MSRP *", "m=message 0 TCP/MSRP *"),
        ("m=audio 70000 RTP/AVP 8 0", "m=audio 0 RTP/AVP 8 0"),
        ("m=video 5000/x RTP/AVP 31", "m=video 0 RTP/AVP 31"),
        ("m=video  5000  RTP/AVP\t31", "m=video 0 RTP/AVP 31"),
        // At least one format must be present.
        ("m=message 2855 TCP/MSRP", "m=message 0 TCP/MSRP *"),
    ] {
        let expect = ["m=audio 20000 RTP/AVP 8", refused];
        assert_eq!(beside_audio(&format!("{odd}\r\n")), expect);
        // Before it as well.
        let before = audio("8", &[]).replace("m=audio", &format!("{odd}\r\nm=audio"));
        assert!(answered(&before).0.contains(refused), "{odd}");
    }
}

#[test]
fn nothing_in_a_stream_of_another_kind_is_read() {
    for line in [
        "k=clear:a\r\nk=clear:b",
        "i=one\r\ni=two",
        "c=IN IP4",
        "b=AS",
        "a",
        "nonsense",
    ] {
        let streams = beside_audio(&format!("m=video 0 RTP/AVP 31\r\n{line}\r\n"));
        assert_eq!(streams[1], "m=video 0 RTP/AVP 31", "{line}");
    }
}

#[test]
fn lines_that_are_not_read_cannot_spoil_an_offer() {
    let plain = audio("8", &[]);
    for (of, lines) in [
        ("t=0 0", "t=0 0\r\nb=AS:64.5\r\nb=X-foo:abc"),
        (
            "t=0 0",
            "i=one\r\ni=two\r\nu=x\r\nu=y\r\ne=x\r\np=1\r\nt=0 0",
        ),
        ("t=0 0", "k=prompt\r\nk=prompt\r\nt=0 0"),
        ("t=0 0", "r=7d 1h 0 25h\r\nt=0 0\r\nr=x\r\nz=0 0 1\r\nz=x"),
        ("o=- 1 1", "o=- 1 99999999999999999999"),
        ("o=- 1 1", "o=John Doe 1 1"),
        ("s=-", "s=-\r\ns=once more"),
        ("s=-", "s="),
        ("m=audio 4000 RTP/AVP 8", "m=audio  4000\tRTP/AVP 8 "),
        (
            "AVP 8\r\n",
            "AVP 8\r\nb=X-foo:abc\r\nb=AS:64.5\r\nk=x\r\nk=y\r\n",
        ),
    ] {
        assert!(plain.contains(of), "{of}");
        let offer = plain.replacen(of, lines, 1);
        assert_eq!(answered(&offer), answered(&plain), "{offer}");
    }
}

#[test]
fn octets_of_another_alphabet_and_behind_the_end_are_passed_over() {
    let plain = audio("8", &["ptime:20"]);
    let at = plain.find("s=-").expect("it has a name") + 2;
    let mut latin = plain.clone().into_bytes();
    latin[at] = 0xe9;
    let label = [audio("8", &["ptime:20"]).as_bytes(), b"a=label:\xe9\r\n"].concat();
    let ended = |end: &str| [plain.as_bytes(), end.as_bytes()].concat();
    for offer in [
        latin,
        label,
        ended("\0"),
        ended("\r\n\r\n\0\0"),
        ended(" \r\n"),
    ] {
        let made = answer(&offer, local(), &Codec::ALL, SESSION);
        let (answer, agreed) = made.expect("it can be read");
        assert_eq!((text(&answer), agreed), answered(&plain));
    }
}

#[test]
fn blanks_at_an_attribute_hide_no_hold() {
    for line in ["sendonly ", " sendonly", "sendonly\t"] {
        let agreed = answered(&audio("8", &[line])).1;
        assert_eq!(agreed.direction, Direction::RecvOnly, "{line:?}");
    }
    let agreed = answered(&audio("8", &["ptime :30"])).1;
    assert_eq!(agreed.packing.octets(), 240);
}

#[test]
fn times_that_are_none_are_not_repeated() {
    for odd in ["t=0", "t=0 -1", "t=0 99999999999999999999", "t="] {
        let (answer, _) = answered(&audio("8", &[]).replace("t=0 0", odd));
        assert!(answer.contains("t=0 0\n"), "{odd}: {answer}"); // RFC 8866 §5.9
    }
}

#[test]
fn an_offer_of_nothing_but_odd_audio_is_told_what_is_odd() {
    let odd = audio("8", &[]).replace("4000", "70000") + "m=video 5000 RTP/AVP 31\r\n";
    let refusal = refused(&odd);
    assert_eq!(
        (refusal.status(), &*refusal.to_string()),
        (
            400,
            "malformed session description: no port or no format in `m=audio 70000 RTP/AVP 8`"
        )
    );
    // It cannot be answered in its place.
    let bare = audio("8", &[]) + "m=application 9\r\n";
    assert_eq!(refused(&bare).status(), 400);
    // Of other kinds there may be what there will.
    let none = audio("8", &[]).replace("m=audio 4000", "m=message x");
    assert_eq!(refused(&none), SdpError::NoAudio);
}
