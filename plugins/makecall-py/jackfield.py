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
import math
import re

from componentize_py_types import Err
from wit_world.imports import store as _store
from wit_world.imports.session import LogLevel
from wit_world.imports.types import (
    CallDirection,
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
        """Constructs an outbound call and dials it. Times in seconds, rounded up; 0: the tenant's limit."""
        times = _whole(max_answer), _whole(max_ring)
        return self._raw.construct_with(from_uri, to_uri, *times, user_data, list(headers))

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

    def setting_number(self, name):
        """A setting as a whole number; None also of what is none, or has more than 15 digits."""
        text = (self.setting(name) or "").strip()
        return int(text) if re.fullmatch("[+]?[0-9]{1,15}", text) else None

    def setting_words(self, name):
        """A setting as a list of words, which blanks or commas part; None if it is not set."""
        text = self.setting(name)
        return None if text is None else [word for word in re.split("[ ,]", text) if word]

    def play_setting(self, call, name):
        """Plays to that call, once, what a setting names as a list of words: announcements, tones, silence.

        Whether it does; that it cannot is said in the log. Nothing is set: nothing is heard.
        """
        files = self.setting_words(name)
        if not files:
            return False
        try:
            call.play_start(files, 1, "")
        except Err as why:
            self.warn(f"{name}: {why.value}")
            return False
        return True

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
        """`seconds`: it vanishes by itself after so many, rounded up; without it stays."""
        seconds = None if seconds is None else _whole(seconds)
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
    return strings_and_flags(request, names, [])


def strings_and_flags(request, names, flags):
    """The same of an object that may have those flags as well: an absent one is False. Texts first."""
    try:
        body = json.loads(request.body)
    except ValueError as why:
        raise Problem(400, "invalid-body", str(why)) from None
    if not isinstance(body, dict):
        raise Problem(400, "invalid-body", "the body must be a JSON object")

    def wrong(name):
        if name in flags:
            return None if isinstance(body.get(name, False), bool) else "must be true or false"
        if name not in names:
            return "is not known here"
        if name not in body:
            return "is missing"
        if not isinstance(body[name], str):
            return "must be a string"
        return "is empty" if body[name] == "" else None

    told = [(name, wrong(name)) for name in dict.fromkeys([*names, *flags, *body])]
    errors = [(name, why) for name, why in told if why]
    if errors:
        raise invalid_members(errors)
    return [body[name] for name in names] + [body.get(name, False) for name in flags]


def addresses_and_flags(request, names, flags):
    """The same, where each text is a telephone number or URI."""
    members = strings_and_flags(request, names, flags)
    wrong = [name for name, text in zip(names, members) if not is_address(text)]
    if wrong:
        raise invalid_members([(name, "must be a telephone number or URI") for name in wrong])
    return members


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
        Error_NotPermitted: 603,
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


def is_address(text):
    """Whether the platform would take it for a number or URI of somebody, as far as that can be told here.

    Its number has 1 to 200 characters, so that it can be a part of a key of the store.
    """
    is_plain = all("!" <= letter <= "~" and letter not in '<>"\\,' for letter in text)
    return 1 <= len(number(text)) <= 200 and len(text) <= 512 and is_plain


class pair:
    """Two parties who are led to each other: ringing, answer, early media, hang-up and transfer.

    Put what `pair.of` gives into the state as `pair`, and let these functions answer the events; what else is to
    happen is yours.

        construct ── ringing ── dialled: both are answered and joined ── released: so is the other
                                   by asks: `to` is dialled, and `by` hears how that goes
                        by ══ other   to     `to` answers: `by` is released, the others are joined
                              other ══ to    `to` does not: nothing has changed, unless `by` has hung up

    A policy that leads every call to 3001:

        class Forward(Policy):
            def on_incoming(self, session, call, begin_time):
                callee = session.construct(call.from_uri(), "3001")
                session.state = {"pair": pair.of(call, callee)}

            def on_ringing(self, session, callee, early_media):
                pair.ringing(session, callee, early_media)

            def on_dial_completed(self, session, callee, report):
                pair.dialled(session, callee, report)

            def on_released(self, session, call, report):
                pair.released(session, call, report)
    """

    @staticmethod
    def of(caller, callee, user_data=""):
        """These two, by call id; `user_data`: the text for the caller's CDR once it is answered."""
        # Early media joins them before the answer does.
        return {"caller": caller.id(), "callee": callee.id(), "user_data": user_data, "joined": False}

    @staticmethod
    def answered(session):
        """The calls of both that are answered, the caller's first; None in the place of who is not."""
        calls = [session.call(_pair(session).get(party)) for party in ("caller", "callee")]
        return [call if call and call.phase() == CallPhase.ANSWERED else None for call in calls]

    @staticmethod
    def ringing(session, callee, early_media):
        """For `on_ringing`: the caller hears it, or what the callee's network says meanwhile."""
        caller = session.call(_pair(session).get("caller"))
        if not caller or _is_transferred_to(session, callee):
            return
        if early_media:
            _join(session, caller, callee)
        elif caller.phase() == CallPhase.OFFERED:
            caller.ring()

    @staticmethod
    def dialled(session, callee, report):
        """For `on_dial_completed`: the caller is answered and joined, or released as the callee was.

        Whether the two have begun to talk.
        """
        if _is_transferred_to(session, callee):
            _transfer_dialled(session, callee, report)
            return False
        caller = session.call(_pair(session).get("caller"))
        if not caller:
            return False
        if report.error is not None:
            release_after(caller, report.error)
            return False
        if callee.phase() != CallPhase.ANSWERED:
            # It has hung up meanwhile: `on_released` comes next, and is what the caller hears of.
            return False
        caller.answer(_pair(session)["user_data"])
        _join(session, caller, callee)
        return True

    @staticmethod
    def released(session, call, report):
        """For `on_released`: the other one is released as well.

        Whether this was the end of the conversation; what a transfer leaves behind is not.
        """
        if _transfer_released(session, call, report):
            return False
        beside = _beside(session, call)
        if not beside:
            return False
        other = session.call(beside)
        if other:
            release_after(other, report.cause)
        return True

    @staticmethod
    def transfer(session, by, dial):
        """For `on_transfer_requested`: `dial(shown)` calls whom the party wants.

        That one sees `shown`: the number under which this conversation was begun. One transfer at a time; another
        is refused with 603.
        """
        other = None if "transfer" in _pair(session) else session.call(_beside(session, by))
        both = [by, other] if other else []
        outbound = [call for call in both if call.direction() == CallDirection.OUTBOUND]
        if not outbound:
            return by.transfer_refuse(603)
        by.transfer_accept()
        try:
            to = dial(outbound[0].from_uri())
        except Err as why:
            session.warn(f"a transfer cannot be made: {why.value}")
            return by.transfer_refuse(cause_of(why))
        _pair(session)["transfer"] = {"by": by.id(), "to": to.id()}


def _pair(session):
    """The pair of that session; an empty one if it has none."""
    return session.state.get("pair") or {}


def _join(session, caller, callee):
    """Joins their media, once."""
    if not _pair(session)["joined"]:
        caller.bridge_start(callee)
        _pair(session)["joined"] = True


def _beside(session, call):
    """The id of the party beside that one; None if that is not of the pair."""
    caller, callee = _pair(session).get("caller"), _pair(session).get("callee")
    return {caller: callee, callee: caller}.get(call.id())


def _is_transferred_to(session, call):
    """Whether that call is the one to which somebody is being transferred."""
    return _pair(session).get("transfer", {}).get("to") == call.id()


def _transfer_dialled(session, to, report):
    """Dialling whom a transfer is to is over."""
    pair = _pair(session)
    by = pair.pop("transfer")["by"]
    place, stays = ("caller", "callee") if by == pair["caller"] else ("callee", "caller")
    asker, other = session.call(by), session.call(pair[stays])
    if not other:
        # It has gone, and with it the reason to call anybody.
        return
    if to.phase() == CallPhase.ANSWERED:
        if asker:
            asker.release(200)
        other.bridge_start(to)
        pair[place] = to.id()
    elif not asker:
        # Who asked for it has not the other back: there is nobody any more.
        release_after(other, 480 if report.error is None else report.error)


def _transfer_released(session, call, report):
    """A call is over while a transfer is under way; whether that is all there is to do."""
    transfer = _pair(session).get("transfer")
    if not transfer:
        return False
    if call.id() in transfer.values():
        # If it was who asked for it, the other waits for the answer.
        return True
    called = session.call(transfer["to"])
    if called:
        release_after(called, report.cause)
    return False


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


def _whole(seconds):
    """Whole seconds, rounded up: a limit that was set does not become the tenant's by rounding."""
    return min(math.ceil(seconds), 2**32 - 1)


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
