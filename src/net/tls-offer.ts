// What TLS of ours offers.

/** All that the runtime has (Bun 1.4.5); by itself it offers neither P-521 nor CBC with SHA-256. */
export const TLS_OFFER = {
  ecdhCurve: "X25519MLKEM768:X25519:P-256:P-384:P-521",
  ciphers: "ALL:ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256",
} as const;

/** For messages. What is not offered has no end, so that no list of it would name what the peer wants. */
export const OFFERED =
  "this TLS offers only key exchange by X25519, X25519MLKEM768, P-256, P-384, P-521 or RSA; AES-GCM, ChaCha20-Poly1305, AES-CBC with SHA-1, and with ECDHE AES-128-CBC with SHA-256; keys of RSA, ECDSA or Ed25519";
