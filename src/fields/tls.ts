// The key `tls` of kinds that can use TLS: true, or how to verify the certificate.

import type { ZodOptional, ZodType } from "zod";
import type { TlsSettings } from "../net/tls-settings.ts";
import { absolutePath, flag, text } from "./field.ts";
import { type Conflict, type Key, mapping, optional, withDefault, type Zod } from "./keys.ts";

/** For a server that requires client certificates. */
export const identityKeys = {
  cert: optional(absolutePath, "a PEM file with the certificate to show to a server that wants one, and its chain"),
  key: optional(absolutePath, "a PEM file with the key of `cert`, not encrypted"),
};

/** For a server whose certificate is verified. */
export const serverKeys = {
  ca: optional(absolutePath, "a PEM file to trust instead of the system's certificates"),
  "server-name": optional(text("a host name"), "the name to ask for and to verify, instead of the target's"),
};

const tlsKeys = {
  verify: withDefault(flag, "whether the certificate must hold: chain, name, dates", true),
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
    .meta({ description: "speak TLS: true, or { verify, ca, server-name, cert, key }" });
}

/** A conflict if only one of the certificate and its key is given. */
export function identityConflict({ cert, key }: Pick<TlsSettings, "cert" | "key">): Conflict | undefined {
  if ((cert === undefined) === (key === undefined)) return undefined;
  const [given, missing] = cert === undefined ? ["key", "cert"] : ["cert", "key"];
  return { path: [missing], expected: `a path beside ${given}`, got: "none" };
}

/** The files that a run reads. */
export const filesOfTls = (tls: Partial<Pick<TlsSettings, "ca" | "cert" | "key">> | undefined) =>
  [tls?.ca, tls?.cert, tls?.key].flatMap((path) =>
    path === undefined ? [] : [{ path, isRead: true, mayBeMissing: false }],
  );
