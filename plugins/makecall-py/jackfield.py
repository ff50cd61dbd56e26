"""What a policy in Python is written with; it goes with every project of `jackfield plugin new --lang python`.

Around each event: the state that was kept last is read, the handler runs, the state is kept if it changed.
A handler that raises ends its event: nothing of it happens, and the tenant's log says why.

Calls and conferences are the host's own, as wit/deps/jackfield-policy/call.wit says, in Python's spelling:
`call.from_number()`, `call.play_start(["tone:beep"], 1, "")`. A command that is refused raises `Err`; its
`value` is one of the `Error_…` of `wit_world.imports.types`, such as `Error_NotPermitted("…")`.

There is no clock and no randomness but the session's: `time` ends the event, and `random` says at each event what
it said when the component was built.
"""

import json

from componentize_py_types import Err
from wit_world.imports import store as _store
from wit_world.imports.session import LogLevel
from wit_world.imports.types import (
    CallPhase,
    Error_LimitExceeded,
    Error_NotFound,
    Error_NotPermitted,
    Error_Unavailable,
    Error_Unsupported,
)

try:
    from wit_world.exports.request_events import Reply
except ImportError:
    Reply = None  # wit/world.wit exports no request-events: nobody asks

_EVENTS = {
    "CallEvents": ["on_incoming", "on_ringing", "on_dial_completed", "on_answered", "on_released"],
    "MediaEvents": ["on_play_completed", "on_record_completed"],
    "ConferenceEvents": ["on_conference_play_completed", "on_conference_record_completed"],
    "DigitEvents": ["on_digit", "on_digits_collected"],
    "CommandEvents": ["on_command_failed"],
    "TransferEvents": ["on_transfer_requested", "on_transfer_completed"],
    "TimerEvents": ["on_timer"],
    "RequestEvents": ["on_request"],
}


class Policy:
    """What a tenant wants to happen to its calls: one method per event, each of which does the least that is right.

    Each gets the session and what wit/deps/jackfield-policy/events.wit says.
    """

    def on_incoming(self, session, call, begin_time):
        call.release(603)

    def on_transfer_requested(self, session, call, target, replaces):
        call.transfer_refuse(603)

    def on_request(self, session, request):
        return unknown_verb(request.verb)

    def migrate(self, from_version, state):
        """What becomes of the state of sessions that another version began."""
        return state


def exports(policy, *interfaces):
    """The classes that the component exports, by name; those of wit/world.wit:

        CallEvents, TimerEvents = exports(Bell, "CallEvents", "TimerEvents")

    `"Upgrade"` is one of them: then `migrate` of the policy is asked.
    """
    return [_interface(policy, name) for name in interfaces]


class Session:
    """One service session: the calls that belong together, and what the policy remembers of them."""

    def __init__(self, raw):
        self._raw = raw
        self._before = raw.state().decode() or "{}"
        #: What the policy remembers: a dict that JSON can hold, at most 16 KiB; `{}` at first.
        self.state = json.loads(self._before)

    def keep(self):
        """Keeps the state if it changed."""
        after = json.dumps(self.state, separators=(",", ":"))
        if after != self._before:
            self._raw.set_state(after.encode())

    @property
    def id(self):
        """The id of this session, unique on the platform."""
        return self._raw.id()

    @property
    def now(self):
        """The time of the event, in milliseconds since 1970; it does not move during the event."""
        return self._raw.now()

    def random(self):
        """A random number of 64 bits, the same when the event is replayed."""
        return self._raw.random()

    def calls(self):
        """The calls that are not released, oldest first."""
        return self._raw.calls()

    def call(self, id):
        """The call with that id, if it belongs to this session and is not released."""
        call = self._raw.call(id) if id else None
        return call if call and call.phase() != CallPhase.RELEASED else None

    def construct(self, from_uri, to_uri, max_answer=0, max_ring=0, user_data="", headers=()):
        """Constructs an outbound call and dials it. Times in whole seconds; 0: the tenant's limit."""
        return self._raw.construct_with(from_uri, to_uri, max_answer, max_ring, user_data, list(headers))

    def conference(self, name):
        """The tenant's conference of that name."""
        return self._raw.conference(name)

    def timer_start(self, name, milliseconds):
        """Starts, or starts anew, the timer of that name; `on_timer` follows once."""
        self._raw.timer_start(name, milliseconds)

    def timer_stop(self, name):
        self._raw.timer_stop(name)

    def setting(self, name):
        """A setting or secret that the tenant configured for this plugin; None if it did not."""
        return self._raw.setting(name)

    def log(self, level, message):
        """One line, at most 1 KiB, to the log that the tenant reads."""
        self._raw.log(level, message)

    def info(self, message):
        self.log(LogLevel.INFO, message)

    def warn(self, message):
        self.log(LogLevel.WARN, message)


class store:
    """The tenant's store, shared by its sessions and durable. Values are JSON; keys at most 256 octets."""

    @staticmethod
    def get(key):
        return _value(_store.get(key))

    @staticmethod
    def put(key, value, seconds=None):
        """`seconds`: it vanishes by itself after so many; without it stays."""
        _store.put(key, json.dumps(value, separators=(",", ":")).encode(), seconds)

    @staticmethod
    def take(key):
        """Removes and returns: of several takers exactly one gets it."""
        return _value(_store.take(key))

    @staticmethod
    def remove(key):
        _store.remove(key)


class Problem(Exception):
    """A refusal of a request, as problem details (RFC 9457): what `on_request` raises is its reply."""

    def __init__(self, status, code, detail, errors=None):
        super().__init__(detail)
        body = {"status": status, "code": code, "detail": detail}
        self.reply = reply(status, body if errors is None else body | {"errors": errors})


def reply(status, body):
    """A reply of that status, 200 to 499, with that body."""
    return Reply(status, json.dumps(body, separators=(",", ":")))


def unknown_verb(verb):
    """404: this policy answers no such verb."""
    return Problem(404, "unknown-verb", f"nothing here answers {verb}").reply


def strings(request, names):
    """The members of the request's body, which has to be an object of exactly these, strings that are not empty."""
    try:
        body = json.loads(request.body)
    except ValueError as why:
        raise Problem(400, "invalid-body", str(why)) from None
    if not isinstance(body, dict):
        raise Problem(400, "invalid-body", "the body must be a JSON object")

    def wrong(name):
        if name not in names:
            return "is not known here"
        if name not in body:
            return "is missing"
        if not isinstance(body[name], str):
            return "must be a string"
        return "is empty" if body[name] == "" else None

    told = [(name, wrong(name)) for name in dict.fromkeys([*names, *body])]
    errors = [(name, why) for name, why in told if why]
    if errors:
        raise invalid_members(errors)
    return [body[name] for name in names]


def invalid_members(members):
    """400: these members of the body will not do, each for that reason."""
    pointers = [name.replace("~", "~0").replace("/", "~1") for name, _ in members]
    details = [f"{name} {why}" for name, why in members]
    errors = [{"pointer": f"#/{at}", "detail": text} for at, text in zip(pointers, details)]
    return Problem(400, "invalid-body", "; ".join(details), errors)


def release_after(call, cause):
    """Releases a call because the other party of the conversation ended with `cause`, or could not be reached."""
    told = cause
    if 300 <= cause < 400:
        # A redirection is not followed: whoever answers so could make the tenant pay for calls to anywhere.
        told = 480
    elif cause in (401, 407, 503):
        # A challenge was for us; 503 would stop the caller's trunk (RFC 3261 section 16.7).
        told = 500
    elif cause < 300 and call.phase() != CallPhase.ANSWERED:
        # Who was not answered cannot be told that a conversation ended well.
        told = 480
    call.release(told)


def cause_of(why):
    """The cause with which to release a caller whose call cannot be made, as the `Err` of a command says."""
    causes = {
        Error_NotPermitted: 403,
        Error_NotFound: 404,
        Error_Unsupported: 488,
        Error_LimitExceeded: 503,
        Error_Unavailable: 503,
    }
    return causes.get(type(why.value), 500)


def number(address):
    """The telephone number in a number or a SIP, SIPS or tel URI."""
    scheme, colon, rest = address.partition(":")
    user = address
    if colon and scheme.lower() in ("sip", "sips"):
        user = rest.rpartition("@")[0]
    elif colon and scheme.lower() == "tel":
        user = rest
    for end in ";:?":
        user = user.partition(end)[0]
    return user


def _interface(policy, name):
    if name == "Upgrade":
        return type(name, (), {"migrate": _migration(policy)})
    handlers = {event: _handler(policy, event) for event in _EVENTS[name]}
    return type(name, (), handlers)


def _handler(policy, event):
    def handle(_, raw, *rest):
        try:
            session = Session(raw)
            handler = getattr(policy(), event, _nothing)
            answer = _answered(handler, session, *rest) if event == "on_request" else handler(session, *rest)
            session.keep()
            return answer
        except BaseException as why:
            raw.log(LogLevel.ERROR, f"{event}: {_words(why)}")
            raise

    return handle


def _migration(policy):
    def migrate(_, from_version, state):
        try:
            after = policy().migrate(from_version, json.loads(state or b"{}"))
            return json.dumps(after, separators=(",", ":")).encode()
        except Exception as why:
            # Why the session stays with the version that it has.
            raise Err(_words(why)) from None

    return migrate


def _answered(handler, session, request):
    """What the handler replies; a problem that it raises is its reply, and what it did before stays."""
    try:
        return handler(session, request)
    except Problem as problem:
        return problem.reply


def _nothing(*_):
    pass


def _words(why):
    # By hand: the module `traceback` reads sources, and there are no files here, which would be a trap.
    at = why.__traceback__
    while at.tb_next:
        at = at.tb_next
    what = why.value if isinstance(why, Err) else why
    file = at.tb_frame.f_code.co_filename.rpartition("/")[2]
    return f"{type(why).__name__}: {what} ({file}:{at.tb_lineno})"


def _value(octets):
    return None if octets is None else json.loads(octets)
