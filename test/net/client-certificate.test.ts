// A server that requires client certificates gets the one that is set. Without one, or with a wrong one, every kind of check
// says so, whenever the alert comes.

import { afterAll, beforeAll, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { certificate } from "../../src/checks/certificate.ts";
import { postgres } from "../../src/checks/database/postgres.ts";
import { redis } from "../../src/checks/database/redis.ts";
import { grpc } from "../../src/checks/grpc/grpc.ts";
import { http } from "../../src/checks/http/http.ts";
import type { CheckKind } from "../../src/checks/kind.ts";
import { tcp } from "../../src/checks/tcp.ts";
import type { Outcome } from "../../src/outcome.ts";
import { type Authority, type Certificate, makeAuthority } from "../support/certificates.ts";
import { outcomeOf } from "../support/checks.ts";
import { listener } from "../support/listeners.ts";
import { needs } from "../support/needs.ts";
import { tempFolder } from "../support/temp.ts";
import { openTlsServer } from "../support/tls-server.ts";

const folder = await tempFolder();
let authority: Authority;
let own: Certificate;
let foreign: Certificate;
beforeAll(async () => {
  authority = await makeAuthority(folder.path);
  own = await authority.issue({ names: ["localhost", "127.0.0.1"] });
  foreign = await (await makeAuthority(folder.path, "stranger")).issue({ names: ["client"] });
});
afterAll(() => folder[Symbol.asyncDispose]());

const withOpenssl = await needs("openssl");

const demand = (version: string) =>
  openTlsServer(own, [version, "-CAfile", authority.caFile, "-Verify", "1", "-verify_return_error"]);

type Keys = Readonly<Record<string, unknown>>;

/** Every kind that speaks TLS from the first byte. */
const KINDS: readonly [CheckKind<never>, (port: number, tls: Keys) => Keys][] = [
  [http as never, (port, tls) => ({ http: `https://127.0.0.1:${port}/`, tls })],
  [tcp as never, (port, tls) => ({ tcp: port, tls })],
  [tcp as never, (port, tls) => ({ tcp: port, tls, send: "GET / HTTP/1.0\r\n\r\n" })],
  [tcp as never, (port, tls) => ({ tcp: port, tls, send: "GET / HTTP/1.0\r\n\r\n", expect: "HTTP" })],
  [redis as never, (port, tls) => ({ redis: `rediss://127.0.0.1:${port}`, tls })],
];

const wants = (port: number): Outcome => ({
  ok: false,
  reason: "tls",
  message: `127.0.0.1:${port} requires a client certificate: set cert and key`,
});

for (const version of ["-tls1_2", "-tls1_3"]) {
  withOpenssl(
    `${version}: without one every kind says what is wanted`,
    async () => {
      await using server = await demand(version);
      for (const [kind, keys] of KINDS) {
        const outcome = await outcomeOf(kind, keys(server.port, { ca: authority.caFile }));
        expect({ kind: kind.name, outcome }).toEqual({ kind: kind.name, outcome: wants(server.port) });
      }
      const shown = await outcomeOf(certificate, { certificate: server.port, ca: authority.caFile });
      // With TLS 1.3 the server's certificate is always visible.
      if (version === "-tls1_3") expect(shown).toMatchObject({ ok: true });
      else expect(shown).toEqual(wants(server.port));
    },
    60_000,
  );

  withOpenssl(
    `${version}: with one it passes, and with another's it fails with the peer that refuses`,
    async () => {
      await using server = await demand(version);
      const tls = { ca: authority.caFile, cert: own.certFile, key: own.keyFile };
      for (const [kind, keys] of KINDS.slice(0, 4)) {
        expect({ kind: kind.name, outcome: await outcomeOf(kind, keys(server.port, tls)) }).toMatchObject({
          outcome: { ok: true },
        });
      }
      expect(await outcomeOf(certificate, { certificate: server.port, ...tls })).toMatchObject({ ok: true });
      const other = { ca: authority.caFile, cert: foreign.certFile, key: foreign.keyFile };
      for (const [kind, keys] of KINDS) {
        const outcome = await outcomeOf(kind, keys(server.port, other));
        expect({ kind: kind.name, outcome }).toMatchObject({
          outcome: {
            ok: false,
            reason: "tls",
            message: `127.0.0.1:${server.port} refuses the client certificate: unknown authority`,
          },
        });
      }
    },
    60_000,
  );

  withOpenssl(
    `${version}: grpc says it too`,
    async () => {
      await using server = await openTlsServer(own, [
        ...[version, "-CAfile", authority.caFile, "-Verify", "1", "-verify_return_error", "-alpn", "h2"],
      ]);
      const keys = { grpc: server.port, tls: { ca: authority.caFile } };
      expect(await outcomeOf(grpc, keys)).toEqual(wants(server.port));
    },
    60_000,
  );

  withOpenssl(
    `${version}: so does postgres, whose TLS begins amid its protocol`,
    async () => {
      await using server = await demand(version);
      const { connect } = await import("node:net");
      await using asksFirst = await listener((socket) =>
        socket.once("data", () => {
          const inner = connect(server.port, "127.0.0.1");
          inner.on("error", () => socket.destroy());
          socket.on("close", () => inner.destroy());
          socket.write("S");
          socket.pipe(inner).pipe(socket);
        }),
      );
      const keys = { postgres: `postgres://u:p@127.0.0.1:${asksFirst.port}/d`, tls: { ca: authority.caFile } };
      expect(await outcomeOf(postgres, keys)).toEqual(wants(asksFirst.port));
    },
    60_000,
  );
}

withOpenssl(
  "an unusable certificate or key is named, and is read again once it is fixed",
  async () => {
    await using server = await demand("-tls1_3");
    const at = (name: string) => `${folder.path}/${name}`;
    await writeFile(at("empty.pem"), "");
    await writeFile(at("half.pem"), readFileSync(own.certFile, "utf8").slice(0, 300));
    await writeFile(
      at("locked.pem"),
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    const rows: readonly [string, string, string][] = [
      [at("none.pem"), own.keyFile, `cannot use the client certificate in ${at("none.pem")}: no such file`],
      [own.certFile, at("none.pem"), `cannot use the client key in ${at("none.pem")}: no such file`],
      [
        at("empty.pem"),
        own.keyFile,
        `cannot use the client certificate in ${at("empty.pem")}: it contains no PEM certificate`,
      ],
      [
        at("half.pem"),
        own.keyFile,
        `cannot use the client certificate in ${at("half.pem")}: it ends in the middle of a certificate`,
      ],
      [
        own.certFile,
        at("empty.pem"),
        `cannot use the client key in ${at("empty.pem")}: it contains no PEM private key`,
      ],
      [
        own.certFile,
        at("locked.pem"),
        `cannot use the client key in ${at("locked.pem")}: it is encrypted; passphrases are not supported`,
      ],
      [
        own.certFile,
        foreign.keyFile,
        `cannot use the client key in ${foreign.keyFile}: it is not the key of ${own.certFile}`,
      ],
    ];
    for (const [cert, key, message] of rows) {
      const tls = { ca: authority.caFile, cert, key };
      expect(await outcomeOf(http, { http: `https://127.0.0.1:${server.port}/`, tls })).toEqual({
        ok: false,
        reason: "tls",
        message,
      });
    }
    const tls = { ca: authority.caFile, cert: at("renewed.pem"), key: at("renewed.pem") };
    const both = ({ certFile, keyFile }: Certificate) => readFileSync(certFile, "utf8") + readFileSync(keyFile, "utf8");
    for (const [holder, ok] of [
      [foreign, false],
      [own, true],
    ] as const) {
      await writeFile(at("renewed.pem"), both(holder));
      expect(await outcomeOf(http, { http: `https://127.0.0.1:${server.port}/`, tls })).toMatchObject({ ok });
    }
  },
  60_000,
);
