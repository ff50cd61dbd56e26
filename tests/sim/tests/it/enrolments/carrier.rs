//! A carrier that a test speaks for: registrars by hand, and what passes between them and the node.

use std::time::Duration;

use sim::World;

const SECOND: Duration = Duration::from_secs(1);
/// How often a carrier looks what has come.
const LOOK: Duration = Duration::from_millis(100);
pub(super) const CHALLENGE: &str =
    "401 Who\r\nWWW-Authenticate: Digest realm=\"carrier\",nonce=\"n\",qop=\"auth\"";

/// Several registrars by hand, and what passes between them and the node.
pub(super) struct Carrier {
    /// Name, hand and how much of what it heard is seen.
    pub(super) places: Vec<(&'static str, usize, usize)>,
    pub(super) ladder: String,
    pub(super) registers: Vec<String>,
}

/// A REGISTER that a carrier has heard.
pub(super) struct Asked<'a> {
    pub(super) at: &'static str,
    pub(super) text: &'a str,
}

impl Asked<'_> {
    pub(super) fn is_proven(&self) -> bool {
        self.text
            .contains("\r\nAuthorization: Digest username=\"us\"")
    }
}

/// A 200 that grants so many seconds.
pub(super) fn granted(seconds: u32) -> String {
    format!("200 OK\r\nExpires: {seconds}")
}

/// A challenge, then that answer.
pub(super) fn proven(answer: impl Into<String>) -> impl Fn(&Asked<'_>) -> Option<String> {
    let answer = answer.into();
    move |asked| {
        let challenge = CHALLENGE.to_owned();
        Some(if asked.is_proven() {
            answer.clone()
        } else {
            challenge
        })
    }
}

impl Carrier {
    pub(super) fn of(world: &mut World, places: &[&'static str]) -> Self {
        let hand = |name: &&'static str| {
            let line = world.line(0, name);
            (*name, world.by_hand(line), 0)
        };
        Self {
            places: places.iter().map(hand).collect(),
            ladder: String::new(),
            registers: Vec::new(),
        }
    }

    /// For so many seconds each REGISTER gets the answer that `answer` has for it, or none.
    pub(super) fn answers(
        &mut self,
        world: &mut World,
        seconds: u32,
        answer: impl Fn(&Asked<'_>) -> Option<String>,
    ) {
        let until = world.now() + seconds * SECOND;
        while world.now() < until {
            world.run_for(LOOK);
            for place in 0..self.places.len() {
                self.look(world, place, &answer);
            }
        }
    }

    fn look(
        &mut self,
        world: &mut World,
        place: usize,
        answer: &impl Fn(&Asked<'_>) -> Option<String>,
    ) {
        let (at, hand, seen) = &mut self.places[place];
        let heard: Vec<String> = world.hand(*hand).heard()[*seen..].to_vec();
        *seen += heard.len();
        let (at, hand) = (*at, *hand);
        for text in heard.iter().filter(|text| text.starts_with("REGISTER")) {
            // Copies are no further questions.
            if self.registers.contains(text) {
                continue;
            }
            self.registers.push(text.clone());
            self.show(world.now(), "→", at, text);
            if let Some(status) = answer(&Asked { at, text }) {
                let said = world.hand(hand).respond(text, &status, "t", "");
                self.show(world.now(), "←", at, &String::from_utf8_lossy(&said));
                world.send(hand, said);
            }
        }
    }

    /// What matters of a message.
    fn show(&mut self, now: Duration, way: &str, at: &str, text: &str) {
        let shown = ["To", "CSeq", "Contact", "Expires", "Min-Expires"];
        let mut lines = text.lines();
        let (seconds, start) = (now.as_secs_f64(), lines.next().unwrap_or_default());
        let line = format!("{seconds:8.1} {way} {at:7} {start}\n");
        self.ladder.push_str(&line);
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap_or_default();
            let value = match name {
                "Authorization" => "…",
                _ if shown.contains(&name) && way == "→" => value,
                "Expires" | "Min-Expires" => value,
                _ => continue,
            };
            self.ladder
                .extend(["             ", name, ": ", value, "\n"]);
        }
    }

    /// How many REGISTERs it has heard.
    pub(super) fn count(&self) -> usize {
        self.registers.len()
    }

    /// The last value of that header.
    pub(super) fn last(&self, name: &str) -> String {
        let header = format!("{name}: ");
        let last = self.registers.last().expect("it was asked");
        let mut lines = last.lines().filter_map(|line| line.strip_prefix(&header));
        lines.next().expect("it has it").to_owned()
    }
}
