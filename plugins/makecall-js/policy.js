// makecall in JavaScript: what plugins/makecall does in Rust, and its scenarios hold all of them against.
//
// A phone user asks over REST that its next call to its private number `caller` be led to `callee`. When that call
// comes within two minutes it is bridged, and the callee sees `caller`; any other call reaches the number's owner, if
// it has one, or is refused. Its settings are in docs/makecall.md.

import { connect, dial } from "./dial.js";
import { Problem, addressesAndFlags, pair, policy, reply, unknownVerb } from "./jackfield.js";
import * as owner from "./owner.js";
import * as pending from "./pending.js";
import * as refusal from "./refusal.js";
import * as terms from "./terms.js";

// What is remembered of a call, in `session.state`: `pair`; `terms`, on which the two talk; and `refusal`, the cause
// with which a caller is released once it has heard why.
export const { callEvents, mediaEvents, timerEvents, transferEvents, requestEvents, upgrade } = policy({
  onIncoming(session, call) {
    const [user, number] = [call.fromNumber(), call.toNumber()];
    let asked, whose;
    try {
      const waiting = pending.of(user);
      // A request that was made for another private number stays.
      asked = pending.isForPrivateNumber(waiting, number) ? waiting : undefined;
      whose = asked ? undefined : owner.of(session, number);
    } catch (why) {
      return refusal.because(session, call, why, "");
    }
    if (asked) {
      // One that cannot be fulfilled stays as well: the user may try again while it lasts.
      if (connect(session, call, asked)) pending.remove(user);
    } else if (whose && whose !== user) {
      owner.callBack(session, call, whose);
    } else {
      refusal.nothingPending(session, call);
    }
  },

  onRinging: pair.ringing,

  onDialCompleted(session, callee, report) {
    if (pair.dialled(session, callee, report)) terms.begin(session);
  },

  onPlayCompleted(session, call, _operation, how) {
    const cause = session.state.refusal;
    if (cause === undefined) terms.told(session, call, how);
    else if (call.phase() !== "released") call.release(cause);
  },

  onTimer: terms.due,

  onReleased(session, call, report) {
    if (pair.released(session, call, report)) terms.end(session);
  },

  onTransferRequested(session, call, target) {
    pair.transfer(session, call, (shown) => {
      const { pair, terms } = session.state;
      return dial(session, [shown, target], pair.userData, terms);
    });
  },

  onRequest(session, request) {
    switch (request.verb) {
      case "makecall":
        return makecall(session, request);
      case "cancelcall":
        return cancelcall(request);
      case "callin":
        return callin(session, request);
      default:
        return unknownVerb(request.verb);
    }
  },

  /** Conversations that makecall in another language began go on: its states differ from these in their spelling. */
  migrate(fromVersion, { pair, terms, refusal, ...others }) {
    const unknown = Object.keys(others);
    if (unknown.length > 0) throw new Error(`version ${fromVersion} is no makecall: ${unknown}`);
    const { user_data, userData = user_data, ...rest } = pair ?? {};
    return { pair: pair && { ...rest, userData }, terms, refusal: refusal ?? undefined };
  },
});

/** Remembers the request; the last one of a user counts, whatever its numbers. */
function makecall(session, request) {
  const asked = pending.parse(request);
  pending.keep(request.user, asked);
  owner.remember(session, asked.caller, request.user);
  return reply(200, { callid: asked.id });
}

function cancelcall({ user }) {
  if (!pending.of(user)) throw new Problem(404, "not-pending", "no call is pending for this user");
  pending.remove(user);
  return reply(200, {});
}

/** What an external CTI server asks: the same decision as for a call of our own, in words. */
function callin(session, request) {
  if (request.origin !== "cti") {
    throw new Problem(403, "not-permitted", "callin is for the tenant's own CTI server");
  }
  const [from, to] = addressesAndFlags(request, ["from", "to"], []);
  const asked = pending.of(from);
  if (!pending.isForEither(asked, to)) return reply(200, { action: "reject", cause: refusal.cause(session) });
  pending.remove(from);
  return reply(200, { action: "bridge", caller: asked.caller, callee: asked.callee });
}
