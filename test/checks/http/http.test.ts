// An http check passes when the response is the expected one: tested with a real nginx, a socket file, and peers that
// misbehave in many ways.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { deflateSync, gzipSync } from "node:zlib";
import { z } from "zod";
import { http } from "../../../src/checks/http/http.ts";
import { runCheck } from "../../../src/checks/run.ts";
import { isSame } from "../../../src/fields/json.ts";
import { mapping } from "../../../src/fields/keys.ts";
import type { Outcome } from "../../../src/outcome.ts";
import { listenRaw } from "../../net/raw-socket.ts";
import { makeAuthority } from "../../support/certificates.ts";
import { checkOf, outcomeOf } from "../../support/checks.ts";
import { startChild } from "../../support/child.ts";
import { freePort, type Listener, listener } from "../../support/listeners.ts";
import { freePorts, loopbackAddress } from "../../support/loopback.ts";
import { needs } from "../../support/needs.ts";
import { nginxConfig } from "../../support/nginx.ts";
import { handshakesTo } from "../../support/processes.ts";
import * as fc from "../../support/properties.ts";
import { type TempFolder, tempFolder } from "../../support/temp.ts";
import { until } from "../../support/until.ts";

const never = new AbortController().signal;
const withNginx = await needs("nginx", "openssl");

type Settings = Parameters<typeof http.target>[0];

/** The problems of these keys, by the path of each. */
function problemsOf(keys: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const parsed = mapping(z, http.keys).safeParse(keys);
  if (!parsed.success) {
    return Object.fromEntries(
      parsed.error.issues.map((issue) => [issue.path.join(" "), "params" in issue ? issue.params : issue.message]),
    );
  }
  const conflict = http.conflict?.(parsed.data as Settings);
  return conflict ? { [conflict.path.join(" ")]: `${conflict.expected}, got ${conflict.got}` } : {};
}

/** A peer that answers the first bytes with `response`, and then calls `then` with the connection. */
const respondingWith = (response: string | Uint8Array, then: (socket: Socket) => void = (socket) => socket.end()) =>
  listener((socket) => socket.once("data", () => socket.write(response, () => then(socket))));

const keepOpen = () => {};

const HEAD = "HTTP/1.1 200 OK\r\n";

const urlOf = ({ port }: Listener, path = "/") => `http://127.0.0.1:${port}${path}`;

const withLength = (body: string, headers = "") =>
  `${HEAD}Content-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`;

/** How many descriptors this process has open. */
const descriptors = () => readdirSync("/proc/self/fd").length;

describe("its keys", () => {
  const URL = "http://127.0.0.1/";

  test.each([
    ["a URL", {}],
    ["every key", { unix: "/run/x.sock", method: "POST", headers: { "X-A": "b", n: 1 }, host: "[::1]:80", body: "x" }],
    ["one status", { status: 204 }],
    ["a range", { status: "200-299" }],
    ["several", { status: [200, "204", "300-399"] }],
    ["any JSON", { json: { "": {}, "/a~1b/0/~0": [null, 1.5, { x: true }] } }],
  ])("takes %s", (_, keys) => {
    expect(problemsOf({ http: URL, ...keys })).toEqual({});
  });

  test.each([
    ["127.0.0.1/x", "it must begin with http:// or https://"],
    ["ftp://127.0.0.1/x", "it must begin with http:// or https://"],
    ["http:///x", "it must begin with http:// or https://"],
    ["http://a b/", "it contains a space, a control character or a backslash"],
    ["http://a/\r\nX: y", "it contains a space, a control character or a backslash"],
    ["http://a\\b/", "it contains a space, a control character or a backslash"],
    ["http://a/#b", "the part after # is never sent; write a literal # as %23"],
    ["http://a:99999/", "the host or port is not valid; in a password, write / ? # @ as %2F %3F %23 %40"],
    ["http://user:pass/word@a/", "the host or port is not valid; in a password, write / ? # @ as %2F %3F %23 %40"],
    ["http://user:/password@a/", "the port after the colon is missing"],
    ["http://a:0/", "its port is not a number from 1 to 65535"],
    ["http://10.0.0.300/", "the host or port is not valid; in a password, write / ? # @ as %2F %3F %23 %40"],
    ["http://a!b/", "the part before the colon is neither a host name nor an IP address"],
    ["http://a%3Ab:c@h/", "a user name cannot contain a colon"],
  ])("refuses the URL %j", (given, hint) => {
    expect(problemsOf({ http: given })).toEqual({
      http: { expected: "a URL such as http://127.0.0.1:8080/healthz", hint },
    });
  });

  test.each([
    ["unix", { unix: "run/x" }],
    ["unix", { unix: `/${"x".repeat(108)}` }],
    ["method", { method: "get" }],
    ["method", { method: "GET / HTTP/1.1\r\nX: y" }],
    ["method", { method: "CONNECT" }],
    ["headers", { headers: ["X: y"] }],
    ["headers X Y", { headers: { "X Y": "z" } }],
    ["headers X", { headers: { X: "a\r\nY: b" } }],
    ["headers X", { headers: { X: "a\nb" } }],
    ["headers X", { headers: { X: "a\0" } }],
    ["headers X", { headers: { X: true } }],
    ["headers x", { headers: { X: "a", x: "b" } }],
    ["headers Host", { headers: { Host: "a" } }],
    ["headers content-length", { headers: { "content-length": "1" } }],
    ["headers Transfer-Encoding", { headers: { "Transfer-Encoding": "chunked" } }],
    ["host", { host: "a\r\nX: y" }],
    ["host", { host: "a/b" }],
    ["body", { body: "" }],
    ["status", { status: 600 }],
    ["status", { status: 100 }],
    ["status", { status: "299-200" }],
    ["status", { status: "2xx" }],
    ["status", { status: [] }],
    ["status", { status: [[200]] }],
    ["expect", { expect: "/(/" }],
    ["json", { json: {} }],
    ["json", { json: ["/a"] }],
    ["json a", { json: { a: 1 } }],
    ["json /~2", { json: { "/~2": 1 } }],
    ["json /a", { json: { "/a": Number.NaN } }],
    ["json /a", { json: { "/a": [undefined] } }],
    ["redirects", { redirects: 11 }],
    ["tls", { tls: true }],
    ["tls", { http: "https://127.0.0.1/", tls: false }],
    ["expect", { method: "HEAD", expect: "x" }],
    ["json", { method: "HEAD", json: { "": 1 } }],
    ["body", { method: "TRACE", body: "x" }],
    ["headers", { http: "http://u:p@a/", headers: { authorization: "Bearer x" } }],
  ])("refuses what %s must not be: %j", (path, keys) => {
    expect(Object.keys(problemsOf({ http: URL, ...keys }))).toEqual([path]);
  });

  test("its target is what the user wrote, without the password; the peer is where it connects to", () => {
    const of = (keys: Readonly<Record<string, unknown>>): readonly unknown[] => {
      const settings = mapping(z, http.keys).parse(keys) as Settings;
      return [http.target(settings), http.peer?.(settings)];
    };
    const tcp = (host: string, port: number) => ({ family: "tcp", host, port });
    expect(of({ http: "http://h" })).toEqual(["http://h", tcp("h", 80)]);
    expect(of({ http: "https://u:p%40@[::1]/a?b" })).toEqual(["https://[::1]/a?b", tcp("::1", 443)]);
    expect(of({ http: "http://u:p@x@h:81/@a" })).toEqual(["http://h:81/@a", tcp("h", 81)]);
    expect(of({ http: "http://h/a", unix: "/s" })).toEqual(["http://h/a by unix:/s", { family: "unix", path: "/s" }]);
  });

  test("any text is a URL or is refused, and a target shows no password", () => {
    const parts = fc.constantFrom(
      "http://",
      "https://",
      "u",
      ":",
      "hunter2",
      "@",
      "/",
      "?",
      "[",
      "]",
      "::1",
      "%",
      "#",
      "h",
      "80",
      "é",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(parts).map((words) => words.join("")),
        ),
        (text) => {
          const parsed = mapping(z, http.keys).safeParse({ http: text });
          if (!parsed.success) return;
          const settings = parsed.data as Settings;
          const { credentials = "", url } = settings.http;
          expect(url.username + url.password).toBe("");
          if (credentials.endsWith(":hunter2") && text.split("hunter2").length === 2) {
            expect(http.target(settings)).not.toContain("hunter2");
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe("responses of nginx", () => {
  let folder: TempFolder;
  let nginx: ReturnType<typeof startChild> | undefined;
  const host = loopbackAddress();
  const [plainPort = 0, rightPort = 0, wrongNamePort = 0, expiredPort = 0] = freePorts(host, 4);
  const ports = { plain: plainPort, right: rightPort, wrongName: wrongNamePort, expired: expiredPort };
  let right = "";
  let wrong = "";
  const plain = `http://${host}:${ports.plain}`;

  beforeAll(async () => {
    folder = await tempFolder();
    if (!Bun.which("nginx", { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" })) return;
    const authority = await makeAuthority(folder.path);
    right = authority.caFile;
    wrong = (await makeAuthority(folder.path, "another authority")).caFile;
    const files = {
      right: await authority.issue({ names: ["localhost", host] }),
      wrongName: await authority.issue({ names: ["other.example"] }),
      expired: await authority.issue({ names: ["localhost", host], notAfter: new Date(Date.now() - 86_400_000) }),
    };
    const secured = (["right", "wrongName", "expired"] as const).map(
      (name) => `server {
    listen ${host}:${ports[name]} ssl;
    listen unix:${folder.path}/${name}.sock ssl;
    ssl_certificate ${files[name].certFile};
    ssl_certificate_key ${files[name].keyFile};
    location / { return 200 "secured $ssl_server_name"; }
  }`,
    );
    await folder.write("page.html", `${"x".repeat(100_000)}the end`);
    await folder.write("password", "user:{PLAIN}pass@word/é\n");
    const config = await folder.write(
      "nginx.conf",
      nginxConfig(
        folder.path,
        `access_log ${folder.path}/access.log combined;
  server {
    listen ${host}:${ports.plain};
    listen unix:${folder.path}/nginx.sock;
    location = /ok { return 200 "all fine"; }
    location = /json { return 200 '{"status":"UP","checks":[{"name":"db","ok":true}],"none":null}'; }
    location = /down { return 503 "database gone"; }
    location = /empty { return 204; }
    location = /echo { return 200 "$request_method $http_x_token $host $http_user_agent $http_connection"; }
    location = /post { client_max_body_size 1m; return 200 "$request_method $content_length $content_type"; }
    location = /page { alias ${folder.path}/page.html; }
    location = /private { auth_basic "x"; auth_basic_user_file ${folder.path}/password; alias ${folder.path}/page.html; }
    location = /moved { return 302 /ok; }
    location = /round { return 302 /round; }
  }
  ${secured.join("\n")}`,
      ),
    );
    nginx = startChild(["nginx", "-c", config, "-p", folder.path], { cwd: folder.path });
    await until(
      async () => (nginx?.hasExited() ? nginx.err.join("\n") : (await outcomeOf(http, { http: `${plain}/ok` })).ok),
      20_000,
      "nginx to answer",
    );
    if (nginx.hasExited()) throw new Error(nginx.err.join("\n"));
  }, 60_000);

  afterAll(async () => {
    await nginx?.[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  withNginx(
    "the status decides",
    async () => {
      expect(await outcomeOf(http, { http: `${plain}/ok` })).toEqual({ ok: true, detail: "answered 200" });
      expect(await outcomeOf(http, { http: `${plain}/empty`, status: [200, 204] })).toMatchObject({ ok: true });
      expect(await outcomeOf(http, { http: `${plain}/ok`, method: "HEAD" })).toMatchObject({ ok: true });
      expect(await outcomeOf(http, { http: `${plain}/down`, status: "500-599" })).toMatchObject({ ok: true });
      expect(await outcomeOf(http, { http: `${plain}/down` })).toEqual({
        ok: false,
        reason: "not-ready",
        message: `${plain}/down answered 503, expected 200-299`,
        output: "database gone",
      });
      expect(await outcomeOf(http, { http: `${plain}/ok`, status: ["204", "300-399"] })).toEqual({
        ok: false,
        reason: "mismatch",
        message: `${plain}/ok answered 200, expected 204, 300-399`,
        output: "all fine",
      });
    },
    30_000,
  );

  withNginx(
    "so does the body, where it is asked about",
    async () => {
      const body = (path: string, keys: object) => outcomeOf(http, { http: `${plain}${path}`, ...keys });
      expect(await body("/ok", { expect: "all fine" })).toMatchObject({ ok: true });
      expect(await body("/ok", { expect: "/^ALL/i" })).toMatchObject({ ok: true });
      expect(await body("/ok", { expect: "on fire" })).toEqual({
        ok: false,
        reason: "mismatch",
        message: `${plain}/ok answered 200, but the body does not match expect`,
        output: "all fine",
      });
      expect(await body("/page", { expect: "xxx" })).toMatchObject({ ok: true });
      expect(await body("/page", { expect: "the end" })).toMatchObject({
        reason: "mismatch",
        message: `${plain}/page answered 200, but the first 64 KiB of the body does not match expect`,
        output: `${"x".repeat(200)}…`,
      });
      expect(await body("/page", { json: { "": 1 } })).toMatchObject({
        reason: "mismatch",
        message: `${plain}/page answered 200, but the body is longer than 64 KiB, too long to be read as JSON`,
      });
      expect(await body("/ok", { json: { "": 1 } })).toMatchObject({
        reason: "mismatch",
        message: `${plain}/ok answered 200, but the body is not JSON`,
      });
      const checks = [{ ok: true, name: "db" }];
      expect(
        await body("/json", { json: { "/status": "UP", "/checks": checks, "/checks/0/ok": true, "/none": null } }),
      ).toMatchObject({ ok: true });
      for (const [json, flaw] of [
        [{ "/status": "DOWN" }, '/status is "UP", not the expected value'],
        [{ "/none": 0 }, "/none is null, not the expected value"],
        [{ "/checks": [] }, "/checks is a list of 1, not the expected value"],
        [{ "": [] }, "the JSON is an object, not the expected value"],
        [{ "/checks/1": 1 }, "the JSON has no /checks/1"],
        [{ "/checks/00": 1 }, "the JSON has no /checks/00"],
        [{ "/checks/-": 1 }, "the JSON has no /checks/-"],
        [{ "/toString": null }, "the JSON has no /toString"],
      ] as const) {
        expect(await body("/json", { json })).toMatchObject({ message: `${plain}/json answered 200, but ${flaw}` });
      }
    },
    30_000,
  );

  withNginx(
    "the request is what was configured",
    async () => {
      const echoed = { http: `${plain}/echo`, headers: { "X-Token": "t" }, host: "www.example:81" };
      expect(
        await outcomeOf(http, { ...echoed, expect: "/^GET t www.example health-checker\\/[\\d.]+ close$/" }),
      ).toMatchObject({
        ok: true,
      });
      const posted = {
        http: `${plain}/post`,
        method: "POST",
        body: "é".repeat(100_000),
        headers: { "Content-Type": "a/b" },
      };
      expect(await outcomeOf(http, { ...posted, expect: "/^POST 200000 a\\/b$/" })).toMatchObject({ ok: true });
      const local = {
        http: "http://localhost/echo",
        unix: `${folder.path}/nginx.sock`,
        expect: "/^GET .* localhost / ",
      };
      expect(await outcomeOf(http, { ...local, expect: " localhost " })).toMatchObject({ ok: true });
    },
    30_000,
  );

  withNginx(
    "user and password of the URL become Basic authorization",
    async () => {
      const at = (userinfo: string) => `http://${userinfo}${host}:${ports.plain}/private`;
      expect(await outcomeOf(http, { http: at("user:pass%40word%2F%C3%A9@") })).toMatchObject({ ok: true });
      for (const userinfo of ["", "user:wrong@"]) {
        expect(await outcomeOf(http, { http: at(userinfo) })).toMatchObject({
          reason: "auth",
          message: `${plain}/private answered 401, expected 200-299`,
        });
      }
    },
    30_000,
  );

  withNginx(
    "redirects are followed when asked for",
    async () => {
      const url = `${plain}/moved`;
      expect(await outcomeOf(http, { http: url })).toMatchObject({
        reason: "mismatch",
        message: `${url} answered 302, expected 200-299`,
      });
      expect(await outcomeOf(http, { http: url, status: 302 })).toMatchObject({ ok: true });
      expect(await outcomeOf(http, { http: url, redirects: 1, expect: "all fine" })).toMatchObject({ ok: true });
      expect(await outcomeOf(http, { http: `${plain}/round`, redirects: 3 })).toMatchObject({
        reason: "mismatch",
        message: `${plain}/round, redirected to ${plain}/round, answered 302 after 3 redirects, expected 200-299`,
      });
    },
    30_000,
  );

  withNginx(
    "a certificate must hold",
    async () => {
      const at = (name: keyof typeof ports, of = host) => `https://${of}:${ports[name]}/`;
      const secured = (url: string, tls: object, keys = {}) => outcomeOf(http, { http: url, tls, ...keys });
      expect(await secured(at("right"), { ca: right }, { expect: "secured" })).toMatchObject({ ok: true });
      expect(
        await secured(at("right"), { ca: right, "server-name": "localhost" }, { expect: "secured localhost" }),
      ).toMatchObject({ ok: true });
      for (const [url, tls] of [
        [at("right"), { ca: wrong }],
        [at("right"), {}],
        [at("wrongName"), { ca: right }],
        [at("expired"), { ca: right }],
        [at("right"), { ca: right, "server-name": "other.example" }],
        [at("right"), { ca: "/nowhere/ca.pem" }],
      ] as const) {
        const outcome = await secured(url, tls);
        expect({ url, tls, outcome }).toMatchObject({ url, tls, outcome: { ok: false, reason: "tls" } });
      }
      expect(await outcomeOf(http, { http: at("right") })).toMatchObject({ ok: false, reason: "tls" });
      const local = { unix: `${folder.path}/right.sock` };
      expect(await secured("https://localhost/", { ca: right }, local)).toMatchObject({ ok: true });
      expect(await secured("https://other.example/", { ca: right }, local)).toMatchObject({ reason: "tls" });
      expect(await secured(at("expired"), { verify: false })).toMatchObject({ ok: true });
      expect(await secured(at("wrongName"), { ca: right, "server-name": "other.example" })).toMatchObject({ ok: true });
    },
    60_000,
  );

  withNginx(
    "plain where TLS is spoken is a mismatch, TLS where it is not has the reason tls",
    async () => {
      expect(await outcomeOf(http, { http: `http://${host}:${ports.right}/` })).toMatchObject({
        reason: "mismatch",
        message: `http://${host}:${ports.right}/ answered 400, expected 200-299`,
      });
      expect(await outcomeOf(http, { http: `https://${host}:${ports.plain}/` })).toMatchObject({ reason: "tls" });
    },
    30_000,
  );
});

test("an HTML page is shown by its title, however late it comes, else by its first words", async () => {
  const page = (head: string, body: string) => `<!DOCTYPE html>\r\n<html>\r\n${head}${body}\r\n</html>\r\n`;
  const style = `<style>${"p { color: red }\n".repeat(100)}</style>`;
  for (const [text, output] of [
    [page(`${style}<title>502 Bad\r\n Gateway</title>`, "<h1>x</h1>"), "502 Bad Gateway"],
    [page("", "<body><h1>503 Service Unavailable</h1>\nNo server.</body>"), "503 Service Unavailable No server."],
    [page("<title></title>", ""), undefined],
    ["one\r\ntwo\r\n", "one\ntwo"],
  ] as const) {
    const head = "HTTP/1.1 500 Oh\r\nContent-Type: text/html; charset=utf-8\r\n";
    await using peer = await respondingWith(`${head}Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
    const outcome = await outcomeOf(http, { http: `http://127.0.0.1:${peer.port}/` });
    expect(outcome).toMatchObject({ reason: "mismatch" });
    expect(outcome.ok || outcome.output).toBe(output as string);
  }
});

test("a request goes to a server on a socket file by the file's path", async () => {
  await using folder = await tempFolder();
  const unix = join(folder.path, "s");
  const server = Bun.serve({
    unix,
    fetch: (request) => new Response(`${request.method} ${new URL(request.url).pathname}`),
  });
  const keys = { http: "http://localhost/healthz", unix, expect: "GET /healthz" };
  expect(await outcomeOf(http, keys)).toEqual({ ok: true, detail: "answered 200" });
  await server.stop(true);
  expect(await outcomeOf(http, keys)).toMatchObject({ ok: false, reason: "refused" });
});

test("a request goes to a name and to an IPv6 address", async () => {
  for (const [hostname, host] of [
    ["::1", "[::1]"],
    ["127.0.0.1", "localhost"],
  ] as const) {
    const server = Bun.serve({ hostname, port: 0, fetch: ({ headers }) => new Response(headers.get("host")) });
    const asked = `${host}:${server.port}`;
    expect(await outcomeOf(http, { http: `http://${asked}`, expect: asked })).toMatchObject({ ok: true });
    await server.stop(true);
  }
});

test("JSON Schema describes what its keys take", () => {
  const schema = z.toJSONSchema(mapping(z, http.keys), { io: "input", unrepresentable: "any" });
  expect(schema).toMatchObject({ required: ["http"], additionalProperties: false });
  for (const property of Object.values(schema.properties ?? {})) expect(property).toHaveProperty("description");
});

test("without a listener the reason is refused, for a name without an address resolve", async () => {
  const port = await freePort();
  expect(await outcomeOf(http, { http: `http://127.0.0.1:${port}` })).toEqual({
    ok: false,
    reason: "refused",
    message: `127.0.0.1:${port} refused the connection`,
  });
  expect(await outcomeOf(http, { http: "http://no-such-name.invalid/" })).toMatchObject({ reason: "resolve" });
}, 30_000);

describe("a peer that behaves oddly, but answers", () => {
  test.each([
    ["keeps the connection open after the body", withLength("OK"), keepOpen],
    ["says no length and closes", `${HEAD}\r\nOK`, undefined],
    ["sends chunks and keeps open", `${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\nO\r\n1\r\nK\r\n0\r\n\r\n`, keepOpen],
    ["sends interim answers first", `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${withLength("OK")}`, keepOpen],
    ["resets after the answer", withLength("OK"), (socket: Socket) => void socket.resetAndDestroy()],
    ["speaks HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nOK", undefined],
  ])("it %s", async (_, said, then) => {
    await using peer = await respondingWith(said, then);
    expect(await outcomeOf(http, { http: urlOf(peer), expect: "/^OK$/" })).toEqual({
      ok: true,
      detail: "answered 200",
    });
  });

  test("a long answer in small pieces is read completely", async () => {
    const list = Array.from({ length: 8000 }, (_, index) => index);
    const body = JSON.stringify(list);
    const chunks = body.match(/.{1,97}/g)?.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`) ?? [];
    const chunked = `${HEAD}Transfer-Encoding: chunked\r\n\r\n${chunks.join("")}0\r\n\r\n`;
    for (const text of [withLength(body), chunked, `${HEAD}\r\n${body}`]) {
      await using peer = await listener(async (socket) => {
        for (let position = 0; position < text.length; position += 331) {
          socket.write(text.slice(position, position + 331));
          await new Promise(setImmediate);
        }
        socket.end();
      });
      expect(await outcomeOf(http, { http: urlOf(peer), json: { "": list } })).toMatchObject({ ok: true });
    }
  });

  test("without a condition on the body the headers decide", async () => {
    await using peer = await respondingWith(`${HEAD}Content-Length: 10\r\n\r\n`, keepOpen);
    expect(await outcomeOf(http, { http: urlOf(peer) })).toMatchObject({ ok: true });
    await using down = await respondingWith("HTTP/1.1 500 Oh\r\nContent-Length: 10\r\n\r\nab", keepOpen);
    // The timeout is longer than the test's own, so the check does not wait for the rest of the body.
    const outcome = await outcomeOf(http, { http: urlOf(down) }, { timeoutMs: 600_000 });
    expect(outcome).toMatchObject({ reason: "mismatch", output: "ab" });
  });

  test("a content coding that was not requested is decoded up to 64 KiB, or named", async () => {
    const coded = (coding: string, body: Uint8Array) =>
      Buffer.concat([Buffer.from(`${HEAD}Content-Encoding: ${coding}\r\n\r\n`), body]);
    for (const [coding, body] of [
      ["gzip", gzipSync("all fine")],
      ["deflate", deflateSync("all fine")],
      ["gzip", gzipSync(`all fine${"x".repeat(30_000_000)}`)],
    ] as const) {
      await using peer = await respondingWith(coded(coding, body));
      expect(await outcomeOf(http, { http: urlOf(peer), expect: "all fine" })).toMatchObject({ ok: true });
      expect(await outcomeOf(http, { http: urlOf(peer), status: 204 })).toMatchObject({
        output: expect.stringMatching(/^all fine/),
      });
    }
    await using bomb = await respondingWith(coded("gzip", gzipSync("[".repeat(30_000_000))));
    expect(await outcomeOf(http, { http: urlOf(bomb), json: { "": 1 } })).toMatchObject({
      message: expect.stringContaining("longer than 64 KiB"),
    });
    await using brotli = await respondingWith(coded("br", Buffer.from("xyz")));
    expect(await outcomeOf(http, { http: urlOf(brotli), expect: "x" })).toMatchObject({
      reason: "mismatch",
      message: `${urlOf(brotli)} answered with a content coding that was not requested: "br"`,
    });
    await using broken = await respondingWith(coded("gzip", Buffer.from("no gzip")));
    expect(await outcomeOf(http, { http: urlOf(broken), expect: "x" })).toMatchObject({ reason: "mismatch" });
  });
});

describe("a peer that gives no answer", () => {
  test.each([
    ["closes at once", "", undefined, "closed", "closed the connection without an answer"],
    ["closes amid its headers", HEAD, undefined, "closed", "closed the connection in the middle of the headers"],
    [
      "closes amid its body",
      `${HEAD}Content-Length: 9\r\n\r\nabc`,
      undefined,
      "closed",
      "after 3 of 9 bytes of the body",
    ],
    [
      "closes amid a chunk",
      `${HEAD}Transfer-Encoding: chunked\r\n\r\n9\r\nabc`,
      undefined,
      "closed",
      "after 3 bytes of the body",
    ],
    [
      "speaks SSH",
      "SSH-2.0-OpenSSH_9.2\r\n",
      keepOpen,
      "mismatch",
      "an invalid HTTP/1.1 answer: the status line is malformed",
    ],
    ["speaks HTTP/0.9", "<html>hello", keepOpen, "mismatch", "the status line is malformed"],
    [
      "sends nonsense for chunks",
      `${HEAD}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`,
      keepOpen,
      "mismatch",
      "the size of a chunk is malformed",
    ],
  ])("it %s", async (_, said, then, reason, message) => {
    await using peer = said === "" ? await listener((socket) => socket.end()) : await respondingWith(said, then);
    const outcome = await outcomeOf(http, { http: urlOf(peer), expect: "x" });
    expect(outcome).toMatchObject({ ok: false, reason, message: expect.stringContaining(message) });
  });

  test("it resets the connection", async () => {
    await using peer = await listener((socket) => socket.once("data", () => socket.resetAndDestroy()));
    expect(await outcomeOf(http, { http: urlOf(peer) })).toMatchObject({ ok: false, reason: "closed" });
  });

  test.each([
    ["headers", `${HEAD}X: `, "the headers are longer than 64 KiB"],
    ["interim answers", "", "the headers are longer than 64 KiB"],
  ])("endless %s end the reading", async (_, start, flaw) => {
    await using peer = await flood(start, start === "" ? "HTTP/1.1 100 Continue\r\n\r\n" : "x".repeat(1000));
    expect(await outcomeOf(http, { http: urlOf(peer) })).toMatchObject({
      reason: "mismatch",
      message: `${urlOf(peer)} sent an invalid HTTP/1.1 answer: ${flaw}`,
    });
  });

  test("an endless body is judged by its first 64 KiB", async () => {
    for (const start of [`${HEAD}\r\n`, `${HEAD}Content-Length: 99999999999\r\n\r\n`]) {
      await using peer = await flood(start, "y".repeat(1000));
      expect(await outcomeOf(http, { http: urlOf(peer), expect: "yyy" })).toMatchObject({ ok: true });
      expect(await outcomeOf(http, { http: urlOf(peer), expect: "z" })).toMatchObject({ reason: "mismatch" });
    }
    await using chunks = await flood(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`, "1\r\ny\r\n");
    expect(await outcomeOf(http, { http: urlOf(chunks), expect: "yyy" })).toMatchObject({ ok: true });
  });
});

/** Sends `start`, then `again` until the client closes. */
function flood(start: string, again: string): Promise<Listener> {
  return listener((socket) => {
    socket.write(start);
    const block = again.repeat(100);
    const more = () => {
      while (!socket.destroyed && socket.writable && socket.write(block));
    };
    socket.on("drain", more);
    more();
  });
}

describe("a peer that hangs is down at the timeout, and the run leaves nothing open", () => {
  const cases: readonly (readonly [string, (socket: Socket) => void, string])[] = [
    ["before it answers", () => {}, "waiting for the answer (timeout 300ms)"],
    [
      "in the middle of the headers",
      (socket) => socket.write(HEAD),
      "waiting for the end of the headers (timeout 300ms)",
    ],
    [
      "amid its body",
      (socket) => socket.write(`${HEAD}Content-Length: 9\r\n\r\nabc`),
      "waiting for the end of the body (3 bytes received) (timeout 300ms)",
    ],
    [
      "a byte at a time",
      (socket) => {
        const bytes = [...`${HEAD}X: ${"x".repeat(60_000)}`];
        const timer = setInterval(() => socket.write(bytes.shift() ?? "x"), 5);
        socket.on("close", () => clearInterval(timer));
      },
      "waiting for the end of the headers (timeout 300ms)",
    ],
  ];

  test.each(cases)("%s", async (_, does, message) => {
    let gone = 0;
    await using peer = await listener((socket) => {
      socket.on("close", () => gone++);
      socket.once("data", () => does(socket));
    });
    await outcomeOf(http, { http: urlOf(peer) }, { timeoutMs: 50 });
    await until(() => gone === 1);
    const before = descriptors();
    const check = checkOf(http, { http: urlOf(peer), expect: "x" }, { timeoutMs: 300 });
    const { outcome } = await runCheck(check, never);
    expect(outcome).toEqual({ ok: false, reason: "timeout", message: `127.0.0.1:${peer.port}: ${message}` });
    await until(() => gone === 2 && descriptors() <= before);
  });

  test("before it accepts", async () => {
    using peer = listenRaw({ family: "v4" }, 0);
    peer.fill();
    const url = `http://127.0.0.1:${peer.port}/`;
    await outcomeOf(http, { http: url }, { timeoutMs: 20 });
    const before = descriptors();
    expect(await outcomeOf(http, { http: url }, { timeoutMs: 300 })).toEqual({
      ok: false,
      reason: "timeout",
      message: `127.0.0.1:${peer.port} did not accept (timeout 300ms)`,
    });
    await until(() => handshakesTo(peer.port) === 0 && descriptors() <= before);
  });

  test("during the TLS handshake", async () => {
    let gone = 0;
    await using peer = await listener((socket) => socket.on("close", () => gone++));
    expect(await outcomeOf(http, { http: `https://127.0.0.1:${peer.port}/` }, { timeoutMs: 300 })).toMatchObject({
      reason: "timeout",
      message: `127.0.0.1:${peer.port}: waiting for the TLS handshake (timeout 300ms)`,
    });
    await until(() => gone === 1);
  });
});

test("a connection is closed by FIN once the outcome is known, however much is unread", async () => {
  for (const said of [withLength("OK"), `${HEAD}Content-Length: 99999\r\n\r\n`]) {
    using peer = listenRaw({ family: "v4" });
    const outcome = outcomeOf(http, { http: `http://127.0.0.1:${peer.port}/` });
    const accepted = await until(() => peer.accept());
    await until(() => typeof accepted.hear() === "object");
    accepted.send(said);
    expect(await outcome).toMatchObject({ ok: true });
    expect(await until(() => [accepted.hear()].find((heard) => heard !== "nothing"))).toBe("fin");
    accepted.close();
  }
});

test("what is sent in a body is redacted, whole or in part, wherever it is repeated", async () => {
  const secret = "BODYsecret-4c3b";
  for (const body of [
    `password=${secret}`,
    `user=u&password=${secret}&x=%20y`,
    JSON.stringify({ login: { password: secret } }),
    `line one\n${secret}`,
  ]) {
    for (const repeat of [
      body,
      secret,
      encodeURIComponent(body),
      JSON.stringify(body),
      Buffer.from(body).toString("base64"),
      Buffer.from(secret).toString("base64"),
    ]) {
      await using server = await respondingWith(`HTTP/1.1 500 No\r\n\r\nbad: ${repeat}\n`);
      const outcome = await outcomeOf(http, { http: urlOf(server, "/login"), method: "POST", body });
      expect(outcome).toMatchObject({ ok: false, output: expect.stringContaining("bad: ") });
      expect(JSON.stringify(outcome)).not.toContain(repeat);
      expect(JSON.stringify(outcome)).not.toContain(secret);
    }
  }
  // What the URL shows is not secret.
  await using server = await respondingWith("HTTP/1.1 500 No\r\n\r\n");
  expect(await outcomeOf(http, { http: urlOf(server, "/health"), method: "POST", body: "q=health" })).toMatchObject({
    message: `${urlOf(server, "/health")} answered 500, expected 200-299`,
  });
});

describe("redirects", () => {
  /** A server that records its requests. */
  function noting(respond: (request: Request) => Response) {
    const asked: { readonly line: string; readonly headers: Record<string, string>; readonly body: string }[] = [];
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      async fetch(request) {
        const { pathname, search } = new URL(request.url);
        asked.push({
          line: `${request.method} ${pathname}${search}`,
          headers: request.headers.toJSON(),
          body: await request.text(),
        });
        return respond(request);
      },
    });
    const { port } = server;
    return { asked, port, url: `127.0.0.1:${port}`, [Symbol.asyncDispose]: () => server.stop(true) };
  }
  const to = (location: string, status = 302) => new Response("", { status, headers: { Location: location } });

  test("another origin gets nothing that was configured", async () => {
    await using other = noting(() => new Response("there"));
    await using first = noting(() => to(`http://leaked:creds@${other.url}/path?token=1#x`));
    const keys = {
      http: `http://user:hunter2@${first.url}/`,
      headers: { "X-Key": "k3y-value" },
      host: "named",
      redirects: 2,
    };
    expect(await outcomeOf(http, { ...keys, expect: "there" })).toMatchObject({ ok: true });
    expect(first.asked[0]?.headers).toMatchObject({
      host: "named",
      "x-key": "k3y-value",
      authorization: "Basic dXNlcjpodW50ZXIy",
    });
    expect(other.asked.map(({ line }) => line)).toEqual(["GET /path?token=1"]);
    expect(Object.keys(other.asked[0]?.headers ?? {}).sort()).toEqual([
      "accept",
      "accept-encoding",
      "connection",
      "host",
      "user-agent",
    ]);
    expect(other.asked[0]?.headers["host"]).toBe(other.url);
    const failure = await outcomeOf(http, { ...keys, expect: "nowhere" });
    expect(failure).toHaveProperty(
      "message",
      `http://${first.url}/, redirected to http://${other.url}/path, answered 200, but the body does not match expect`,
    );
  });

  test("the same origin gets the same headers, and GET after 303", async () => {
    await using server = noting(({ url }) => (url.endsWith("/first") ? to("second?x", 303) : new Response("there")));
    const keys = {
      http: `http://u:password@${server.url}/a/first`,
      method: "POST",
      body: "data",
      redirects: 1,
      headers: { "X-A": "bcde" },
    };
    expect(await outcomeOf(http, keys)).toMatchObject({ ok: true });
    expect(server.asked.map(({ line, body }) => [line, body])).toEqual([
      ["POST /a/first", "data"],
      ["GET /a/second?x", ""],
    ]);
    expect(server.asked[1]?.headers).toMatchObject({ "x-a": "bcde", authorization: expect.stringMatching(/^Basic /) });
  });

  test("a body is sent again to the same origin after 307, and never to another", async () => {
    await using other = noting(() => new Response("there"));
    await using server = noting(({ url }) => (url.endsWith("/1") ? to("/2", 307) : to(`http://${other.url}/`, 308)));
    const keys = { http: `http://${server.url}/1`, method: "PUT", body: "data", redirects: 5 };
    expect(await outcomeOf(http, keys)).toMatchObject({
      reason: "mismatch",
      message: expect.stringContaining("answered 308, a redirect to another origin; the body is not sent there"),
    });
    expect(server.asked.map(({ line, body }) => `${line} ${body}`)).toEqual(["PUT /1 data", "PUT /2 data"]);
    expect(other.asked).toEqual([]);
  });

  test("a Location that is not ASCII is requested byte by byte, as curl does", async () => {
    for (const [location, path] of [
      [Buffer.from("/caf\u00e9?q=\u00fc"), "/caf%C3%A9?q=%C3%BC"],
      [Buffer.from("/caf\u00e9", "latin1"), "/caf%E9"],
      [Buffer.from("/caf%C3%A9"), "/caf%C3%A9"],
      [Buffer.from("\u65e5\u672c"), "/%E6%97%A5%E6%9C%AC"],
    ] as const) {
      const asked: string[] = [];
      await using server = await listener((socket) =>
        socket.once("data", (said) => {
          asked.push(String(said).split(" ")[1] ?? "");
          const found = Buffer.concat([
            Buffer.from("HTTP/1.1 302 Found\r\nLocation: "),
            location,
            Buffer.from("\r\n\r\n"),
          ]);
          socket.end(asked.length === 1 ? found : withLength("there"));
        }),
      );
      expect(await outcomeOf(http, { http: urlOf(server), redirects: 1 })).toMatchObject({ ok: true });
      expect(asked).toEqual(["/", path]);
    }
  });

  test("a redirect to the name in `host` goes to the same server, without a look-up", async () => {
    const host = "www.hc-own-name.invalid";
    const keys = { host, redirects: 1, headers: { "X-Key": "k3y-value" } };
    await using other = noting(() => new Response("there"));
    let location = "";
    await using server = noting(({ url }) => (url.endsWith("/first") ? to(location) : new Response("there")));
    for (const named of [host, `${host}:${server.port}`, host.toUpperCase()]) {
      location = `http://${named}/second`;
      expect(await outcomeOf(http, { http: `http://${server.url}/first`, ...keys })).toMatchObject({ ok: true });
      expect(server.asked.at(-1)).toMatchObject({ line: "GET /second", headers: { host, "x-key": "k3y-value" } });
    }
    // Another port is another origin at the same address.
    location = `http://${host}:${other.port}/third`;
    expect(await outcomeOf(http, { http: `http://${server.url}/first`, ...keys })).toMatchObject({ ok: true });
    expect(other.asked.at(-1)).toMatchObject({ line: "GET /third", headers: { host: `${host}:${other.port}` } });
    expect(other.asked.at(-1)?.headers).not.toHaveProperty("x-key");
    // Another name is another host.
    location = "http://hc-other-name.invalid/";
    expect(await outcomeOf(http, { http: `http://${server.url}/first`, ...keys })).toMatchObject({ reason: "resolve" });
  });

  test("a Location that is no URL fails; without a Location the status counts", async () => {
    for (const location of ["ftp://a/", "http://", "http://a:0/", "javascript:1"]) {
      await using server = noting(() => to(location));
      expect(await outcomeOf(http, { http: `http://${server.url}/`, redirects: 1 })).toMatchObject({
        reason: "mismatch",
        message: `http://${server.url}/ answered 302 with a Location that is not a usable URL`,
      });
    }
    await using server = noting(() => new Response("", { status: 302 }));
    expect(await outcomeOf(http, { http: `http://${server.url}/`, redirects: 1, status: 302 })).toMatchObject({
      ok: true,
    });
    const gone = await freePort();
    await using elsewhere = noting(() => to(`http://127.0.0.1:${gone}/`));
    expect(await outcomeOf(http, { http: `http://${elsewhere.url}/`, redirects: 1 })).toMatchObject({
      reason: "refused",
    });
  });
});

test("no secret is shown, even if the peer repeats all of them", async () => {
  const secrets = ["hunter2/é", "t0ken-value-of-some-length", Buffer.from("user:hunter2/é").toString("base64")];
  const keys = { headers: { Accept: "a/bcd", "X-Token": secrets[1] }, status: 204 };
  const shows = (outcome: Outcome) => secrets.filter((secret) => JSON.stringify(outcome).includes(secret.slice(0, 6)));
  // Like an echo service, the peer sends our own request back.
  await using echo = await listener((socket) => socket.once("data", (bytes) => socket.end(bytes)));
  await using quoting = await listener((socket) =>
    socket.once("data", (bytes) => socket.end(`HTTP/1.1 500 Oh\r\n\r\n${bytes}`)),
  );
  for (const peer of [echo, quoting]) {
    for (let pad = 0; pad < 200; pad += 5) {
      const url = `http://user:hunter2%2F%C3%A9@127.0.0.1:${peer.port}/${"p".repeat(pad)}`;
      const outcome = await outcomeOf(http, { http: url, ...keys });
      expect(outcome).toMatchObject({ ok: false, reason: "mismatch" });
      expect(shows(outcome)).toEqual([]);
    }
  }
  for (let pad = 0; pad < 120; pad++) {
    const body = `${"p".repeat(pad)}filled-in-secret`;
    const outcome = await outcomeOf(http, { http: urlOf(quoting), body }, { secrets: ["filled-in-secret"] });
    expect(JSON.stringify(outcome)).not.toContain("fill");
  }
  await using number = await respondingWith(`HTTP/1.1 500 Oh\r\n\r\nno user 987654321 of 12`);
  const posted = await outcomeOf(http, { http: urlOf(number), body: '{"users":[{"num":987654321,"of":12}]}' });
  expect(JSON.stringify(posted)).toContain("no user *** of 12");
  await using json = await respondingWith(withLength(JSON.stringify({ a: `${"x".repeat(80)}${secrets[1]}` })));
  expect(shows(await outcomeOf(http, { http: urlOf(json), headers: keys.headers, json: { "/a": 1 } }))).toEqual([]);
});

test("proxies of the environment are not used", async () => {
  await using proxy = await respondingWith(withLength("by proxy"));
  await using peer = await respondingWith(withLength("itself"));
  const source = `
    import { http } from "${join(import.meta.dir, "../../../src/checks/http/http.ts")}";
    import { outcomeOf } from "${join(import.meta.dir, "../../support/checks.ts")}";
    console.log(JSON.stringify(await outcomeOf(http, { http: "${urlOf(peer)}", expect: "itself" })));`;
  const env = { http_proxy: urlOf(proxy), HTTP_PROXY: urlOf(proxy), ALL_PROXY: urlOf(proxy) };
  await using child = startChild([process.execPath, "-e", source], { env });
  await child.ended;
  expect(child.out).toEqual(['{"ok":true,"detail":"answered 200"}']);
}, 30_000);

test("300 checks that hang do not delay another", async () => {
  await using hung = await listener();
  await using good = await respondingWith(withLength("OK"));
  const stop = new AbortController();
  // The timeouts are longer than the test's own: what ends earlier was ended by the abort.
  const hanging = Array.from({ length: 300 }, () =>
    runCheck(checkOf(http, { http: urlOf(hung) }, { timeoutMs: 600_000 }), stop.signal),
  );
  const check = checkOf(http, { http: urlOf(good), expect: "OK" });
  const alone = await runCheck(check, never);
  const results = await Promise.all(Array.from({ length: 20 }, () => runCheck(check, never)));
  for (const { outcome } of [alone, ...results]) expect(outcome).toMatchObject({ ok: true });
  stop.abort();
  const ended = await Promise.all(hanging);
  expect(ended.every(({ outcome }) => !outcome.ok && outcome.reason === "deadline")).toBe(true);
}, 60_000);

test("values of JSON are equal when they mean the same", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
      // As text and back, like a body: -0 becomes 0.
      const [a, b] = [JSON.parse(JSON.stringify(one)), JSON.parse(JSON.stringify(other))];
      expect(isSame(a, JSON.parse(JSON.stringify(one)))).toBe(true);
      expect(isSame(a, b)).toBe(Bun.deepEquals(a, b, true));
      expect(isSame(a, b)).toBe(isSame(b, a));
    }),
  );
  expect(isSame({ a: 1, b: 2 }, { b: 2, a: 1 })).toBe(true);
  expect(isSame([], {})).toBe(false);
  expect(isSame(JSON.parse('{"__proto__":1}'), {})).toBe(false);
});
