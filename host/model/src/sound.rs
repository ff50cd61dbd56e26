//! What may be played: a prompt of the tenant, a tone by rule, or silence.
//!
//! Owns the words for them (`welcome`, `tone:busy/de`, `silence:500`). How a tone sounds is for whoever
//! makes audio to know, and whether a prompt exists for the plan.

use std::{fmt, str::FromStr};

use crate::limits;

/// One piece of what is played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sound {
    /// The tenant's prompt of that name.
    Prompt(String),
    /// A tone of the network.
    Tone(Tone, Country),
    /// So many milliseconds of nothing, 20 to an hour's.
    Silence(u32),
}

/// A tone that networks make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// The called party rings.
    Ringback,
    /// It is busy.
    Busy,
    /// The network is.
    Congestion,
    /// After it one may speak; the same in every country.
    Beep,
}

/// Whose tones; the first is meant where none is named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Country {
    /// The United States.
    #[default]
    Us,
    /// The United Kingdom.
    Uk,
    /// Germany.
    De,
    /// France.
    Fr,
}

const TONES: [(&str, Tone); 4] = [
    ("ringback", Tone::Ringback),
    ("busy", Tone::Busy),
    ("congestion", Tone::Congestion),
    ("beep", Tone::Beep),
];

const COUNTRIES: [(&str, Country); 4] = [
    ("us", Country::Us),
    ("uk", Country::Uk),
    ("de", Country::De),
    ("fr", Country::Fr),
];

impl FromStr for Sound {
    type Err = String;

    /// A text without a colon is the name of a prompt, whatever it is.
    fn from_str(text: &str) -> Result<Self, String> {
        let Some((kind, rest)) = text.split_once(':') else {
            return Ok(Self::Prompt(text.to_owned()));
        };
        match kind {
            "tone" => {
                let (name, country) = rest.split_once('/').unwrap_or((rest, COUNTRIES[0].0));
                let tone = TONES.iter().find(|(word, _)| *word == name);
                let country = COUNTRIES.iter().find(|(word, _)| *word == country);
                match (tone, country) {
                    (Some((_, tone)), Some((_, country))) => Ok(Self::Tone(*tone, *country)),
                    (None, _) => Err(format!("there is no tone {name:?}")),
                    _ => Err("tones are known of us, uk, de and fr".to_owned()),
                }
            }
            "silence" => {
                let most = limits::SILENCE_LONGEST.as_millis();
                let ms = rest.parse().ok();
                let ms = ms.filter(|ms| *ms >= 20 && u128::from(*ms) <= most);
                let range = || format!("silence is 20 to {most} milliseconds");
                ms.map(Self::Silence).ok_or_else(range)
            }
            _ => Err(format!("{kind:?} is neither tone nor silence")),
        }
    }
}

impl fmt::Display for Sound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prompt(name) => f.write_str(name),
            Self::Tone(tone, country) => {
                let name = TONES.iter().find(|(_, it)| it == tone);
                let country = COUNTRIES.iter().find(|(_, it)| it == country);
                let [name, country] = [name.map(|it| it.0), country.map(|it| it.0)];
                let (name, country) = (name.unwrap_or_default(), country.unwrap_or_default());
                write!(f, "tone:{name}/{country}")
            }
            Self::Silence(ms) => write!(f, "silence:{ms}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Country, Sound, Tone};

    #[test]
    fn each_word_is_a_sound_and_each_sound_its_word() {
        for (word, sound) in [
            ("welcome", Sound::Prompt("welcome".into())),
            ("tone:ringback/de", Sound::Tone(Tone::Ringback, Country::De)),
            ("tone:beep/us", Sound::Tone(Tone::Beep, Country::Us)),
            ("silence:20", Sound::Silence(20)),
            ("silence:3600000", Sound::Silence(3_600_000)),
        ] {
            assert_eq!(word.parse(), Ok(sound.clone()));
            assert_eq!(sound.to_string(), word);
        }
        let busy = Sound::Tone(Tone::Busy, Country::Us);
        assert_eq!("tone:busy".parse(), Ok(busy));
        for wrong in [
            "tone:",
            "tone:bsy",
            "tone:busy/",
            "tone:busy/xx",
            "silence:",
            "silence:19",
            "silence:-1",
            "silence:3600001",
            "silence:99999999999",
            "file:x",
            ":",
        ] {
            assert!(wrong.parse::<Sound>().is_err(), "{wrong}");
        }
    }
}
