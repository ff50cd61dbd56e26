//! JSON read strictly: what two parsers could understand differently, or what could break a header
//! further on, is refused here and named by its pointer.

use std::{cell::RefCell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::{
    fault::{Faults, Place},
    limits,
    problem::{Kind, Problem},
};

/// The value of these bytes: one JSON text of at most [`limits::BODY_DEPTH`] levels, no member twice,
/// no CR, LF or NUL in any string.
pub(super) fn value(bytes: &[u8]) -> Result<Value, Problem> {
    let malformed = |why: serde_json::Error| Problem::new(Kind::InvalidJson, why.to_string());
    let wrong = RefCell::new(Faults::default());
    let seed = Seed {
        place: Place::Whole,
        depth: 0,
        wrong: &wrong,
    };
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    let value = seed.deserialize(&mut parser).map_err(malformed)?;
    parser.end().map_err(malformed)?;
    let wrong = wrong.into_inner();
    if wrong.is_empty() {
        Ok(value)
    } else {
        Err(Problem::invalid(wrong.into_vec()))
    }
}

/// What is read, and where it stands.
#[derive(Clone, Copy)]
struct Seed<'a> {
    place: Place<'a>,
    depth: usize,
    wrong: &'a RefCell<Faults>,
}

impl Seed<'_> {
    /// The depth of what stands in here.
    fn deeper<E: Error>(&self) -> Result<usize, E> {
        let most = limits::BODY_DEPTH;
        if self.depth >= most {
            return Err(E::custom(format!("nested deeper than {most} levels")));
        }
        Ok(self.depth + 1)
    }

    fn note(&self, detail: &str) {
        self.wrong.borrow_mut().note(self.place, detail);
    }

    fn check(&self, text: &str) {
        if text.contains(['\r', '\n', '\0']) {
            self.note("has a carriage return, line feed or NUL");
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        self.check(text);
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let mut values = Vec::new();
        loop {
            let seed = Seed {
                place: Place::Item(&self.place, values.len()),
                depth,
                ..self
            };
            match items.next_element_seed(seed)? {
                Some(value) => values.push(value),
                None => return Ok(Value::Array(values)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let mut members = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            let seed = Seed {
                place: Place::Member(&self.place, &name),
                depth,
                ..self
            };
            seed.check(&name);
            if members.contains_key(&name) {
                seed.note("stands there twice");
            }
            let value = entries.next_value_seed(seed)?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}
