// A certificate is valid, or the message says what is wrong with it and when it expires.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { z } from "zod";
import { certificate } from "../../src/checks/certificate.ts";
import { mapping } from "../../src/fields/keys.ts";
import type { Outcome } from "../../src/outcome.ts";
import { listenRaw } from "../net/raw-socket.ts";
import { type Authority, type Certificate, makeAuthority, selfSigned } from "../support/certificates.ts";
import { checkOf, outcomeOf } from "../support/checks.ts";
import { type Child, startChild } from "../support/child.ts";
import { freePort, listener } from "../support/listeners.ts";
import { freePort as freePortOf, loopbackAddress } from "../support/loopback.ts";
import { needs } from "../support/needs.ts";
import { descriptorsOf, handshakesTo } from "../support/processes.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const DAY_MS = 86_400_000;

const folder = await tempFolder();
let authority: Authority;

beforeAll(async () => {
  authority = await makeAuthority(folder.path);
});
afterAll(() => folder[Symbol.asyncDispose]());

interface Server extends AsyncDisposable {
  readonly target: string;
  readonly child: Child;
}

/** `openssl s_server`, which sends the certificates of `certFile` in their order. */
async function shows({ certFile, keyFile }: Certificate, ...options: readonly string[]): Promise<Server> {
  const host = loopbackAddress();
  const target = `${host}:${freePortOf(host)}`;
  const files = ["-cert", certFile, "-cert_chain", await chainOf(certFile), "-key", keyFile];
  const child = startChild(["openssl", "s_server", "-accept", target, "-www", ...files, ...options]);
  await until(() => child.out.some((line) => line.startsWith("ACCEPT")), 10_000, "openssl s_server to listen");
  return { target, child, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
}

/** The text after the first certificate of a file. */
async function chainOf(certFile: string): Promise<string> {
  const blocks = (await Bun.file(certFile).text()).split(/(?=-----BEGIN)/).slice(1);
  return folder.write(`${Bun.hash(blocks.join(""))}.pem`, blocks.join("") || (await Bun.file(certFile).text()));
}

/** Without `expiresAt`, which is the date in its text. */
async function ask(server: Server, keys: Readonly<Record<string, unknown>> = {}): Promise<Outcome> {
  const given = { certificate: server.target, ca: authority.caFile, "server-name": "service.test", ...keys };
  const { expiresAt, ...outcome } = await outcomeOf(certificate, given);
  const text = (outcome.ok ? outcome.detail : outcome.message) ?? "";
  const dates = expiresAt === undefined ? [] : [new Date(expiresAt).toISOString().replace(/\.\d+/, "")];
  expect([...text.matchAll(/expire[sd] .*? on (\S+Z)/g)].map(([, date = ""]) => date)).toEqual(dates);
  return outcome;
}

const DATE = "on \\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ";
const like = (text: string) => expect.stringMatching(new RegExp(`^${text.replaceAll("DATE", DATE)}$`));

test("a valid certificate passes, and the detail says when it expires", async () => {
  await using server = await shows(await authority.issue({ names: ["service.test", "127.1.2.3"], days: 12.5 }));
  const pass: Outcome = { ok: true, detail: like("expires in 12 days, DATE") };
  expect(await ask(server)).toEqual(pass);
  expect(await ask(server, { "min-days": 0 })).toEqual(pass);
  expect(await ask(server, { "min-days": 12 })).toEqual(pass);
  expect(await ask(server, { "min-days": 13 })).toEqual({
    ok: false,
    reason: "expired",
    message: like(`the certificate of ${server.target} expires in 12 days, DATE; min-days is 13`),
  });
});

test("the message has every problem, and the date", async () => {
  const day = (days: number) => new Date(Date.now() + days * DAY_MS);
  const stranger = await makeAuthority(folder.path, "stranger");
  const rows: readonly [Certificate, string, string][] = [
    [await authority.issue({ names: ["service.test"], notAfter: day(-3.5) }), "expired", "expired 3 days ago, DATE"],
    [
      await authority.issue({ names: ["other.test"], notAfter: day(-3.5) }),
      "expired",
      "expired 3 days ago, DATE; is for other.test, not for service.test",
    ],
    [await stranger.issue({ names: ["service.test"], notAfter: day(-0.5) }), "expired", "expired 12 hours ago, DATE"],
    [
      await authority.issue({ names: ["service.test"], notBefore: day(1.6) }),
      "tls",
      "becomes valid only in 38 hours, DATE; it expires in 29 days, DATE",
    ],
    [
      await authority.issue({ names: ["a.test", "b.test", "10.0.0.1"], days: 5.5 }),
      "tls",
      "is for a.test, b.test, 10.0.0.1, not for service.test; it expires in 5 days, DATE",
    ],
    [
      await stranger.issue({ names: ["service.test"], days: 5.5 }),
      "tls",
      'is signed by "stranger" and does not lead to a trusted authority \\(\\S+ contains 1: "test authority"\\); it expires in 5 days, DATE',
    ],
    [
      await selfSigned(folder.path, { names: ["service.test"], days: 5.5 }),
      "tls",
      'is signed by itself and does not lead to a trusted authority \\(\\S+ contains 1: "test authority"\\); it expires in 5 days, DATE',
    ],
    [
      await (await stranger.intermediate("far")).issue({ names: ["other.test"], days: 5.5 }),
      "tls",
      'is for other.test, not for service.test; is signed by "far" and does not lead to a trusted authority \\(\\S+ contains 1: "test authority"\\); it expires in 5 days, DATE',
    ],
  ];
  for (const [shown, reason, text] of rows) {
    await using server = await shows(shown);
    expect(await ask(server)).toEqual({
      ok: false,
      reason: reason as "tls",
      message: like(`the certificate of ${server.target} ${text}`),
    });
  }
}, 30_000);

test("a certificate that most clients refuse is refused, and so is one above it", async () => {
  const weak = await authority.intermediate("weak", { days: 3650 }, { key: "rsa:1024" });
  const old = await authority.intermediate("old", { days: 3650 }, { digest: "sha1" });
  const rsa = await authority.intermediate("rsa", { days: 3650 }, { key: "rsa:2048" });
  const names = ["service.test"];
  const most = "; most clients refuse it";
  const rows: readonly [Certificate, string | undefined][] = [
    [await authority.issue({ names, key: "rsa:1024" }), `has an RSA key of 1024 bits${most}`],
    [await authority.issue({ names, key: "rsa:2048" }), undefined],
    [await authority.issue({ names, key: "rsa:2048", digest: "sha384" }), undefined],
    [await authority.issue({ names, digest: "sha1" }), `is signed with SHA-1${most}`],
    [
      await rsa.issue({ names, digest: "md5", key: "rsa:1024" }),
      `is signed by "rsa", but its chain is not valid \\(cert signature failure\\); has an RSA key of 1024 bits${most}; is signed with MD5${most}`,
    ],
    [
      await authority.issue({ names: ["x.test"], digest: "sha1" }),
      `is for x.test, not for service.test; is signed with SHA-1${most}`,
    ],
    [await weak.issue({ names }), `depends on "weak", which has an RSA key of 1024 bits${most}`],
    [await old.issue({ names }), `depends on "old", which is signed with SHA-1${most}`],
  ];
  for (const [shown, text] of rows) {
    await using server = await shows(shown, "-cipher", "DEFAULT@SECLEVEL=0");
    expect(await ask(server)).toEqual(
      text === undefined
        ? { ok: true, detail: like("expires in 29 days, DATE") }
        : {
            ok: false,
            reason: "tls",
            message: like(`the certificate of ${server.target} ${text}; it expires in 29 days, DATE`),
          },
    );
  }
  // The signature of a trusted authority does not matter.
  await using server = await shows(await old.issue({ names }), "-cipher", "DEFAULT@SECLEVEL=0");
  expect(await ask(server, { ca: old.certFile })).toMatchObject({ ok: true });
}, 60_000);

test("a certificate that has a common name alone passes with a warning", async () => {
  await using server = await shows(await authority.issue({ names: ["service.test"], bare: true }));
  expect(await ask(server)).toMatchObject({
    ok: true,
    warning: 'the certificate has only a common name, "service.test", and no subjectAltName; many clients refuse it',
  });
  await using full = await shows(await authority.issue({ names: ["service.test"] }));
  expect(await ask(full)).not.toHaveProperty("warning");
});

test("a name that matches by its common name alone passes with a warning, whatever else the certificate is for", async () => {
  const warning =
    'the certificate has only a common name, "service.test", and a subjectAltName without a host name; many clients refuse it';
  for (const names of [["IP:127.0.0.1"], ["email:ops@service.test"]]) {
    await using server = await shows(await authority.issue({ names, commonName: "service.test" }));
    expect(await ask(server, { "server-name": "service.test" })).toMatchObject({ ok: true, warning });
  }
  await using server = await shows(await authority.issue({ names: ["IP:127.0.0.1"], commonName: "service.test" }));
  const asAddress = await ask(server, { "server-name": "127.0.0.1" });
  expect(asAddress).toMatchObject({ ok: true });
  expect(asAddress).not.toHaveProperty("warning");
});

test("a name and an address that look alike are distinguished", async () => {
  await using asName = await shows(await authority.issue({ names: ["DNS:127.0.0.1"] }));
  expect(await ask(asName, { "server-name": "127.0.0.1" })).toMatchObject({
    reason: "tls",
    message: expect.stringContaining("lists 127.0.0.1 as a host name (DNS), not as an address (IP); it expires"),
  });
  await using asAddress = await shows(await authority.issue({ names: ["IP:127.0.0.9"] }));
  expect(await ask(asAddress, { "server-name": "127.0.0.9" })).toMatchObject({ ok: true });
  expect(await ask(asAddress, { "server-name": "127.0.0.1" })).toMatchObject({
    message: expect.stringContaining("is for 127.0.0.9, not for 127.0.0.1"),
  });
  await using six = await shows(await authority.issue({ names: ["DNS:::1", "a.test"] }));
  for (const [host, message] of [
    ["127.0.0.1", "is for ::1 as a host name (DNS), a.test, not for 127.0.0.1"],
    ["::1", "lists ::1 as a host name (DNS), not as an address (IP)"],
    ["0:0::1", "lists 0:0::1 as a host name (DNS), not as an address (IP)"],
  ] as const) {
    expect(await ask(six, { "server-name": host })).toMatchObject({ message: expect.stringContaining(message) });
  }
});

test("any certificate in `ca` is an anchor, with a byte order mark too, and a message says what the file has", async () => {
  const issuing = await authority.intermediate("issuing");
  const shown = await issuing.issue({ names: ["service.test"] });
  const pem = (file: string) => Bun.file(file).text();
  const leaf = (await pem(shown.certFile)).split(/(?=-----BEGIN)/)[0] ?? "";
  await using server = await shows(shown);
  for (const [name, text] of [
    ["root", await pem(authority.caFile)],
    ["issuing", await pem(issuing.certFile)],
    ["leaf", leaf],
    ["root with BOM", `\ufeff${await pem(authority.caFile)}`],
    ["leaf with words", `Subject: schön\r\n${leaf.replaceAll("\n", "\r\n")}\r\n# end`],
  ] as const) {
    const ca = await folder.write(`${name}.pem`, text);
    expect({ name, ...(await ask(server, { ca })) }).toMatchObject({ name, ok: true });
  }
  const other = await makeAuthority(folder.path, "other");
  const ca = await folder.write(
    "two.pem",
    `\ufeff${await pem(other.caFile)}${await pem((await makeAuthority(folder.path, "another")).caFile)}`,
  );
  expect(await ask(server, { ca })).toMatchObject({
    reason: "tls",
    message: expect.stringContaining(`to a trusted authority (${ca} contains 2: "other", "another")`),
  });
  // Another leaf of the same authority, or an authority that did not sign it, does not count.
  const sibling = await issuing.issue({ names: ["service.test"] });
  const alone = (await pem(sibling.certFile)).split(/(?=-----BEGIN)/)[0] ?? "";
  expect(await ask(server, { ca: await folder.write("sibling.pem", alone) })).toMatchObject({ reason: "tls" });
}, 30_000);

test("a certificate above it that expires sooner counts, and one that is not needed does not", async () => {
  const short = await authority.intermediate("short", { days: 5.5 });
  const signed = await short.issue({ names: ["service.test"] });
  {
    await using server = await shows(signed);
    expect(await ask(server)).toEqual({ ok: true, detail: like('depends on "short", which expires in 5 days, DATE') });
    expect(await ask(server, { "min-days": 6 })).toMatchObject({
      reason: "expired",
      message: like(
        `the certificate of ${server.target} depends on "short", which expires in 5 days, DATE; min-days is 6`,
      ),
    });
    // The date is shown even without a trusted authority.
    expect(await ask(server, { ca: undefined })).toMatchObject({
      reason: "tls",
      message: expect.stringMatching(/; "short" expires in 5 days, on \S+$/),
    });
  }
  {
    const ended = await authority.intermediate("ended", { notAfter: new Date(Date.now() - 2.5 * DAY_MS) });
    await using server = await shows(await ended.issue({ names: ["service.test"] }));
    expect(await ask(server)).toEqual({
      ok: false,
      reason: "expired",
      message: like(`the certificate of ${server.target} depends on "ended", which expired 2 days ago, DATE`),
    });
  }
  {
    const stranger = await makeAuthority(folder.path, "stranger");
    const old = await stranger.issue({ names: ["old.test"], notAfter: new Date(Date.now() - DAY_MS) });
    const leaf = await authority.issue({ names: ["service.test"], days: 8.5 });
    const both = (await Promise.all([leaf, old].map(({ certFile }) => Bun.file(certFile).text()))).join("");
    await using server = await shows({ certFile: await folder.write("both.pem", both), keyFile: leaf.keyFile });
    expect(await ask(server, { "min-days": 8 })).toEqual({ ok: true, detail: like("expires in 8 days, DATE") });
  }
}, 30_000);

test("an authority of `ca` that expires sooner counts", async () => {
  const { certFile, keyFile } = await selfSigned(folder.path, { names: ["service.test"], days: 3.5 });
  await using server = await shows({ certFile, keyFile });
  expect(await ask(server, { ca: certFile })).toEqual({ ok: true, detail: like("expires in 3 days, DATE") });
  const ca = await folder.write("short-ca.pem", await Bun.file(authority.caFile).text());
  await using other = await shows(await authority.issue({ names: ["service.test"], days: 9000 }));
  expect(await ask(other, { ca, "min-days": 3600 })).toMatchObject({
    ok: true,
    detail: like('depends on "test authority", which expires in 36\\d\\d days, DATE'),
  });
});

test("every version of TLS that is still in use", async () => {
  const good = await authority.issue({ names: ["service.test"] });
  for (const version of ["-tls1_2", "-tls1_3"]) {
    await using server = await shows(good, version);
    expect(await ask(server)).toMatchObject({ ok: true });
  }
});

test("no listener, another protocol, and a peer that closes", async () => {
  const port = await freePort();
  expect(await outcomeOf(certificate, { certificate: port })).toMatchObject({ ok: false, reason: "refused" });
  await using echo = await listener((socket) => socket.pipe(socket));
  expect(await outcomeOf(certificate, { certificate: echo.port })).toMatchObject({ ok: false, reason: "tls" });
  await using closes = await listener((socket) => socket.end());
  expect(await outcomeOf(certificate, { certificate: closes.port })).toMatchObject({ ok: false, reason: "closed" });
  expect(await outcomeOf(certificate, { certificate: echo.port, ca: "/no/such/file" })).toMatchObject({
    ok: false,
    reason: "tls",
    message: "cannot use the CA certificates in /no/such/file: the folder /no does not exist",
  });
});

test("a peer that hangs is down at the timeout, and the run leaves nothing open", async () => {
  await using server = await shows(await authority.issue({ names: ["service.test"] }));
  expect(await ask(server)).toMatchObject({ ok: true });
  server.child.kill("SIGSTOP");
  await using silent = await listener();
  using drops = listenRaw({ family: "v4" }, 0);
  drops.fill();
  const rows: readonly [string | number, string][] = [
    [server.target, "waiting for the TLS handshake"],
    [silent.port, "waiting for the TLS handshake"],
    [drops.port, "did not accept"],
  ];
  for (const [target, waiting] of rows) {
    const once = () => outcomeOf(certificate, { certificate: target, ca: authority.caFile }, { timeoutMs: 500 });
    await once();
    const before = descriptorsOf(process.pid);
    const outcome = await once();
    expect(outcome).toMatchObject({ ok: false, reason: "timeout" });
    expect(outcome).toHaveProperty("message", expect.stringContaining(waiting));
    expect(outcome).toHaveProperty("message", expect.stringContaining("(timeout 500ms)"));
    await until(() => descriptorsOf(process.pid) <= before);
  }
  await until(() => handshakesTo(drops.port) === 0);
});

(await needs("nginx"))(
  "nginx sees a polite client",
  async () => {
    const good = await authority.issue({ names: ["service.test"] });
    const host = loopbackAddress();
    const target = `${host}:${freePortOf(host)}`;
    const log = `${folder.path}/nginx.log`;
    const config = await folder.write(
      "nginx.conf",
      `daemon off; pid ${folder.path}/nginx.pid; error_log ${log} info; worker_processes 1;
events {}
http { access_log off; server { listen ${target} ssl; ssl_certificate ${good.certFile}; ssl_certificate_key ${good.keyFile}; } }
`,
    );
    await using _nginx = startChild(["nginx", "-c", config, "-p", folder.path]);
    const keys = { certificate: target, ca: authority.caFile, "server-name": "service.test", "min-days": 7 };
    await until(async () => (await outcomeOf(certificate, keys)).ok);
    for (let run = 0; run < 5; run++) expect(await outcomeOf(certificate, keys)).toMatchObject({ ok: true });
    expect(await Bun.file(log).text()).not.toMatch(/reset by peer|SSL_(read|do_handshake|shutdown)\(\) failed/);
  },
  20_000,
);

test("its keys", async () => {
  const check = checkOf(certificate, { certificate: "api.test:443", "server-name": "www.test" });
  expect([check.kind, check.target]).toEqual(["certificate", "api.test:443 as www.test"]);
  const flaw = (keys: object) => mapping(z, certificate.keys).safeParse({ certificate: 443, ...keys }).success;
  expect(flaw({})).toBe(true);
  for (const days of [-1, 1.5, "x", 36_501]) expect(flaw({ "min-days": days })).toBe(false);
  expect(flaw({ certificate: "unix:/x" })).toBe(false);
  expect(flaw({ ca: "relative.pem" })).toBe(false);
  const settings = {
    certificate: { family: "tcp", host: "a", port: 1 } as const,
    "server-name": undefined,
    ca: undefined,
  };
  expect(certificate.warningsIfCritical?.({ ...settings, "min-days": undefined })).toEqual([]);
  expect(certificate.warningsIfCritical?.({ ...settings, "min-days": 14 })).toHaveLength(1);
});
