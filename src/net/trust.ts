// Loads the trusted authorities, from a PEM file or from the system, whatever the environment says (SSL_CERT_FILE,
// NODE_EXTRA_CA_CERTS); and the client certificate for servers that require one.

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
  /** The PEM file of the configuration; undefined if the system's authorities are trusted. */
  readonly file: string | undefined;
  /** For `tls.connect`. */
  readonly context: SecureContext;
  /** Parsed at the first call: the system has some 150. */
  readonly authorities: () => readonly X509Certificate[];
}

/** Where systems keep their authorities in one file; the first that exists counts. */
const SYSTEM_FILES = [
  "/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Arch, Gentoo
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Amazon Linux, RHEL, Fedora
  "/etc/pki/tls/certs/ca-bundle.crt", // older versions of these
  "/etc/ssl/ca-bundle.pem", // SUSE
  "/etc/ssl/cert.pem", // Alpine, macOS, BSD
];

/** Systems have bundles of 220 to 500 KB. */
const MAX_BYTES = 4 * 1024 * 1024;

/** PEM files: the client certificate with its chain, and its key. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** A file, and what messages call its content. */
interface Source {
  readonly file: string;
  readonly what: string;
  /** True for authorities that the configuration names. */
  readonly isConfigured?: boolean;
}

/** The content of a file when it was last read. */
interface Pem {
  readonly version: string;
  readonly text: string;
}

/** By path; bounded, since it holds only files of the configuration and of the system. */
const pemByFile = new Map<string, Pem>();

/** By the names of its files. */
const trustByFiles = new Map<string, { readonly pems: readonly Pem[]; readonly trust: Trust }>();

/**
 * The authorities of `file` and the client's certificate; files that have changed are read again. Without `file` the
 * authorities of the system or, if it has none, Mozilla's, which are built into the runtime. Never rejects.
 */
export async function loadTrust(file: string | undefined, identity?: Identity): Promise<Trust | Failure> {
  const own = identity && [
    { file: identity.cert, what: "the client certificate in" },
    { file: identity.key, what: "the client key in" },
  ];
  if (file !== undefined) return trustFrom([{ ...authoritiesOf(file), isConfigured: true }, ...(own ?? [])]);
  for (const candidate of SYSTEM_FILES) {
    // Each system has one of these files.
    if (isFailure(await trustFrom([authoritiesOf(candidate)]))) continue;
    return trustFrom([authoritiesOf(candidate), ...(own ?? [])]);
  }
  const { rootCertificates } = await import("node:tls");
  if (!pemByFile.has("")) pemByFile.set("", { version: "", text: rootCertificates.join("\n") });
  return trustFrom([authoritiesOf(""), ...(own ?? [])]);
}

const authoritiesOf = (file: string): Source => ({ file, what: "the CA certificates in" });

const unusable = ({ file, what }: Source, why: string): Failure => failed("tls", `cannot use ${what} ${file}: ${why}`);

/** The first source holds authorities; two more, if given, the client certificate and its key. */
async function trustFrom(sources: readonly Source[]): Promise<Trust | Failure> {
  const pems: Pem[] = [];
  for (const source of sources) {
    const pem = await readPem(source);
    if (isFailure(pem)) return pem;
    pems.push(pem);
  }
  const name = sources.map(({ file, isConfigured = false }) => `${file} ${isConfigured}`).join("\0");
  const last = trustByFiles.get(name);
  if (last?.pems.every((pem, index) => pem === pems[index])) return last.trust;
  const trust = await build(sources, pems);
  if (!isFailure(trust)) trustByFiles.set(name, { pems, trust });
  return trust;
}

async function readPem(source: Source): Promise<Pem | Failure> {
  const { file } = source;
  const last = pemByFile.get(file);
  if (file === "" && last) return last;
  try {
    // Reading a pipe or a device could block a thread of the runtime for ever.
    const found = await stat(file, { bigint: true });
    if (!found.isFile()) return unusable(source, "it is not a file");
    if (found.size > MAX_BYTES) return unusable(source, `it is larger than ${MAX_BYTES / 1024 / 1024} MiB`);
    const version = [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join();
    if (last?.version === version) return last;
    const pem = { version, text: await readFile(file, "utf8") };
    pemByFile.set(file, pem);
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
  if (!source || !pem) return failed("tls", "this system has no CA certificates");
  const [{ createSecureContext }, { createPrivateKey, X509Certificate }] = await Promise.all([
    import("node:tls"),
    import("node:crypto"),
  ]);
  const blocks = certificatesIn(pem.text);
  // Without certificates the runtime would use its own authorities. An incomplete text is being written.
  const problem = whyNoCertificates(pem.text, source.file);
  if (problem !== undefined) return unusable(source, problem);
  const parse = (block: string) => attempt(() => new X509Certificate(block));
  // The runtime silently skips some certificates that it cannot read.
  const unread = source.isConfigured ? blocks.find((block) => !parse(block)) : undefined;
  if (unread !== undefined) return unusable(source, whyUnreadable(unread, blocks, blocks.some(parse)));
  const identityFailure =
    certSource && cert && keySource && key
      ? checkIdentity(certSource, cert, keySource, key, { parse, createPrivateKey })
      : undefined;
  if (identityFailure) return identityFailure;
  const context = attempt(() =>
    createSecureContext({
      // Not the whole text: OpenSSL skips a certificate right after a byte order mark.
      ca: blocks.join("\n"),
      // Each of them is a trust anchor, also an intermediate authority or the peer's own certificate.
      allowPartialTrustChain: true,
      ...TLS_OFFER,
      ...(cert && key && { cert: cert.text, key: key.text }),
    } as SecureContextOptions),
  );
  if (!context) return unusable(source, "it cannot be read as certificates");
  let authorities: readonly X509Certificate[] | undefined;
  return {
    file: source.isConfigured ? source.file : undefined,
    context,
    authorities() {
      authorities ??= blocks.flatMap((block) => parse(block) ?? []);
      return authorities;
    },
  };
}

/** Undefined if the client certificate and its key can be read and belong together. */
function checkIdentity(
  certSource: Source,
  cert: Pem,
  keySource: Source,
  key: Pem,
  {
    parse,
    createPrivateKey,
  }: {
    readonly parse: (block: string) => X509Certificate | undefined;
    readonly createPrivateKey: typeof import("node:crypto").createPrivateKey;
  },
): Failure | undefined {
  const problem = whyNoCertificates(cert.text, certSource.file);
  if (problem !== undefined) return unusable(certSource, problem);
  const [own = ""] = certificatesIn(cert.text);
  const certificate = parse(own);
  if (!certificate) return unusable(certSource, whyUnreadable(own, [own], false));
  if (/ENCRYPTED/.test(key.text)) {
    return unusable(keySource, "it is encrypted; passphrases are not supported");
  }
  const privateKey = attempt(() => createPrivateKey(key.text));
  if (!privateKey) return unusable(keySource, "it contains no PEM private key");
  return certificate.checkPrivateKey(privateKey)
    ? undefined
    : unusable(keySource, `it is not the key of ${certSource.file}`);
}

/** Undefined if OpenSSL cannot read the text, and throws. */
function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
