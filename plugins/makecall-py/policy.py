"""makecall in Python: what plugins/makecall does in any language, and its scenarios/base hold both against.

A phone user asks over REST that its next call to its private number `caller` be led to `callee`. When that call
comes within two minutes it is bridged, and the callee sees `caller`; any other call is refused.
"""

from componentize_py_types import Err
from wit_world.exports.request_events import RequestOrigin
from wit_world.imports.types import CallPhase

from jackfield import (
    Policy,
    Problem,
    cause_of,
    exports,
    invalid_members,
    number,
    release_after,
    reply,
    store,
    strings,
    unknown_verb,
)

# How long a request waits for its call, in seconds.
TIME_TO_LIVE = 120
# How long the callee may ring, in seconds, unless the setting of that name says otherwise.
MAX_RING_SECONDS = 60
# The longest number or URI that is taken; the user's is part of a key of 256 octets.
LONGEST = 200


class MakeCall(Policy):
    def on_incoming(self, session, call, begin_time):
        user = call.from_number()
        pending = pending_of(user)
        if not pending or number(pending["caller"]) != number(call.to_number()):
            # A request that was made for another private number stays.
            return call.release(403)
        call.set_user_data(pending["id"])
        try:
            callee = session.construct(
                pending["caller"], pending["callee"], max_ring=max_ring(session), user_data=pending["id"]
            )
        except Err as why:
            # The request stays: the user may try again while it lasts.
            session.warn(f"the call cannot be made: {why.value}")
            return call.release(cause_of(why))
        store.remove(key(user))
        session.state = {
            "caller": call.id(),
            "callee": callee.id(),
            "request": pending["id"],
            "joined": False,
        }

    def on_ringing(self, session, callee, early_media):
        caller = session.call(session.state.get("caller"))
        if not caller:
            return
        if early_media:
            join(session, caller, callee)
        elif caller.phase() == CallPhase.OFFERED:
            caller.ring()

    def on_dial_completed(self, session, callee, report):
        caller = session.call(session.state.get("caller"))
        if not caller:
            return
        if report.error is not None:
            release_after(caller, report.error)
        elif callee.phase() == CallPhase.ANSWERED:
            caller.answer(session.state["request"])
            join(session, caller, callee)
        # Else it has hung up meanwhile: `on_released` comes next, and is what the caller hears of.

    def on_released(self, session, call, report):
        caller, callee = session.state.get("caller"), session.state.get("callee")
        other = session.call(callee if call.id() == caller else caller)
        if other:
            release_after(other, report.cause)

    def on_request(self, session, request):
        answers = {"makecall": makecall, "cancelcall": cancelcall, "callin": callin}
        answer = answers.get(request.verb)
        return answer(request) if answer else unknown_verb(request.verb)


CallEvents, RequestEvents = exports(MakeCall, "CallEvents", "RequestEvents")


def makecall(request):
    """Remembers the request; the last one of a user counts, whatever its numbers."""
    if not is_number(request.user):
        raise Problem(400, "invalid-user", "the telephone number in the path is not one")
    caller, callee = numbers(request, ["caller", "callee"])
    pending = {"id": request.id, "caller": caller, "callee": callee}
    store.put(key(request.user), pending, TIME_TO_LIVE)
    return reply(200, {"callid": request.id})


def cancelcall(request):
    if not pending_of(request.user):
        raise Problem(404, "not-pending", "no call is pending for this user")
    store.remove(key(request.user))
    return reply(200, {})


def callin(request):
    """What an external CTI server asks: the same decision as for a call of our own, in words."""
    if request.origin != RequestOrigin.CTI:
        raise Problem(403, "not-permitted", "callin is for the tenant's own CTI server")
    caller, called = numbers(request, ["from", "to"])
    pending = pending_of(caller)
    if not pending or number(called) not in (number(pending["caller"]), number(pending["callee"])):
        return reply(200, {"action": "reject", "cause": 403})
    store.remove(key(caller))
    return reply(200, {"action": "bridge", "caller": pending["caller"], "callee": pending["callee"]})


def pending_of(user):
    """What that phone user asked for last, if it waits still."""
    return store.get(key(user)) if is_number(user) else None


def key(user):
    """Where the request of that phone user is kept."""
    return f"pending/{number(user)}"


def numbers(request, names):
    """The body's members, which are numbers or URIs."""
    texts = strings(request, names)
    wrong = [name for name, text in zip(names, texts) if not is_number(text)]
    if wrong:
        raise invalid_members([(name, "must be a telephone number or URI") for name in wrong])
    return texts


def is_number(text):
    """Whether the platform would take it for an address, as far as that can be told here."""
    is_plain = all("!" <= letter <= "~" and letter not in '<>"\\,' for letter in text)
    return number(text) != "" and len(text) <= LONGEST and is_plain


def join(session, caller, callee):
    """Joins the media of the legs, once."""
    if not session.state["joined"]:
        caller.bridge_start(callee)
        session.state["joined"] = True


def max_ring(session):
    setting = session.setting("max_ring_seconds") or ""
    return int(setting) if setting.isascii() and setting.isdigit() else MAX_RING_SECONDS
