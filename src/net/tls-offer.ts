// What TLS of ours offers, and what it does not.

/** All that the runtime has (Bun 1.4.5); by itself it offers neither P-521 nor CBC with SHA-256. */
export const TLS_OFFER = {
  ecdhCurve: "X25519MLKEM768:X25519:P-256:P-384:P-521",
  ciphers: "ALL:ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256",
} as const;

/** For messages; docs/checks.md has the whole list. */
export const NOT_OFFERED =
  "this TLS does not offer DHE, FFDHE, CBC with SHA-384, RSA-PSS or Ed448 certificates, CCM, ARIA or Camellia";
