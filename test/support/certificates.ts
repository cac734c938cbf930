// Certificates made in the test by openssl: an authority of its own, and leaves
// with the names and the dates that a test wants.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface Certificate {
  /** PEM; for one below an intermediate authority, that one's certificate follows. */
  readonly certFile: string;
  readonly keyFile: string;
}

export interface Validity {
  /** From now on; 30 by default. */
  readonly days?: number;
  /** Instead of `days`; may have passed. */
  readonly notAfter?: Date;
  /** An hour ago by default. */
  readonly notBefore?: Date;
}

export interface Issue extends Validity {
  /** Host names and IP addresses; the first is the common name too. `DNS:`, `IP:` or `email:` before one says which it is. */
  readonly names: readonly string[];
  /** As `openssl req -newkey` takes it, such as rsa:1024; a key of P-256 by default. */
  readonly key?: string;
  /** Of the signature; sha256 by default. */
  readonly digest?: string;
  /** Instead of the first name. */
  readonly commonName?: string;
  /** With a common name alone. */
  readonly bare?: boolean;
}

export interface Authority {
  /** PEM of this authority's root, which a client trusts. */
  readonly caFile: string;
  /** Its own certificate, which is the root's or one below. */
  readonly certFile: string;
  issue(issue: Issue): Promise<Certificate>;
  /** An authority below this one; what it issues carries its certificate along. */
  intermediate(name: string, validity?: Validity, strength?: Strength): Promise<Authority>;
}

type Strength = Pick<Issue, "key" | "digest">;

const DAY_MS = 86_400_000;

/** A new root whose files are kept in `folder`, valid for ten years. */
export async function makeAuthority(folder: string, name = "test authority"): Promise<Authority> {
  const root = join(folder, fileName());
  const subject = { name, extensions: AUTHORITY_EXTENSIONS };
  const self = await sign(root, subject, { days: 3650 });
  return authority(folder, self.certFile, self, []);
}

/** One that is its own authority. */
export const selfSigned = (folder: string, issue: Issue): Promise<Certificate> =>
  sign(join(folder, fileName()), leaf(issue), issue);

function authority(folder: string, caFile: string, issuer: Certificate, above: readonly string[]): Authority {
  return {
    caFile,
    certFile: issuer.certFile,
    issue: (issue) => sign(join(folder, fileName()), leaf(issue), issue, issuer, above),
    async intermediate(name, validity = { days: 3650 }, strength = {}) {
      const subject = { name, extensions: AUTHORITY_EXTENSIONS, ...strength };
      const made = await sign(join(folder, fileName()), subject, validity, issuer, above);
      return authority(folder, caFile, made, [made.certFile]);
    },
  };
}

interface Subject extends Strength {
  readonly name: string;
  readonly extensions: string;
}

const AUTHORITY_EXTENSIONS = `basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash`;

function leaf({ names, key, digest, commonName, bare = false }: Issue): Subject {
  const typed = (name: string) =>
    /^(?:DNS|IP|email):/.test(name) ? name : /^[\d.]+$|:/.test(name) ? `IP:${name}` : `DNS:${name}`;
  const alternatives = bare ? [] : names.map(typed);
  return {
    ...(key !== undefined && { key }),
    ...(digest !== undefined && { digest }),
    name: commonName ?? names[0]?.replace(/^(?:DNS|IP):/, "") ?? "nobody",
    extensions: `basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth, clientAuth${alternatives.length > 0 ? `\nsubjectAltName = ${alternatives.join(", ")}` : ""}`,
  };
}

/** `openssl ca`, since `openssl x509` learnt to set dates in version 3.4 only. Signed by itself without an issuer. */
async function sign(
  base: string,
  { name, extensions, key: type, digest = "sha256" }: Subject,
  { days = 30, notAfter, notBefore }: Validity,
  issuer?: Certificate,
  above: readonly string[] = [],
): Promise<Certificate> {
  await mkdir(base, { recursive: true });
  const at = (file: string) => join(base, file);
  const made: Certificate = { certFile: at("cert.pem"), keyFile: at("key.pem") };
  await writeFile(at("index.txt"), "");
  await writeFile(
    at("openssl.cnf"),
    `[req]
distinguished_name = subject
prompt = no
[subject]
CN = ${name}
[ca]
default_ca = it
[it]
database = ${at("index.txt")}
new_certs_dir = ${base}
rand_serial = yes
default_md = ${digest}
policy = policy
unique_subject = no
x509_extensions = extensions
[policy]
commonName = supplied
[extensions]
${extensions}
`,
  );
  const ofType = type === undefined ? ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"] : [type];
  const key = ["-newkey", ...ofType, "-nodes", "-keyout", made.keyFile];
  await openssl("req", "-config", at("openssl.cnf"), "-new", ...key, "-out", at("request.pem"));
  const dates = [
    "-startdate",
    asn1Time(notBefore ?? new Date(Math.min(Date.now(), notAfter?.getTime() ?? Date.now()) - 3_600_000)),
    "-enddate",
    asn1Time(notAfter ?? new Date(Date.now() + days * DAY_MS)),
  ];
  const signer = issuer
    ? ["-cert", issuer.certFile, "-keyfile", issuer.keyFile]
    : ["-selfsign", "-keyfile", made.keyFile];
  await openssl(
    ...["ca", "-config", at("openssl.cnf"), "-batch", "-notext", ...dates, ...signer],
    ...["-in", at("request.pem"), "-out", made.certFile],
  );
  if (above.length > 0) {
    const chain = await Promise.all([made.certFile, ...above].map((file) => readFile(file, "utf8")));
    await writeFile(made.certFile, chain.join(""));
  }
  return made;
}

let made = 0;
const fileName = () => `certificate-${++made}`;

/** 2026-01-02T03:04:05.678Z → 20260102030405Z */
const asn1Time = (date: Date): string => date.toISOString().replace(/\.\d+|[-:T]/g, "");

async function openssl(...words: readonly string[]): Promise<void> {
  const child = Bun.spawn(["openssl", ...words], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const [status, complaint] = await Promise.all([child.exited, child.stderr.text()]);
  if (status !== 0) throw new Error(`openssl ${words[0]} ended with ${status}: ${complaint}`);
}
