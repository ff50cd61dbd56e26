//! The agreement: answering an offer, and accepting the answer to ours (RFC 3264 §6, §7).

use std::net::{IpAddr, SocketAddr};

use sdp_types::{Media, Session};

use super::audio::{Audio, is_direction, is_open, is_usable};
use super::crypto::{self, Level, Line, Srtp};
use super::numbers::Numbers;
use super::write::{Stream, bytes, description, direction_attribute, refused};
use super::{
    Codec, Direction, Negotiated, PTIME_MS, SdpError, SessionVersion, Side, Types, parse,
    parse_ours,
};
use crate::command::Family;
use crate::srtp::Keys;

/// Answers an offer: the first stream of audio with a codec that we know is taken, every other one
/// gets port 0. `prefer` lists the codecs that we allow, best first; the first that was offered is
/// the only one of the answer, so that nobody changes codec in mid-call.
pub fn answer(
    offer: &[u8],
    local: SocketAddr,
    prefer: &[Codec],
    session: SessionVersion,
) -> Result<(Vec<u8>, Negotiated), SdpError> {
    let side = Side::new(prefer, Srtp::Off);
    answer_within(offer, local, &side, Direction::SendRecv, session)
}

/// The same for a side that may only send or receive thus, since whoever it speaks for is on hold. Of two
/// streams the one that is protected is taken.
pub fn answer_within(
    offer: &[u8],
    local: SocketAddr,
    side: &Side<'_>,
    limit: Direction,
    session: SessionVersion,
) -> Result<(Vec<u8>, Negotiated), SdpError> {
    let offered = parse(offer)?;
    let (prefer, srtp) = (side.codecs, side.srtp);
    let (index, audio) = choose(&offered, prefer, Some(local.ip()), srtp.level())?;
    let protected = srtp.answer(audio.crypto.choose(srtp.level())?);
    let (crypto, agreed): (Option<Line>, _) = protected.unzip();
    let (payload_type, codec) = best(&audio.formats, prefer)?;
    let telephone_event = audio.event(codec).filter(|_| side.events);
    let events = telephone_event.map(|pt| (pt, codec.clock()));
    let noise = audio.noise(codec).filter(|_| side.noise);
    // Our answer repeats the offer's number, so it is the same both ways.
    let both = |pt| Types {
        send: pt,
        receive: pt,
    };
    let direction = audio.direction.reversed().and(limit);

    let stream = Stream {
        proto: &offered.medias[index].proto,
        formats: &[(payload_type, codec)],
        events: events.as_slice(),
        noise,
        ptime_ms: side.ptime_ms,
        direction,
        rtcp_mux: audio.rtcp_mux,
        crypto: crypto.as_slice(),
    };
    let mut ours = description(local, session);
    // Whoever names no time, which must be, gets ours: the session has no bounds (RFC 8866 §5.9).
    if !offered.times.is_empty() {
        ours.times.clone_from(&offered.times);
    }
    ours.medias = offered.medias.iter().map(refused).collect();
    ours.medias[index] = stream.media(local.port());

    let agreed = Negotiated {
        remote: audio.remote,
        remote_rtcp: audio.remote_rtcp,
        codec,
        payload_type,
        receive: vec![(payload_type, codec)],
        telephone_event: telephone_event.map(both),
        noise: noise.map(both),
        packing: audio.packing,
        direction,
        srtp: agreed.map(Box::new),
    };
    Ok((bytes(&ours), agreed))
}

/// Takes the answer to an offer of ours. Both sides send under the other's payload types
/// (RFC 3264 §5.1); we go on receiving all that we offered, since media may overtake the answer.
pub fn accept(our_offer: &[u8], their_answer: &[u8]) -> Result<Negotiated, SdpError> {
    let offered = parse(our_offer)?;
    let answered = parse(their_answer)?;
    if offered.medias.len() != answered.medias.len() {
        return Err(SdpError::Mismatch("another number of media descriptions"));
    }
    let index = offered
        .medias
        .iter()
        .position(is_usable)
        .ok_or(SdpError::NoAudio)?;
    let ours = Audio::read(&offered, &offered.medias[index])?;
    let media = &answered.medias[index];
    check_same_stream(&offered.medias[index], media)?;
    let theirs = Audio::read(&answered, media)?;
    theirs.check_reachable(Some(ours.remote.ip()))?;

    let types = |(send, receive)| Types { send, receive };
    let in_offer = |codec: Codec| ours.formats.iter().any(|&(_, c)| c == codec);
    let (payload_type, codec) = theirs
        .formats
        .iter()
        .copied()
        .find(|&(_, codec)| in_offer(codec))
        .ok_or_else(|| no_codec(media))?;
    Ok(Negotiated {
        remote: theirs.remote,
        remote_rtcp: theirs.remote_rtcp,
        codec,
        payload_type,
        telephone_event: theirs.event(codec).zip(ours.event(codec)).map(types),
        noise: theirs.noise(codec).zip(ours.noise(codec)).map(types),
        receive: ours.formats,
        packing: theirs.packing,
        // An answer may not claim more than was offered; whatever it says, we keep to both.
        direction: ours.direction.and(theirs.direction.reversed()),
        srtp: ours.crypto.accept(&theirs.crypto)?.map(Box::new),
    })
}

/// Whether an offer can be answered at all.
pub fn check(offer: &[u8], side: &Side<'_>) -> Result<(), SdpError> {
    let offered = parse(offer)?;
    choose(&offered, side.codecs, None, side.srtp.level()).map(|_| ())
}

/// Of which family the address is of the stream that this side would take of an offer; `None` if there is none. That of
/// another stream, or of the session, need not be the same (RFC 8866 §5.7).
pub fn family(offer: &[u8], side: &Side<'_>) -> Option<Family> {
    let offered = parse(offer).ok()?;
    let (_, audio) = choose(&offered, side.codecs, None, side.srtp.level()).ok()?;
    Some(Family::of(audio.remote.ip()))
}

/// The audio codecs of an offer that we know, in its order, each once: those of every stream that could be taken,
/// as which one is depends on where we are.
pub fn offered_codecs(offer: &[u8]) -> Result<Vec<Codec>, SdpError> {
    let offered = parse(offer)?;
    choose(&offered, &Codec::ALL, None, Level::Either)?;
    let each = offered.medias.iter();
    let streams = each.filter_map(|it| judge(&offered, it, &Codec::ALL, None, Level::Either).ok());
    let mut codecs: Vec<Codec> = Vec::new();
    for (_, codec) in streams.flat_map(|audio| audio.formats) {
        if !codecs.contains(&codec) {
            codecs.push(codec);
        }
    }
    Ok(codecs)
}

/// Whether an offer has comfort noise (RFC 3389).
pub fn offers_noise(offer: &[u8]) -> bool {
    let offered = parse(offer);
    offered.is_ok_and(|it| {
        let chosen = choose(&it, &Codec::ALL, None, Level::Either);
        chosen.is_ok_and(|(_, audio)| audio.noise.is_some())
    })
}

/// Which way an offer lets audio flow, seen from the side that made it: the hold of RFC 3264 §8.4 and
/// that of RFC 2543, which names 0.0.0.0.
pub fn offered_direction(offer: &[u8]) -> Result<Direction, SdpError> {
    let offered = parse(offer)?;
    let (_, audio) = choose(&offered, &Codec::ALL, None, Level::Either)?;
    Ok(audio.direction)
}

/// Our last description once more, with another direction and version (RFC 3264 §8): its streams,
/// codecs and addresses stay what they are.
pub fn redirected(
    ours: &[u8],
    direction: Direction,
    session: SessionVersion,
) -> Result<Vec<u8>, SdpError> {
    changed(ours, session, |media| {
        media.attributes.retain(|it| !is_direction(&it.attribute));
        media.attributes.push(direction_attribute(direction));
    })
}

/// The same with no other keys of ours than these: whoever answers it may choose among no others.
pub fn narrowed(
    ours: &[u8],
    keys: Option<&Keys>,
    session: SessionVersion,
) -> Result<Vec<u8>, SdpError> {
    changed(ours, session, |media| {
        media.attributes.retain(|it| crypto::names(it, keys));
    })
}

/// Our last description with a change to the stream that we carry.
fn changed(
    ours: &[u8],
    session: SessionVersion,
    change: impl FnOnce(&mut Media),
) -> Result<Vec<u8>, SdpError> {
    let mut description = parse_ours(ours)?;
    let mut usable = description.medias.iter_mut().filter(|it| is_usable(it));
    change(usable.next().ok_or(SdpError::NoAudio)?);
    description.origin.sess_version = session.version;
    Ok(bytes(&description))
}

/// A new offer in a session that `before`, our last description, is part of: every stream keeps its
/// place, since none may go (RFC 3264 §8), and every payload type its meaning (§8.3.2).
pub fn offer_again(
    before: &[u8],
    codecs: &[Codec],
    direction: Direction,
    session: SessionVersion,
) -> Result<Vec<u8>, SdpError> {
    let mut description = parse_ours(before)?;
    let all = &description.medias;
    let index = all.iter().position(is_usable).ok_or(SdpError::NoAudio)?;
    let was = Audio::read(&description, &description.medias[index])?;
    let mut numbers = Numbers::of(&was);
    let formats: Vec<(u8, Codec)> = codecs.iter().map(|&it| (numbers.codec(it), it)).collect();
    let stream = Stream {
        proto: &description.medias[index].proto,
        formats: &formats,
        events: &numbers.events(codecs),
        noise: was.noise,
        ptime_ms: PTIME_MS,
        direction,
        rtcp_mux: true,
        crypto: &was.crypto.lines,
    };
    description.medias[index] = stream.media(was.remote.port());
    description.origin.sess_version = session.version;
    Ok(bytes(&description))
}

/// The first stream that we could carry with one of these codecs, and its place in the offer. If
/// there is none, what was wrong with the first that is audio.
fn choose(
    offered: &Session,
    codecs: &[Codec],
    local: Option<IpAddr>,
    level: Level,
) -> Result<(usize, Audio), SdpError> {
    let levels: &[Level] = match level {
        Level::Either => &[Level::Protected, Level::Either],
        Level::Plain => &[Level::Plain],
        Level::Protected => &[Level::Protected],
    };
    let mut refusal = None;
    for &level in levels {
        refusal = None;
        for (index, media) in offered.medias.iter().enumerate() {
            match judge(offered, media, codecs, local, level) {
                Ok(audio) => return Ok((index, audio)),
                Err(SdpError::NoAudio) => {}
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
    }
    Err(refusal.unwrap_or(SdpError::NoAudio))
}

fn judge(
    offered: &Session,
    media: &Media,
    codecs: &[Codec],
    local: Option<IpAddr>,
    level: Level,
) -> Result<Audio, SdpError> {
    if !is_open(media) {
        return Err(SdpError::NoAudio);
    }
    if !is_usable(media) {
        return Err(SdpError::Transport(media.proto.chars().take(64).collect()));
    }
    let audio = Audio::read(offered, media)?;
    audio.crypto.choose(level)?;
    if !audio.formats.iter().any(|(_, c)| codecs.contains(c)) {
        return Err(no_codec(media));
    }
    audio.check_reachable(local)?;
    Ok(audio)
}

fn best(formats: &[(u8, Codec)], prefer: &[Codec]) -> Result<(u8, Codec), SdpError> {
    let offered = |wanted: &Codec| formats.iter().copied().find(|(_, c)| c == wanted);
    prefer
        .iter()
        .find_map(offered)
        .ok_or_else(|| SdpError::NoCodec(String::new()))
}

fn no_codec(media: &Media) -> SdpError {
    SdpError::NoCodec(media.fmt.chars().take(64).collect())
}

fn check_same_stream(offered: &Media, answered: &Media) -> Result<(), SdpError> {
    if !answered.media.eq_ignore_ascii_case(&offered.media) {
        return Err(SdpError::Mismatch("another kind of media"));
    }
    if answered.port == 0 {
        return Err(SdpError::Refused);
    }
    if !answered.proto.eq_ignore_ascii_case(&offered.proto) {
        return Err(SdpError::Mismatch("another transport protocol"));
    }
    Ok(())
}
