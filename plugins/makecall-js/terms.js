// On what terms two parties talk: for how long, and whether it is recorded.
//
//     answered ── consent prompt ── its end: recording begins
//     answered ─────────────────── a minute before the maximum: two beeps ── the maximum: released
//
// The platform ends a call at its maximum; of one to which somebody was transferred that is its own, so that a timer
// looks after the conversation as well.

import { pair, words } from "./jackfield.js";

/** The longest conversation that can be set, in seconds: the platform has none that is longer. */
const LONGEST = 4 * 3_600;
/** How long before the end both are told of it, in seconds. */
const LAST_MINUTE = 60;
/** How long after the platform the timer of the end is due, in seconds. */
const LATER = 1;
/** The timers of both. */
const WARNING = "last-minute";
const END = "end";

/**
 * The terms as they are set. `asked`: whether somebody asked for a recording. An emergency has none.
 *
 * `longest`: seconds that it may last, 0: as many as the tenant has; `telling`: who hears now that it will be recorded,
 * by call id.
 */
export function termsOf(session, asked, emergency) {
  if (emergency) return { longest: 0, record: false, telling: [] };
  const longest = Math.min(session.settingNumber("max_call_seconds") ?? 0, LONGEST);
  const set = session.setting("record");
  const record = set === "always" || (set !== "never" && asked);
  return { longest, record, telling: [] };
}

/** They have begun to talk. */
export function begin(session) {
  const { terms } = session.state;
  if (terms.longest > 0) session.timerStart(END, 1_000 * (terms.longest + LATER));
  if (terms.longest > LAST_MINUTE) session.timerStart(WARNING, 1_000 * (terms.longest - LAST_MINUTE));
  if (!terms.record) return;
  if (!session.settingWords("consent_prompt")?.length) return record(session);
  const [caller, callee] = pair.answered(session);
  const to = session.setting("consent_to");
  const hears = [to !== "callee" && caller, to !== "caller" && callee];
  for (const call of hears.filter(Boolean)) {
    if (!session.playSetting(call, "consent_prompt")) {
      session.warn("not recorded: consent_prompt cannot be heard");
      terms.telling = [];
      break;
    }
    terms.telling.push(call.id());
  }
}

/** Somebody has heard a prompt. Once all have that are told that they are recorded, they are. */
export function told(session, call, how) {
  const { terms } = session.state;
  if (!terms?.telling.includes(call.id())) return;
  terms.telling = terms.telling.filter((it) => it !== call.id());
  if (how.tag !== "finished") {
    terms.telling = [];
    session.warn("not recorded: consent_prompt was not heard to its end");
  } else if (terms.telling.length === 0) {
    record(session);
  }
}

/** A timer has fired. In the last minute both hear two beeps, but for who is just being told that it is recorded. */
export function due(session, timer) {
  for (const call of pair.answered(session).filter(Boolean)) {
    if (timer === END) call.release(200);
    else if (!session.state.terms.telling.includes(call.id())) {
      call.playStart(["tone:beep", "silence:200", "tone:beep"], 1, "");
    }
  }
}

/** It is over. */
export function end(session) {
  if (session.state.terms.longest === 0) return;
  session.timerStop(WARNING);
  session.timerStop(END);
}

/** Records what the caller says and hears, under the id of all that belongs together. */
function record(session) {
  const { caller, userData } = session.state.pair;
  try {
    session.call(caller)?.recordStart(userData, "", 0);
  } catch (why) {
    session.warn(`not recorded: ${words(why)}`);
  }
}
