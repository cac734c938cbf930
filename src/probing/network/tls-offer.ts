// What TLS of ours offers, and what is said to whoever wants something else.

/** All that the runtime has (Bun 1.4.5); by itself it offers neither P-521 nor CBC with SHA-256. */
export const TLS_OFFER = {
  ecdhCurve: "X25519MLKEM768:X25519:P-256:P-384:P-521",
  ciphers: "ALL:ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256",
} as const;

/** For a handshake that the peer has refused because of what was offered, by OpenSSL's name of that; undefined for any other. */
export function explainOffer(peer: string, reason: string): string | undefined {
  if (/ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/.test(reason)) {
    return `${peer} speaks no version of TLS that is offered: 1.2 and 1.3 are`;
  }
  // An alert says no more than that nothing suits.
  return /ALERT_(HANDSHAKE_FAILURE|INSUFFICIENT_SECURITY)/.test(reason)
    ? `${peer} refused the TLS handshake: it may want what this TLS does not offer, such as DHE, CBC with SHA-384 or a key of RSA-PSS, or a certificate of its clients`
    : undefined;
}
