"""The other half: whoever calls a private number without a request of its own reaches the number's owner."""

from dial import connect
from jackfield import number, store

# In seconds.
DAY = 24 * 3_600


def of(session, private):
    """The owner of that number: who is set for it, else who last asked for a call by it."""
    for word in session.setting_words("owners") or []:
        it, equals, owner = word.partition("=")
        if equals and it == private:
            return owner
    return store.get(_key(private)) if _days(session) > 0 else None


def remember(session, private, user):
    """That user asks for a call by this number."""
    lasts = _days(session) * DAY
    if lasts > 0:
        store.put(_key(number(private)), number(user), lasts)


def call_back(session, call, owner):
    """Somebody is led to the owner, who sees the caller, or the number if that is set."""
    shows_number = session.setting("callback_shows") == "number"
    caller = call.to_number() if shows_number else call.from_uri()
    connect(session, call, {"id": session.id, "caller": caller, "callee": owner, "record": False})


def _days(session):
    return session.setting_number("owner_days") or 0


def _key(private):
    return f"owner/{private}"
