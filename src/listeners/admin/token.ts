// The bearer token of a request (RFC 6750), compared in a time that does not depend on how much of it is right.

import { createHash, timingSafeEqual } from "node:crypto";

const BEARER = /^bearer +(\S+)$/i;

/** `header` is the Authorization header. */
export function hasToken(header: string | undefined, token: string): boolean {
  const given = BEARER.exec(header ?? "")?.[1];
  return given !== undefined && timingSafeEqual(digest(given), digest(token));
}

/** Of one length, whatever the length of the token. */
const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
