//! A recorded session: the body of the API's answer, and a file.

use model::SessionId;
use serde::Deserialize;

use crate::{RecordedError, Turn, turn::Form};

/// The turns of one session, in order.
#[derive(Clone, Debug)]
pub struct Session {
    /// Which.
    pub id: SessionId,
    /// Its plugin.
    pub plugin: String,
    /// Its turns.
    pub turns: Vec<Turn>,
    /// How many more there were that are not recorded.
    pub lost: u32,
}

/// What the API answers; more is there for people.
#[derive(Deserialize)]
struct Answer {
    turns: Vec<Form>,
    #[serde(default)]
    turns_lost: u32,
}

impl Session {
    /// One of these turns, of which there is one at least.
    pub fn new(turns: Vec<Turn>) -> Result<Self, RecordedError> {
        let nothing = || RecordedError("it has no turns".to_owned());
        let first = turns.first().ok_or_else(nothing)?;
        let (id, plugin) = (first.view.session, first.view.plugin.clone());
        if turns.iter().any(|turn| turn.view.session != id) {
            return Err(RecordedError(
                "its turns are of several sessions".to_owned(),
            ));
        }
        let lost = 0;
        Ok(Self {
            id,
            plugin,
            turns,
            lost,
        })
    }

    /// Reads one: `{"turns": […]}`, as the API answers.
    pub fn read(text: &str) -> Result<Self, RecordedError> {
        let answer: Answer = serde_json::from_str(text)?;
        let turns: Result<_, _> = answer.turns.into_iter().map(Form::turn).collect();
        let lost = answer.turns_lost;
        Ok(Self {
            lost,
            ..Self::new(turns?)?
        })
    }

    /// Its text, a turn on each line.
    pub fn write(&self) -> Result<String, RecordedError> {
        let turns: Result<Vec<_>, _> = self.turns.iter().map(Turn::write).collect();
        let turns = turns?.join(",\n");
        let lost = match self.lost {
            0 => String::new(),
            lost => format!("\"turns_lost\": {lost}, "),
        };
        Ok(format!("{{{lost}\"turns\": [\n{turns}\n]}}\n"))
    }
}
