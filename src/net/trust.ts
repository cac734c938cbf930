// Which authorities are trusted: those of a PEM file, or those of the system. The
// environment does not change that (SSL_CERT_FILE, NODE_EXTRA_CA_CERTS). And the client
// certificate for servers that require one.

import type { X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import type { SecureContext, SecureContextOptions } from "node:tls";
import { findCause } from "../fs/cause.ts";
import { whyHidden } from "../fs/hidden.ts";
import { type Failure, failed, isFailure } from "../outcome.ts";
import { causeOf, codeOf } from "../system/errors.ts";
import { certificatesIn, whyNoCertificates, whyUnreadable } from "./pem.ts";
import { TLS_OFFER } from "./tls-settings.ts";

export interface Trust {
  /** The file; undefined where the authorities are the system's. */
  readonly file: string | undefined;
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

/** PEM files: the certificate that a client shows, with its chain, and its key. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** A file, and how messages call what it holds. */
interface Source {
  readonly file: string;
  readonly what: string;
  /** Set where the configuration names authorities. */
  readonly chosen?: boolean;
}

/** A file as it was when it was last read. */
interface Pem {
  readonly version: string;
  readonly text: string;
}

/** By file; only files of the configuration, and those of the system, get here. */
const read = new Map<string, Pem>();

/** By the names of the files that it was made of. */
const known = new Map<string, { readonly of: readonly Pem[]; readonly trust: Trust }>();

/**
 * The authorities of `file` and the client's certificate, read again where one of the files has changed since the
 * last time. Without `file` the authorities of the system, or, where the system has none, those that Mozilla trusts,
 * as built into the runtime. Never rejects.
 */
export async function loadTrust(file: string | undefined, identity?: Identity): Promise<Trust | Failure> {
  const own = identity && [
    { file: identity.cert, what: "the client certificate of" },
    { file: identity.key, what: "the client key of" },
  ];
  if (file !== undefined) return trustIn([{ ...authoritiesOf(file), chosen: true }, ...(own ?? [])]);
  for (const candidate of SYSTEM_FILES) {
    // Each system has another of these files.
    if (isFailure(await trustIn([authoritiesOf(candidate)]))) continue;
    return trustIn([authoritiesOf(candidate), ...(own ?? [])]);
  }
  const { rootCertificates } = await import("node:tls");
  if (!read.has("")) read.set("", { version: "", text: rootCertificates.join("\n") });
  return trustIn([authoritiesOf(""), ...(own ?? [])]);
}

const authoritiesOf = (file: string): Source => ({ file, what: "the certificates of" });

const unusable = ({ file, what }: Source, why: string): Failure =>
  failed("tls", `${what} ${file} cannot be used: ${why}`);

/** Of authorities, and what a client shows where there is more than one source. */
async function trustIn(sources: readonly Source[]): Promise<Trust | Failure> {
  const pems: Pem[] = [];
  for (const source of sources) {
    const pem = await readPem(source);
    if (isFailure(pem)) return pem;
    pems.push(pem);
  }
  const name = sources.map(({ file, chosen = false }) => `${file} ${chosen}`).join("\0");
  const last = known.get(name);
  if (last?.of.every((pem, index) => pem === pems[index])) return last.trust;
  const trust = await build(sources, pems);
  if (!isFailure(trust)) known.set(name, { of: pems, trust });
  return trust;
}

async function readPem(source: Source): Promise<Pem | Failure> {
  const { file } = source;
  const last = read.get(file);
  if (file === "" && last) return last;
  try {
    // A pipe or a device would hold up a thread of the runtime for ever.
    const found = await stat(file, { bigint: true });
    if (!found.isFile()) return unusable(source, "it is not a file");
    if (found.size > MAX_BYTES) return unusable(source, `it has more than ${MAX_BYTES / 1024 / 1024} MiB`);
    const version = [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join();
    if (last?.version === version) return last;
    const pem = { version, text: await readFile(file, "utf8") };
    read.set(file, pem);
    return pem;
  } catch (error) {
    const code = codeOf(error);
    const hidden = whyHidden(file, code);
    return unusable(source, `${(hidden === "" && findCause(file, code)) || causeOf(code)}${hidden}`);
  }
}

async function build(
  [source, certSource, keySource]: readonly Source[],
  [pem, cert, key]: readonly Pem[],
): Promise<Trust | Failure> {
  if (!source || !pem) return failed("tls", "this system has no certificates of authorities");
  const [{ createSecureContext }, { createPrivateKey, X509Certificate }] = await Promise.all([
    import("node:tls"),
    import("node:crypto"),
  ]);
  const blocks = certificatesIn(pem.text);
  // An empty text would mean the runtime's own authorities; a text cut short is one being written.
  const lacking = whyNoCertificates(pem.text, source.file);
  if (lacking !== undefined) return unusable(source, lacking);
  const parse = (block: string) => attempt(() => new X509Certificate(block));
  // The runtime passes over some that it cannot read.
  const unread = source.chosen ? blocks.find((block) => !parse(block)) : undefined;
  if (unread !== undefined) return unusable(source, whyUnreadable(unread, blocks, blocks.some(parse)));
  if (certSource && cert && keySource && key) {
    const why = whyNoCertificates(cert.text, certSource.file);
    if (why !== undefined) return unusable(certSource, why);
    const [own = ""] = certificatesIn(cert.text);
    const shown = parse(own);
    if (!shown) return unusable(certSource, whyUnreadable(own, [own], false));
    if (/ENCRYPTED/.test(key.text)) {
      return unusable(keySource, "it is encrypted, and there is no way to give its passphrase");
    }
    const secret = attempt(() => createPrivateKey(key.text));
    if (!secret) return unusable(keySource, "it holds no private key in PEM");
    if (!shown.checkPrivateKey(secret)) return unusable(keySource, `it is not the key of ${certSource.file}`);
  }
  const context = attempt(() =>
    createSecureContext({
      // Alone: OpenSSL passes over a certificate right behind a byte order mark.
      ca: blocks.join("\n"),
      // Any of them is an anchor, an issuing authority or the peer's own certificate too.
      allowPartialTrustChain: true,
      ...TLS_OFFER,
      ...(cert && key && { cert: cert.text, key: key.text }),
    } as SecureContextOptions),
  );
  if (!context) return unusable(source, "it cannot be read as certificates");
  let authorities: readonly X509Certificate[] | undefined;
  return {
    file: source.chosen ? source.file : undefined,
    context,
    authorities() {
      authorities ??= blocks.flatMap((block) => parse(block) ?? []);
      return authorities;
    },
  };
}

/** Undefined where OpenSSL throws: it cannot read the text. */
function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
