"""A pending request, and which calls it is for: a dict of `id`, `caller`, `callee` and `record`.

`caller` is the private number: the user dials it, the callee sees it.
"""

from jackfield import addresses_and_flags, number, store

# How long a request waits for its call, in seconds.
TIME_TO_LIVE = 120


def of(user):
    """What that phone user asked for last, if it waits still."""
    return store.get(_key(user))


def parse(request):
    """The request in that body."""
    caller, callee, record = addresses_and_flags(request, ["caller", "callee"], ["record"])
    return {"id": request.id, "caller": caller, "callee": callee, "record": record}


def keep(user, asked):
    """It waits for the call of that user, in place of what waited before."""
    store.put(_key(user), asked, TIME_TO_LIVE)


def remove(user):
    """Nothing waits for that user any more."""
    store.remove(_key(user))


def is_for_private_number(asked, to):
    """Whether a call to `to` is the one that was asked for."""
    return asked is not None and number(asked["caller"]) == number(to)


def is_for_either(asked, to):
    """The same for a CTI server, which may name the callee instead."""
    return is_for_private_number(asked, to) or (asked is not None and number(asked["callee"]) == number(to))


def _key(user):
    """Where the request of that phone user is kept. No number that can ask is longer than what is looked at."""
    return f"pending/{number(user):.200}"
