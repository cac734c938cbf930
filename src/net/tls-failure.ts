// Explains TLS errors in plain words. Only OpenSSL's name of the error is known: the peer sent it if it is an alert, else this
// side found it.

import { type Failure, failed } from "../outcome.ts";
import { OFFERED } from "./tls-settings.ts";

/** How far the handshake had come. */
export interface Progress {
  /** Whether the peer has shown its certificate. */
  readonly hasPeerCertificate: boolean;
  /** Whether the check has a client certificate. */
  readonly hasClientCertificate: boolean;
  /** The protocols that were offered by ALPN. */
  readonly alpn?: readonly string[] | undefined;
}

const NO_VERSION = "speaks neither TLS 1.2 nor TLS 1.3; health-checker offers no older version";

/** Undefined for an error that is not of TLS, such as a reset. */
export function explainTls(error: Error, peer: string, progress: Progress): Failure | undefined {
  const [, name] = /:(?:SSL routines|OPENSSL_internal):(?:.*:)?([\w ]+)$/.exec(error.message) ?? [];
  if (name === undefined) return undefined;
  const [, alert] = /^(?:SSLV3|TLSV1)_ALERT_(.+)$/.exec(name) ?? [];
  const text = alert === undefined ? explainError(name, peer, progress) : explainAlert(alert, peer, progress);
  return failed("tls", text);
}

/** Alerts about the client's certificate. */
const CLIENT_CERTIFICATE_ALERTS: Readonly<Record<string, string>> = {
  CERTIFICATE_REQUIRED: "it received none",
  NO_CERTIFICATE: "it received none",
  BAD_CERTIFICATE: "bad certificate",
  UNSUPPORTED_CERTIFICATE: "not a client certificate, or a type that it does not support",
  CERTIFICATE_REVOKED: "certificate revoked",
  CERTIFICATE_EXPIRED: "certificate expired",
  CERTIFICATE_UNKNOWN: "no reason given",
  UNKNOWN_CA: "unknown authority",
  ACCESS_DENIED: "access denied",
};

/** Alerts about the client's certificate if the peer has shown its own; before that, about ciphers and curves. */
const AMBIGUOUS_ALERTS: Readonly<Record<string, string>> = {
  HANDSHAKE_FAILURE: "no reason given",
  INSUFFICIENT_SECURITY: "the security is too weak",
};

function explainAlert(
  alert: string,
  peer: string,
  { hasPeerCertificate, hasClientCertificate, alpn = [] }: Progress,
): string {
  const complaint = CLIENT_CERTIFICATE_ALERTS[alert] ?? (hasPeerCertificate ? AMBIGUOUS_ALERTS[alert] : undefined);
  if (complaint !== undefined) {
    return hasClientCertificate
      ? `${peer} refuses the client certificate: ${complaint}`
      : `${peer} requires a client certificate: set cert and key`;
  }
  if (alert in AMBIGUOUS_ALERTS) return `${peer} finds no cipher, curve or signature in common; ${OFFERED}`;
  switch (alert) {
    case "PROTOCOL_VERSION":
      return `${peer} ${NO_VERSION}`;
    case "UNRECOGNIZED_NAME":
      return `${peer} does not know the requested host name: set server-name`;
    case "NO_APPLICATION_PROTOCOL":
      return alpn.includes("http/1.1")
        ? `${peer} does not speak HTTP/1.1 (ALPN); it may speak HTTP/2 only`
        : `${peer} supports no protocol that was offered by ALPN: ${alpn.join(", ")}`;
    default:
      return `${peer} ended TLS with the alert "${inWords(alert)}"`;
  }
}

function explainError(name: string, peer: string, { hasPeerCertificate }: Progress): string {
  if (hasPeerCertificate) return `${peer} sent invalid TLS data (${inWords(name)})`;
  switch (name) {
    // Most often it is a port without TLS.
    case "WRONG_VERSION_NUMBER":
      return `the answer of ${peer} is not TLS`;
    case "UNSUPPORTED_PROTOCOL":
      return `${peer} ${NO_VERSION}`;
    default:
      return `TLS negotiation with ${peer} failed (${inWords(name)}); ${OFFERED}`;
  }
}

const inWords = (name: string): string => name.toLowerCase().replaceAll("_", " ");
