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

const NO_VERSION = "speaks neither TLS 1.2 nor TLS 1.3; this TLS does not offer older versions";

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
  CERTIFICATE_REQUIRED: "it got none",
  NO_CERTIFICATE: "it got none",
  BAD_CERTIFICATE: "it calls it bad",
  UNSUPPORTED_CERTIFICATE: "it is not one for clients, or of a type that it does not take",
  CERTIFICATE_REVOKED: "it calls it revoked",
  CERTIFICATE_EXPIRED: "it calls it expired",
  CERTIFICATE_UNKNOWN: "it does not accept it",
  UNKNOWN_CA: "it does not know the authority that signed it",
  ACCESS_DENIED: "it does not allow it",
};

/** Alerts about the client's certificate if the peer has shown its own; before that, about ciphers and curves. */
const AMBIGUOUS_ALERTS: Readonly<Record<string, string>> = {
  HANDSHAKE_FAILURE: "it does not say why",
  INSUFFICIENT_SECURITY: "it calls it too weak",
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
      : `${peer} wants a certificate of its clients: set cert and key`;
  }
  if (alert in AMBIGUOUS_ALERTS) return `${peer} finds no cipher, curve or signature in common; ${OFFERED}`;
  switch (alert) {
    case "PROTOCOL_VERSION":
      return `${peer} ${NO_VERSION}`;
    case "UNRECOGNIZED_NAME":
      return `${peer} does not know the host name it was asked for: set server-name`;
    case "NO_APPLICATION_PROTOCOL":
      return alpn.includes("http/1.1")
        ? `${peer} does not speak HTTP/1.1 (ALPN); it may speak HTTP/2 only`
        : `${peer} does not speak what was offered by ALPN: ${alpn.join(", ")}`;
    default:
      return `${peer} ended TLS with the alert "${inWords(alert)}"`;
  }
}

function explainError(name: string, peer: string, { hasPeerCertificate }: Progress): string {
  if (hasPeerCertificate) return `${peer} sent what is not valid TLS (${inWords(name)})`;
  switch (name) {
    // Most often it is a port without TLS.
    case "WRONG_VERSION_NUMBER":
      return `what ${peer} answers is not TLS`;
    case "UNSUPPORTED_PROTOCOL":
      return `${peer} ${NO_VERSION}`;
    default:
      return `no TLS could be agreed on with ${peer} (${inWords(name)}); ${OFFERED}`;
  }
}

const inWords = (name: string): string => name.toLowerCase().replaceAll("_", " ");
