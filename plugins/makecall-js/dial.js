// Calling somebody: for how long, and emergency numbers.
//
// An emergency call asks the platform for `Priority: emergency` (RFC 3261 section 20.26), which only a trunk that has
// that header in its `headers_out` is given: so the tenant marks the trunks that may take one, and through any other
// it is not permitted.

import { number, pair } from "./jackfield.js";
import * as refusal from "./refusal.js";
import { termsOf } from "./terms.js";

/** How long the callee may ring, in seconds, unless the setting of that name says otherwise. */
const MAX_RING_SECONDS = 60;
/** Numbers for emergencies, unless a setting says otherwise. */
const EMERGENCY_NUMBERS = ["112", "911"];

/** Dials for a caller, who hears why if that cannot be. Whether it could. */
export function connect(session, call, asked) {
  call.setUserData(asked.id);
  const emergency = isEmergency(session, asked.callee);
  // Nobody can help a private number.
  const from = emergency ? call.fromUri() : asked.caller;
  const terms = termsOf(session, asked.record, emergency);
  let callee;
  try {
    callee = dial(session, [from, asked.callee], asked.id, terms);
  } catch (why) {
    // Who calls for help is told: it may have another telephone.
    refusal.because(session, call, why, emergency ? "emergency_prompt" : "");
    return false;
  }
  session.state = { pair: pair.of(call, callee, asked.id), terms };
  return true;
}

/** Dials on those terms. */
export function dial(session, [from, to], id, terms) {
  return session.construct({
    from,
    to,
    maxAnswer: terms.longest,
    maxRing: session.settingNumber("max_ring_seconds") ?? MAX_RING_SECONDS,
    userData: id,
    headers: isEmergency(session, to) ? [["Priority", "emergency"]] : [],
  });
}

function isEmergency(session, to) {
  return (session.settingWords("emergency_numbers") ?? EMERGENCY_NUMBERS).includes(number(to));
}
