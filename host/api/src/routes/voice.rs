//! How the audio of a phone or trunk is: the members that both have.

use model::{CodecName, Codecs, InbandDigits, Srtp, Voice};

use crate::body::Fields;

/// Reads them: none only if it has noted why.
pub(super) fn read(fields: &mut Fields<'_>) -> Option<Voice> {
    let srtp = fields.optional_checked("srtp", str::parse);
    let inband_digits = fields.optional_checked("inband_digits", str::parse);
    let names = fields.texts("codecs", CodecName::ALL.len(), str::parse);
    Some(Voice {
        srtp: srtp?.unwrap_or_default(),
        inband_digits: inband_digits?.unwrap_or_default(),
        codecs: match Codecs::new(&names?.unwrap_or_default()) {
            Ok(codecs) => codecs,
            Err(why) => return fields.refuse("codecs", why),
        },
    })
}

/// What is shown of it: what nobody has set is absent.
pub(super) fn srtp(voice: Voice) -> Option<&'static str> {
    (voice.srtp != Srtp::default()).then(|| voice.srtp.as_str())
}

/// The same.
pub(super) fn inband_digits(voice: Voice) -> Option<&'static str> {
    let set = voice.inband_digits;
    (set != InbandDigits::default()).then(|| set.as_str())
}

/// The same.
pub(super) fn codecs(voice: Voice) -> Vec<&'static str> {
    voice.codecs.iter().map(CodecName::as_str).collect()
}
