// The key `tls` of kinds that can use TLS: true, or how to verify the certificate.

import type { ZodOptional, ZodType } from "zod";
import type { TlsSettings } from "../net/tls-settings.ts";
import { absolutePath, flag, text } from "./field.ts";
import { type Conflict, type Key, mapping, optional, withDefault, type Zod } from "./keys.ts";

/** For a server that requires client certificates. */
export const identityKeys = {
  cert: optional(absolutePath, "the PEM file of the client certificate and its chain"),
  key: optional(absolutePath, "the PEM file of the private key of `cert`, not encrypted"),
};

/** For a server whose certificate is verified. */
export const serverKeys = {
  ca: optional(absolutePath, "the PEM file of the CA certificates to trust; by default the system's"),
  "server-name": optional(text("a host name"), "the host name to send and to verify; by default the target's"),
};

const tlsKeys = {
  verify: withDefault(flag, "verify the certificate: its chain, name and dates", true),
  ...serverKeys,
  ...identityKeys,
};

/** The value `false` becomes undefined. */
export const tls: Key<ZodOptional<ZodType<TlsSettings | undefined>>> = { schema: (z) => tlsSchema(z).optional() };

function tlsSchema(z: Zod): ZodType<TlsSettings | undefined> {
  return z
    .union([z.boolean(), mapping(z, tlsKeys)])
    .transform((given, context): TlsSettings | undefined => {
      if (given === false) return undefined;
      const conflict = given === true ? undefined : identityConflict(given);
      if (conflict) {
        const { path, expected } = conflict;
        context.issues.push({ code: "custom", input: given, path: [...path], params: { expected } });
        return z.NEVER;
      }
      return given === true
        ? { verify: true, ca: undefined, "server-name": undefined }
        : { ca: undefined, "server-name": undefined, ...given };
    })
    .meta({
      title: "`true`, `false` or a mapping",
      description: "use TLS: true, or a mapping with verify, ca, server-name, cert and key",
    });
}

/** A conflict if only one of the certificate and its key is given. */
export function identityConflict({ cert, key }: Pick<TlsSettings, "cert" | "key">): Conflict | undefined {
  if ((cert === undefined) === (key === undefined)) return undefined;
  const [given, missing] = cert === undefined ? ["key", "cert"] : ["cert", "key"];
  return { path: [missing], expected: `a path, because ${given} is set`, got: "none" };
}

/** The files that a run reads. */
export const filesOfTls = (tls: Partial<Pick<TlsSettings, "ca" | "cert" | "key">> | undefined) =>
  [tls?.ca, tls?.cert, tls?.key].flatMap((path) =>
    path === undefined ? [] : [{ path, isRead: true, mayBeMissing: false }],
  );
