// redis: passes when Redis, Valkey or a compatible server accepts the login and answers the
// command without an error and, with `expect`, as expected. There are no retries.

import { type Field, type Pattern, pattern, text } from "../../fields/field.ts";
import { optional, required, withDefault } from "../../fields/keys.ts";
import { filesOfTls, tls } from "../../fields/tls.ts";
import { type ServiceUrl, serviceUrl } from "../../fields/url.ts";
import type { TlsSettings } from "../../net/tls-settings.ts";
import { failed, type Outcome } from "../../outcome.ts";
import { splitWords } from "../../text/shell-words.ts";
import type { Probe } from "../check.ts";
import { ADDRESS_ALIASES, defineKind, type ProbeContext } from "../kind.ts";
import type { RedisRequest, Reply } from "./redis-client.ts";
import { passwordConflict, secretsOf, shown } from "./sql.ts";

const SECURE = "rediss";

const url = serviceUrl({
  protocols: ["redis", SECURE],
  port: 6379,
  example: "redis://127.0.0.1:6379/0",
});

/** Commands that never end, or change the connection. */
const UNSUITABLE = [
  "SUBSCRIBE",
  "PSUBSCRIBE",
  "SSUBSCRIBE",
  "MONITOR",
  "SYNC",
  "PSYNC",
  "HELLO",
  "AUTH",
  "RESET",
  "QUIT",
];

const command: Field<readonly [string, ...string[]]> = {
  expected: "a command, which is split into words as by a shell",
  json: { title: "command", type: "string", minLength: 1 },
  read(given) {
    if (typeof given !== "string") return {};
    const words = splitWords(given);
    if (typeof words === "string") return { expected: words };
    const [name = "", ...rest] = words;
    if (UNSUITABLE.includes(name.toUpperCase())) return { hint: "a check cannot use this command" };
    return { value: [name, ...rest] };
  },
};

export const redis = defineKind({
  name: "redis",
  value: "URL",
  rule: "Redis accepts the login and answers the command without an error; with expect, when the reply matches too",
  example: "redis: redis://127.0.0.1:6379/0",
  aliases: [...ADDRESS_ALIASES, "url", "uri"],
  keys: {
    redis: required(url, "the server, the user and the database number; ?socket=/PATH for a socket file"),
    query: withDefault(command, "the command to run, which is split into words as by a POSIX shell", "PING"),
    expect: optional(pattern, "what the reply must contain"),
    password: optional(text("a password"), "the password, if it is not in the URL"),
    tls,
  },
  conflict: ({ redis, password, tls }) => {
    if (!/^\d{0,5}$/.test(redis.path)) {
      return { path: ["redis"], expected: "a database number after the slash", got: "something else" };
    }
    if (redis.address.family === "unix" && (tls || redis.protocol === SECURE)) {
      return { path: ["redis"], expected: "no TLS with a socket file", got: "both" };
    }
    if (redis.user !== undefined && (redis.password ?? password) === undefined) {
      // The user may be the password, so it must not become part of the target.
      return {
        path: ["redis"],
        expected: "a password too, as in redis://USER:PASSWORD@HOST or redis://:PASSWORD@HOST",
        got: "none",
      };
    }
    return passwordConflict({ url: redis, password });
  },
  target: ({ redis: { shown } }) => shown,
  peer: ({ redis: { address } }) => address,
  files: ({ tls }) => filesOfTls(tls),
  secrets: ({ redis, password }) => secretsOf({ url: redis, password }),
  probe: ({ redis, query, expect, password, tls }, context) =>
    redisProbe({ url: redis, query, expect, password, tls: tls ?? tlsOf(redis) }, context),
});

const tlsOf = ({ protocol }: ServiceUrl): TlsSettings | undefined =>
  protocol === SECURE ? { verify: true, ca: undefined, "server-name": undefined } : undefined;

interface RedisSettings {
  readonly url: ServiceUrl;
  readonly query: readonly [string, ...string[]];
  readonly expect: Pattern | undefined;
  readonly password: string | undefined;
  readonly tls: TlsSettings | undefined;
}

async function redisProbe(
  { url, query, expect, password, tls }: RedisSettings,
  { timeoutMs, redact }: ProbeContext,
): Promise<Probe> {
  const { runRedisCommand } = await import("./redis-client.ts");
  const request: RedisRequest = {
    address: url.address,
    user: url.user,
    password: password ?? url.password,
    database: url.path,
    command: query,
    tls,
    maxWaitMs: timeoutMs / 2,
    redact: (text) => redact(text, "nowhere"),
  };
  return async ({ signal }) => {
    const result = await runRedisCommand(request, signal);
    if ("ok" in result) return result;
    const outcome = judge(result.reply, expect, redact);
    return outcome.ok && result.warning !== undefined ? { ...outcome, warning: result.warning } : outcome;
  };
}

function judge(reply: Reply, expect: Pattern | undefined, redact: ProbeContext["redact"]): Outcome {
  if (!expect) return { ok: true };
  const answer = textOf(reply);
  if (expect.matches(answer)) return { ok: true };
  const given = reply === null ? "nil" : shown(answer, redact);
  return failed("mismatch", `the reply ${given} does not match expect`);
}

/** As redis-cli prints it into a pipe: one line per element, an empty one for nil. */
function textOf(reply: Reply): string {
  if (reply === null) return "";
  return typeof reply === "string" ? reply : reply.map(textOf).join("\n");
}
