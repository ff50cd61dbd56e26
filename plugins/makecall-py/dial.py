"""Calling somebody: for how long, and emergency numbers.

An emergency call asks the platform for `Priority: emergency` (RFC 3261 section 20.26), which only a trunk that has
that header in its `headers_out` is given: so the tenant marks the trunks that may take one, and through any other
it is not permitted.
"""

from componentize_py_types import Err

import refusal
from jackfield import number, pair
from terms import terms_of

# How long the callee may ring, in seconds, unless the setting of that name says otherwise.
MAX_RING_SECONDS = 60
# Numbers for emergencies, unless a setting says otherwise.
EMERGENCY_NUMBERS = ["112", "911"]


def connect(session, call, asked):
    """Dials for a caller, who hears why if that cannot be. Whether it could."""
    call.set_user_data(asked["id"])
    emergency = _is_emergency(session, asked["callee"])
    # Nobody can help a private number.
    caller = call.from_uri() if emergency else asked["caller"]
    terms = terms_of(session, asked["record"], emergency)
    try:
        callee = dial(session, (caller, asked["callee"]), asked["id"], terms)
    except Err as why:
        # Who calls for help is told: it may have another telephone.
        refusal.because(session, call, why, "emergency_prompt" if emergency else "")
        return False
    session.state = {"pair": pair.of(call, callee, asked["id"]), "terms": terms}
    return True


def dial(session, from_and_to, id, terms):
    """Dials on those terms."""
    from_uri, to_uri = from_and_to
    max_ring = session.setting_number("max_ring_seconds")
    return session.construct(
        from_uri,
        to_uri,
        max_answer=terms["longest"],
        max_ring=MAX_RING_SECONDS if max_ring is None else max_ring,
        user_data=id,
        headers=[("Priority", "emergency")] if _is_emergency(session, to_uri) else [],
    )


def _is_emergency(session, to_uri):
    numbers = session.setting_words("emergency_numbers")
    return number(to_uri) in (EMERGENCY_NUMBERS if numbers is None else numbers)
