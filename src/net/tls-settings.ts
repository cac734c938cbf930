// How TLS is used: what we offer, and how the certificate of a peer is verified.

export interface TlsSettings {
  /** Whether the chain, the name and the dates must hold. */
  readonly verify: boolean;
  /** A PEM file to trust instead of the system's certificates; read again when it changes. */
  readonly ca: string | undefined;
  /** The name to send and to verify, instead of the target's host. */
  readonly "server-name": string | undefined;
  /** PEM files: the client certificate with its chain, and its key. Both or neither; read again when they change. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** All that the runtime supports (Bun 1.4.5); by default it offers neither P-521 nor CBC with SHA-256. */
export const TLS_OFFER = {
  ecdhCurve: "X25519MLKEM768:X25519:P-256:P-384:P-521",
  ciphers: "ALL:ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256",
} as const;

/** For messages. It lists what is offered, since a list of what is not would have no end. */
export const OFFERED =
  "health-checker offers only key exchange by X25519, X25519MLKEM768, P-256, P-384, P-521 or RSA; AES-GCM, ChaCha20-Poly1305, AES-CBC with SHA-1, and with ECDHE AES-128-CBC with SHA-256; keys of RSA, ECDSA or Ed25519";
