//! Octets in a text: as they are where they are text, else in base64.

use std::{borrow::Cow, fmt};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Octets.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Octets(pub(crate) Vec<u8>);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form<'a> {
    Text(Cow<'a, str>),
    Base64 { base64: Cow<'a, str> },
}

impl Serialize for Octets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let form = match std::str::from_utf8(&self.0) {
            Ok(text) => Form::Text(text.into()),
            Err(_) => Form::Base64 {
                base64: STANDARD.encode(&self.0).into(),
            },
        };
        form.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Form::deserialize(deserializer)? {
            Form::Text(text) => Ok(Self(text.into_owned().into_bytes())),
            Form::Base64 { base64 } => {
                let octets = STANDARD.decode(base64.as_bytes());
                octets.map(Self).map_err(de::Error::custom)
            }
        }
    }
}

impl fmt::Debug for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        String::from_utf8_lossy(&self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::Octets;

    #[test]
    fn octets_are_read_as_they_were_written_and_text_is_readable() {
        for (octets, text) in [
            (&b"{\"a\":1}"[..], r#""{\"a\":1}""#),
            (&[0xff, 0][..], r#"{"base64":"/wA="}"#),
            (&[][..], r#""""#),
        ] {
            let octets = Octets(octets.to_vec());
            assert_eq!(serde_json::to_string(&octets).unwrap(), text);
            assert_eq!(serde_json::from_str::<Octets>(text).unwrap(), octets);
        }
        assert!(serde_json::from_str::<Octets>(r#"{"base64":"?"}"#).is_err());
    }
}
