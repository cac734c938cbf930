// The key `tls` of the kinds that can speak it: true, or how the certificate is judged.

import type { ZodType } from "zod";
import type { Zod } from "../kind.ts";
import { absolutePath, flag, takes, text } from "./fields.ts";

export interface TlsSettings {
  /** Whether the chain, the name and the dates must hold. */
  readonly verify: boolean;
  /** A PEM file to trust instead of the system's certificates; read at each run, so that it may be renewed. */
  readonly ca: string | undefined;
  /** The name to ask for and to verify instead of the target's host. */
  readonly "server-name": string | undefined;
}

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
  });
  return z
    .union([z.boolean(), keys])
    .transform((given): TlsSettings | undefined => {
      if (given === false) return undefined;
      return given === true
        ? { verify: true, ca: undefined, "server-name": undefined }
        : { ca: undefined, "server-name": undefined, ...given };
    })
    .meta({ description: "speak TLS: true, or { verify, ca, server-name }" });
}

/** The files that it has read. */
export const pathsOfTls = (tls: TlsSettings | undefined): readonly string[] => (tls?.ca === undefined ? [] : [tls.ca]);
