//! Every name on the page, what it means, and the buckets of histograms. `docs/operating.md` has the
//! same table for people; an end-to-end test holds the two against each other.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use model::turn::Fault;

/// Every way in which a turn can fail.
pub(super) const FAULTS: [Fault; 7] = [
    Fault::Trap,
    Fault::Deadline,
    Fault::TooLong,
    Fault::Memory,
    Fault::HostCalls,
    Fault::Instance,
    Fault::Store,
];

/// Upper bounds of buckets, of time in seconds. A set-up has the callee's ringing in it; a turn is microseconds
/// without the store and milliseconds with it.
pub(super) const BUCKETS: &[(&str, &[f64])] = &[
    (
        "jackfield_call_set_up_seconds",
        &[
            0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0,
        ],
    ),
    (
        "jackfield_call_mos",
        &[1.5, 2.0, 2.5, 3.0, 3.25, 3.5, 3.75, 4.0, 4.1, 4.2, 4.3, 4.4],
    ),
    (
        "jackfield_call_lost_ratio",
        &[
            0.0, 0.000_1, 0.001, 0.002_5, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5,
        ],
    ),
    (
        "jackfield_call_jitter_seconds",
        &[
            0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2,
        ],
    ),
    (
        "jackfield_call_round_trip_seconds",
        &[
            0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0,
        ],
    ),
    (
        "jackfield_turn_guest_seconds",
        &[
            0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
            0.05,
        ],
    ),
    (
        "jackfield_turn_memory_bytes",
        &[
            131_072.0,
            262_144.0,
            524_288.0,
            1_048_576.0,
            2_097_152.0,
            4_194_304.0,
            8_388_608.0,
            16_777_216.0,
            33_554_432.0,
            67_108_864.0,
            134_217_728.0,
        ],
    ),
    (
        "jackfield_turn_seconds",
        &[
            0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1,
            0.25, 0.5, 1.0, 2.0,
        ],
    ),
    (
        "jackfield_store_seconds",
        &[
            0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
            1.0, 2.0, 5.0,
        ],
    ),
];

/// Histograms of something else than time.
const MEASURES: &[(&str, &str)] = &[
    (
        "jackfield_call_mos",
        "Calls that ended, by their mean opinion score as estimated (ITU-T G.107), of the worse direction",
    ),
    (
        "jackfield_call_lost_ratio",
        "Calls that ended and whose party was heard, by the part of its RTP packets that never came",
    ),
    (
        "jackfield_turn_memory_bytes",
        "Turns, by the linear memory that they came to have",
    ),
];

const HISTOGRAMS: &[(&str, &str)] = &[
    (
        "jackfield_call_jitter_seconds",
        "Calls that ended, by the interarrival jitter of what the party sent",
    ),
    (
        "jackfield_call_round_trip_seconds",
        "Calls that ended and whose party reported by RTCP, by the way to it and back",
    ),
    (
        "jackfield_call_set_up_seconds",
        "Inbound calls that were answered: from the receipt of the INVITE at our socket to the \
         sending of our 200, the ringing of the callee and the commit of the CDR included",
    ),
    (
        "jackfield_turn_guest_seconds",
        "Time that the policy itself ran in one turn; the last run, if it ran again",
    ),
    (
        "jackfield_turn_seconds",
        "A whole turn: instance, policy, reads, commit and further runs after conflicts",
    ),
    (
        "jackfield_store_seconds",
        "Work of the store as those who wait for it see it: a policy's read, a turn's commit, the \
         commit of a group of CDRs, a trace, lines of a log, recorded turns",
    ),
];

const COUNTERS: &[(&str, &str)] = &[
    (
        "jackfield_shadow_turns_total",
        "Turns that a shadow ran, by what they showed",
    ),
    (
        "jackfield_calls_begun_total",
        "Calls that were admitted or constructed",
    ),
    (
        "jackfield_calls_ended_total",
        "Calls that ended, by the reason of their CDR and the class of its cause",
    ),
    (
        "jackfield_calls_refused_total",
        "INVITEs of those we know that became no call, by the status of the refusal",
    ),
    (
        "jackfield_trunk_calls_capped_total",
        "Calls for which their trunk had no place: max_calls or calls_per_second",
    ),
    (
        "jackfield_sip_refused_total",
        "SIP requests that were refused before anybody looked at what they want, by status",
    ),
    (
        "jackfield_sip_limits_total",
        "SIP requests, ours included, for which there was no room, by the limit: transactions, dialogs",
    ),
    (
        "jackfield_sip_dropped_total",
        "SIP messages that were dropped unread: their source said too much, is not heard for a while, or \
         found no room among so many offenders",
    ),
    (
        "jackfield_sip_silenced_total",
        "Times that a source was silenced: it called itself a scanner, or did too much wrong",
    ),
    (
        "jackfield_sip_scanners_total",
        "SIP requests of strangers that call themselves scanners; they got no answer",
    ),
    (
        "jackfield_sip_broken_total",
        "Datagrams that are no SIP message",
    ),
    (
        "jackfield_trunk_registers_total",
        "Final answers to REGISTERs of trunks to their carriers, by status; 408: none",
    ),
    (
        "jackfield_registrations_total",
        "REGISTERs of phones that have proven who they are, by the status of the answer",
    ),
    (
        "jackfield_auth_failures_total",
        "Requests with a wrong password, or of a user who is not there",
    ),
    (
        "jackfield_auth_locks_total",
        "Sources that were locked out for a user because they had guessed too often",
    ),
    (
        "jackfield_auth_locked_total",
        "Requests that were refused because of such a lock",
    ),
    (
        "jackfield_turns_total",
        "Turns, by outcome: done, or the kind of the fault",
    ),
    (
        "jackfield_turn_reruns_total",
        "Runs of turns that were in conflict over the store and ran again",
    ),
    (
        "jackfield_turns_slow_total",
        "Turns that were not done in time on their session shard and were moved to the slow lane, and those that \
         begun there because their tenant's had been slow",
    ),
    (
        "jackfield_tenant_turns_total",
        "Turns of a tenant's policies; the tenants beyond a hundred are one, other",
    ),
    (
        "jackfield_tenant_turn_faults_total",
        "Of these, those that faulted",
    ),
    (
        "jackfield_tenant_guest_microseconds_total",
        "Processor time of a tenant's policies",
    ),
    (
        "jackfield_tenant_host_calls_total",
        "What a tenant's policies called the host for",
    ),
    (
        "jackfield_plugin_rollbacks_total",
        "Versions of plugins that were given up because their turns faulted",
    ),
    (
        "jackfield_store_failures_total",
        "Work that the store refused or did not do in time; conflicts of turns are none",
    ),
    (
        "jackfield_cdr_rows_total",
        "Rows of CDRs that were handed to the store, further tries included",
    ),
    (
        "jackfield_queue_lost_total",
        "What was lost, or refused to its sender, because a queue was full",
    ),
    (
        "jackfield_sip_datagrams_total",
        "SIP datagrams of a listener",
    ),
    (
        "jackfield_sip_keep_alives_total",
        "Datagrams that only keep a path open",
    ),
    (
        "jackfield_sip_messages_total",
        "SIP messages over connections",
    ),
    (
        "jackfield_sip_connections_begun_total",
        "SIP connections, by who wanted them",
    ),
    (
        "jackfield_sip_connections_ended_total",
        "SIP connections that ended or were refused, by how",
    ),
    (
        "jackfield_rtp_packets_total",
        "RTP packets of a media shard",
    ),
    (
        "jackfield_rtp_errors_total",
        "Errors of RTP sockets: send buffer full, nobody listens at the peer, others",
    ),
    (
        "jackfield_media_ticks_total",
        "Ticks of a media shard that plays, by how late they were",
    ),
    (
        "jackfield_prompts_loaded_total",
        "Prompts that were not in memory when a call wanted them: read from their files, or failed",
    ),
    (
        "jackfield_prompts_evicted_total",
        "Prompts that gave way in memory to others",
    ),
    (
        "jackfield_recordings_total",
        "What became of whole recordings: archived and erased, or could not be and is tried again; \
         expired: too old and deleted",
    ),
];

const GAUGES: &[(&str, &str)] = &[
    ("jackfield_calls_live", "Calls that are not released"),
    (
        "jackfield_conferences",
        "Conferences in which there is a call",
    ),
    (
        "jackfield_conference_calls",
        "Calls that are in a conference",
    ),
    (
        "jackfield_bindings",
        "Bindings of phones that register, as each shard knows them; ended ones until they are swept",
    ),
    (
        "jackfield_bindings_lost",
        "Places of phones that register whose connection has ended: they are not called until they register \
         again",
    ),
    (
        "jackfield_sessions",
        "Sessions, those included whose last SIP transactions linger for 32 s",
    ),
    (
        "jackfield_sip_transactions",
        "SIP transactions, lingering ones included",
    ),
    (
        "jackfield_sip_dialogs",
        "SIP dialogs, lingering ones included",
    ),
    (
        "jackfield_media_ports",
        "Media ports that were asked for and are not closed",
    ),
    (
        "jackfield_cdrs_awaited",
        "Answers and ends that wait until their CDR is durable",
    ),
    (
        "jackfield_cdrs_kept",
        "Rows of CDRs that the store did not take and that are tried again",
    ),
    ("jackfield_timers", "Timers of calls, policies and SIP"),
    (
        "jackfield_gateways_checked",
        "Gateways of trunks that are checked by OPTIONS",
    ),
    (
        "jackfield_gateways_down",
        "Those of them that do not answer, and are not called",
    ),
    (
        "jackfield_trunks_to_register",
        "Trunks that are to be registered with their carriers",
    ),
    (
        "jackfield_trunks_registered",
        "Trunks that are registered with their carriers",
    ),
    (
        "jackfield_trunks_leaving",
        "Trunks that end their registration now",
    ),
    (
        "jackfield_index_entries",
        "Entries of the indexes of calls by dialog and Call-ID",
    ),
    (
        "jackfield_turns_out",
        "Turns that are out, those that wait included",
    ),
    (
        "jackfield_instances",
        "Turns that run, each with at most one live Wasm instance",
    ),
    (
        "jackfield_requests_under_way",
        "Requests of the API that the shards have not answered",
    ),
    (
        "jackfield_tenants_unpublished",
        "Tenants whose last change of configuration not every shard has",
    ),
    ("jackfield_http_connections", "Connections of the API"),
    ("jackfield_sip_connections", "SIP connections"),
    (
        "jackfield_sip_connections_silent",
        "SIP connections on which no whole message came yet",
    ),
    (
        "jackfield_shard_up",
        "1 if the shard answered within 1 s; else its gauges are old",
    ),
    ("jackfield_queue_waiting", "What waits in a queue"),
    (
        "jackfield_queue_room",
        "How much may wait in a queue; for turns, how many run before others wait",
    ),
    (
        "jackfield_clock_behind_seconds",
        "How far the machine's wall clock is ahead of the node's, which follows it slowly",
    ),
    (
        "jackfield_prompts_memory_bytes",
        "Audio of prompts that is kept in memory, all codecs together",
    ),
    ("process_resident_memory_bytes", "Resident memory"),
    ("process_open_fds", "Open file descriptors"),
    ("process_threads", "Threads"),
];

/// Gives the recorder in force the help of every name.
pub(super) fn describe() {
    for (name, help) in HISTOGRAMS {
        describe_histogram!(*name, Unit::Seconds, *help);
    }
    for (name, help) in MEASURES {
        describe_histogram!(*name, *help);
    }
    for (name, help) in COUNTERS {
        describe_counter!(*name, *help);
    }
    for (name, help) in GAUGES {
        describe_gauge!(*name, *help);
    }
}
