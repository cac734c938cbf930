// Our TLS offers all that the runtime supports; for any other server the message says what it offers.

import { afterAll, beforeAll, expect } from "bun:test";
import { join } from "node:path";
import { http } from "../../src/checks/http/http.ts";
import { outcomeOf } from "../support/checks.ts";
import { startChild } from "../support/child.ts";
import { run } from "../support/databases.ts";
import { freePort, loopbackAddress } from "../support/loopback.ts";
import { needs } from "../support/needs.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const test = await needs("openssl");

let folder: TempFolder;
beforeAll(async () => {
  folder = await tempFolder();
  for (const algorithm of ["RSA", "RSA-PSS"]) {
    const [key, certificate] = filesOf(algorithm);
    await run(["openssl", "genpkey", "-algorithm", algorithm, "-out", key]);
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "9"];
    await run(["openssl", "req", "-x509", "-new", "-key", key, ...subject, "-out", certificate]);
  }
}, 60_000);
afterAll(() => folder[Symbol.asyncDispose]());

const filesOf = (algorithm: string) =>
  [join(folder.path, `${algorithm}.key`), join(folder.path, `${algorithm}.pem`)] as const;

/** The outcome against an `openssl s_server` with these arguments. */
async function ask(algorithm: string, ...words: readonly string[]) {
  const [key, certificate] = filesOf(algorithm);
  const host = loopbackAddress();
  const target = `${host}:${freePort(host)}`;
  const files = ["-cert", certificate, "-key", key];
  await using child = startChild(["openssl", "s_server", "-accept", target, "-www", ...files, ...words]);
  await until(() => child.out.some((line) => line.startsWith("ACCEPT")), 10_000, "openssl s_server to listen");
  const outcome = await outcomeOf(http, { http: `https://${target}/`, tls: { verify: false } });
  return outcome.ok ? "up" : `${outcome.reason}: ${outcome.message.replaceAll(target, "PEER")}`;
}

for (const words of [
  ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA256"],
  ["-tls1_2", "-cipher", "ECDHE-RSA-CHACHA20-POLY1305"],
  ["-tls1_2", "-cipher", "AES256-SHA"],
  ["-curves", "secp521r1"],
  ["-curves", "secp384r1"],
  ["-tls1_2", "-curves", "secp521r1"],
  ["-tls1_3"],
]) {
  test(`is supported: ${words.join(" ")}`, async () => {
    expect(await ask("RSA", ...words)).toBe("up");
  }, 30_000);
}

const MAY_WANT =
  "tls: PEER finds no cipher, curve or signature in common; health-checker offers only key exchange by X25519, X25519MLKEM768, P-256, P-384, P-521 or RSA; AES-GCM, ChaCha20-Poly1305, AES-CBC with SHA-1, and with ECDHE AES-128-CBC with SHA-256; keys of RSA, ECDSA or Ed25519";

for (const [algorithm, ...words] of [
  ["RSA", "-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384"],
  ["RSA", "-tls1_2", "-cipher", "ECDHE-RSA-AES256-SHA384"],
  ["RSA", "-tls1_2", "-cipher", "AES256-SHA256"],
  ["RSA", "-tls1_2", "-cipher", "AES128-SHA256"],
  ["RSA", "-tls1_3", "-groups", "ffdhe2048"],
  ["RSA", "-groups", "X448"],
  ["RSA", "-tls1_2", "-cipher", "ECDHE", "-groups", "secp256k1"],
  ["RSA", "-tls1_2", "-cipher", "ECDHE", "-groups", "brainpoolP256r1"],
  ["RSA-PSS"],
] as const) {
  test(`is not supported: ${algorithm} ${words.join(" ")}`, async () => {
    expect(await ask(algorithm, ...words)).toBe(MAY_WANT);
  }, 30_000);
}

test("is not supported: TLS 1.1", async () => {
  expect(await ask("RSA", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")).toBe(
    "tls: PEER speaks neither TLS 1.2 nor TLS 1.3; health-checker offers no older version",
  );
}, 30_000);
