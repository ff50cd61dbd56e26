// What a policy in JavaScript is written with; it goes with every project of `jackfield plugin new --lang js`.
//
// Around each event: the state that was kept last is read, the handler runs, the state is kept if it changed.
// A handler that throws ends its event: nothing of it happens, and the tenant's log says why.
//
// Calls and conferences are the host's own, as wit/deps/jackfield-policy/call.wit says, in JavaScript's spelling:
// `call.fromNumber()`, `call.playStart(["tone:beep"], 1, "")`. A command that is refused throws; the reason is the
// `payload` of what it throws, such as `{ tag: "not-permitted", val: "…" }`.

import * as host from "jackfield:policy/store@0.1.0";

/** Handlers, by interface and event; what is not given does the least that is right. */
const EVENTS = {
  callEvents: {
    onIncoming: (_session, call) => call.release(603),
    onRinging: nothing,
    onDialCompleted: nothing,
    onAnswered: nothing,
    onReleased: nothing,
  },
  mediaEvents: { onPlayCompleted: nothing, onRecordCompleted: nothing },
  conferenceEvents: { onConferencePlayCompleted: nothing, onConferenceRecordCompleted: nothing },
  digitEvents: { onDigit: nothing, onDigitsCollected: nothing },
  commandEvents: { onCommandFailed: nothing },
  transferEvents: {
    onTransferRequested: (_session, call) => call.transferRefuse(603),
    onTransferCompleted: nothing,
  },
  timerEvents: { onTimer: nothing },
  requestEvents: { onRequest: (_session, request) => unknownVerb(request.verb) },
};

/**
 * A policy of these handlers. Each gets the session and what wit/deps/jackfield-policy/events.wit says:
 *
 *     export const { callEvents, timerEvents } = policy({
 *       onIncoming(session, call, beginTime) { … },
 *       onTimer(session, name) { … },
 *     });
 *
 * Export what wit/world.wit exports: only that is told to the policy. With `upgrade` among it,
 * `migrate(fromVersion, state)` says what becomes of the state of sessions that another version began.
 */
export function policy(handlers) {
  const known = ["migrate", ...Object.values(EVENTS).flatMap((events) => Object.keys(events))];
  const unknown = Object.keys(handlers).filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`there is no event ${unknown.join(", ")}`);
  const wrapped = ([name, least]) => [name, handler(name, handlers[name] ?? least)];
  const all = Object.entries(EVENTS).map(([name, events]) => [
    name,
    Object.fromEntries(Object.entries(events).map(wrapped)),
  ]);
  const migrate = migration(handlers.migrate ?? ((_fromVersion, state) => state));
  return { ...Object.fromEntries(all), upgrade: { migrate } };
}

/** One service session: the calls that belong together, and what the policy remembers of them. */
class Session {
  #raw;
  #before;
  /** What the policy remembers of this session: an object that JSON can hold, at most 16 KiB; `{}` at first. */
  state;

  constructor(raw) {
    this.#raw = raw;
    this.#before = decode(raw.state()) || "{}";
    this.state = JSON.parse(this.#before);
  }

  /** Keeps the state if it changed. */
  keep() {
    const after = JSON.stringify(this.state);
    if (after !== this.#before) this.#raw.setState(encode(after));
  }

  /** The id of this session, unique on the platform. */
  get id() {
    return this.#raw.id();
  }

  /** The time of the event, in milliseconds since 1970. It does not move, and there is no other clock. */
  get now() {
    return Number(this.#raw.now());
  }

  /** A random number of 64 bits, a BigInt, the same when the event is replayed. */
  random() {
    return this.#raw.random();
  }

  /** The calls that are not released, oldest first. */
  calls() {
    return this.#raw.calls();
  }

  /** The call with that id, if it belongs to this session and is not released. */
  call(id) {
    const call = id ? this.#raw.call(id) : undefined;
    return call?.phase() === "released" ? undefined : call;
  }

  /** Constructs an outbound call and dials it. Times in seconds, rounded up; 0: the tenant's limit. */
  construct({ from, to, maxAnswer = 0, maxRing = 0, userData = "", headers = [] }) {
    return this.#raw.constructWith(from, to, whole(maxAnswer), whole(maxRing), userData, headers);
  }

  /** The tenant's conference of that name. */
  conference(name) {
    return this.#raw.conference(name);
  }

  /** Starts, or starts anew, the timer of that name; `onTimer` follows once. */
  timerStart(name, milliseconds) {
    this.#raw.timerStart(name, milliseconds);
  }

  timerStop(name) {
    this.#raw.timerStop(name);
  }

  /** A setting or secret that the tenant configured for this plugin; undefined if it did not. */
  setting(name) {
    return this.#raw.setting(name);
  }

  /** A setting as a whole number; undefined also of what is none, or has more than 15 digits. */
  settingNumber(name) {
    const text = this.setting(name)?.trim() ?? "";
    return /^\+?\d{1,15}$/.test(text) ? Number(text) : undefined;
  }

  /** A setting as a list of words, which blanks or commas part; undefined if it is not set. */
  settingWords(name) {
    return this.setting(name)?.split(/[ ,]/).filter(Boolean);
  }

  /**
   * Plays to that call, once, what a setting names as a list of words: the tenant's announcements, tones, silence.
   * Whether it does; that it cannot is said in the log. Nothing is set: nothing is heard.
   */
  playSetting(call, name) {
    const files = this.settingWords(name) ?? [];
    if (files.length === 0) return false;
    try {
      call.playStart(files, 1, "");
      return true;
    } catch (why) {
      // A mistake is thrown on.
      causeOf(why);
      this.warn(`${name}: ${words(why)}`);
      return false;
    }
  }

  /** One line, at most 1 KiB, to the log that the tenant reads; level: debug, info, warn or error. */
  log(level, message) {
    this.#raw.log(level, message);
  }

  info(message) {
    this.log("info", message);
  }

  warn(message) {
    this.log("warn", message);
  }
}

/** The tenant's store, shared by its sessions and durable. Values are JSON; keys at most 256 octets. */
export const store = {
  get: (key) => value(host.get(key)),
  /** `seconds`: it vanishes by itself after so many, rounded up; without it stays. */
  put: (key, it, seconds) =>
    host.put(key, encode(JSON.stringify(it)), seconds === undefined ? undefined : whole(seconds)),
  /** Removes and returns: of several takers exactly one gets it. */
  take: (key) => value(host.take(key)),
  remove: (key) => host.remove(key),
};

/** A refusal of a request, as problem details (RFC 9457): what `onRequest` throws is its reply. */
export class Problem extends Error {
  constructor(status, code, detail, errors) {
    super(detail);
    this.reply = reply(status, { status, code, detail, errors });
  }
}

/** A reply of that status, 200 to 499, with that body. */
export function reply(status, body) {
  return { status, body: JSON.stringify(body) };
}

/** 404: this policy answers no such verb. */
export function unknownVerb(verb) {
  return new Problem(404, "unknown-verb", `nothing here answers ${verb}`).reply;
}

/** The members of the request's body, which has to be an object of exactly these, strings that are not empty. */
export function strings(request, names) {
  return stringsAndFlags(request, names, []);
}

/** The same of an object that may have those flags as well, true or false: an absent one is false. Texts first. */
export function stringsAndFlags(request, names, flags) {
  let body;
  try {
    body = JSON.parse(request.body);
  } catch (why) {
    throw new Problem(400, "invalid-body", why.message);
  }
  if (body === null || typeof body !== "object" || Array.isArray(body)) {
    throw new Problem(400, "invalid-body", "the body must be a JSON object");
  }
  const wrong = (name) => {
    const isThere = Object.hasOwn(body, name);
    if (flags.includes(name)) {
      return isThere && typeof body[name] !== "boolean" ? "must be true or false" : undefined;
    }
    if (!names.includes(name)) return "is not known here";
    if (!isThere) return "is missing";
    if (typeof body[name] !== "string") return "must be a string";
    return body[name] === "" ? "is empty" : undefined;
  };
  const all = [...new Set([...names, ...flags, ...Object.keys(body)])];
  const errors = all.map((name) => [name, wrong(name)]).filter(([, why]) => why);
  if (errors.length > 0) throw invalidMembers(errors);
  return [...names.map((name) => body[name]), ...flags.map((name) => Object.hasOwn(body, name) && body[name])];
}

/** The same, where each text is a telephone number or URI. */
export function addressesAndFlags(request, names, flags) {
  const members = stringsAndFlags(request, names, flags);
  const wrong = names.filter((_, at) => !isAddress(members[at]));
  if (wrong.length > 0) {
    throw invalidMembers(wrong.map((name) => [name, "must be a telephone number or URI"]));
  }
  return members;
}

/** 400: these members of the body will not do, each for that reason. */
export function invalidMembers(members) {
  const pointer = (name) => `#/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
  const errors = members.map(([name, why]) => ({ pointer: pointer(name), detail: `${name} ${why}` }));
  const detail = errors.map((error) => error.detail).join("; ");
  return new Problem(400, "invalid-body", detail, errors);
}

/** Releases a call because the other party of the conversation ended with `cause`, or could not be reached. */
export function releaseAfter(call, cause) {
  let told = cause;
  // A redirection is not followed: whoever answers so could make the tenant pay for calls to anywhere.
  if (cause >= 300 && cause < 400) told = 480;
  // A challenge was for us; 503 would stop the caller's trunk (RFC 3261 section 16.7).
  else if ([401, 407, 503].includes(cause)) told = 500;
  // Who was not answered cannot be told that a conversation ended well.
  else if (cause < 300 && call.phase() !== "answered") told = 480;
  call.release(told);
}

/**
 * The cause with which to release a caller whose call cannot be made, as what a command threw says. What else was
 * thrown is thrown on: it is a mistake, and ends the event.
 */
export function causeOf(why) {
  const tag = why?.payload?.tag;
  if (!tag) throw why;
  const causes = {
    "not-permitted": 603,
    "not-found": 404,
    unsupported: 488,
    "limit-exceeded": 503,
    unavailable: 503,
  };
  return causes[tag] ?? 500;
}

/** The telephone number in a number or a SIP, SIPS or tel URI. */
export function number(address) {
  const colon = address.indexOf(":");
  const scheme = address.slice(0, Math.max(colon, 0)).toLowerCase();
  const rest = address.slice(colon + 1);
  let user = address;
  if (scheme === "sip" || scheme === "sips") user = rest.slice(0, Math.max(rest.lastIndexOf("@"), 0));
  else if (scheme === "tel") user = rest;
  return user.split(/[;:?]/)[0];
}

/**
 * Whether the platform would take it for a number or URI of somebody, as far as that can be told here. Its number has
 * 1 to 200 characters, so that it can be a part of a key of the store.
 */
export function isAddress(text) {
  const { length } = number(text);
  return length >= 1 && length <= 200 && text.length <= 512 && /^[!-~]+$/.test(text) && !/[<>"\\,]/.test(text);
}

/** What was thrown, in one line. */
export function words(why) {
  const { tag, val } = why?.payload ?? {};
  const what = tag ? [tag, val].filter(Boolean).join(": ") : String(why);
  const at = why?.stack?.split("\n").find((line) => !line.includes("initializer.js"));
  return at ? `${what} (${at.replace(/^.*@/, "")})` : what;
}

/**
 * Two parties who are led to each other: ringing, answer, early media, hang-up and transfer. Put what `pair.of` gives
 * into the state as `pair`, and let these functions answer the events; what else is to happen is yours.
 *
 *     construct ── ringing ── dialled: both are answered and joined ── released: so is the other
 *                                by asks: `to` is dialled, and `by` hears how that goes
 *                     by ══ other   to     `to` answers: `by` is released, the others are joined
 *                           other ══ to    `to` does not: nothing has changed, unless `by` has hung up
 *
 * A policy that leads every call to 3001:
 *
 *     export const { callEvents } = policy({
 *       onIncoming(session, call) {
 *         const callee = session.construct({ from: call.fromUri(), to: "3001" });
 *         session.state = { pair: pair.of(call, callee) };
 *       },
 *       onRinging: pair.ringing,
 *       onDialCompleted: pair.dialled,
 *       onReleased: pair.released,
 *     });
 */
export const pair = {
  /** These two, by call id; `userData`: the text for the caller's CDR once it is answered. */
  of: (caller, callee, userData = "") => ({
    caller: caller.id(),
    callee: callee.id(),
    userData,
    // Early media joins them before the answer does.
    joined: false,
  }),

  /** The calls of both that are answered, the caller's first; undefined in the place of who is not. */
  answered(session) {
    const { caller, callee } = session.state.pair ?? {};
    const calls = [caller, callee].map((id) => session.call(id));
    return calls.map((call) => (call?.phase() === "answered" ? call : undefined));
  },

  /** For `onRinging`: the caller hears it, or what the callee's network says meanwhile. */
  ringing(session, callee, earlyMedia) {
    const caller = session.call(session.state.pair?.caller);
    if (!caller || isTransferredTo(session, callee)) return;
    if (earlyMedia) join(session, caller, callee);
    else if (caller.phase() === "offered") caller.ring();
  },

  /**
   * For `onDialCompleted`: the caller is answered and joined, or released as the callee was. Whether the two have
   * begun to talk.
   */
  dialled(session, callee, report) {
    if (isTransferredTo(session, callee)) {
      transferDialled(session, callee, report);
      return false;
    }
    const caller = session.call(session.state.pair?.caller);
    if (!caller) return false;
    if (report.error !== undefined) {
      releaseAfter(caller, report.error);
      return false;
    }
    // It has hung up meanwhile: `onReleased` comes next, and is what the caller hears of.
    if (callee.phase() !== "answered") return false;
    caller.answer(session.state.pair.userData);
    join(session, caller, callee);
    return true;
  },

  /**
   * For `onReleased`: the other one is released as well. Whether this was the end of the conversation; what a transfer
   * leaves behind is not.
   */
  released(session, call, report) {
    if (transferReleased(session, call, report)) return false;
    const beside = besides(session, call);
    if (!beside) return false;
    const other = session.call(beside);
    if (other) releaseAfter(other, report.cause);
    return true;
  },

  /**
   * For `onTransferRequested`: `dial(shown)` calls whom the party wants, who sees `shown`: the number under which this
   * conversation was begun. One transfer at a time; another is refused with 603.
   */
  transfer(session, by, dial) {
    const other = session.state.pair?.transfer ? undefined : session.call(besides(session, by));
    const outbound = [by, other].find((call) => call?.direction() === "outbound");
    if (!other || !outbound) return by.transferRefuse(603);
    by.transferAccept();
    try {
      session.state.pair.transfer = { by: by.id(), to: dial(outbound.fromUri()).id() };
    } catch (why) {
      const cause = causeOf(why);
      session.warn(`a transfer cannot be made: ${words(why)}`);
      by.transferRefuse(cause);
    }
  },
};

/** Joins their media, once. */
function join(session, caller, callee) {
  if (session.state.pair.joined) return;
  caller.bridgeStart(callee);
  session.state.pair.joined = true;
}

/** The id of the party beside that one; undefined if that is not of the pair. */
function besides(session, call) {
  const { caller, callee } = session.state.pair ?? {};
  if (call.id() === caller) return callee;
  return call.id() === callee ? caller : undefined;
}

/** Whether that call is the one to which somebody is being transferred. */
function isTransferredTo(session, call) {
  return session.state.pair?.transfer?.to === call.id();
}

/** Dialling whom a transfer is to is over. */
function transferDialled(session, to, report) {
  const { pair } = session.state;
  const by = pair.transfer.by;
  delete pair.transfer;
  const [asker, other] = [by, by === pair.caller ? pair.callee : pair.caller].map((id) => session.call(id));
  // It has gone, and with it the reason to call anybody.
  if (!other) return;
  if (to.phase() !== "answered") {
    // Who asked for it has the other back, unless there is nobody any more.
    if (!asker) releaseAfter(other, report.error ?? 480);
    return;
  }
  asker?.release(200);
  other.bridgeStart(to);
  pair[by === pair.caller ? "caller" : "callee"] = to.id();
}

/** A call is over while a transfer is under way; whether that is all there is to do. */
function transferReleased(session, call, report) {
  const { by, to } = session.state.pair?.transfer ?? {};
  if (!by) return false;
  // If it was who asked for it, the other waits for the answer.
  if ([by, to].includes(call.id())) return true;
  const called = session.call(to);
  if (called) releaseAfter(called, report.cause);
  return false;
}

function handler(name, on) {
  return (raw, ...rest) => {
    try {
      const session = new Session(raw);
      const answer = name === "onRequest" ? answered(on, session, ...rest) : on(session, ...rest);
      if (answer instanceof Promise) throw new Error("a handler must not be async");
      session.keep();
      return answer;
    } catch (why) {
      raw.log("error", `${name}: ${words(why)}`);
      throw why;
    }
  };
}

/** What this version makes of a state; what `migrate` throws is why the session stays with the version that it has. */
function migration(migrate) {
  return (fromVersion, state) => {
    try {
      return encode(JSON.stringify(migrate(fromVersion, JSON.parse(decode(state) || "{}"))));
    } catch (why) {
      throw words(why);
    }
  };
}

/** What the handler replies; a problem that it throws is its reply, and what it did before stays. */
function answered(on, session, request) {
  try {
    return on(session, request);
  } catch (why) {
    if (why instanceof Problem) return why.reply;
    throw why;
  }
}

function nothing() {}

/** Whole seconds, rounded up: a limit that was set does not become the tenant's by rounding. */
function whole(seconds) {
  return Math.min(Math.ceil(seconds), 2 ** 32 - 1);
}

function encode(text) {
  return new TextEncoder().encode(text);
}

function decode(octets) {
  return new TextDecoder().decode(octets);
}

function value(octets) {
  return octets === undefined ? undefined : JSON.parse(decode(octets));
}

// Without WASI both would answer what they did when the component was built.
Date.now = () => absent("session.now");
Math.random = () => absent("session.random()");

function absent(instead) {
  throw new Error(`there is none here: ${instead} is what a replay can repeat`);
}
