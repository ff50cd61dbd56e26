//! How the audio of a phone or trunk is: encrypted or not, in which codecs, and where its keys are heard.

use std::{fmt, str::FromStr};

use crate::Srtp;

/// What is set of the audio of a phone or trunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Voice {
    /// Whether packets are protected.
    pub srtp: Srtp,
    /// Whether keys are looked for in the audio itself.
    pub inband_digits: InbandDigits,
    /// What it is offered and may choose from.
    pub codecs: Codecs,
}

/// Whether keys are looked for in the audio, for peers that send no telephone events (RFC 4733).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InbandDigits {
    /// Never.
    Off,
    /// In calls for which telephone events were not agreed on.
    #[default]
    Auto,
    /// Always: for a peer that agrees to events and sends none.
    On,
}

impl InbandDigits {
    const ALL: [Self; 3] = [Self::Off, Self::Auto, Self::On];

    /// `off`, `auto` or `on`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Auto => "auto",
            Self::On => "on",
        }
    }
}

impl FromStr for InbandDigits {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|it| it.as_str() == text);
        named.ok_or("is none of \"off\", \"auto\" and \"on\"")
    }
}

/// An audio codec by its name in SDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodecName {
    /// G.711 A-law.
    Pcma,
    /// G.711 µ-law.
    Pcmu,
    /// G.722.
    G722,
    /// Opus. A program that was built without it knows the name and has nothing for it.
    Opus,
}

impl CodecName {
    /// All that there are.
    pub const ALL: [Self; 4] = [Self::Pcma, Self::Pcmu, Self::G722, Self::Opus];

    /// `PCMA`, `PCMU`, `G722` or `opus`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pcma => "PCMA",
            Self::Pcmu => "PCMU",
            Self::G722 => "G722",
            Self::Opus => "opus",
        }
    }
}

impl FromStr for CodecName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|it| it.as_str() == text);
        named.ok_or("is none of \"PCMA\", \"PCMU\", \"G722\" and \"opus\"")
    }
}

/// Codecs, the best first, each once; none: all, in the order that fits the call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Codecs([Option<CodecName>; CodecName::ALL.len()]);

impl Codecs {
    /// Of these, in this order.
    pub fn new(names: &[CodecName]) -> Result<Self, &'static str> {
        let mut codecs = Self::default();
        for (at, name) in names.iter().enumerate() {
            if names[..at].contains(name) {
                return Err("names a codec twice");
            }
            // As many places as names that are not the same.
            codecs.0[at] = Some(*name);
        }
        Ok(codecs)
    }

    /// Whether nothing is set: all may be.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// The best first; empty if nothing is set.
    pub fn iter(&self) -> impl Iterator<Item = CodecName> + '_ {
        self.0.iter().flatten().copied()
    }
}

/// As a row holds them: `PCMA,G722`, or nothing.
impl fmt::Display for Codecs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.iter().enumerate() {
            let between = if at == 0 { "" } else { "," };
            write!(f, "{between}{}", name.as_str())?;
        }
        Ok(())
    }
}

impl FromStr for Codecs {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names = text.split(',').filter(|it| !it.is_empty());
        let names: Result<Vec<_>, _> = names.map(CodecName::from_str).collect();
        Self::new(&names?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_read_as_it_is_written() {
        for it in InbandDigits::ALL {
            assert_eq!(it.as_str().parse(), Ok(it));
        }
        assert!("ON".parse::<InbandDigits>().is_err());
        for text in ["", "G722", "PCMU,PCMA", "PCMA,PCMU,G722,opus"] {
            assert_eq!(text.parse::<Codecs>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_codec_is_known_and_named_once() {
        for text in ["OPUS", "pcma", "PCMA,PCMA", "PCMA,G722,PCMU,G722"] {
            assert!(text.parse::<Codecs>().is_err(), "{text}");
        }
    }
}
