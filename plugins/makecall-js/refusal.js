// What a caller hears that cannot be helped: an announcement before the answer, if there is one, and a cause.

import { causeOf, words } from "./jackfield.js";

/** The cause of a call that nobody asked for, unless a setting says otherwise. */
const NOTHING_PENDING = 403;

/** Nobody asked for this call. */
export function nothingPending(session, call) {
  announce(session, call, "refusal_prompt", cause(session));
}

/** It cannot be made; the caller hears what the setting of that name says, if there is one. */
export function because(session, call, why, prompt) {
  const cause = causeOf(why);
  session.warn(`the call cannot be made: ${words(why)}`);
  announce(session, call, prompt, cause);
}

/** The cause of a call that nobody asked for. */
export function cause(session) {
  const set = session.settingNumber("refusal_cause");
  // What may refuse a call: `status-code` of the interface.
  return set >= 400 && set <= 699 && ![401, 407].includes(set) ? set : NOTHING_PENDING;
}

/** Plays what that setting names as early media; at its end, or if there is none, the caller is released. */
function announce(session, call, prompt, cause) {
  if (session.playSetting(call, prompt)) session.state.refusal = cause;
  else call.release(cause);
}
