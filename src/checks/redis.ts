// redis: passes when Redis, Valkey or what speaks like them lets the user in and answers the
// command without an error, and, with `expect`, when the reply is as expected. Nothing is
// tried again.

import { formatAddress } from "../probing/network/address.ts";
import type { Client } from "../probing/protocols/client-talk.ts";
import { splitWords } from "../words.ts";
import { type Failure, failed, type Outcome, type Probe } from "./check.ts";
import { type Field, type Pattern, pattern, takes, text } from "./keys/fields.ts";
import { pathsOfTls, type TlsSettings, tls } from "./keys/tls.ts";
import { type ServiceUrl, serviceUrl } from "./keys/url.ts";
import { defineKind, type ProbeContext } from "./kind.ts";
import { codesOf, passwordConflict, secretsOf, shown, unreadable, wordsOf } from "./sql.ts";

const SECURE = "rediss";

const url = serviceUrl({
  protocols: ["redis", SECURE],
  port: 6379,
  example: "redis://127.0.0.1:6379/0",
});

/** What has no end, or is no question. */
const ENDLESS = ["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "MONITOR", "SYNC", "PSYNC", "HELLO", "AUTH", "RESET", "QUIT"];

const command: Field<readonly [string, ...string[]]> = {
  expected: "a command, split into words as a shell does",
  json: { type: "string", minLength: 1 },
  read(given) {
    if (typeof given !== "string") return {};
    const words = splitWords(given);
    if (typeof words === "string") return { expected: words };
    const [name = "", ...rest] = words;
    if (ENDLESS.includes(name.toUpperCase())) return { hint: "this command will not do for a check" };
    return { value: [name, ...rest] };
  },
};

export const redis = defineKind({
  name: "redis",
  value: "URL",
  rule: "Redis lets the user in and answers the command as expected",
  shape: (z) => ({
    redis: takes(z, url, "the server, the user and the number of the database; socket=/PATH for a socket file"),
    query: takes(z, command, "the command; split as a POSIX shell does").prefault("PING"),
    expect: takes(z, pattern, "what the reply must hold").optional(),
    password: takes(z, text("a password"), "the password, instead of one in the URL").optional(),
    tls: tls(z).optional(),
  }),
  conflict: ({ redis, password, tls }) => {
    if (!/^\d{0,5}$/.test(redis.path)) {
      return { path: ["redis"], expected: "the number of a database after the slash", got: "something else" };
    }
    if (redis.address.family === "unix" && (tls || redis.protocol === SECURE)) {
      return { path: ["redis"], expected: "no tls on a socket file", got: "both" };
    }
    if (redis.user !== undefined && (redis.password ?? password) === undefined) {
      // It may well be the password, so it is not to become part of the target.
      return { path: ["redis"], expected: "a password after the user, as in redis://:PASSWORD@HOST", got: "none" };
    }
    return passwordConflict({ url: redis, password });
  },
  target: ({ redis: { shown } }) => shown,
  peer: ({ redis: { address } }) => address,
  paths: ({ tls }) => pathsOfTls(tls),
  secrets: ({ redis, password }) => secretsOf({ url: redis, password }),
  probe: ({ redis, query, expect, password, tls }, context) =>
    redisProbe({ url: redis, query, expect, password, tls: tls ?? tlsOf(redis) }, context),
});

const tlsOf = ({ protocol }: ServiceUrl): TlsSettings | undefined =>
  protocol === SECURE ? { verify: true, ca: undefined, "server-name": undefined } : undefined;

interface Question {
  readonly url: ServiceUrl;
  readonly query: readonly [string, ...string[]];
  readonly expect: Pattern | undefined;
  readonly password: string | undefined;
  readonly tls: TlsSettings | undefined;
}

function redisProbe({ url, query, expect, password, tls }: Question, { timeoutMs }: ProbeContext): Probe {
  const machinery = Promise.all([import("../probing/network/relay.ts"), import("../probing/protocols/client-talk.ts")]);
  const peer = formatAddress(url.address);
  const secret = password ?? url.password;
  const credentials =
    secret === undefined ? "" : `${encodeURIComponent(url.user ?? "")}:${encodeURIComponent(secret)}@`;
  const [name, ...args] = query;
  const once: Probe = async (signal) => {
    const [{ openRelay }, { talk }] = await machinery;
    const relay = await openRelay(url.address, { tls, patienceMs: timeoutMs / 2 }, signal);
    if ("ok" in relay) return relay;
    const make = (): Client => {
      const { door } = relay;
      const where =
        door.family === "tcp"
          ? `redis://${credentials}${door.host}:${door.port}`
          : `redis+unix://${credentials}localhost${door.path}`;
      const client = new Bun.RedisClient(where, {
        autoReconnect: false,
        maxRetries: 0,
        connectionTimeout: 0,
        idleTimeout: 0,
        enableAutoPipelining: false,
      });
      let asking = false;
      client.onconnect = () => {
        asking = true;
      };
      client.onclose = () => {};
      return {
        async ask() {
          try {
            // A client on a socket file takes no number of a database in its URL.
            if (Number(url.path) !== 0) await client.send("SELECT", [url.path]);
            return judge(await client.send(name, args), expect);
          } catch (error) {
            return explain(error, peer);
          }
        },
        waitingFor: () => (asking ? `the reply to ${name}` : "the answer to the login"),
        hangUp: () => client.close(),
      };
    };
    return talk(relay, peer, make, signal);
  };
  return async (signal) => {
    const [, { onceThereIs }] = await machinery;
    return onceThereIs(peer, () => once(signal), signal);
  };
}

function judge(reply: unknown, expect: Pattern | undefined): Outcome {
  if (!expect) return { ok: true };
  const answer = textOf(reply);
  if (expect.matches(answer)) return { ok: true };
  return failed("mismatch", `the reply was ${reply === null ? "nil" : shown(answer)}, which is not as expected`);
}

/** As redis-cli writes it into a pipe: a line each, nothing for nil. */
function textOf(reply: unknown): string {
  if (reply === null || reply === undefined) return "";
  if (Array.isArray(reply)) return reply.map(textOf).join("\n");
  if (typeof reply === "object") return Object.entries(reply).flat().map(textOf).join("\n");
  return String(reply);
}

/** The server's errors begin with a word in capitals. */
function explain(error: unknown, peer: string): Failure {
  const words = wordsOf(error);
  const { code } = codesOf(error);
  if (/unknown command .?HELLO/i.test(words)) {
    // It goes on with the arguments, the password among them.
    return failed("mismatch", `${peer} does not know HELLO: it is older than Redis 6`);
  }
  if (/CONNECTION_(CLOSED|FAILED)/.test(code)) {
    return failed("closed", `${peer} closed the connection before it had answered`);
  }
  if (code.includes("INVALID_RESPONSE")) return unreadable(peer, "Redis", code);
  if (/^(WRONGPASS|NOAUTH|NOPERM|DENIED)\b|^ERR (AUTH|invalid password)/.test(words)) return failed("auth", words);
  if (/^(LOADING|MASTERDOWN|CLUSTERDOWN|BUSY|TRYAGAIN|MISCONF)\b|^ERR max number of clients/.test(words)) {
    return failed("not-ready", `${peer} says: ${words}`);
  }
  if (/^ERR DB index/.test(words)) return failed("missing", words);
  return failed("mismatch", `the command failed: ${words}${code === "ERR_REDIS_SERVER_ERROR" ? "" : ` (${code})`}`);
}
