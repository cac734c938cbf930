// postgres: passes when the server accepts the login and answers the query and, with
// `expect`, the first column of the first row is as expected. There are no retries.

import { required } from "../../fields/keys.ts";
import { filesOfTls, tls } from "../../fields/tls.ts";
import { type ServiceUrl, serviceUrl } from "../../fields/url.ts";
import type { TlsSettings } from "../../net/tls-settings.ts";
import { ADDRESS_ALIASES, defineKind } from "../kind.ts";
import { firstColumnWarning, queryConflict, queryKeys, secretsOf, sqlProbe, statementOf } from "./sql.ts";

const url = serviceUrl({
  protocols: ["postgres", "postgresql"],
  port: 5432,
  example: "postgres://user@127.0.0.1:5432/database",
  parameters: { sslmode: ["disable", "require", "verify-full"] },
  socketIn: (folder, port) => `${folder}/.s.PGSQL.${port}`,
});

export const postgres = defineKind({
  name: "postgres",
  value: "URL",
  rule: "PostgreSQL accepts the login and the query succeeds; with expect, when the value matches too",
  example: "postgres: postgres://user@127.0.0.1:5432/database",
  aliases: [...ADDRESS_ALIASES, "url", "uri"],
  keys: {
    postgres: required(url, "the server, the user and the database; ?host=/FOLDER or ?socket=/PATH for a socket file"),
    ...queryKeys,
    tls,
  },
  conflict: ({ postgres, tls, ...keys }) => {
    const conflict = queryConflict("postgres", { ...keys, url: postgres, tls });
    if (conflict || !tls || postgres.parameters["sslmode"] === undefined) return conflict;
    return { path: ["tls"], expected: "either tls or sslmode in the URL", got: "both" };
  },
  target: ({ postgres: { shown } }) => shown,
  peer: ({ postgres: { address } }) => address,
  files: ({ tls }) => filesOfTls(tls),
  secrets: ({ postgres, password }) => secretsOf({ url: postgres, password }),
  warnings: ({ postgres, query, expect, column }) => {
    const [statement] = /^SHOW \w+/.exec(statementOf(query)) ?? [];
    if (!expect || column !== undefined || statement === undefined) return [];
    // One setting is one column; SHOW ALL, and most of what PgBouncer shows of itself, are tables.
    const isTable = statement === "SHOW ALL" || (postgres.path === "pgbouncer" && statement !== "SHOW VERSION");
    return isTable ? [firstColumnWarning(statement)] : [];
  },
  async probe({ postgres, tls, ...keys }, context) {
    const { queryPostgres } = await import("./postgres-client.ts");
    return sqlProbe(
      { ...keys, url: postgres, tls: tls ?? tlsOf(postgres) },
      postgres.user ?? "",
      queryPostgres,
      context,
    );
  },
});

/** As libpq reads it. */
function tlsOf({ parameters, address }: ServiceUrl): TlsSettings | undefined {
  const mode = parameters["sslmode"] ?? "disable";
  if (mode === "disable" || address.family === "unix") return undefined;
  return { verify: mode === "verify-full", ca: undefined, "server-name": undefined };
}
