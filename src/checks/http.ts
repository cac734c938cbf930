// http: passes when the answer's status is one of those expected and its body, where
// that is asked about, holds what it must.
//
// One request on a connection of its own, closed after; no proxy, no cookie, no
// retry. Headers, body and credentials go to the URL's own origin and nowhere else.

import { type Address, parseAddress } from "../probing/address.ts";
import type { Answer, Request } from "../probing/http1.ts";
import { isFailure } from "../probing/race.ts";
import { type Failure, failed, type Outcome, type Reason } from "./check.ts";
import { absolutePath, type Field, type Flaw, pattern, takes, text, type Value, wholeNumber } from "./fields.ts";
import { type Conflict, defineKind } from "./kind.ts";
import { type TlsSettings, tls } from "./tls.ts";

const MOST_REDIRECTS = 10;

/** What is shown of a value or an address that the peer gave. */
const SHOWN_CHARACTERS = 100;

export interface HttpUrl {
  readonly url: URL;
  /** As the user wrote it, less user and password. */
  readonly shown: string;
  readonly address: Extract<Address, { family: "tcp" }>;
  /** "user:password", decoded. */
  readonly credentials: string | undefined;
}

const EXAMPLE_URL = "a URL such as http://127.0.0.1:8080/healthz";

export const httpUrl: Field<HttpUrl> = {
  expected: EXAMPLE_URL,
  json: { type: "string", pattern: "^https?://", examples: ["http://127.0.0.1:8080/healthz"] },
  read(given) {
    if (typeof given !== "string") return {};
    if (!/^https?:\/\/[^/]/i.test(given)) return { hint: "it does not begin with http:// or https://" };
    // A parser of URLs would drop or turn them without a word.
    if (/[\p{Cc}\s\\]/u.test(given)) return { hint: "it holds a space, a control character or a backslash" };
    if (given.includes("#")) return { hint: "what is from # on is never sent; a # of another sort is written %23" };
    if (/^https?:\/\/[^/?]*:(?:[/?]|$)/i.test(given)) return { hint: "its port is missing behind the colon" };
    return (
      parseUrl(given) ?? {
        hint: 'its host or port cannot be read; in a password "/", "?", "#" and "@" are written %2F, %3F, %23 and %40',
      }
    );
  },
};

/** Undefined where no request can be made of it. */
function parseUrl(given: string): Value<HttpUrl> | Flaw | undefined {
  const url = URL.parse(given);
  if (!url) return undefined;
  const port = url.port === "" ? defaultPort(url) : url.port;
  const address = parseAddress(`${url.hostname}:${port}`, 1);
  if ("flaw" in address) return { hint: address.flaw };
  if (address.family !== "tcp" || address.host === "") return undefined;
  const user = decodePercent(url.username);
  if (user.includes(":")) return { hint: "a user name holds no colon" };
  const credentials = url.username === "" && url.password === "" ? undefined : `${user}:${decodePercent(url.password)}`;
  const shown = given.replace(/\/\/[^/?]*@/, "//");
  url.username = "";
  url.password = "";
  return { value: { url, shown, address, credentials } };
}

const defaultPort = ({ protocol }: URL): string => (protocol === "https:" ? "443" : "80");

function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const socketPath: Field<string> = {
  ...absolutePath,
  read(given) {
    const read = absolutePath.read(given);
    if (!("value" in read)) return read;
    const parsed = parseAddress(`unix:${read.value}`, 1);
    return "flaw" in parsed ? { hint: parsed.flaw } : read;
  },
};

const method: Field<string> = {
  expected: "a method in capitals such as GET, HEAD or POST",
  json: { type: "string", pattern: "^[A-Z][A-Z_-]*$" },
  read(given) {
    if (typeof given !== "string" || !/^[A-Z][A-Z_-]*$/.test(given)) return {};
    return given === "CONNECT" ? { hint: "CONNECT is for proxies" } : { value: given };
  },
};

/** Those that the request has in any case, and those that change what follows it. */
const OWN_HEADERS = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

type Headers = Request["headers"];

const headers: Field<Headers> = {
  expected: "header names, each with its value",
  json: { type: "object", additionalProperties: { type: ["string", "number"] } },
  read(given) {
    if (!isMap(given)) return {};
    const read: [string, string][] = [];
    for (const [name, value] of Object.entries(given)) {
      const lower = name.toLowerCase();
      const flaw = (expected: string, hint?: string): Flaw => ({ expected, ...(hint && { hint }), path: [name] });
      if (!/^[!#$%&'*+.^`|~\w-]+$/.test(name)) return flaw("the name of a header, letters, digits and -");
      if (lower === "host") return flaw("no header of this name", "use `host`");
      if (OWN_HEADERS.has(lower)) return flaw("no header of this name", "it belongs to the connection");
      if (read.some(([other]) => other.toLowerCase() === lower)) return flaw("each header once");
      const content = typeof value === "number" ? String(value) : value;
      if (typeof content !== "string") return flaw("the header's value as a text");
      if (/[^\t\P{Cc}]/u.test(content)) return flaw("the header's value on one line, without control characters");
      read.push([name, content]);
    }
    return { value: read };
  },
};

type Range = readonly [lowest: number, highest: number];

const statuses: Field<readonly Range[]> = {
  expected: "a status such as 204, a range such as 200-299, or a list of them",
  json: {
    anyOf: [{ type: ["integer", "string"] }, { type: "array", items: { type: ["integer", "string"] }, minItems: 1 }],
    examples: [204, "200-299", [200, 204]],
  },
  read(given) {
    const ranges = (Array.isArray(given) ? given : [given]).map(readRange);
    if (ranges.length === 0) return {};
    if (!ranges.every((range) => range !== undefined)) return { hint: "statuses go from 200 to 599" };
    return { value: ranges };
  },
};

function readRange(given: unknown): Range | undefined {
  if (typeof given !== "number" && typeof given !== "string") return undefined;
  const [, low, high = low] = /^(\d{3})(?:-(\d{3}))?$/.exec(String(given)) ?? [];
  const range = [Number(low ?? 0), Number(high ?? 0)] as const;
  return range[0] >= 200 && range[1] <= 599 && range[0] <= range[1] ? range : undefined;
}

const formatRanges = (ranges: readonly Range[]): string =>
  ranges.map(([low, high]) => (low === high ? String(low) : `${low}-${high}`)).join(", ");

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

interface Expected {
  readonly pointer: string;
  /** The pointer's steps. */
  readonly path: readonly string[];
  readonly value: Json;
}

/** RFC 6901; the empty one is the whole document. */
const POINTER = /^(?:\/(?:[^/~]|~[01])*)*$/;

const json: Field<readonly Expected[]> = {
  expected: "JSON pointers, each with the value that must be there",
  json: {
    type: "object",
    minProperties: 1,
    propertyNames: { pattern: POINTER.source },
    examples: [{ "/status": "UP" }],
  },
  read(given) {
    if (!isMap(given)) return {};
    const read: Expected[] = [];
    for (const [pointer, value] of Object.entries(given)) {
      if (!POINTER.test(pointer)) {
        return { expected: "a JSON pointer such as /status or /checks/0/name", path: [pointer] };
      }
      if (!isJson(value)) return { expected: "a value that JSON has", path: [pointer] };
      const path = pointer.split("/").slice(1);
      read.push({ pointer, path: path.map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~")), value });
    }
    return read.length === 0 ? {} : { value: read };
  },
};

const isMap = (given: unknown): given is Readonly<Record<string, unknown>> =>
  typeof given === "object" && given !== null && !Array.isArray(given);

function isJson(given: unknown): given is Json {
  if (given === null || typeof given === "string" || typeof given === "boolean") return true;
  if (typeof given === "number") return Number.isFinite(given);
  if (Array.isArray(given)) return given.every(isJson);
  return isMap(given) && Object.values(given).every(isJson);
}

const host: Field<string> = {
  expected: "a host name or address, with a port where one belongs there",
  json: { type: "string", examples: ["www.example.org"] },
  read(given): Value<string> | Flaw {
    if (typeof given !== "string") return {};
    if (!/^(?:[\w.~%-]+|\[[\da-fA-F:.]+\])(?::\d{1,5})?$/.test(given)) return {};
    return { value: given };
  },
};

export const http = defineKind({
  name: "http",
  value: "URL",
  rule: "an HTTP request is answered with a status, and where asked for a body, as expected",
  shape: (z) => ({
    http: takes(z, httpUrl, "the URL to ask; a user and password in it become Basic authorization"),
    unix: takes(z, socketPath, "the path of a socket to connect to instead of the URL's host").optional(),
    method: takes(z, method, "the method of the request").prefault("GET"),
    headers: takes(z, headers, "headers of the request; their values are never shown").optional(),
    host: takes(z, host, "the Host header; by default the URL's host").optional(),
    body: takes(z, text("the body as a text"), "the body of the request").optional(),
    status: takes(z, statuses, "the statuses that pass: one, a range, or a list of both").prefault("200-299"),
    expect: takes(
      z,
      pattern,
      "what the first 64 KiB of the body must hold: a text, or /a regular expression/",
    ).optional(),
    json: takes(z, json, "JSON pointers (RFC 6901) into the body, each with the value that must be there").optional(),
    redirects: takes(z, wholeNumber(0, MOST_REDIRECTS), "how many redirects are followed").prefault(0),
    tls: tls(z).optional(),
  }),
  conflict: (settings): Conflict | undefined => {
    const isHttps = settings.http.url.protocol === "https:";
    if (settings.tls && !isHttps) return { path: ["tls"], expected: "a URL with https:// beside it", got: "http://" };
    // `false` comes to undefined, yet the key is there.
    if ("tls" in settings && !settings.tls && isHttps) {
      return { path: ["tls"], expected: "true or { verify, ca, server-name } beside https://", got: "false" };
    }
    for (const key of ["expect", "json"] as const) {
      if (settings.method !== "HEAD" || settings[key] === undefined) continue;
      return { path: [key], expected: "a method that is answered with a body", got: "method HEAD" };
    }
    const authorizes = settings.headers?.some(([name]) => name.toLowerCase() === "authorization");
    if (authorizes && settings.http.credentials !== undefined) {
      return { path: ["headers"], expected: "one authorization", got: "a header beside the URL's user and password" };
    }
    if (settings.method === "TRACE" && settings.body !== undefined) {
      return { path: ["body"], expected: "a method that takes a body", got: "method TRACE" };
    }
    return undefined;
  },
  target: ({ http, unix }) => (unix === undefined ? http.shown : `${http.shown} by unix:${unix}`),
  peer: (settings) => addressOf(settings),
  asksHttp: true,
  secrets: (settings) => secretsOf(settings),
  caution: ({ http, tls }) =>
    http.url.protocol === "https:" && tls?.verify === false
      ? ["the certificate is not verified, so whoever is in between can answer for it"]
      : [],
  probe: (settings, { timeoutMs, hide }) => {
    const loading = Promise.all([import("../probing/stream.ts"), import("../probing/http1.ts")]);
    return async (signal) => {
      const [{ openStream }, { ask }] = await loading;
      let hop = firstHop(settings);
      let warning: string | undefined;
      for (let followed = 0; ; followed++) {
        const options = { patienceMs: timeoutMs / 2, tls: hop.tls, alpn: ["http/1.1"] };
        const stream = await openStream(hop.address, options, signal);
        if (isFailure(stream))
          return followed === 0 ? stream : { ...stream, message: `${stream.message}, asked by a redirect` };
        warning ??= stream.warning;
        try {
          const answer = await ask(stream, hop.request, hop.shown, hide);
          if (isFailure(answer)) return answer;
          const next = followed < settings.redirects ? redirected(hop, answer, settings) : undefined;
          if (next === undefined) return await judge(answer, settings, { subject: hop.shown, followed, warning, hide });
          if (isFailure(next)) return next;
          hop = next;
        } finally {
          stream.close();
        }
      }
    };
  },
});

interface Settings {
  readonly http: HttpUrl;
  readonly unix?: string | undefined;
  readonly method: string;
  readonly headers?: Headers | undefined;
  readonly host?: string | undefined;
  readonly body?: string | undefined;
  readonly status: readonly Range[];
  readonly expect?: { readonly matches: (content: string) => boolean } | undefined;
  readonly json?: readonly Expected[] | undefined;
  readonly redirects: number;
  readonly tls?: TlsSettings | undefined;
}

const addressOf = ({ http, unix }: Settings): Address =>
  unix === undefined ? http.address : { family: "unix", path: unix };

const basic = (credentials: string): string => Buffer.from(credentials).toString("base64");

function secretsOf({ http: { credentials }, headers = [] }: Settings): readonly string[] {
  const values = headers.map(([, value]) => value);
  // A token is as secret without the word before it.
  const tokens = values.flatMap((value) => /^\S+ (\S+)$/.exec(value)?.[1] ?? []);
  if (credentials === undefined) return [...values, ...tokens];
  const colon = credentials.indexOf(":");
  // A token often stands alone, as the user.
  const password = credentials.slice(colon + 1) || credentials.slice(0, colon);
  const written = [password, encodeURIComponent(password), basic(credentials)];
  return [...values, ...tokens, ...written].filter((secret) => secret !== "");
}

/** One request of a run: the first, or one that a redirect asks for. */
interface Hop {
  readonly url: URL;
  readonly shown: string;
  readonly address: Address;
  readonly tls: TlsSettings | undefined;
  readonly request: Request;
}

const VERIFIED: TlsSettings = { verify: true, ca: undefined, "server-name": undefined };

function firstHop(settings: Settings): Hop {
  const { http, method, headers = [], body, host } = settings;
  const { url, shown, credentials } = http;
  const authorization = credentials === undefined ? [] : [["Authorization", `Basic ${basic(credentials)}`] as const];
  return {
    url,
    shown,
    address: addressOf(settings),
    tls: tlsFor(http, settings.tls),
    request: { method, path: pathOf(url), host: host ?? url.host, headers: [...headers, ...authorization], body },
  };
}

const pathOf = ({ pathname, search }: URL): string => `${pathname}${search}`;

/** The certificate is for the URL's host, by whichever socket it is reached. */
function tlsFor({ url, address }: HttpUrl, settings: TlsSettings = VERIFIED): TlsSettings | undefined {
  if (url.protocol !== "https:") return undefined;
  return { ...settings, "server-name": settings["server-name"] ?? address.host };
}

const FOLLOWED = new Set([301, 302, 303, 307, 308]);

/** The next hop; undefined where the answer is the last one; a failure where it leads nowhere. */
function redirected(hop: Hop, { status, headers }: Answer, settings: Settings): Hop | Failure | undefined {
  const location = headers.get("location");
  if (!FOLLOWED.has(status) || location === undefined) return undefined;
  const url = URL.parse(location, hop.url.href);
  const read = url && httpUrl.read(withoutFragment(url));
  if (!read || !("value" in read)) {
    return failed("mismatch", `${hop.shown} answered ${status} with a Location that is no URL to go to`);
  }
  const next = read.value;
  const { method, body } = hop.request;
  // As browsers do, and RFC 9110, 15.4, allows.
  const turnsToGet = status === 303 ? method !== "HEAD" : method === "POST" && (status === 301 || status === 302);
  const request = {
    ...hop.request,
    path: pathOf(next.url),
    ...(turnsToGet && { method: "GET", body: undefined }),
  };
  const shown = `${settings.http.shown}, redirected to ${cut(`${next.url.origin}${next.url.pathname}`)},`;
  if (next.url.origin === hop.url.origin) return { ...hop, url: next.url, shown, request };
  if (body !== undefined && !turnsToGet) {
    return failed("mismatch", `${hop.shown} answered ${status} to another origin, where the body must not go`);
  }
  const { ca, verify } = settings.tls ?? VERIFIED;
  return {
    url: next.url,
    shown,
    address: next.address,
    tls: tlsFor(next, { ca, verify, "server-name": undefined }),
    request: { ...request, host: next.url.host, headers: [] },
  };
}

/** Nor with credentials: whoever redirects has none to give. */
function withoutFragment({ href }: URL): string {
  const url = new URL(href);
  url.hash = "";
  url.username = "";
  url.password = "";
  return url.href;
}

interface Hearing {
  readonly subject: string;
  readonly followed: number;
  readonly warning: string | undefined;
  readonly hide: (text: string) => string;
}

/** What the status says of the reason, where it says more than that it is another one. */
const REASONS: Readonly<Record<number, Reason>> = { 401: "auth", 407: "auth", 503: "not-ready" };

async function judge(
  answer: Answer,
  settings: Settings,
  { subject, followed, warning, hide }: Hearing,
): Promise<Outcome> {
  const { status } = answer;
  const fail = async (reason: Reason, what: string): Promise<Failure> => {
    const output = await answer.peek();
    const failure = failed(reason, `${subject} answered ${status}${what}`);
    return output === undefined ? failure : { ...failure, output };
  };
  if (!settings.status.some(([low, high]) => status >= low && status <= high)) {
    const many = followed === settings.redirects && followed > 0 && FOLLOWED.has(status);
    const after = many ? ` after ${followed} redirects` : "";
    return fail(REASONS[status] ?? "mismatch", `${after}, expected ${formatRanges(settings.status)}`);
  }
  if (settings.expect || settings.json) {
    const body = await answer.readBody();
    if (isFailure(body)) return body;
    if (settings.expect && !settings.expect.matches(body.text)) {
      const among = body.whole ? "the body" : "the first 64 KiB of the body";
      return fail("mismatch", `, but ${among} does not hold what is expected`);
    }
    const flaw = settings.json && flawOfJson(body.text, body.whole, settings.json, hide);
    if (flaw !== undefined) return fail("mismatch", `, but ${flaw}`);
  }
  return { ok: true, detail: `answered ${status}`, ...(warning !== undefined && { warning }) };
}

function flawOfJson(
  text: string,
  whole: boolean,
  expected: readonly Expected[],
  hide: (text: string) => string,
): string | undefined {
  if (!whole) return "the body is longer than 64 KiB, too long to be read as JSON";
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return "the body is not JSON";
  }
  for (const { pointer, path, value } of expected) {
    const name = pointer === "" ? "its JSON" : pointer;
    const found = follow(document, path);
    if (found === undefined) return `its JSON has no ${name}`;
    if (!isSame(found.value, value)) return `${name} is ${describe(found.value, hide)}, not what is expected`;
  }
  return undefined;
}

/** RFC 6901, 4. */
function follow(document: unknown, path: readonly string[]): { readonly value: unknown } | undefined {
  let value = document;
  for (const step of path) {
    if (Array.isArray(value)) {
      if (!/^(?:0|[1-9]\d{0,8})$/.test(step) || Number(step) >= value.length) return undefined;
      value = value[Number(step)];
    } else if (isMap(value) && Object.hasOwn(value, step)) value = value[step];
    else return undefined;
  }
  return { value };
}

/** Of two values of JSON; no deeper than the shallower one. */
export function isSame(one: unknown, other: unknown): boolean {
  if (Array.isArray(one)) {
    return (
      Array.isArray(other) && one.length === other.length && one.every((item, index) => isSame(item, other[index]))
    );
  }
  if (!isMap(one)) return one === other;
  if (!isMap(other)) return false;
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && isSame(one[key], other[key]))
  );
}

function describe(value: unknown, hide: (text: string) => string): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (isMap(value)) return "an object";
  return typeof value === "string" ? JSON.stringify(cut(hide(value))) : String(value);
}

const cut = (text: string): string =>
  text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS).toWellFormed()}…` : text;
