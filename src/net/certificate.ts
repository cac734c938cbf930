// Judges the certificate of a peer: every problem that it has, and when it or a certificate above it expires, also if it is
// invalid.

import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { PeerCertificate, TLSSocket } from "node:tls";
import type { Reason } from "../outcome.ts";
import { listOf } from "../text/list.ts";
import { plainLine } from "../text/printable.ts";
import type { Trust } from "./trust.ts";

export interface Judgement {
  /** What is wrong, the most useful first; empty if the certificate is valid. */
  readonly problems: readonly CertificateProblem[];
  /** The earliest end of the certificate and those above it; undefined if the peer showed none. */
  readonly expiry: () => Expiry | undefined;
  /** What most clients refuse although this TLS accepts it: short keys, old signatures. */
  readonly weaknesses: () => readonly CertificateProblem[];
  /** What some clients refuse. */
  readonly warning: () => string | undefined;
}

/** `text` continues "the certificate of HOST:PORT". */
export interface CertificateProblem {
  readonly reason: Extract<Reason, "tls" | "expired">;
  readonly text: string;
}

export interface Expiry {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The same as text: "in 12 days, on 2026-12-06T10:00:00Z". */
  readonly when: string;
  /** The name of the authority that ends first, in quotes; undefined if the certificate itself does. */
  readonly authority: string | undefined;
}

/** More than any real peer sends; the runtime has no limit. */
const MAX_CHAIN_LENGTH = 20;

/** Limits for texts of the peer in messages. */
const MAX_TEXT_CHARACTERS = 120;
const MAX_NAMES = 5;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** `host` is the name or IP address that the certificate must have; `checkName` is checkServerIdentity of node:tls. */
export function judge(
  secured: TLSSocket,
  host: string,
  trust: Trust,
  checkName: (host: string, certificate: PeerCertificate) => Error | undefined,
): Judgement {
  const now = Date.now();
  const leaf = secured.getPeerX509Certificate();
  if (!leaf) {
    const problems: CertificateProblem[] = [{ reason: "tls", text: "was not sent" }];
    return { problems, expiry: () => undefined, weaknesses: () => [], warning: () => undefined };
  }
  const problems: CertificateProblem[] = [];
  // The runtime reports only one problem of the chain, a date before all others.
  const chain = secured.authorized ? undefined : String(secured.authorizationError ?? "not authorized");
  const byDate = chain === "CERT_HAS_EXPIRED" || chain === "CERT_NOT_YET_VALID";
  const dates = dateProblem(byDate ? pathFrom(leaf, trust.authorities()) : [leaf], now);
  if (dates) problems.push(dates);
  if (checkName(host, secured.getPeerCertificate())) {
    problems.push({ reason: "tls", text: explainName(leaf, host) });
  }
  if (chain !== undefined && !(byDate && dates)) {
    problems.push({ reason: chain === "CERT_HAS_EXPIRED" ? "expired" : "tls", text: explainChain(chain, leaf, trust) });
  }
  return {
    problems,
    expiry: () => expiryOf(pathFrom(leaf, trust.authorities()), now),
    weaknesses: () => weaknessesOf(pathFrom(leaf, trust.authorities()), trust.authorities()),
    warning: () => warningOf(leaf, host),
  };
}

/** All problems, as a text that continues "the certificate of HOST:PORT". */
export function describeProblems(judgement: Judgement): string {
  const texts = judgement.problems.map(({ text }) => text);
  const expiry = judgement.problems.some(({ reason }) => reason === "expired") ? undefined : judgement.expiry();
  if (expiry) texts.push(`${expiry.authority ?? "it"} expires ${expiry.when}`);
  return texts.join("; ");
}

/**
 * The certificate and those above it, as far as they are known, by the shortest way to a trusted authority: a peer may
 * send certificates that are not needed, such as an expired cross-signature.
 */
function pathFrom(leaf: X509Certificate, authorities: readonly X509Certificate[]): readonly X509Certificate[] {
  const sent: X509Certificate[] = [];
  for (let next = leaf.issuerCertificate; next && sent.length < MAX_CHAIN_LENGTH; next = next.issuerCertificate) {
    sent.push(next);
  }
  const path = [leaf];
  for (let current = leaf; path.length < MAX_CHAIN_LENGTH; ) {
    const { fingerprint256 } = current;
    if (authorities.some((authority) => authority.fingerprint256 === fingerprint256)) break;
    const signs = (other: X509Certificate) => other.fingerprint256 !== fingerprint256 && hasSigned(other, current);
    const trusted = latestToExpire(authorities.filter(signs));
    const above = trusted ?? latestToExpire(sent.filter(signs).filter((one) => !path.includes(one)));
    if (!above) break;
    path.push(above);
    if (trusted) break;
    current = above;
  }
  return path;
}

function hasSigned(issuer: X509Certificate, certificate: X509Certificate): boolean {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    return false; // the type of the key is not supported
  }
}

const latestToExpire = (certificates: readonly X509Certificate[]): X509Certificate | undefined =>
  certificates.toSorted((one, other) => other.validToDate.getTime() - one.validToDate.getTime())[0];

function expiryOf(path: readonly X509Certificate[], now: number): Expiry | undefined {
  const first = path.toSorted((one, other) => one.validToDate.getTime() - other.validToDate.getTime())[0];
  const at = first?.validToDate.getTime();
  if (first === undefined || at === undefined || Number.isNaN(at)) return undefined;
  return { at, when: when(at, now), authority: first === path[0] ? undefined : nameOf(first.subject) };
}

function dateProblem(path: readonly X509Certificate[], now: number): CertificateProblem | undefined {
  for (const certificate of path) {
    const prefix = certificate === path[0] ? "" : prefixOfAuthority(certificate);
    const [from, to] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
    if (to <= now) return { reason: "expired", text: `${prefix}expired ${when(to, now)}` };
    if (from > now) return { reason: "tls", text: `${prefix}becomes valid only ${when(from, now)}` };
  }
  return undefined;
}

/** OpenSSL, Go, Java and the browsers refuse shorter keys. */
const MIN_RSA_BITS = 2048;

/** In OpenSSL's names: sha1WithRSAEncryption, ecdsa-with-SHA1. */
const OLD_SIGNATURE = /(md[245]|sha-?1)(?!\d)/i;

function weaknessesOf(
  path: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
): readonly CertificateProblem[] {
  return path.flatMap((certificate) => {
    const prefix = certificate === path[0] ? "" : prefixOfAuthority(certificate);
    const bits = rsaBits(certificate);
    // The signature of a trusted authority does not matter.
    const isTrusted = authorities.some(({ fingerprint256 }) => fingerprint256 === certificate.fingerprint256);
    const digest = isTrusted ? undefined : oldDigest(certificate);
    const weaknesses = [
      ...(bits !== undefined && bits < MIN_RSA_BITS ? [`has an RSA key of ${bits} bits`] : []),
      ...(digest === undefined ? [] : [`is signed with ${digest}`]),
    ];
    return weaknesses.map((text) => ({ reason: "tls" as const, text: `${prefix}${text}; most clients refuse it` }));
  });
}

/** Begins a message about an authority above the certificate. */
const prefixOfAuthority = ({ subject }: X509Certificate): string => `depends on ${nameOf(subject)}, which `;

function rsaBits({ publicKey }: X509Certificate): number | undefined {
  const { asymmetricKeyType, asymmetricKeyDetails } = publicKey;
  return asymmetricKeyType?.startsWith("rsa") ? asymmetricKeyDetails?.modulusLength : undefined;
}

function oldDigest({ signatureAlgorithm = "" }: X509Certificate): string | undefined {
  const [, digest] = OLD_SIGNATURE.exec(signatureAlgorithm) ?? [];
  return digest?.toUpperCase().replace(/^SHA1$/, "SHA-1");
}

/** Go, Java and the browsers ignore the common name. */
function warningOf({ subjectAltName = "", subject }: X509Certificate, host: string): string | undefined {
  if (/DNS:/.test(subjectAltName) || (isIP(host) !== 0 && /IP Address:/.test(subjectAltName))) return undefined;
  const lacks = subjectAltName === "" ? "no subjectAltName" : "a subjectAltName without a host name";
  return `the certificate has only a common name, ${nameOf(subject)}, and ${lacks}; many clients refuse it`;
}

function explainChain(code: string, leaf: X509Certificate, { file, authorities }: Trust): string {
  const by = leaf.issuer === leaf.subject ? "by itself" : `by ${nameOf(leaf.issuer)}`;
  switch (code) {
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT": {
      const held = file === undefined ? "" : ` (${file} contains ${count(authorities())})`;
      return `is signed ${by} and does not lead to a trusted authority${held}`;
    }
    default:
      return `is signed ${by}, but its chain is not valid (${code.toLowerCase().replaceAll("_", " ")})`;
  }
}

function count(authorities: readonly X509Certificate[]): string {
  const names = authorities.map(({ subject }) => nameOf(subject));
  return `${authorities.length}: ${listOf(names, MAX_NAMES)}`;
}

/** A certificate distinguishes a host name from an address with the same text. */
function explainName(leaf: X509Certificate, host: string): string {
  const alternatives = leaf.subjectAltName?.split(", ") ?? [];
  if (alternatives.some((name) => name.startsWith("DNS:") && canonical(name.slice(4)) === canonical(host))) {
    return `lists ${host} as a host name (DNS), not as an address (IP)`;
  }
  if (alternatives.includes(`IP Address:${host}`)) return `lists ${host} as an address (IP), not as a host name (DNS)`;
  return `is for ${namesOf(leaf)}, not for ${host}`;
}

/** An IPv6 address in its canonical form; any other text as it is. */
const canonical = (host: string): string =>
  (isIP(host) === 6 ? URL.parse(`http://[${host}]/`)?.hostname : undefined) ?? host;

/** An alternative name without its type. Clients do not accept an address that is listed as a host name: it keeps a note. */
function describeAlternative(alternative: string): string {
  const [, type, name = alternative] = /^(DNS|IP Address):(.*)$/s.exec(alternative) ?? [];
  return type === "DNS" && isIP(name) !== 0 ? `${name} as a host name (DNS)` : name;
}

/** The common name, or else the whole subject; in quotes. */
function nameOf(subject: string): string {
  const [, commonName] = /^CN=(.*)$/m.exec(subject) ?? [];
  return JSON.stringify(plainLine(commonName ?? subject, MAX_TEXT_CHARACTERS));
}

function namesOf(leaf: X509Certificate): string {
  const names = leaf.subjectAltName?.split(", ").map(describeAlternative) ?? [];
  if (names.length === 0) return nameOf(leaf.subject);
  return plainLine(listOf(names, MAX_NAMES), MAX_TEXT_CHARACTERS);
}

/** "in 12 days, on 2026-12-06T10:00:00Z", "3 hours ago, on …". */
function when(at: number, now: number): string {
  const awayMs = Math.abs(at - now);
  const [unitMs, unit] =
    awayMs >= 2 * DAY_MS ? [DAY_MS, "days"] : awayMs >= 2 * HOUR_MS ? [HOUR_MS, "hours"] : [60_000, "minutes"];
  const away = `${Math.floor(awayMs / unitMs)} ${unit}`;
  return `${at > now ? `in ${away}` : `${away} ago`}, on ${new Date(at).toISOString().replace(/\.\d+/, "")}`;
}
