// makecall in JavaScript: what plugins/makecall does in any language, and its scenarios/base hold both against.
//
// A phone user asks over REST that its next call to its private number `caller` be led to `callee`. When that call
// comes within two minutes it is bridged, and the callee sees `caller`; any other call is refused.

import {
  Problem, causeOf, invalidMembers, number, policy, releaseAfter, reply, store, strings, unknownVerb, words,
} from "./jackfield.js";

/** How long a request waits for its call, in seconds. */
const TIME_TO_LIVE = 120;
/** How long the callee may ring, in seconds, unless the setting of that name says otherwise. */
const MAX_RING_SECONDS = 60;
/** The longest number or URI that is taken; the user's is part of a key of 256 octets. */
const LONGEST = 200;

export const { callEvents, requestEvents } = policy({
  onIncoming(session, call) {
    const user = call.fromNumber();
    const pending = pendingOf(user);
    // A request that was made for another private number stays.
    if (!pending || number(pending.caller) !== number(call.toNumber())) return call.release(403);
    call.setUserData(pending.id);
    let callee;
    try {
      callee = session.construct({
        from: pending.caller,
        to: pending.callee,
        maxRing: maxRing(session),
        userData: pending.id,
      });
    } catch (why) {
      // The request stays: the user may try again while it lasts.
      session.warn(`the call cannot be made: ${words(why)}`);
      return call.release(causeOf(why));
    }
    store.remove(key(user));
    session.state = { caller: call.id(), callee: callee.id(), request: pending.id, joined: false };
  },

  onRinging(session, callee, earlyMedia) {
    const caller = session.call(session.state.caller);
    if (!caller) return;
    if (earlyMedia) join(session, caller, callee);
    else if (caller.phase() === "offered") caller.ring();
  },

  onDialCompleted(session, callee, report) {
    const caller = session.call(session.state.caller);
    if (!caller) return;
    if (report.error !== undefined) return releaseAfter(caller, report.error);
    // It has hung up meanwhile: `onReleased` comes next, and is what the caller hears of.
    if (callee.phase() !== "answered") return;
    caller.answer(session.state.request);
    join(session, caller, callee);
  },

  onReleased(session, call, report) {
    const { caller, callee } = session.state;
    const other = session.call(call.id() === caller ? callee : caller);
    if (other) releaseAfter(other, report.cause);
  },

  onRequest(_session, request) {
    const answer = { makecall, cancelcall, callin }[request.verb];
    return answer ? answer(request) : unknownVerb(request.verb);
  },
});

/** Remembers the request; the last one of a user counts, whatever its numbers. */
function makecall({ id, user, body }) {
  if (!isNumber(user)) {
    throw new Problem(400, "invalid-user", "the telephone number in the path is not one");
  }
  const [caller, callee] = numbers({ body }, ["caller", "callee"]);
  store.put(key(user), { id, caller, callee }, TIME_TO_LIVE);
  return reply(200, { callid: id });
}

function cancelcall({ user }) {
  if (!pendingOf(user)) throw new Problem(404, "not-pending", "no call is pending for this user");
  store.remove(key(user));
  return reply(200, {});
}

/** What an external CTI server asks: the same decision as for a call of our own, in words. */
function callin(request) {
  if (request.origin !== "cti") {
    throw new Problem(403, "not-permitted", "callin is for the tenant's own CTI server");
  }
  const [from, to] = numbers(request, ["from", "to"]);
  const pending = pendingOf(from);
  const isMeant = pending && [pending.caller, pending.callee].some((it) => number(it) === number(to));
  if (!isMeant) return reply(200, { action: "reject", cause: 403 });
  store.remove(key(from));
  return reply(200, { action: "bridge", caller: pending.caller, callee: pending.callee });
}

/** What that phone user asked for last, if it waits still. */
function pendingOf(user) {
  return isNumber(user) ? store.get(key(user)) : undefined;
}

/** Where the request of that phone user is kept. */
function key(user) {
  return `pending/${number(user)}`;
}

/** The body's members, which are numbers or URIs. */
function numbers(request, names) {
  const texts = strings(request, names);
  const wrong = names.filter((_, at) => !isNumber(texts[at]));
  if (wrong.length > 0) {
    throw invalidMembers(wrong.map((name) => [name, "must be a telephone number or URI"]));
  }
  return texts;
}

/** Whether the platform would take it for an address, as far as that can be told here. */
function isNumber(text) {
  return number(text) !== "" && text.length <= LONGEST && /^[!-~]+$/.test(text) && !/[<>"\\,]/.test(text);
}

/** Joins the media of the legs, once. */
function join(session, caller, callee) {
  if (session.state.joined) return;
  caller.bridgeStart(callee);
  session.state.joined = true;
}

function maxRing(session) {
  const setting = session.setting("max_ring_seconds") ?? "";
  return /^\d+$/.test(setting) ? Number(setting) : MAX_RING_SECONDS;
}
