// The key `tls` of the kinds that can speak it: true, or how the certificate is judged.

import type { ZodType } from "zod";
import type { TlsSettings } from "../net/tls-settings.ts";
import { absolutePath, flag, takes, text } from "./field.ts";
import type { Conflict, Zod } from "./zod.ts";

/** Undefined for `false`. */
export function tls(z: Zod): ZodType<TlsSettings | undefined> {
  const keys = z.strictObject({
    verify: takes(z, flag, "whether the certificate must hold: chain, name, dates").prefault(true),
    ca: takes(z, absolutePath, "a PEM file to trust instead of the system's certificates").optional(),
    "server-name": takes(
      z,
      text("a host name"),
      "the name to ask for and to verify, instead of the target's",
    ).optional(),
    ...identityKeys(z),
  });
  return z
    .union([z.boolean(), keys])
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

/** For a server that wants a certificate of its clients. */
export const identityKeys = (z: Zod) => ({
  cert: takes(
    z,
    absolutePath,
    "a PEM file with the certificate to show to a server that wants one, and its chain",
  ).optional(),
  key: takes(z, absolutePath, "a PEM file with the key of `cert`, not encrypted").optional(),
});

/** One without the other. */
export function identityConflict({ cert, key }: Pick<TlsSettings, "cert" | "key">): Conflict | undefined {
  if ((cert === undefined) === (key === undefined)) return undefined;
  const [there, missing] = cert === undefined ? ["key", "cert"] : ["cert", "key"];
  return { path: [missing], expected: `a path beside ${there}`, got: "none" };
}

/** The files that are read. */
export const pathsOfTls = (tls: Partial<Pick<TlsSettings, "ca" | "cert" | "key">> | undefined): readonly string[] =>
  [tls?.ca, tls?.cert, tls?.key].filter((path) => path !== undefined);
