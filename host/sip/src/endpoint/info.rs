//! INFO of the peer: keys that it presses ([`crate::info`]). Of Info Packages (RFC 6086) we want none.

use std::time::Instant;

use super::Endpoint;
use super::receive::{Arrived, Refusal};
use super::write::Answer;
use crate::event::{DialogId, Event};
use crate::info::Form;
use crate::wire::Request;

impl Endpoint {
    /// INFO in a call. What is no key (an empty body, a flash hook) is answered 200 as well.
    pub(super) fn info(
        &mut self,
        now: Instant,
        id: DialogId,
        arrived: &Arrived,
    ) -> Result<(), Refusal> {
        let request = &arrived.request;
        let (transaction, new) = self.enter(id, arrived)?;
        let answer = match judge(request, new) {
            Ok(digit) => {
                if let Some(digit) = digit {
                    self.emit(Event::Digit { dialog: id, digit });
                }
                Answer::new(200)
            }
            Err(refusal) => refusal.answer(None),
        };
        self.respond(now, transaction, request, answer);
        Ok(())
    }
}

/// The key that an INFO tells, if it tells one.
fn judge(request: &Request, new: bool) -> Result<Option<char>, Refusal> {
    let headers = request.headers();
    if !new {
        return Err(Refusal::new(500));
    }
    if headers.get("Info-Package").is_some() {
        return Err(Refusal::new(469).with("Recv-Info", ""));
    }
    if request.body().is_empty() {
        return Ok(None);
    }
    let mut forms = Form::ALL.into_iter();
    let form = forms.find(|it| headers.is_content(it.media_type()));
    let known = || Form::ALL.map(Form::media_type).join(", ");
    form.map(|form| form.key(request.body()))
        .ok_or_else(|| Refusal::new(415).with("Accept", known()))
}
