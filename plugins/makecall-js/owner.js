// The other half: whoever calls a private number without a request of its own reaches the number's owner.

import { connect } from "./dial.js";
import { number, store } from "./jackfield.js";

/** In seconds. */
const DAY = 24 * 3_600;

/** The owner of that number: who is set for it, else who last asked for a call by it. */
export function of(session, privateNumber) {
  for (const word of session.settingWords("owners") ?? []) {
    const [, it, owner] = /^([^=]*)=(.*)$/.exec(word) ?? [];
    if (it === privateNumber) return owner;
  }
  return days(session) > 0 ? store.get(key(privateNumber)) : undefined;
}

/** That user asks for a call by this number. */
export function remember(session, privateNumber, user) {
  const lasts = days(session) * DAY;
  if (lasts > 0) store.put(key(number(privateNumber)), number(user), lasts);
}

/** Somebody is led to the owner, who sees the caller, or the number if that is set. */
export function callBack(session, call, owner) {
  const caller = session.setting("callback_shows") === "number" ? call.toNumber() : call.fromUri();
  connect(session, call, { id: session.id, caller, callee: owner, record: false });
}

function days(session) {
  return session.settingNumber("owner_days") ?? 0;
}

function key(privateNumber) {
  return `owner/${privateNumber}`;
}
