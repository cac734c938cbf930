// postgres, mysql and redis pass when the server accepts the login and answers as expected. Every other behaviour has a
// message of its own, and none leaves anything behind.

import { afterAll, beforeAll, describe, expect } from "bun:test";
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { mysql } from "../../../src/checks/database/mysql.ts";
import { postgres } from "../../../src/checks/database/postgres.ts";
import { redis } from "../../../src/checks/database/redis.ts";
import type { CheckKind } from "../../../src/checks/kind.ts";
import type { Outcome } from "../../../src/outcome.ts";
import { makeAuthority } from "../../support/certificates.ts";
import { checkOf, outcomeOf } from "../../support/checks.ts";
import { speaker } from "../../support/conversation.ts";
import {
  ENCODED,
  PASSWORD,
  removePostgresTemplate,
  type Server,
  startMariadb,
  startPostgres,
  startRedis,
} from "../../support/databases.ts";
import { freePort, fullBacklog, listener } from "../../support/listeners.ts";
import { startMysqlServer } from "../../support/mysql-server.ts";
import { needs } from "../../support/needs.ts";
import { handshakesTo } from "../../support/processes.ts";
import { type TempFolder, tempFolder } from "../../support/temp.ts";
import { until } from "../../support/until.ts";

const test = await needs("PostgreSQL's initdb", "mariadbd", "redis-server", "openssl");

const LIMIT_MS = 60_000;
const HUNG_MS = 300;

const openSockets = () => readdirSync("/proc/self/fd").length;

/** A failure with this reason and a message that matches; it shows no password. */
async function expectFailure(
  kind: unknown,
  keys: Readonly<Record<string, unknown>>,
  reason: string,
  message: RegExp,
  timeoutMs = 10_000,
): Promise<void> {
  const outcome = await outcomeOf(kind as CheckKind, keys, { timeoutMs });
  expect(outcome).toEqual({ ok: false, reason, message: expect.stringMatching(message) } as never);
  expect(JSON.stringify(outcome)).not.toContain("geheim");
}

const up = async (kind: unknown, keys: Readonly<Record<string, unknown>>) =>
  expect(await outcomeOf(kind as CheckKind, keys)).toEqual({ ok: true });

let folder: TempFolder;
let tls: { readonly key: string; readonly certificate: string };
let caFile: string;

beforeAll(async () => {
  folder = await tempFolder();
  const authority = await makeAuthority(folder.path);
  const { certFile, keyFile } = await authority.issue({ names: ["db.internal"] });
  tls = { key: await readFile(keyFile, "utf8"), certificate: await readFile(certFile, "utf8") };
  caFile = authority.caFile;
});
afterAll(async () => {
  await removePostgresTemplate();
  await folder[Symbol.asyncDispose]();
});

describe("postgres", () => {
  const urlOf = ({ host, port }: Server, password = ENCODED, database = "postgres") =>
    `postgres://postgres:${password}@${host}:${port}/${database}`;

  test(
    "a server that answers is up: over TCP, by name, by TLS and on its socket file",
    async () => {
      await using server = await startPostgres({ tls });
      await up(postgres, { postgres: urlOf(server) });
      await up(postgres, { postgres: `postgres://postgres@${server.host}:${server.port}`, password: PASSWORD });
      await up(postgres, { postgres: `postgres://postgres:${ENCODED}@:${server.port}/?host=${server.folder}` });
      const secured = {
        postgres: urlOf(server),
        query: "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
        expect: "/^t$/",
      };
      await up(postgres, { ...secured, tls: { ca: caFile, "server-name": "db.internal" } });
      await up(postgres, { ...secured, tls: { verify: false } });
      await up(postgres, { ...secured, postgres: `${secured.postgres}?sslmode=require` });
      await expectFailure(postgres, { ...secured, tls: { ca: caFile } }, "tls", /is for db\.internal, not for 127\./);
      await expectFailure(postgres, { ...secured, tls: true }, "tls", /the certificate of 127\./);
      expect(await server.logAtEnd()).not.toMatch(/unexpected EOF|could not receive/);
    },
    LIMIT_MS,
  );

  test(
    "the first column of the first row is compared as psql shows it",
    async () => {
      await using server = await startPostgres();
      const ask = (query: string, expect: string) => outcomeOf(postgres, { postgres: urlOf(server), query, expect });
      for (const [query, text] of [
        ["SELECT pg_is_in_recovery()", "f"],
        ["SELECT true, 1", "t"],
        ["SELECT 1.50::numeric", "1\\.50"],
        ["SELECT NULL", ""],
        ["SELECT '{1,2}'::int[]", "\\{1,2\\}"],
        ["SELECT 'a' UNION ALL SELECT 'b'", "a"],
        ["SELECT 'first'; SELECT 'last'", "last"],
        ["SELECT repeat('ä', 9)", "ä{9}"],
      ] as const) {
        expect({ query, outcome: await ask(query, `/^${text}$/`) }).toEqual({ query, outcome: { ok: true } });
      }
      const failure = (query: string, expect: string, message: RegExp) =>
        expectFailure(postgres, { postgres: urlOf(server), query, expect }, "mismatch", message);
      await failure("SELECT pg_is_in_recovery()", "/^t$/", /^the query returned "f", which does not match expect$/);
      await failure("SELECT 1 WHERE false", "1", /^the query returned no row$/);
      await failure("SELEC 1", "1", /^the query failed: syntax error .* \(42601\)$/);
      await failure("SELECT repeat('x', 2000000)", "x", /answered with more than 1 MiB/);
      await failure("COPY (SELECT 1) TO STDOUT", "1", /COPY/);
      expect(await server.logAtEnd()).not.toMatch(/unexpected EOF/);
    },
    LIMIT_MS,
  );

  test(
    "expect recognises a standby; a server that refuses all logins is not ready",
    async () => {
      await using hot = await startPostgres({ standby: true, until: "ready to accept read-only connections" });
      await up(postgres, { postgres: urlOf(hot), query: "SELECT pg_is_in_recovery()", expect: "/^t$/" });
      await using cold = await startPostgres({
        standby: true,
        settings: ["hot_standby = off"],
        until: "entering standby mode",
      });
      await expectFailure(
        postgres,
        { postgres: urlOf(cold) },
        "not-ready",
        /reports: the database system is .* \(57P03\)$/,
      );
    },
    LIMIT_MS,
  );

  test(
    "wrong password, unknown user and database, too many clients and no TLS are distinguished",
    async () => {
      await using server = await startPostgres({
        settings: ["max_connections = 3", "superuser_reserved_connections = 0", "max_wal_senders = 0"],
      });
      const at = urlOf(server);
      await expectFailure(postgres, { postgres: urlOf(server, "geheimer") }, "auth", /\(28P01\)$/);
      const without = { postgres: at.replace(`:${ENCODED}`, "") };
      await expectFailure(postgres, without, "auth", /^127\.\S+ requires a password \(SCRAM-SHA-256\): set password$/);
      await expectFailure(postgres, { postgres: at.replace("//postgres", "//nobody") }, "auth", /\(28P01\)$/);
      await expectFailure(postgres, { postgres: urlOf(server, ENCODED, "none") }, "missing", /"none" does not exist/);
      await expectFailure(postgres, { postgres: at, tls: true }, "tls", /does not support TLS/);
      const holding: Promise<Outcome>[] = [];
      await until(async () => {
        holding.push(outcomeOf(postgres, { postgres: at, query: "SELECT pg_sleep(60)" }, { timeoutMs: 60_000 }));
        const outcome = await outcomeOf(postgres, { postgres: at });
        return !outcome.ok && outcome.reason === "not-ready" && /too many clients.*\(53300\)$/.test(outcome.message);
      });
      const log = await server.logAtEnd();
      // The run with a wrong password; without a password there is no login.
      expect(log.match(/password authentication failed for user "postgres"/g)).toHaveLength(1);
      expect(log).not.toMatch(/got message type/);
      const ends = await Promise.all(holding);
      // A server that stops sends no message to a connection that is still logging in.
      const reasons = ends.map((outcome) => (outcome.ok ? "ok" : outcome.reason));
      expect(reasons.filter((reason) => reason !== "not-ready" && reason !== "closed")).toEqual([]);
      expect(ends.some((outcome) => !outcome.ok && outcome.message.endsWith("(57P01)"))).toBe(true);
      await expectFailure(postgres, { postgres: at }, "refused", /refused the connection/);
    },
    LIMIT_MS,
  );

  test(
    "logs in as psql does: by SCRAM, also with a password that is prepared for it, by MD5 and in clear",
    async () => {
      await using server = await startPostgres();
      const ask = (query: string) => up(postgres, { postgres: urlOf(server), query });
      const at = (user: string) => `postgres://${user}@${server.host}:${server.port}/postgres`;
      // U+2168 becomes IX, U+00AD nothing, U+00A0 a blank: the server stores the password so, and psql sends it so.
      const prepared = "geheim-\u2168\u00ad\u00a0ä";
      await ask(`CREATE ROLE prepared LOGIN PASSWORD '${prepared}'`);
      await up(postgres, { postgres: at("prepared"), password: prepared });
      await up(postgres, { postgres: at("prepared"), password: "geheim-IX ä" });
      await ask("SET password_encryption = md5; CREATE ROLE hashed LOGIN PASSWORD 'geheim-md5'");
      await Bun.write(
        `${server.folder}/data/pg_hba.conf`,
        "host all hashed all md5\nhost all prepared all password\nhost all all all scram-sha-256\n",
      );
      await ask("SELECT pg_reload_conf()");
      await until(async () => (await outcomeOf(postgres, { postgres: at("hashed"), password: "geheim-md5" })).ok);
      await up(postgres, { postgres: at("prepared"), password: "geheim-IX ä" });
      await expectFailure(postgres, { postgres: at("hashed"), password: "geheim" }, "auth", /\(28P01\)$/);
    },
    LIMIT_MS,
  );

  test(
    "column selects by name or number; of several statements the last counts",
    async () => {
      await using server = await startPostgres();
      const look = (query: string, column: string | number, expect: string) =>
        outcomeOf(postgres, { postgres: urlOf(server), query, column, expect });
      expect(await look("SELECT 1 AS a, 2 AS b", "b", "/^2$/")).toEqual({ ok: true });
      expect(await look("SELECT 1 AS a, 2 AS b", 2, "/^2$/")).toEqual({ ok: true });
      expect(await look("SELECT 0 AS c; SELECT 1 AS a, 2 AS b", "B", "/^2$/")).toEqual({ ok: true });
      expect(await look("SELECT 1 AS a", "b", "1")).toMatchObject({
        message: 'the query returned no column b; its columns are "a"',
      });
      expect(await look("SELECT 1 AS a; SET work_mem = '1MB'", "a", "1")).toMatchObject({
        message: "the query returned no row",
      });
    },
    LIMIT_MS,
  );

  test(
    "errors that mean not ready or not allowed have reasons of their own",
    async () => {
      await using server = await startPostgres();
      for (const [state, reason] of [
        ["57P03", "not-ready"],
        ["53200", "not-ready"],
        ["42501", "auth"],
        ["28000", "auth"],
        ["3D000", "missing"],
        ["58000", "not-ready"],
        ["58030", "not-ready"],
        ["57014", "mismatch"],
        ["22012", "mismatch"],
      ] as const) {
        const query = `DO $$BEGIN RAISE EXCEPTION 'it says' USING ERRCODE = '${state}'; END$$`;
        await expectFailure(
          postgres,
          { postgres: urlOf(server), query },
          reason,
          new RegExp(`it says \\(${state}\\)$`),
        );
      }
      for (const [state, words, reason] of [
        ["58000", "could not open a file: too many files are open", "not-ready"],
        ["XX000", "Tenant or user not found", "auth"],
        ["XX000", "Max client connections reached", "not-ready"],
        ["XX000", "something is broken", "mismatch"],
      ] as const) {
        await using server = await speaker([postgresMessage("E", `SFATAL\0C${state}\0M${words}\0\0`)]);
        const at = { postgres: `postgres://u:geheim@127.0.0.1:${server.port}` };
        await expectFailure(postgres, at, reason, new RegExp(`${words} \\(${state}\\)$`));
      }
      // From a pooler.
      for (const [words, reason] of [
        ["no such database: app", "missing"],
        ['database "app" does not exist', "missing"],
        ["no such user: u", "auth"],
        ["password authentication failed", "auth"],
        ["SASL authentication failed", "auth"],
        ["SSL required", "tls"],
        ["pgbouncer cannot connect to server", "not-ready"],
        ["server login has been failing, try again later (server_login_retry)", "not-ready"],
        ["unsupported startup parameter: application_name", "mismatch"],
      ] as const) {
        await using pooler = await speaker([postgresMessage("E", `SFATAL\0C08P01\0M${words}\0\0`)]);
        const at = { postgres: `postgres://u:geheim@127.0.0.1:${pooler.port}` };
        const outcome = await outcomeOf(postgres, at);
        expect({ words, outcome }).toMatchObject({ words, outcome: { ok: false, reason } });
        expect(JSON.stringify(outcome)).toContain(`${words.replaceAll('"', '\\"')} (08P01)`);
        expect(JSON.stringify(outcome)).not.toContain("the query failed");
      }
    },
    LIMIT_MS,
  );

  test(
    "a login that is not supported is reported before the driver sees it",
    async () => {
      const sasl = (name: string) => postgresMessage("R", `\0\0\0\x0a${name}\0\0`);
      const scram = (iterations: number) => postgresMessage("R", `\0\0\0\x0br=abc,s=YWJj,i=${iterations}`);
      for (const [method, name] of [
        ["\x03", "in clear text"],
        ["\x05abcd", "MD5"],
      ] as const) {
        await using server = await speaker([postgresMessage("R", `\0\0\0${method}`)]);
        const message = new RegExp(`requires a password \\(${name}\\): set password$`);
        await expectFailure(postgres, { postgres: `postgres://u@127.0.0.1:${server.port}` }, "auth", message);
      }
      for (const [steps, reason, message] of [
        [[postgresMessage("R", "\0\0\0\x07")], "auth", /Kerberos .* pg_hba\.conf$/],
        [[sasl("OAUTHBEARER")], "auth", /a login by OAUTHBEARER, which health-checker does not support/],
        [[sasl("SCRAM-SHA-256"), scram(2_000_000_000)], "auth", /2000000000 SCRAM iterations.* at most 100000/],
        [[sasl("SCRAM-SHA-256"), scram(0)], "mismatch", /is not the PostgreSQL protocol/],
        [[sasl("SCRAM-SHA-256"), postgresMessage("R", "\0\0\0\0")], "auth", /did not prove its identity/],
        [[sasl("SCRAM-SHA-256"), scram(1), postgresMessage("R", "\0\0\0\x0cv=YWJj")], "auth", /could not prove/],
        [
          [Buffer.concat([postgresMessage("R", "\0\0\0\0"), postgresMessage("?", "")])],
          "mismatch",
          /is not the PostgreSQL protocol/,
        ],
      ] as const) {
        await using server = await speaker(steps);
        await expectFailure(postgres, { postgres: `postgres://u:geheim@127.0.0.1:${server.port}` }, reason, message);
      }
    },
    LIMIT_MS,
  );
});

describe("mysql", () => {
  let server: Server;
  beforeAll(async () => {
    server = await startMariadb({ tls, settings: ["--max-connections=10"] });
  }, LIMIT_MS);
  afterAll(() => server?.[Symbol.asyncDispose]());
  const urlOf = (password = ENCODED, database = "") =>
    `mysql://health:${password}@${server.host}:${server.port}/${database}`;

  test(
    "a server that answers is up: over TCP, without a password, by TLS and on its socket file",
    async () => {
      await up(mysql, { mysql: urlOf() });
      await up(mysql, { mysql: `mysql://nobody@${server.host}:${server.port}` });
      await up(mysql, { mysql: `mysql://health@/?socket=${server.folder}/mysqld.sock`, password: PASSWORD });
      const secured = { mysql: urlOf(), query: "SHOW STATUS LIKE 'Ssl_version'", expect: "Ssl_version" };
      await up(mysql, { ...secured, tls: { ca: caFile, "server-name": "db.internal" } });
      await up(mysql, { ...secured, tls: { verify: false } });
      await expectFailure(mysql, { ...secured, tls: { ca: caFile } }, "tls", /is for db\.internal, not for 127\./);
      await expectFailure(mysql, { ...secured, tls: true }, "tls", /the certificate of 127\./);
      await up(mysql, { mysql: urlOf(), query: "SELECT @@read_only, 1", expect: "/^0$/" });
      await expectFailure(mysql, { mysql: urlOf(), query: "SELECT true", expect: "/^t$/" }, "mismatch", /returned "1"/);
      await expectFailure(mysql, { mysql: urlOf(), query: "SELEC" }, "mismatch", /^the query failed: .*\(1064\)$/);
    },
    LIMIT_MS,
  );

  test(
    "wrong password, unknown database, too many clients and no TLS are distinguished",
    async () => {
      await expectFailure(mysql, { mysql: urlOf("geheimer") }, "auth", /^Access denied .*\(1045\)$/);
      const without = { mysql: urlOf().replace(`:${ENCODED}`, "") };
      await expectFailure(mysql, without, "auth", /using password: NO\) \(1045\); the check has no password$/);
      await expectFailure(mysql, { mysql: urlOf(ENCODED, "none") }, "missing", /Unknown database 'none' \(1049\)$/);
      await using plain = await speaker([greeting({ tls: false })], true);
      await expectFailure(
        mysql,
        { mysql: `mysql://u@127.0.0.1:${plain.port}`, tls: true },
        "tls",
        /does not support TLS/,
      );
      await using full = await speaker([packet(0, "\xff\x10\x04#08004Too many connections")], true);
      await expectFailure(
        mysql,
        { mysql: `mysql://u@127.0.0.1:${full.port}` },
        "not-ready",
        /Too many conn.* \(1040\)$/,
      );
      const port = await freePort();
      await expectFailure(mysql, { mysql: `mysql://u@127.0.0.1:${port}` }, "refused", /refused the connection/);
    },
    LIMIT_MS,
  );

  test(
    "column selects by name or number",
    async () => {
      const look = (column: string | number, expect: string, query = "SHOW VARIABLES LIKE 'read_only'") =>
        outcomeOf(mysql, { mysql: urlOf(), query, column, expect });
      for (const column of ["Value", "value", 2, "2"]) expect(await look(column, "/^(OFF|0)$/")).toEqual({ ok: true });
      expect(await look(1, "/^read_only$/")).toEqual({ ok: true });
      expect(await look("B", "/^2$/", "SELECT 1 AS b, 2 AS B")).toEqual({ ok: true });
      expect(await look("b", "/^$/", "SELECT NULL AS b")).toEqual({ ok: true });
      expect(await look("Value", "/^NO$/")).toMatchObject({
        message: 'the query returned "OFF", which does not match expect',
      });
      const missing = 'its columns are "Variable_name", "Value"';
      expect(await look("Vallue", "x")).toMatchObject({ message: `the query returned no column Vallue; ${missing}` });
      expect(await look(3, "x")).toMatchObject({
        reason: "mismatch",
        message: `the query returned no column 3; ${missing}`,
      });
      expect(await look(1, "x", "SELECT 1 WHERE 0")).toMatchObject({ message: "the query returned no row" });
      expect(await look(1, "x", "DO 1")).toMatchObject({ message: "the query returned no row" });
    },
    LIMIT_MS,
  );

  test(
    "errors that mean not ready or not allowed have reasons of their own",
    async () => {
      const say = (number: number, words: string) =>
        outcomeOf(mysql, {
          mysql: urlOf(),
          query: `SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO=${number}, MESSAGE_TEXT='${words}'`,
        });
      for (const [number, words, reason] of [
        [1047, "WSREP has not yet prepared node for application use", "not-ready"],
        [1047, "Unknown command", "mismatch"],
        [3032, "The server is currently in offline mode", "not-ready"],
        [1135, "Cannot create a new thread (errno 11)", "not-ready"],
        [1041, "Out of memory", "not-ready"],
        [1021, "Disk full (/tmp/#sql); waiting for someone to free some space", "not-ready"],
        [1114, "The table is full", "not-ready"],
        [1038, "Out of sort memory", "mismatch"],
        [1820, "You must SET PASSWORD before executing this statement", "auth"],
        [1142, "SELECT command denied to user", "auth"],
        [1227, "Access denied; you need (at least one of) the SUPER privilege(s)", "auth"],
        [3159, "Connections using insecure transport are prohibited", "tls"],
        [1205, "Lock wait timeout exceeded", "mismatch"],
      ] as const) {
        expect({ number, outcome: await say(number, words) }).toMatchObject({
          number,
          outcome: { ok: false, reason, message: expect.stringContaining(`${words} (${number})`) },
        });
      }
      for (const [number, reason] of [
        [1021, "not-ready"],
        [1038, "not-ready"],
        [1114, "not-ready"],
        [1152, "closed"],
        [1158, "closed"],
        [1159, "closed"],
      ] as const) {
        const low = String.fromCharCode(number & 0xff, number >> 8);
        await using broken = await speaker([greeting({ tls: false }), packet(2, `\xff${low}#HY000It says`)], true);
        const at = { mysql: `mysql://u@127.0.0.1:${broken.port}` };
        await expectFailure(mysql, at, reason, new RegExp(`reports: It says \\(${number}\\)$`));
      }
      await using refuses = await speaker(
        [greeting({ tls: false }), packet(2, "\xff\x51\x04#HY000Some refusal")],
        true,
      );
      await expectFailure(
        mysql,
        { mysql: `mysql://u@127.0.0.1:${refuses.port}` },
        "mismatch",
        /^the login failed: Some refusal \(1105\)$/,
      );
    },
    LIMIT_MS,
  );

  test(
    "a run disconnects properly, and the server counts no aborted client",
    async () => {
      const aborted = () =>
        outcomeOf(mysql, {
          mysql: urlOf(),
          query: "SHOW GLOBAL STATUS LIKE 'Aborted_clients'",
          column: "Value",
          expect: "/^0$/",
        });
      for (let run = 0; run < 5; run++) await up(mysql, { mysql: urlOf() });
      await expectFailure(mysql, { mysql: urlOf(), query: "SELEC" }, "mismatch", /1064/);
      expect(await aborted()).toEqual({ ok: true });
    },
    LIMIT_MS,
  );

  test(
    "caching_sha2_password: by its hash anywhere, by the password itself on this host alone, where there is no TLS",
    async () => {
      await using sha2 = await startMysqlServer(PASSWORD);
      const near = { mysql: `mysql://u:${ENCODED}@127.0.0.1:${sha2.port}`, expect: "/^42$/" };
      // An address of this host that does not look like loopback.
      const far = { ...near, mysql: `mysql://u:${ENCODED}@[::ffff:127.0.0.1]:${sha2.port}` };
      await up(mysql, near);
      expect(sha2.keysAsked()).toBe(1);
      await expectFailure(mysql, far, "auth", /requires the password in clear text .* set tls: true$/);
      expect(sha2.keysAsked()).toBe(1);
      sha2.remember(true);
      await up(mysql, far);
      await up(mysql, near);
      expect(sha2.keysAsked()).toBe(1);
      await expectFailure(
        mysql,
        { mysql: `mysql://u:geheim@127.0.0.1:${sha2.port}` },
        "auth",
        /^Access denied .*\(1045\)$/,
      );
    },
    LIMIT_MS,
  );

  test(
    "a login that is not supported is named; packets out of order are another protocol",
    async () => {
      const ed25519 = packet(2, "\xfeclient_ed25519\0abc");
      await using other = await speaker([greeting({ tls: false }), ed25519], true);
      const at = ({ port }: { readonly port: number }) => ({ mysql: `mysql://u:geheim@127.0.0.1:${port}` });
      await expectFailure(
        mysql,
        at(other),
        "auth",
        /has the login plugin client_ed25519, which health-checker does not support/,
      );
      await using clear = await speaker([greeting({ tls: false }), packet(2, "\xfemysql_clear_password\0")], true);
      await expectFailure(mysql, at(clear), "auth", /requires the password in clear text \(mysql_clear_password\)/);
      await using wrong = await speaker([greeting({ tls: false }), packet(9, "\0\0\0\x02\0\0\0")], true);
      await expectFailure(mysql, at(wrong), "mismatch", /is not the MySQL protocol/);
    },
    LIMIT_MS,
  );
});

describe("redis", () => {
  const urlOf = ({ host, port }: Server, password = ENCODED) => `redis://:${password}@${host}:${port}`;

  test(
    "a server that answers is up; wrong passwords and wrong replies are distinguished",
    async () => {
      await using server = await startRedis({ settings: [`requirepass "${PASSWORD}"`] });
      const at = urlOf(server);
      await up(redis, { redis: at });
      await up(redis, { redis: `redis://default@${server.host}:${server.port}/2`, password: PASSWORD });
      await up(redis, {
        redis: `redis://:${ENCODED}@/3?socket=${server.folder}/redis.sock`,
        query: "client info",
        expect: " db=3 ",
      });
      await up(redis, { redis: at, query: "ROLE", expect: "/^master$/m" });
      await up(redis, { redis: at, query: "SET 'a b' \"c d\"", expect: "OK" });
      await up(redis, { redis: at, query: "GET 'a b'", expect: "/^c d$/" });
      await expectFailure(
        redis,
        { redis: at, query: "GET none", expect: "x" },
        "mismatch",
        /^the reply nil does not match/,
      );
      await expectFailure(redis, { redis: at, query: "NOSUCH" }, "mismatch", /unknown command/);
      await expectFailure(redis, { redis: `${at}/99` }, "missing", /DB index/);
      await expectFailure(redis, { redis: urlOf(server, "geheimer") }, "auth", /^WRONGPASS/);
      await expectFailure(
        redis,
        { redis: `redis://${server.host}:${server.port}` },
        "auth",
        /^127\.\S+ requires a password: set password$/,
      );
      await expectFailure(redis, { redis: `redis://127.0.0.1:${await freePort()}` }, "refused", /refused/);
    },
    LIMIT_MS,
  );

  test(
    "rediss is TLS, verified",
    async () => {
      const { certFile, keyFile } = await (await makeAuthority(folder.path, "another")).issue({
        names: ["db.internal"],
      });
      const port = await freePort();
      await using server = await startRedis({
        settings: [
          `tls-port ${port}`,
          `tls-cert-file ${certFile}`,
          `tls-key-file ${keyFile}`,
          `tls-ca-cert-file ${certFile}`,
          "tls-auth-clients no",
        ],
      });
      const at = `rediss://${server.host}:${port}`;
      await up(redis, { redis: at, tls: { ca: certFile, verify: false } });
      await expectFailure(redis, { redis: at }, "tls", /the certificate of 127\./);
      await expectFailure(
        redis,
        { redis: `rediss://${server.host}:${server.port}` },
        "timeout",
        /waiting for the TLS handshake/,
        HUNG_MS,
      );
    },
    LIMIT_MS,
  );

  test(
    "a server that is still loading is not ready",
    async () => {
      await using first = await startRedis({ settings: ["enable-debug-command yes"] });
      const plain = `redis://${first.host}:${first.port}`;
      await up(redis, { redis: plain, query: "DEBUG POPULATE 5000" });
      await up(redis, { redis: plain, query: "SAVE", expect: "OK" });
      const dump = await Bun.file(`${first.folder}/dump.rdb`).bytes();
      await using loading = await startRedis({
        dump,
        settings: ["key-load-delay 5000", "loading-process-events-interval-bytes 1024"],
        until: "Server initialized",
      });
      await expectFailure(redis, { redis: `redis://${loading.host}:${loading.port}` }, "not-ready", /reports: LOADING/);
    },
    LIMIT_MS,
  );

  test(
    "a proxy without HELLO gets plain commands",
    async () => {
      const proxy = async (replies: Readonly<Record<string, string>>) => {
        const said: string[] = [];
        const server = await listener((socket) => {
          socket.on("data", (piece) => {
            said.push(String(piece));
            const [, word = ""] = /^\*\d+\r\n\$\d+\r\n(\w+)/.exec(String(piece)) ?? [];
            socket.write(`${replies[word.toUpperCase()] ?? "-ERR unknown command"}\r\n`);
          });
        });
        return { at: (login = "") => `redis://${login}127.0.0.1:${server.port}`, said, server };
      };
      const mute = await proxy({ PING: "+PONG" });
      const knows = await proxy({ AUTH: "+OK", PING: "+PONG" });
      const old = await proxy({ AUTH: "-ERR wrong number of arguments for 'auth' command" });
      await using _ = mute.server;
      await using __ = knows.server;
      await using ___ = old.server;
      await up(redis, { redis: mute.at(), expect: "PONG" });
      expect(mute.said).toEqual(["*1\r\n$4\r\nPING\r\n"]);
      await up(redis, { redis: knows.at(":geheim@") });
      expect(knows.said[0]).toBe("*2\r\n$4\r\nAUTH\r\n$6\r\ngeheim\r\n");
      await expectFailure(redis, { redis: mute.at(":geheim@") }, "auth", /does not support AUTH/);
      await expectFailure(
        redis,
        { redis: old.at("u:geheim@") },
        "auth",
        /does not support users, .* redis:\/\/:PASSWORD@HOST$/,
      );
      await expectFailure(redis, { redis: `${mute.at()}/3` }, "mismatch", /no numbered databases/);
      await expectFailure(redis, { redis: mute.at(), query: "GET x" }, "mismatch", /^the command failed: ERR unknown/);
    },
    LIMIT_MS,
  );

  test(
    "a server without AUTH echoes the password, which is redacted",
    async () => {
      await using old = await speaker([
        Buffer.from("-ERR unknown command `AUTH`, with args beginning with: `abc`, \r\n"),
      ]);
      const outcome = await outcomeOf(redis, { redis: `redis://:abc@127.0.0.1:${old.port}` });
      expect(outcome).toMatchObject({
        ok: false,
        reason: "auth",
        message: expect.stringContaining("does not support AUTH"),
      });
      expect(JSON.stringify(outcome)).not.toContain("abc");
    },
    LIMIT_MS,
  );
});

describe("peers that hang", () => {
  const SASL_OK = postgresMessage("R", "\0\0\0\0");
  const READY = postgresMessage("Z", "I");
  const stages = {
    "postgres, at the first word": [postgres, [], false, {}],
    "postgres, at the request for TLS": [postgres, [], false, { tls: true }],
    "postgres, at the TLS handshake": [postgres, [Buffer.from("S")], false, { tls: true }],
    "postgres, in the login": [postgres, [SASL_OK], false, {}],
    "postgres, at the query": [postgres, [Buffer.concat([SASL_OK, READY])], false, {}],
    "mysql, before the greeting": [mysql, [], false, {}],
    "mysql, in the login": [mysql, [greeting({ tls: false })], true, {}],
    "mysql, at the TLS handshake": [mysql, [greeting({ tls: true })], true, { tls: true }],
    "mysql, at the query": [mysql, [greeting({ tls: false }), packet(2, "\0\0\0\x02\0\0\0")], true, {}],
    "redis, at the first word": [redis, [], false, {}],
    "redis, at the command": [redis, [Buffer.from("+OK\r\n")], false, {}],
    "redis, at the TLS handshake": [redis, [], false, { tls: true }],
  } as const;

  for (const [name, [kind, steps, greets, keys]] of Object.entries(stages)) {
    test(
      `${name}: a timeout, one connection a run, and fifty of them leave nothing open`,
      async () => {
        await using server = await speaker(steps, greets);
        const all = { [kind.name]: `${kind.name}://u:${ENCODED}@127.0.0.1:${server.port}`, ...keys };
        const one = () => outcomeOf(kind as CheckKind, all, { timeoutMs: HUNG_MS });
        expect(await one()).toMatchObject({ ok: false, reason: "timeout" });
        await until(() => server.accepted() === 1);
        const before = openSockets();
        const outcomes = await Promise.all(Array.from({ length: 50 }, one));
        for (const outcome of outcomes) {
          expect(outcome).toMatchObject({ ok: false, reason: "timeout" });
          expect(outcome).toHaveProperty("message", expect.stringContaining("(timeout 300ms)"));
        }
        // The test server's sockets are descriptors of this process too.
        await until(() => openSockets() <= before);
        expect(server.accepted()).toBe(51);
      },
      LIMIT_MS,
    );
  }

  test(
    "a peer with another protocol is reported as such",
    async () => {
      await using zeros = await speaker([new Uint8Array(2000)], true);
      await using web = await speaker([Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")]);
      for (const [kind, called, { port }] of [
        [postgres, "PostgreSQL", zeros],
        [mysql, "MySQL", zeros],
        [redis, "Redis", web],
      ] as const) {
        const url = `${kind.name}://u:${ENCODED}@127.0.0.1:${port}`;
        expect(await outcomeOf(kind as CheckKind, { [kind.name]: url }, { timeoutMs: 5000 })).toMatchObject({
          reason: "mismatch",
          message: expect.stringMatching(
            new RegExp(`^the answer of 127\\.0\\.0\\.1:${port} is not the ${called} protocol; is the port correct\\?$`),
          ),
        });
      }
    },
    LIMIT_MS,
  );

  test(
    "stopped servers, and peers that drop handshakes",
    async () => {
      await using one = await startPostgres();
      await using other = await startRedis();
      await using dropping = await fullBacklog();
      const before = openSockets();
      const handshakes = handshakesTo(dropping.port);
      one.freeze();
      other.freeze();
      const local = `u@127.0.0.1:${dropping.port}`;
      await Promise.all([
        expectFailure(
          postgres,
          { postgres: `postgres://u@${one.host}:${one.port}` },
          "timeout",
          /waiting for/,
          HUNG_MS,
        ),
        expectFailure(redis, { redis: `redis://${other.host}:${other.port}` }, "timeout", /waiting for/, HUNG_MS),
        expectFailure(postgres, { postgres: `postgres://${local}` }, "timeout", /did not accept/, HUNG_MS),
        expectFailure(mysql, { mysql: `mysql://${local}` }, "timeout", /did not accept/, HUNG_MS),
        expectFailure(redis, { redis: `redis://:x@127.0.0.1:${dropping.port}` }, "timeout", /did not accept/, HUNG_MS),
      ]);
      await until(() => openSockets() <= before);
      await until(() => handshakesTo(dropping.port) <= handshakes);
      one.resume();
      other.resume();
      await up(redis, { redis: `redis://${other.host}:${other.port}` });
    },
    LIMIT_MS,
  );

  test(
    "the last message of a server is read, though it resets the connection right after",
    async () => {
      const fatal = postgresMessage("E", "SFATAL\0C53300\0Mtoo many clients\0\0");
      for (const [kind, words, greets] of [
        [postgres, fatal, false],
        [mysql, packet(0, "\xff\x10\x04Too many connections"), true],
        [redis, Buffer.from("-ERR max number of clients reached\r\n"), false],
      ] as const) {
        await using server = await listener((socket) => {
          const end = () => void socket.write(words, () => socket.resetAndDestroy());
          if (greets) end();
          else socket.once("data", end);
        });
        for (let run = 0; run < 20; run++) {
          const url = { [kind.name]: `${kind.name}://u:geheim@127.0.0.1:${server.port}` };
          await expectFailure(
            kind,
            url,
            "not-ready",
            /reports: (too many clients|Too many connections|ERR max number)/,
          );
        }
      }
    },
    LIMIT_MS,
  );

  test(
    "a server that closes at once is asked once; the reason is closed",
    async () => {
      await using server = await speaker([]);
      const ends = Bun.listen({
        hostname: "127.0.0.1",
        port: 0,
        socket: { open: (socket) => void socket.end(), data() {} },
      });
      for (const kind of [postgres, mysql, redis]) {
        const keys = { [kind.name]: `${kind.name}://u:${ENCODED}@127.0.0.1:${ends.port}` };
        // Where the login is on its way already, the kernel answers it with a reset.
        await expectFailure(
          kind,
          keys,
          "closed",
          /closed the connection before it had answered|reset the connection before/,
        );
      }
      ends.stop(true);
      expect(server.accepted()).toBe(0);
    },
    LIMIT_MS,
  );
});

describe("settings", () => {
  const wrong = (kind: unknown, keys: Readonly<Record<string, unknown>>) => {
    try {
      checkOf(kind as CheckKind, keys);
    } catch (error) {
      expect(String(error)).not.toContain("geheim");
      return String(error);
    }
    return "";
  };

  test(
    "keys that exclude each other are refused, and no password is shown",
    async () => {
      for (const [kind, keys, message] of [
        [postgres, { postgres: "postgres://127.0.0.1/d" }, "a URL with a user"],
        [mysql, { mysql: "mysql://127.0.0.1/d" }, "a URL with a user"],
        [
          postgres,
          { postgres: "postgres://u:geheim@h", password: "geheim" },
          "one password, got one here and one in the URL",
        ],
        [redis, { redis: "redis://:geheim@h", password: "geheim" }, "one password, got one here and one in the URL"],
        [redis, { redis: "redis://geheim@h" }, "a password too"],
        [redis, { redis: "redis://h/x" }, "a database number"],
        [redis, { redis: "redis://h", query: "subscribe x" }, "a check cannot use this command"],
        [redis, { redis: "redis://h", query: "get 'x" }, "quotes are closed"],
        [postgres, { postgres: "postgres://u@h?sslmode=require", tls: true }, "either tls or sslmode"],
        [postgres, { postgres: "postgres://u@/?host=/run", tls: true }, "no TLS with a socket file"],
        [mysql, { mysql: "mysql://u@/?socket=/run/x", tls: true }, "no TLS with a socket file"],
        [redis, { redis: "rediss:///?socket=/run/x" }, "no TLS with a socket file"],
      ] as const) {
        expect(wrong(kind, keys)).toContain(message);
      }
    },
    LIMIT_MS,
  );

  test(
    "the target is the URL without its password",
    async () => {
      const check = checkOf(postgres, { postgres: `postgres://u:${ENCODED}@h:1/d` });
      expect(check.target).toBe("postgres://u@h:1/d");
    },
    LIMIT_MS,
  );

  test(
    "the environment has no influence",
    async () => {
      await using server = await startPostgres();
      await using other = await startRedis({ settings: [`requirepass "${PASSWORD}"`] });
      const environment = {
        PGPASSWORD: PASSWORD,
        PGHOST: "127.9.9.9",
        PGPORT: "1",
        PGUSER: "nobody",
        PGDATABASE: "none",
        PGAPPNAME: "leak",
        PGOPTIONS: "-c statement_timeout=7",
        PGSSLMODE: "require",
        PGTARGETSESSIONATTRS: "none",
        PGMAX: "0",
        PGCONNECT_TIMEOUT: "1",
        PGSSL: "require",
        DATABASE_URL: "postgres://a:b@127.9.9.9/c",
        MYSQL_PASSWORD: PASSWORD,
        MYSQL_DATABASE: "none",
        MYSQL_URL: "mysql://a:b@127.9.9.9/c",
        REDIS_URL: "redis://:a@127.9.9.9",
      };
      const script = `
      import { outcomeOf } from ${JSON.stringify(`${import.meta.dir}/../../support/checks.ts`)};
      import { postgres } from ${JSON.stringify(`${import.meta.dir}/../../../src/checks/database/postgres.ts`)};
      import { mysql } from ${JSON.stringify(`${import.meta.dir}/../../../src/checks/database/mysql.ts`)};
      import { redis } from ${JSON.stringify(`${import.meta.dir}/../../../src/checks/database/redis.ts`)};
      import { speaker } from ${JSON.stringify(`${import.meta.dir}/../../support/conversation.ts`)};
      const where = "postgres@${server.host}:${server.port}";
      const query = "SELECT current_database() || current_setting('application_name') || current_setting('statement_timeout')";
      const seen = () => JSON.stringify(Object.entries(process.env).sort());
      const before = seen();
      console.log(JSON.stringify([
        await outcomeOf(postgres, { postgres: "postgres://" + where }),
        await outcomeOf(postgres, { postgres: "postgres://" + where, password: ${JSON.stringify(PASSWORD)}, query, expect: "postgreshealth-checker0" }),
        await outcomeOf(redis, { redis: "redis://${other.host}:${other.port}" }),
        await outcomeOf(postgres, { postgres: "postgres://" + where, password: ${JSON.stringify(PASSWORD)}, query: "DO $$BEGIN RAISE NOTICE 'not for stdout'; END$$" }),
        before === seen(),
      ]));`;
      const file = await folder.write("environment.ts", script);
      const child = Bun.spawn([process.execPath, file], {
        env: { ...environment, PATH: process.env["PATH"] ?? "" },
        stdout: "pipe",
        stderr: "inherit",
      });
      const [refused, let_in, unknown, noticed, same] = JSON.parse(await new Response(child.stdout).text());
      expect(refused).toMatchObject({ ok: false, reason: "auth" });
      expect(let_in).toEqual({ ok: true });
      expect(unknown).toMatchObject({ ok: false, reason: "auth" });
      expect(noticed).toEqual({ ok: true });
      expect(same).toBe(true);
      // A closed client does not keep the process alive.
      expect(await child.exited).toBe(0);
    },
    LIMIT_MS,
  );
});

function postgresMessage(type: string, body: string): Buffer {
  const bytes = Buffer.from(`${type}\0\0\0\0${body}`, "latin1");
  bytes.writeUInt32BE(body.length + 4, 1);
  return bytes;
}

function packet(number: number, body: string): Buffer {
  const bytes = Buffer.from(`\0\0\0\0${body}`, "latin1");
  bytes.writeUIntLE(body.length, 0, 3);
  bytes[3] = number;
  return bytes;
}

/** The greeting of MySQL 8, with or without the TLS capability. */
function greeting({ tls }: { readonly tls: boolean }): Buffer {
  const capabilities = tls ? "\xff\xff" : "\xff\xf7";
  return packet(
    0,
    `\x0a8.0.1\0\x01\0\0\0abcdefgh\0${capabilities}\x21\x02\0\xff\x81\x15${"\0".repeat(10)}abcdefghijkl\0mysql_native_password\0`,
  );
}
