"""What a caller hears that cannot be helped: an announcement before the answer, if there is one, and a cause."""

from jackfield import cause_of

# The cause of a call that nobody asked for, unless a setting says otherwise.
NOTHING_PENDING = 403


def nothing_pending(session, call):
    """Nobody asked for this call."""
    _announce(session, call, "refusal_prompt", cause(session))


def because(session, call, why, prompt):
    """It cannot be made; the caller hears what the setting of that name says, if there is one."""
    session.warn(f"the call cannot be made: {why.value}")
    _announce(session, call, prompt, cause_of(why))


def cause(session):
    """The cause of a call that nobody asked for."""
    setting = session.setting_number("refusal_cause") or 0
    # What may refuse a call: `status-code` of the interface.
    refuses = 400 <= setting <= 699 and setting not in (401, 407)
    return setting if refuses else NOTHING_PENDING


def _announce(session, call, prompt, cause):
    """Plays what that setting names as early media; at its end, or if there is none, the caller is released."""
    if session.play_setting(call, prompt):
        session.state["refusal"] = cause
    else:
        call.release(cause)
