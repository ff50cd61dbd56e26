//! What is wrong with a body or a query, member by member.
//!
//! Owns how a fault is named and how many are told. A hostile body can be wrong in ten thousand
//! places with names as long as itself, so names are written only for the faults that are told, and
//! neither they nor their number grow with the body.

use serde::Serialize;
use utoipa::ToSchema;

use crate::limits;

/// One wrong member of a body, or one wrong query parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Wrong {
    /// A JSON pointer as a URI fragment: `#/accept_from/0`; of a query, `#/limit`. A very long one is
    /// cut.
    pub(crate) pointer: String,
    /// What is wrong with it.
    pub(crate) detail: String,
}

impl Wrong {
    pub(crate) fn new(place: Place<'_>, detail: &str) -> Self {
        let mut pointer = String::new();
        // None: it was cut.
        let _ = place.write(&mut pointer);
        let detail = &detail[..detail.floor_char_boundary(limits::FAULT_TEXT)];
        Self {
            pointer,
            detail: detail.to_owned(),
        }
    }
}

/// Where in a body something stands. Made for every member that is read, so it costs nothing until
/// it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    /// The body itself.
    Whole,
    /// A member of the object that stands there.
    Member(&'a Place<'a>, &'a str),
    /// An item of the list that stands there.
    Item(&'a Place<'a>, usize),
}

impl<'a> Place<'a> {
    /// A member of the body, or a parameter of the query.
    pub(crate) fn member(name: &'a str) -> Self {
        Self::Member(&Place::Whole, name)
    }

    /// The pointer as a URI fragment (RFC 6901 §6); none if it is cut.
    fn write(&self, to: &mut String) -> Option<()> {
        match self {
            Self::Whole => add(to, "#"),
            Self::Member(object, name) => {
                object.write(to)?;
                add(to, "/")?;
                name.bytes().try_for_each(|byte| add_octet(to, byte))
            }
            Self::Item(list, at) => {
                list.write(to)?;
                add(to, &format!("/{at}"))
            }
        }
    }
}

/// One octet of a name: escaped as in a pointer (RFC 6901 §3), then as in a fragment (RFC 3986 §3.5).
fn add_octet(to: &mut String, byte: u8) -> Option<()> {
    match byte {
        b'~' => add(to, "~0"),
        b'/' => add(to, "~1"),
        _ if byte.is_ascii_alphanumeric() || b"-._!$&'()*+,;=:@?".contains(&byte) => {
            add(to, char::from(byte).encode_utf8(&mut [0; 4]))
        }
        _ => add(to, &format!("%{byte:02X}")),
    }
}

fn add(to: &mut String, piece: &str) -> Option<()> {
    (to.len() + piece.len() <= limits::FAULT_TEXT).then(|| to.push_str(piece))
}

/// The first [`limits::FAULTS`] faults of a body or a query.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Wrong>);

impl Faults {
    /// Notes a fault, unless enough are noted.
    pub(crate) fn note(&mut self, place: Place<'_>, detail: &str) {
        if self.0.len() < limits::FAULTS {
            self.0.push(Wrong::new(place, detail));
        }
    }

    /// Those of a part of the same body.
    pub(crate) fn add(&mut self, of_a_part: Vec<Wrong>) {
        let room = limits::FAULTS - self.0.len();
        self.0.extend(of_a_part.into_iter().take(room));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn into_vec(self) -> Vec<Wrong> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Faults, Place, Wrong};
    use crate::limits;

    fn pointer(place: Place<'_>) -> String {
        Wrong::new(place, "").pointer
    }

    #[test]
    fn a_place_is_a_pointer_in_a_fragment() {
        let list = Place::member("accept_from");
        assert_eq!(pointer(Place::Whole), "#");
        assert_eq!(pointer(Place::Item(&list, 7)), "#/accept_from/7");
        assert_eq!(pointer(Place::member("a/b~")), "#/a~1b~0");
        assert_eq!(pointer(Place::member("ä \"%\u{1}")), "#/%C3%A4%20%22%25%01");
    }

    #[test]
    fn long_names_are_cut_between_octets_and_long_details_between_characters() {
        let most = limits::FAULT_TEXT;
        assert_eq!(pointer(Place::member(&"x".repeat(most))).len(), most);
        let cut = pointer(Place::member(&"\n".repeat(most)));
        assert!(cut.len() <= most && cut.ends_with("%0A"), "{cut}");
        let long = "x".repeat(most);
        let beneath = Place::member(&long);
        assert_eq!(pointer(Place::Item(&beneath, 1)).len(), most);
        let detail = Wrong::new(Place::Whole, &"ä€".repeat(most)).detail;
        assert!((most - 3..=most).contains(&detail.len()), "{detail}");
    }

    #[test]
    fn no_more_faults_are_told_than_the_limit() {
        let mut faults = Faults::default();
        for _ in 0..=limits::FAULTS {
            faults.note(Place::Whole, "wrong");
        }
        assert_eq!(faults.into_vec().len(), limits::FAULTS);
    }
}
