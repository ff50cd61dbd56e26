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

  /** Constructs an outbound call and dials it. Times in whole seconds; 0: the tenant's limit. */
  construct({ from, to, maxAnswer = 0, maxRing = 0, userData = "", headers = [] }) {
    return this.#raw.constructWith(from, to, maxAnswer, maxRing, userData, headers);
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
  /** `seconds`: it vanishes by itself after so many; without it stays. */
  put: (key, it, seconds) => host.put(key, encode(JSON.stringify(it)), seconds),
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
    if (!names.includes(name)) return "is not known here";
    if (!Object.hasOwn(body, name)) return "is missing";
    if (typeof body[name] !== "string") return "must be a string";
    return body[name] === "" ? "is empty" : undefined;
  };
  const all = [...new Set([...names, ...Object.keys(body)])];
  const errors = all.map((name) => [name, wrong(name)]).filter(([, why]) => why);
  if (errors.length > 0) throw invalidMembers(errors);
  return names.map((name) => body[name]);
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

/** The cause with which to release a caller whose call cannot be made, as what a command threw says. */
export function causeOf(why) {
  const causes = {
    "not-permitted": 403,
    "not-found": 404,
    unsupported: 488,
    "limit-exceeded": 503,
    unavailable: 503,
  };
  return causes[why.payload?.tag] ?? 500;
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

/** What was thrown, in one line. */
export function words(why) {
  const { tag, val } = why?.payload ?? {};
  const what = tag ? [tag, val].filter(Boolean).join(": ") : String(why);
  const at = why?.stack?.split("\n").find((line) => !line.includes("initializer.js"));
  return at ? `${what} (${at.replace(/^.*@/, "")})` : what;
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
