//! Telephone numbers in addresses.

/// The telephone number in a number or a SIP, SIPS or tel URI: its user part without parameters,
/// to be compared as plain text. It is what `Call::from_number` and `Call::to_number` give for a
/// call.
///
/// ```
/// # use jackfield_sdk::number;
/// assert_eq!(number("sip:2001@example.com;transport=tls"), "2001");
/// assert_eq!(number("2001"), "2001");
/// ```
pub fn number(address: &str) -> &str {
    let user = match address.split_once(':') {
        Some((scheme, rest)) if is(scheme, &["sip", "sips"]) => {
            rest.rsplit_once('@').map_or("", |(user, _)| user)
        }
        Some((scheme, rest)) if is(scheme, &["tel"]) => rest,
        _ => address,
    };
    user.split([';', ':', '?']).next().unwrap_or_default()
}

/// Whether the platform would take it for a number or URI of somebody who can be called, as far as that can be
/// told here. Its [`number`] has 1 to 200 octets, so that it can be a part of a key of the [`store`](crate::store).
pub fn is_address(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_graphic() && !"<>\"\\,".contains(c);
    let is_short = text.len() <= 512 && (1..=200).contains(&number(text).len());
    is_short && text.chars().all(is_plain)
}

fn is(scheme: &str, names: &[&str]) -> bool {
    names.iter().any(|name| scheme.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::{is_address, number};

    #[test]
    fn a_number_is_the_user_part() {
        for address in [
            "2001",
            "sip:2001@example.com",
            "SIPS:2001@example.com;transport=tls",
            "tel:2001;phone-context=example.com",
            "sip:2001;isub=1@example.com",
            "sip:2001:secret@example.com",
        ] {
            assert_eq!(number(address), "2001", "{address}");
        }
        assert_eq!(number("sip:example.com"), "");
        assert_eq!(number("sip:@example.com"), "");
    }

    #[test]
    fn an_address_is_a_number_or_a_uri_of_somebody() {
        for address in [
            "2001",
            "+4930123",
            "sip:2001@example.com",
            "tel:2001",
            &"1".repeat(200),
            &format!("sip:1@{}", "a".repeat(506)),
        ] {
            assert!(is_address(address), "{address}");
        }
        for text in [
            "",
            "20 01",
            "<2001>",
            "sip:@example.com",
            "3001\r\nVia: x",
            &"1".repeat(201),
            &format!("sip:1@{}", "a".repeat(507)),
        ] {
            assert!(!is_address(text), "{text:?}");
        }
    }
}
