// How TLS is used: what we offer, what we do not, and how the certificate of a peer is verified.

export interface TlsSettings {
  /** Whether the chain, the name and the dates must hold. */
  readonly verify: boolean;
  /** A PEM file to trust instead of the system's certificates; read at each run, so that it may be renewed. */
  readonly ca: string | undefined;
  /** The name to ask for and to verify instead of the target's host. */
  readonly "server-name": string | undefined;
  /** PEM files: the certificate to show where the server wants one, with its chain, and its key. Both or neither; read again when they change. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** All that the runtime has (Bun 1.4.5); by itself it offers neither P-521 nor CBC with SHA-256. */
export const TLS_OFFER = {
  ecdhCurve: "X25519MLKEM768:X25519:P-256:P-384:P-521",
  ciphers: "ALL:ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256",
} as const;

/** For messages. What is not offered has no end, so that no list of it would name what the peer wants. */
export const OFFERED =
  "this TLS offers only key exchange by X25519, X25519MLKEM768, P-256, P-384, P-521 or RSA; AES-GCM, ChaCha20-Poly1305, AES-CBC with SHA-1, and with ECDHE AES-128-CBC with SHA-256; keys of RSA, ECDSA or Ed25519";
