"""On what terms two parties talk: for how long, and whether it is recorded.

    answered ── consent prompt ── its end: recording begins
    answered ─────────────────── a minute before the maximum: two beeps ── the maximum: released

The platform ends a call at its maximum; of one to which somebody was transferred that is its own, so that a timer
looks after the conversation as well.
"""

from componentize_py_types import Err
from wit_world.imports.types import Completion_Finished

from jackfield import pair

# The longest conversation that can be set, in seconds: the platform has none that is longer.
LONGEST = 4 * 3_600
# How long before the end both are told of it, in seconds.
LAST_MINUTE = 60
# How long after the platform the timer of the end is due, in seconds.
LATER = 1
# The timers of both.
WARNING = "last-minute"
END = "end"


def terms_of(session, asked, emergency):
    """The terms as they are set. `asked`: whether somebody asked for a recording. An emergency has none.

    `longest`: seconds that it may last, 0: as many as the tenant has; `telling`: who hears now that it will be
    recorded, by call id.
    """
    if emergency:
        return {"longest": 0, "record": False, "telling": []}
    longest = min(session.setting_number("max_call_seconds") or 0, LONGEST)
    record = {"always": True, "never": False}.get(session.setting("record"), asked)
    return {"longest": longest, "record": record, "telling": []}


def begin(session):
    """They have begun to talk."""
    terms = session.state["terms"]
    if terms["longest"] > 0:
        session.timer_start(END, 1_000 * (terms["longest"] + LATER))
    if terms["longest"] > LAST_MINUTE:
        session.timer_start(WARNING, 1_000 * (terms["longest"] - LAST_MINUTE))
    if not terms["record"]:
        return
    if not session.setting_words("consent_prompt"):
        return _record(session)
    caller, callee = pair.answered(session)
    to = session.setting("consent_to")
    hears = [to != "callee" and caller, to != "caller" and callee]
    for call in filter(None, hears):
        if not session.play_setting(call, "consent_prompt"):
            session.warn("not recorded: consent_prompt cannot be heard")
            terms["telling"] = []
            break
        terms["telling"].append(call.id())


def told(session, call, how):
    """Somebody has heard a prompt. Once all have that are told that they are recorded, they are."""
    terms = session.state.get("terms")
    if not terms or call.id() not in terms["telling"]:
        return
    terms["telling"].remove(call.id())
    if not isinstance(how, Completion_Finished):
        terms["telling"] = []
        session.warn("not recorded: consent_prompt was not heard to its end")
    elif not terms["telling"]:
        _record(session)


def due(session, timer):
    """A timer has fired. In the last minute both hear two beeps, but for who is just being told of a recording."""
    for call in filter(None, pair.answered(session)):
        if timer == END:
            call.release(200)
        elif call.id() not in session.state["terms"]["telling"]:
            call.play_start(["tone:beep", "silence:200", "tone:beep"], 1, "")


def end(session):
    """It is over."""
    if session.state["terms"]["longest"] > 0:
        session.timer_stop(WARNING)
        session.timer_stop(END)


def _record(session):
    """Records what the caller says and hears, under the id of all that belongs together."""
    both = session.state["pair"]
    caller = session.call(both["caller"])
    try:
        if caller:
            caller.record_start(both["user_data"], "", 0)
    except Err as why:
        session.warn(f"not recorded: {why.value}")
