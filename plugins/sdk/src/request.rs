//! Requests over REST, and replies to them.
//!
//! Refusals are problem details (RFC 9457) whose `errors` name the offending member by a JSON pointer
//! (RFC 6901), as everywhere in the platform's API.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::{Reply, Request, is_address};

impl Request {
    /// The body as a `T`; a reply with 400 if it is none.
    ///
    /// ```
    /// # use jackfield_sdk::{Reply, Request, Result, Session};
    /// #[derive(serde::Deserialize)]
    /// struct Wake {
    ///     /// Milliseconds since 1970.
    ///     at: u64,
    /// }
    ///
    /// fn on_request(session: &mut Session<()>, request: Request) -> Result<Reply> {
    ///     let wake: Wake = match request.json() {
    ///         Ok(wake) => wake,
    ///         Err(refusal) => return Ok(refusal),
    ///     };
    ///     if wake.at <= session.now() {
    ///         return Ok(Reply::invalid_member("at", "is over"));
    ///     }
    ///     Ok(Reply::ok(&serde_json::json!({ "in": wake.at - session.now() })))
    /// }
    /// ```
    pub fn json<T: DeserializeOwned>(&self) -> core::result::Result<T, Reply> {
        serde_json::from_str(&self.body)
            .map_err(|why| Reply::invalid_body(&why.to_string(), vec![]))
    }

    /// The body as an object of exactly those members, all of them strings that are not empty; a
    /// reply with 400 that names every member that is missing, unknown or something else.
    ///
    /// ```
    /// # use jackfield_sdk::{Reply, Request};
    /// # fn dial(request: Request) -> Result<Reply, Reply> {
    /// let [caller, callee] = request.strings(["caller", "callee"])?;
    /// # Ok(Reply::ok(&[caller, callee])) }
    /// ```
    pub fn strings<const N: usize>(
        &self,
        names: [&str; N],
    ) -> core::result::Result<[String; N], Reply> {
        let (texts, []) = self.strings_and_flags(names, [])?;
        Ok(texts)
    }

    /// The same for an object that may have those flags as well: `true` or `false`, which is what an absent
    /// one is.
    ///
    /// ```
    /// # use jackfield_sdk::{Reply, Request};
    /// # fn dial(request: Request) -> Result<Reply, Reply> {
    /// let ([callee], [record]) = request.strings_and_flags(["callee"], ["record"])?;
    /// # Ok(Reply::ok(&(callee, record))) }
    /// ```
    pub fn strings_and_flags<const N: usize, const F: usize>(
        &self,
        names: [&str; N],
        flags: [&str; F],
    ) -> core::result::Result<([String; N], [bool; F]), Reply> {
        let body = self.json::<Value>()?;
        let Value::Object(members) = body else {
            return Err(Reply::invalid_body(
                "the body must be a JSON object",
                vec![],
            ));
        };
        let mut errors = Vec::new();
        let texts = names.map(|name| {
            string(&members, name).unwrap_or_else(|why| {
                errors.push(error(name, why));
                String::new()
            })
        });
        let set = flags.map(|name| match members.get(name) {
            None => false,
            Some(Value::Bool(set)) => *set,
            Some(_) => {
                errors.push(error(name, "must be true or false"));
                false
            }
        });
        let known = |name: &str| names.contains(&name) || flags.contains(&name);
        let unknown = members.keys().filter(|name| !known(name));
        errors.extend(unknown.map(|name| error(name, "is not known here")));
        if errors.is_empty() {
            Ok((texts, set))
        } else {
            Err(Reply::invalid_members(errors))
        }
    }

    /// The same, where each text is a telephone number or URI ([`is_address`]).
    pub fn addresses_and_flags<const N: usize, const F: usize>(
        &self,
        names: [&str; N],
        flags: [&str; F],
    ) -> core::result::Result<([String; N], [bool; F]), Reply> {
        let (texts, flags) = self.strings_and_flags(names, flags)?;
        let mut named = names.iter().zip(&texts);
        match named.find(|(_, text)| !is_address(text)) {
            Some((name, _)) => Err(Reply::invalid_member(
                name,
                "must be a telephone number or URI",
            )),
            None => Ok((texts, flags)),
        }
    }
}

impl Reply {
    /// A reply with 200 and that body.
    pub fn ok<T: Serialize>(body: &T) -> Self {
        Self::json(200, body)
    }

    /// A reply of that status, 200 to 499, with that body.
    pub fn json<T: Serialize>(status: u16, body: &T) -> Self {
        // Maps with keys that are no strings are the only values of which JSON has none.
        let body = serde_json::to_string(body).unwrap_or_else(|why| panic!("reply: {why}"));
        Self { status, body }
    }

    /// A refusal as problem details. `code` is for programs and stays; `detail` is for people.
    ///
    /// ```
    /// # use jackfield_sdk::Reply;
    /// let reply = Reply::problem(404, "not-pending", "no call is pending for this user");
    /// assert_eq!(reply.status, 404);
    /// assert!(reply.body.contains(r#""code":"not-pending""#));
    /// ```
    pub fn problem(status: u16, code: &str, detail: &str) -> Self {
        Self::json(
            status,
            &json!({ "status": status, "code": code, "detail": detail }),
        )
    }

    /// 400: this member of the body will not do.
    pub fn invalid_member(name: &str, why: &str) -> Self {
        Self::invalid_members(vec![error(name, why)])
    }

    /// 404: this policy answers no such verb.
    pub fn unknown_verb(verb: &str) -> Self {
        Self::problem(404, "unknown-verb", &format!("nothing here answers {verb}"))
    }

    fn invalid_members(errors: Vec<Value>) -> Self {
        let details: Vec<_> = errors.iter().filter_map(|e| e["detail"].as_str()).collect();
        let detail = details.join("; ");
        Self::invalid_body(&detail, errors)
    }

    fn invalid_body(detail: &str, errors: Vec<Value>) -> Self {
        let status = 400;
        let body = json!({
            "status": status, "code": "invalid-body", "detail": detail, "errors": errors,
        });
        Self::json(status, &body)
    }
}

fn string(members: &Map<String, Value>, name: &str) -> core::result::Result<String, &'static str> {
    match members.get(name) {
        None => Err("is missing"),
        Some(Value::String(text)) if text.is_empty() => Err("is empty"),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err("must be a string"),
    }
}

fn error(name: &str, why: &str) -> Value {
    let pointer = format!("#/{}", name.replace('~', "~0").replace('/', "~1"));
    json!({ "pointer": pointer, "detail": format!("{name} {why}") })
}

#[cfg(test)]
mod tests;
