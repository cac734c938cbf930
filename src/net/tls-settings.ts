// How TLS is used, and how the certificate of a peer is verified.

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
