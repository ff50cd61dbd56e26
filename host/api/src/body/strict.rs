//! JSON read strictly: what two parsers could understand differently, or what could break a header
//! further on, is refused here and named by its pointer.

use std::{cell::RefCell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::{
    limits,
    problem::{Kind, Problem, Wrong},
};

/// The value of these bytes: one JSON text of at most [`limits::BODY_DEPTH`] levels, no member twice,
/// no CR, LF or NUL in any string.
pub(super) fn value(bytes: &[u8]) -> Result<Value, Problem> {
    let malformed = |why: serde_json::Error| Problem::new(Kind::InvalidJson, why.to_string());
    let wrong = RefCell::new(Vec::new());
    let seed = Seed {
        pointer: "#",
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
        Err(Problem::invalid(wrong))
    }
}

/// One reference token of a JSON pointer (RFC 6901 §3).
pub(super) fn token(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The place that is read.
#[derive(Clone, Copy)]
struct Seed<'a> {
    pointer: &'a str,
    depth: usize,
    wrong: &'a RefCell<Vec<Wrong>>,
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

    fn note(&self, pointer: &str, detail: &str) {
        self.wrong.borrow_mut().push(Wrong::new(pointer, detail));
    }

    fn check(&self, pointer: &str, text: &str) {
        if text.contains(['\r', '\n', '\0']) {
            self.note(pointer, "has a carriage return, line feed or NUL");
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
        self.check(self.pointer, text);
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let mut values = Vec::new();
        loop {
            let pointer = format!("{}/{}", self.pointer, values.len());
            let seed = Seed {
                pointer: &pointer,
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
            let pointer = format!("{}/{}", self.pointer, token(&name));
            self.check(&pointer, &name);
            let seed = Seed {
                pointer: &pointer,
                depth,
                ..self
            };
            let value = entries.next_value_seed(seed)?;
            if members.insert(name, value).is_some() {
                self.note(&pointer, "stands there twice");
            }
        }
        Ok(Value::Object(members))
    }
}
