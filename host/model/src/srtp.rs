//! Whether the audio of a phone or trunk is encrypted (SRTP, its keys by SDP: RFC 4568).

use std::str::FromStr;

/// Whether packets are protected on the way to and from a phone or trunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Srtp {
    /// Never: whoever insists is refused.
    #[default]
    Off,
    /// Where the other side will, and takes it well: calls to it offer both, calls from it get what they
    /// offer.
    Offer,
    /// Always: there is no call without.
    Require,
}

impl Srtp {
    const ALL: [Self; 3] = [Self::Off, Self::Offer, Self::Require];

    /// `off`, `offer` or `require`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Offer => "offer",
            Self::Require => "require",
        }
    }
}

impl FromStr for Srtp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|it| it.as_str() == text);
        named.ok_or_else(|| "is none of \"off\", \"offer\" and \"require\"".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::Srtp;

    #[test]
    fn a_setting_is_read_as_it_is_written() {
        for it in Srtp::ALL {
            assert_eq!(it.as_str().parse(), Ok(it));
        }
        assert!("OFF".parse::<Srtp>().is_err());
    }
}
