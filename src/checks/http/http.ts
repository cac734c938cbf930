// http: passes when the response has an expected status and, with `expect` or `json`, the expected body.
//
// It sends one request on a connection of its own and closes it afterwards; without proxies, cookies and retries. Headers,
// body and credentials are sent to the URL's own origin only.

import { secretsOfSent } from "../../fields/exchange.ts";
import { type Pattern, pattern, socketPath, text, wholeNumber } from "../../fields/field.ts";
import { type Expected, findJsonMismatch, json, shorten } from "../../fields/json.ts";
import type { Conflict } from "../../fields/keys.ts";
import { optional, required, withDefault } from "../../fields/keys.ts";
import { filesOfTls, tls } from "../../fields/tls.ts";
import type { Address } from "../../net/address.ts";
import type { TlsSettings } from "../../net/tls-settings.ts";
import { type Failure, failed, isFailure, type Outcome, type Reason } from "../../outcome.ts";
import { ADDRESS_ALIASES, defineKind } from "../kind.ts";
import type { HttpResponse } from "./client.ts";
import {
  formatRanges,
  type Headers,
  type HttpUrl,
  headers,
  host,
  httpUrl,
  method,
  type Range,
  statuses,
} from "./fields.ts";
import type { HttpRequest } from "./request.ts";

const MAX_REDIRECTS = 10;

export const http = defineKind({
  name: "http",
  value: "URL",
  rule: "the response has an expected status; with expect or json, when its body matches too",
  example: "http: http://127.0.0.1:8080/healthz",
  aliases: [...ADDRESS_ALIASES, "url", "uri", "path"],
  keys: {
    http: required(httpUrl, "the URL to request; its user and password are sent as Basic authorization"),
    unix: optional(socketPath, "the socket file to connect to, instead of the URL's host"),
    method: withDefault(method, "the request method", "GET"),
    headers: optional(headers, "the request headers; their values are never shown"),
    host: optional(host, "the Host header; by default the URL's host"),
    body: optional(text("the body as a text"), "the request body"),
    status: withDefault(statuses, "the statuses that pass: one, a range, or a list", "200-299"),
    expect: optional(pattern, "what the first 64 KiB of the body must contain"),
    json: optional(json, "JSON pointers (RFC 6901) into the body, each with its expected value"),
    redirects: withDefault(wholeNumber(0, MAX_REDIRECTS), "the number of redirects to follow", 0),
    tls,
  },
  texts: { body: "body", json: "JSON values" },
  conflict: (settings): Conflict | undefined => {
    const isHttps = settings.http.url.protocol === "https:";
    if (settings.tls && !isHttps) return { path: ["tls"], expected: "no tls with an http:// URL", got: "both" };
    // `false` becomes undefined, but the key is there.
    if ("tls" in settings && !settings.tls && isHttps) {
      return {
        path: ["tls"],
        expected: "true or a mapping with an https:// URL",
        got: "false",
      };
    }
    for (const key of ["expect", "json"] as const) {
      if (settings.method !== "HEAD" || settings[key] === undefined) continue;
      return { path: [key], expected: "a method with a response body", got: "method HEAD" };
    }
    const authorizes = settings.headers?.some(([name]) => name.toLowerCase() === "authorization");
    if (authorizes && settings.http.credentials !== undefined) {
      return { path: ["headers"], expected: "one authorization", got: "a header, and a user in the URL" };
    }
    if (settings.method === "TRACE" && settings.body !== undefined) {
      return { path: ["body"], expected: "a method with a request body", got: "method TRACE" };
    }
    return undefined;
  },
  target: ({ http, unix }) => (unix === undefined ? http.shown : `${http.shown} by unix:${unix}`),
  peer: (settings) => addressOf(settings),
  files: ({ tls }) => filesOfTls(tls),
  asksHttp: true,
  secrets: (settings) => secretsOf(settings),
  warningsIfCritical: ({ http, tls }) =>
    http.url.protocol === "https:" && tls?.verify === false
      ? ["the certificate is not verified, so another machine can answer in the server's place"]
      : [],
  async probe(settings, { timeoutMs, redact }) {
    const [{ openStream }, { sendRequest }] = await Promise.all([import("../../net/stream.ts"), import("./client.ts")]);
    return async ({ signal }) => {
      let hop = firstHop(settings);
      let warning: string | undefined;
      for (let followed = 0; ; followed++) {
        const options = { maxWaitMs: timeoutMs / 2, tls: hop.tls, alpn: ["http/1.1"] };
        const stream = await openStream(hop.address, options, signal);
        if (isFailure(stream))
          return followed === 0 ? stream : { ...stream, message: `${stream.message} (after a redirect)` };
        warning ??= stream.warning;
        try {
          const response = await sendRequest(stream, hop.request, hop.shown, redact);
          if (isFailure(response)) return response;
          const next = followed < settings.redirects ? nextHop(hop, response, settings) : undefined;
          if (next === undefined)
            return await judge(response, settings, { subject: hop.shown, followed, warning, redact });
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
  readonly expect?: Pattern | undefined;
  readonly json?: readonly Expected[] | undefined;
  readonly redirects: number;
  readonly tls?: TlsSettings | undefined;
}

const addressOf = ({ http, unix }: Settings): Address =>
  unix === undefined ? http.address : { family: "unix", path: unix };

const basic = (credentials: string): string => Buffer.from(credentials).toString("base64");

function secretsOf({ http: { credentials, shown }, headers = [], body }: Settings): readonly string[] {
  const values = [...headers.map(([, value]) => value), ...secretsOfSent(body, shown)];
  // A token is secret also without the word before it, as in "Bearer TOKEN".
  const tokens = values.flatMap((value) => /^\S+ (\S+)$/.exec(value)?.[1] ?? []);
  if (credentials === undefined) return [...values, ...tokens];
  const colon = credentials.indexOf(":");
  // Without a password the user is often a token.
  const password = credentials.slice(colon + 1) || credentials.slice(0, colon);
  const written = [password, encodeURIComponent(password), basic(credentials)];
  return [...values, ...tokens, ...written].filter((secret) => secret !== "");
}

/** One request of a run: the first, or one after a redirect. */
interface Hop {
  readonly url: URL;
  readonly shown: string;
  readonly address: Address;
  readonly tls: TlsSettings | undefined;
  readonly request: HttpRequest;
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

/** The certificate must be for the URL's host, whichever socket the request goes to. */
function tlsFor({ url, address }: HttpUrl, settings: TlsSettings = VERIFIED): TlsSettings | undefined {
  if (url.protocol !== "https:") return undefined;
  return { ...settings, "server-name": settings["server-name"] ?? address.host };
}

const FOLLOWED = new Set([301, 302, 303, 307, 308]);

/** The request after a redirect; undefined if the response is not one, a failure if its Location is unusable. */
function nextHop(hop: Hop, { status, headers }: HttpResponse, settings: Settings): Hop | Failure | undefined {
  const location = headers.get("location");
  if (!FOLLOWED.has(status) || location === undefined) return undefined;
  const url = URL.parse(percentEncode(location), hop.url.href);
  const read = url && httpUrl.read(withoutFragment(url));
  if (!read || !("value" in read)) {
    return failed("mismatch", `${hop.shown} answered ${status} with a Location that is not a usable URL`);
  }
  const next = read.value;
  const { method, body } = hop.request;
  // As browsers do; RFC 9110, section 15.4, allows it.
  const becomesGet = status === 303 ? method !== "HEAD" : method === "POST" && (status === 301 || status === 302);
  const request = {
    ...hop.request,
    path: pathOf(next.url),
    ...(becomesGet && { method: "GET", body: undefined }),
  };
  const shown = `${settings.http.shown}, redirected to ${shorten(`${next.url.origin}${next.url.pathname}`)},`;
  // The server knows itself as `host`, whatever that name resolves to here.
  const ownName = isOwnName(next.url, settings);
  const ownPort = [hop.url.port, settings.http.url.port, portOf(settings.host)].includes(next.url.port);
  const isSame = ownName && ownPort && next.url.protocol === hop.url.protocol;
  if (next.url.origin === hop.url.origin || isSame) return { ...hop, url: next.url, shown, request };
  if (body !== undefined && !becomesGet) {
    return failed(
      "mismatch",
      `${hop.shown} answered ${status}, a redirect to another origin; the body is not sent there`,
    );
  }
  const { ca, verify } = settings.tls ?? VERIFIED;
  return {
    url: next.url,
    shown,
    address:
      ownName && settings.unix === undefined ? { ...next.address, host: settings.http.address.host } : next.address,
    tls: tlsFor(next, { ca, verify, "server-name": undefined }),
    request: { ...request, host: next.url.host, headers: [] },
  };
}

/** Encodes bytes that are not ASCII, as curl and browsers do; each character of a header is a byte. */
const percentEncode = (location: string): string =>
  location.replaceAll(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);

const isOwnName = ({ hostname }: URL, { host }: Settings): boolean =>
  host !== undefined && URL.parse(`http://${host}`)?.hostname === hostname;

/** The port as in `URL.port`: empty if there is none. */
const portOf = (host: string | undefined): string => /:(\d+)$/.exec(host ?? "")?.[1] ?? "";

/** Also removes credentials: a redirect cannot set any. */
function withoutFragment({ href }: URL): string {
  const url = new URL(href);
  url.hash = "";
  url.username = "";
  url.password = "";
  return url.href;
}

interface JudgeContext {
  readonly subject: string;
  readonly followed: number;
  readonly warning: string | undefined;
  readonly redact: (text: string) => string;
}

/** Unexpected statuses whose reason is not "mismatch". */
const REASONS: Readonly<Record<number, Reason>> = { 401: "auth", 407: "auth", 503: "not-ready" };

async function judge(
  response: HttpResponse,
  settings: Settings,
  { subject, followed, warning, redact }: JudgeContext,
): Promise<Outcome> {
  const { status } = response;
  const fail = async (reason: Reason, what: string): Promise<Failure> => {
    const output = await response.readExcerpt();
    const failure = failed(reason, `${subject} answered ${status}${what}`);
    return output === undefined ? failure : { ...failure, output };
  };
  if (!settings.status.some(([low, high]) => status >= low && status <= high)) {
    const isOneTooMany = followed === settings.redirects && followed > 0 && FOLLOWED.has(status);
    const after = isOneTooMany ? ` after ${followed} redirects` : "";
    return fail(REASONS[status] ?? "mismatch", `${after}, expected ${formatRanges(settings.status)}`);
  }
  if (settings.expect || settings.json) {
    const { expect, json } = settings;
    const body = await response.readBody(expect?.isStable && !json ? (text) => expect.matches(text) : undefined);
    if (isFailure(body)) return body;
    if (settings.expect && !settings.expect.matches(body.text)) {
      const where = body.isComplete ? "the body" : "the first 64 KiB of the body";
      return fail("mismatch", `, but ${where} does not match expect`);
    }
    const mismatch = settings.json && findJsonMismatch(body.text, body.isComplete, settings.json, redact);
    if (mismatch !== undefined) return fail("mismatch", `, but ${mismatch}`);
  }
  return { ok: true, detail: `answered ${status}`, ...(warning !== undefined && { warning }) };
}
