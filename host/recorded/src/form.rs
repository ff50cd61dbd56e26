//! The model's nouns as they stand in the text of a turn.
//!
//! Each form mirrors its noun, member for member: the compiler refuses a noun that gained one which is not
//! told here.
#![expect(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands members over by reference"
)]

mod event;
mod view;

pub(crate) use event::EventForm;
pub(crate) use view::{AskedForm, CallOf, ConferenceOf};

/// Nouns that are written as one word, and read from it.
pub(crate) mod text {
    use std::{fmt::Display, str::FromStr};

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<T: Display, S: Serializer>(
        noun: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(noun)
    }

    pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// The same where there may be none.
pub(crate) mod maybe {
    use std::{fmt::Display, str::FromStr};

    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    pub(crate) fn serialize<T: Display, S: Serializer>(
        noun: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let text = noun.as_ref().map(ToString::to_string);
        text.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = Option::<String>::deserialize(deserializer)?;
        let noun = text.map(|text| text.parse().map_err(de::Error::custom));
        noun.transpose()
    }
}

/// A SIP status code.
pub(crate) mod cause {
    use model::Cause;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(cause: &Cause, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u16(cause.code())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Cause, D::Error> {
        u16::deserialize(from).map(Cause::from_network)
    }
}

/// A SIP status code where there may be none.
pub(crate) mod cause_maybe {
    use model::Cause;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        cause: &Option<Cause>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        cause.map(Cause::code).serialize(to)
    }

    pub(crate) fn deserialize<'de, D>(from: D) -> Result<Option<Cause>, D::Error>
    where
        D: Deserializer<'de>,
    {
        let code = Option::<u16>::deserialize(from)?;
        Ok(code.map(Cause::from_network))
    }
}
