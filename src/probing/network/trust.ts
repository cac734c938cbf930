// Whose signature on a certificate counts: the authorities of a PEM file, or those
// of the system. The environment has no say in it (SSL_CERT_FILE, NODE_EXTRA_CA_CERTS).

import type { X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import type { SecureContext } from "node:tls";
import { type Failure, failed } from "../../checks/check.ts";
import { whyHidden } from "../files/hidden.ts";
import { isFailure } from "./race.ts";
import { TLS_OFFER } from "./tls-offer.ts";

export interface Trust {
  /** For `tls.connect`. */
  readonly context: SecureContext;
  /** Parsed when first asked for: the system has some 150. */
  readonly authorities: () => readonly X509Certificate[];
}

/** Where systems keep theirs in one file; the first that is there counts. */
const SYSTEM_FILES = [
  "/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Arch, Gentoo
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Amazon Linux, RHEL, Fedora
  "/etc/pki/tls/certs/ca-bundle.crt", // older ones of these
  "/etc/ssl/ca-bundle.pem", // SUSE
  "/etc/ssl/cert.pem", // Alpine, macOS, BSD
];

/** The bundles of systems have 220 to 500 KB. */
const MAX_BYTES = 4 * 1024 * 1024;

/** By file, with what the file was when it was read; only files of the configuration get here. */
const known = new Map<string, { readonly version: string; readonly trust: Trust }>();
let builtIn: Trust | undefined;

/**
 * The authorities of `file`, read again where it has changed since the last time. Without a
 * file those of the system, or, where the system has none, those that Mozilla trusts, as
 * built into the runtime. Never rejects.
 */
export async function loadTrust(file: string | undefined): Promise<Trust | Failure> {
  if (file !== undefined) return trustIn(file);
  for (const candidate of SYSTEM_FILES) {
    const trust = await trustIn(candidate);
    if (!isFailure(trust)) return trust;
  }
  const { rootCertificates } = await import("node:tls");
  builtIn ??= await build(rootCertificates.join("\n"));
  return builtIn ?? failed("tls", "this system has no certificates of authorities");
}

async function trustIn(file: string): Promise<Trust | Failure> {
  const bad = (why: string) => failed("tls", `the certificates of ${file} cannot be used: ${why}`);
  try {
    // A pipe or a device would hold up a thread of the runtime for ever.
    const found = await stat(file, { bigint: true });
    if (!found.isFile()) return bad("it is not a file");
    if (found.size > MAX_BYTES) return bad(`it has more than ${MAX_BYTES / 1024 / 1024} MiB`);
    const version = [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join();
    const last = known.get(file);
    if (last?.version === version) return last.trust;
    const trust = await build(await readFile(file, "utf8"));
    if (trust === undefined) return bad("it holds none, or half of one");
    known.set(file, { version, trust });
    return trust;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "ERR_";
    if (code.startsWith("ERR_")) return bad("it cannot be read as certificates");
    // That the system's are elsewhere is no failure.
    return bad(SYSTEM_FILES.includes(file) ? code : `${code}${whyHidden(file, code)}`);
  }
}

/** Throws where the first certificate cannot be read. */
async function build(pem: string): Promise<Trust | undefined> {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  // An empty text would mean the runtime's own authorities; a text cut short is one being written.
  if (blocks.length === 0 || blocks.length !== pem.split("-----BEGIN CERTIFICATE-----").length - 1) return undefined;
  const [{ createSecureContext }, { X509Certificate }] = await Promise.all([import("node:tls"), import("node:crypto")]);
  const context = createSecureContext({ ca: pem, ...TLS_OFFER });
  const parse = (block: string) => {
    try {
      return [new X509Certificate(block)];
    } catch {
      return [];
    }
  };
  let authorities: readonly X509Certificate[] | undefined;
  return {
    context,
    authorities() {
      authorities ??= blocks.flatMap(parse);
      return authorities;
    },
  };
}
