// A pending request, and which calls it is for: `{ id, caller, callee, record }`. `caller` is the private number: the
// user dials it, the callee sees it.

import { addressesAndFlags, number, store } from "./jackfield.js";

/** How long a request waits for its call, in seconds. */
const TIME_TO_LIVE = 120;

/** What that phone user asked for last, if it waits still. */
export function of(user) {
  return store.get(key(user));
}

/** The request in that body. */
export function parse(request) {
  const [caller, callee, record] = addressesAndFlags(request, ["caller", "callee"], ["record"]);
  return { id: request.id, caller, callee, record };
}

/** It waits for the call of that user, in place of what waited before. */
export function keep(user, asked) {
  store.put(key(user), asked, TIME_TO_LIVE);
}

/** Nothing waits for that user any more. */
export function remove(user) {
  store.remove(key(user));
}

/** Whether a call to `to` is the one that was asked for. */
export function isForPrivateNumber(asked, to) {
  return asked !== undefined && number(asked.caller) === number(to);
}

/** The same for a CTI server, which may name the callee instead. */
export function isForEither(asked, to) {
  return isForPrivateNumber(asked, to) || (asked !== undefined && number(asked.callee) === number(to));
}

/** Where the request of that phone user is kept. No number that can ask is longer than what is looked at. */
function key(user) {
  return `pending/${number(user).slice(0, 200)}`;
}
