"""makecall in Python: what plugins/makecall does in Rust, and its scenarios hold all of them against.

A phone user asks over REST that its next call to its private number `caller` be led to `callee`. When that call
comes within two minutes it is bridged, and the callee sees `caller`; any other call reaches the number's owner, if
it has one, or is refused. Its settings are in docs/makecall.md.
"""

from componentize_py_types import Err
from wit_world.exports.request_events import RequestOrigin
from wit_world.imports.types import CallPhase

import owner
import pending
import refusal
import terms
from dial import connect, dial
from jackfield import Policy, Problem, addresses_and_flags, exports, pair, reply, unknown_verb


class MakeCall(Policy):
    """What is remembered of a call, in `session.state`: `pair`; `terms`, on which the two talk; and `refusal`, the
    cause with which a caller is released once it has heard why.
    """

    def on_incoming(self, session, call, begin_time):
        user, number = call.from_number(), call.to_number()
        try:
            waiting = pending.of(user)
            # A request that was made for another private number stays.
            asked = waiting if pending.is_for_private_number(waiting, number) else None
            whose = None if asked else owner.of(session, number)
        except Err as why:
            return refusal.because(session, call, why, "")
        if asked:
            # One that cannot be fulfilled stays as well: the user may try again while it lasts.
            if connect(session, call, asked):
                pending.remove(user)
        elif whose and whose != user:
            owner.call_back(session, call, whose)
        else:
            refusal.nothing_pending(session, call)

    def on_ringing(self, session, callee, early_media):
        pair.ringing(session, callee, early_media)

    def on_dial_completed(self, session, callee, report):
        if pair.dialled(session, callee, report):
            terms.begin(session)

    def on_play_completed(self, session, call, operation, how):
        cause = session.state.get("refusal")
        if cause is None:
            terms.told(session, call, how)
        elif call.phase() != CallPhase.RELEASED:
            call.release(cause)

    def on_timer(self, session, name):
        terms.due(session, name)

    def on_released(self, session, call, report):
        if pair.released(session, call, report):
            terms.end(session)

    def on_transfer_requested(self, session, call, target, replaces):
        def to_target(shown):
            user_data, terms = session.state["pair"]["user_data"], session.state["terms"]
            return dial(session, (shown, target), user_data, terms)

        pair.transfer(session, call, to_target)

    def on_request(self, session, request):
        answers = {"makecall": makecall, "cancelcall": cancelcall, "callin": callin}
        answer = answers.get(request.verb)
        return answer(session, request) if answer else unknown_verb(request.verb)

    def migrate(self, from_version, state):
        """Conversations that makecall in another language began go on: its states differ in their spelling."""
        unknown = sorted(state.keys() - {"pair", "terms", "refusal"})
        if unknown:
            raise ValueError(f"version {from_version} is no makecall: {', '.join(unknown)}")
        both = state.get("pair")
        if both and "userData" in both:
            both["user_data"] = both.pop("userData")
        return state


CallEvents, MediaEvents, TimerEvents, TransferEvents, RequestEvents, Upgrade = exports(
    MakeCall, "CallEvents", "MediaEvents", "TimerEvents", "TransferEvents", "RequestEvents", "Upgrade"
)


def makecall(session, request):
    """Remembers the request; the last one of a user counts, whatever its numbers."""
    asked = pending.parse(request)
    pending.keep(request.user, asked)
    owner.remember(session, asked["caller"], request.user)
    return reply(200, {"callid": asked["id"]})


def cancelcall(_session, request):
    if not pending.of(request.user):
        raise Problem(404, "not-pending", "no call is pending for this user")
    pending.remove(request.user)
    return reply(200, {})


def callin(session, request):
    """What an external CTI server asks: the same decision as for a call of our own, in words."""
    if request.origin != RequestOrigin.CTI:
        raise Problem(403, "not-permitted", "callin is for the tenant's own CTI server")
    caller, called = addresses_and_flags(request, ["from", "to"], [])
    asked = pending.of(caller)
    if not pending.is_for_either(asked, called):
        return reply(200, {"action": "reject", "cause": refusal.cause(session)})
    pending.remove(caller)
    return reply(200, {"action": "bridge", "caller": asked["caller"], "callee": asked["callee"]})
