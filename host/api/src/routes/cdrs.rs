//! Call detail records.

use std::collections::BTreeMap;

use axum::{Json, extract::State as Of};
use model::{CallId, Cdr};
use serde::Serialize;
use store::CdrFilter;
use utoipa::ToSchema;

use crate::{
    State,
    auth::Reads,
    list::{List, Parameters},
    problem::{Problem, ProblemBody},
    time::rfc3339,
};

/// The record of one call.
#[derive(Serialize, ToSchema)]
#[schema(as = Cdr)]
pub(super) struct CdrBody {
    /// `call_…`
    call_id: String,
    /// `ses_…`
    session_id: String,
    /// `inbound` or `outbound`, seen from the platform.
    direction: &'static str,
    /// The calling party, a full URI.
    from_uri: String,
    /// The called party, a full URI.
    to_uri: String,
    /// When it began.
    begin_time: String,
    /// When it was answered.
    answer_time: Option<String>,
    /// When it ended.
    end_time: Option<String>,
    /// `sys` or `usr`; null while it lives, and for calls whose end nobody saw.
    dropped_by: Option<&'static str>,
    /// The SIP status of its end.
    cause: Option<u16>,
    /// `released`, `node-lost`, `store-lost`, `limit`, `suspended` or `media-timeout`; null while it lives.
    end_reason: Option<&'static str>,
    /// The policy's text.
    user_data: String,
    /// The tenant's number that was called; empty if there is none.
    number: String,
    /// The plugin that decided.
    plugin: String,
    /// Its version.
    version: u32,
    /// The codec that was agreed.
    codec: Option<String>,
    /// RTP packets received from the party.
    packets_received: u64,
    /// RTP packets sent to the party.
    packets_sent: u64,
    /// RTP packets of the party that never came.
    packets_lost: u64,
    /// Interarrival jitter of what the party sent, in milliseconds; null if it sent nothing.
    jitter_ms: Option<f64>,
    /// RTP packets of ours that the party missed; null, as the next two, if it did not report.
    remote_lost: Option<u64>,
    /// Interarrival jitter of what the party got from us, in milliseconds.
    remote_jitter_ms: Option<f64>,
    /// To the party and back, in milliseconds.
    rtt_ms: Option<f64>,
    /// Mean opinion score, estimated (ITU-T G.107), of the worse direction: 1.0 to 4.41.
    mos: Option<f64>,
    /// What the policy's turns used: `turns`, `guest_us` (microseconds of a processor), `host_calls`, `memory` (octets
    /// that one had at the most), and how many faulted: `faults`.
    usage: BTreeMap<&'static str, u64>,
}

/// The records, newest first
#[utoipa::path(get, path = "/api/v1/cdrs", tag = "calls",
    params(("limit" = Option<u32>, Query, description = "1 to 100; 20 if absent"),
           ("starting_after" = Option<String>, Query, description = "Those older than this `call_id`"),
           ("call_id" = Option<String>, Query, description = "Of this call"),
           ("session_id" = Option<String>, Query, description = "Of this session's calls"),
           ("user_data" = Option<String>, Query, description = "With this text"),
           ("number" = Option<String>, Query, description = "Of this number of the tenant"),
           ("from" = Option<String>, Query, description = "Begun at this time or later"),
           ("to" = Option<String>, Query, description = "Begun before this time")),
    responses((status = 200, body = List<CdrBody>),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn list(
    Reads(tenant): Reads,
    Of(state): Of<State>,
    mut query: Parameters,
) -> Result<Json<List<CdrBody>>, Problem> {
    let page = query.page::<CallId>();
    let filter = CdrFilter {
        call: query.take("call_id"),
        session: query.take("session_id"),
        user_data: query.take("user_data"),
        number: query.take("number"),
        from: query.time("from"),
        to: query.time("to"),
    };
    query.finish()?;
    Ok(List::of(state.store().cdrs(tenant, &filter, &page).await?))
}

impl From<Cdr> for CdrBody {
    fn from(cdr: Cdr) -> Self {
        let usage = [
            ("turns", u64::from(cdr.usage.turns)),
            ("guest_us", cdr.usage.guest_us),
            ("host_calls", u64::from(cdr.usage.host_calls)),
            ("memory", cdr.usage.memory),
            ("faults", u64::from(cdr.usage.faults)),
        ];
        let quality = cdr.quality;
        let milliseconds = |us: u64| us as f64 / 1_000.0;
        Self {
            call_id: cdr.call.to_string(),
            session_id: cdr.session.to_string(),
            direction: cdr.direction.as_str(),
            from_uri: cdr.from.to_string(),
            to_uri: cdr.to.to_string(),
            begin_time: rfc3339(cdr.begin),
            answer_time: cdr.answer.map(rfc3339),
            end_time: cdr.end.map(rfc3339),
            dropped_by: cdr.dropped_by.map(model::ReleasedBy::as_str),
            cause: cdr.cause,
            end_reason: cdr.end_reason.map(model::EndReason::as_str),
            user_data: cdr.user_data,
            number: cdr.number,
            plugin: cdr.plugin,
            version: cdr.version,
            codec: cdr.codec,
            packets_received: cdr.packets_received,
            packets_sent: cdr.packets_sent,
            packets_lost: cdr.packets_lost,
            jitter_ms: quality.jitter_us.map(milliseconds),
            remote_lost: quality.remote_lost,
            remote_jitter_ms: quality.remote_jitter_us.map(milliseconds),
            rtt_ms: quality.rtt_us.map(milliseconds),
            mos: quality.mos.map(|mos| f64::from(mos) / 100.0),
            usage: usage.into(),
        }
    }
}
