//! Requests whose sender must prove who it is, before anything is remembered of them.
//!
//! Owns what is neither taken nor refused yet: the owner has it in its hands, the endpoint has nothing.
//! Refuses to know passwords and who may do what.

use std::time::Instant;

use super::Endpoint;
use super::receive::{Arrived, Refusal, Source, screen};
use crate::event::{Conduct, Event, Flow, Identity};
use crate::wire::{Method, Request};

/// A request that the owner judges.
#[derive(Clone, Debug)]
pub struct Unproven {
    pub(super) arrived: Arrived,
}

impl Unproven {
    /// The request.
    pub fn request(&self) -> &Request {
        &self.arrived.request
    }

    /// Whether it came from a source that the owner does not know.
    pub fn is_stranger(&self) -> bool {
        self.arrived.source != Source::Known
    }

    /// Which way it came.
    pub fn flow(&self) -> Flow {
        self.arrived.flow
    }
}

impl Endpoint {
    /// Whether a request that begins something is the owner's to judge first.
    pub(super) fn needs_proof(&self, arrived: &Arrived) -> bool {
        match arrived.request.method().as_str() {
            "REGISTER" => true,
            "INVITE" => {
                let brings_proof = || arrived.request.headers().get("Authorization").is_some();
                arrived.source != Source::Known || brings_proof()
            }
            "OPTIONS" => arrived.source != Source::Known,
            _ => false,
        }
    }

    pub(super) fn ask_owner(&mut self, arrived: &Arrived) -> Result<(), Refusal> {
        if *arrived.request.method() == Method::REGISTER {
            screen(&arrived.request, true)?;
            self.room()?;
        }
        let arrived = arrived.clone();
        self.emit(Event::Unproven(Box::new(Unproven { arrived })));
        Ok(())
    }

    pub(super) fn order_challenge(&mut self, asked: Unproven, challenges: [String; 2]) {
        *self.refusals.requests.entry(401).or_default() += 1;
        let challenge = |values: &[String]| {
            values.iter().fold(Refusal::new(401), |refusal, value| {
                refusal.with("WWW-Authenticate", value.as_str())
            })
        };
        let offered = self.config.challenges.of(&challenges);
        let arrived = &asked.arrived;
        self.tell_conduct(arrived.flow, arrived.source, Conduct::Refused);
        let _ = self.answer_stateless(arrived, challenge(offered))
            || offered.len() > 1 && self.answer_stateless(arrived, challenge(&offered[1..]));
    }

    pub(super) fn order_refuse(&mut self, asked: &Unproven, status: u16) {
        self.refuse_unless(&asked.arrived, Err(Refusal::new(status)));
    }

    pub(super) fn order_admit(&mut self, now: Instant, asked: Unproven, proven: Option<Identity>) {
        let arrived = Arrived {
            proven,
            ..asked.arrived
        };
        if arrived.proven.is_some() {
            self.tell_proven(arrived.flow);
        }
        let done = self.receive(now, None, &arrived);
        self.refuse_unless(&arrived, done);
    }
}
