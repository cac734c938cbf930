// The fields of an http check: URLs, methods, headers, statuses.

import type { Field, Invalid, Value } from "../../fields/field.ts";
import { type Address, parseAddress } from "../../net/address.ts";
import { isRecord } from "../../system/json.ts";
import type { HttpRequest } from "./request.ts";

export interface HttpUrl {
  readonly url: URL;
  /** As the user wrote it, without user and password. */
  readonly shown: string;
  readonly address: Extract<Address, { family: "tcp" }>;
  /** "user:password", decoded. */
  readonly credentials: string | undefined;
}

const EXAMPLE_URL = "a URL such as http://127.0.0.1:8080/healthz";

export const httpUrl: Field<HttpUrl> = {
  expected: EXAMPLE_URL,
  json: { title: "URL", type: "string", pattern: "^https?://", examples: ["http://127.0.0.1:8080/healthz"] },
  read(given) {
    if (typeof given !== "string") return {};
    if (!/^https?:\/\/[^/]/i.test(given)) return { hint: "it must begin with http:// or https://" };
    // URL parsers drop or change such characters silently.
    if (/[\p{Cc}\s\\]/u.test(given)) return { hint: "it contains a space, a control character or a backslash" };
    if (given.includes("#")) return { hint: "the part after # is never sent; write a literal # as %23" };
    if (/^https?:\/\/[^/?]*:(?:[/?]|$)/i.test(given)) return { hint: "the port after the colon is missing" };
    return (
      parseUrl(given) ?? {
        hint: "the host or port is not valid; in a password, write / ? # @ as %2F %3F %23 %40",
      }
    );
  },
};

/** Undefined if no request can be made from it. */
function parseUrl(given: string): Value<HttpUrl> | Invalid | undefined {
  const url = URL.parse(given);
  if (!url) return undefined;
  const port = url.port === "" ? defaultPort(url) : url.port;
  const address = parseAddress(`${url.hostname}:${port}`, 1);
  if ("hint" in address) return { hint: address.hint };
  if (address.family !== "tcp" || address.host === "") return undefined;
  const user = decodePercent(url.username);
  if (user.includes(":")) return { hint: "a user name cannot contain a colon" };
  const credentials = url.username === "" && url.password === "" ? undefined : `${user}:${decodePercent(url.password)}`;
  const shown = given.replace(/\/\/[^/?]*@/, "//");
  url.username = "";
  url.password = "";
  return { value: { url, shown, address, credentials } };
}

const defaultPort = ({ protocol }: URL): string => (protocol === "https:" ? "443" : "80");

function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const method: Field<string> = {
  expected: "a method in capitals such as GET, HEAD or POST",
  json: { title: "HTTP method", type: "string", pattern: "^[A-Z][A-Z_-]*$" },
  read(given) {
    if (typeof given !== "string" || !/^[A-Z][A-Z_-]*$/.test(given)) return {};
    return given === "CONNECT" ? { hint: "CONNECT is for proxies" } : { value: given };
  },
};

/** Headers that the client itself sets, or that would change how the connection is used. */
const RESERVED_HEADERS = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

export type Headers = HttpRequest["headers"];

export const headers: Field<Headers> = {
  expected: "a mapping of header names to values",
  json: { title: "mapping of names to values", type: "object", additionalProperties: { type: ["string", "number"] } },
  read(given) {
    if (!isRecord(given)) return {};
    const read: [string, string][] = [];
    const seen = new Set<string>();
    for (const [name, value] of Object.entries(given)) {
      const lower = name.toLowerCase();
      const invalid = (expected: string, hint?: string): Invalid => ({ expected, ...(hint && { hint }), path: [name] });
      if (!/^[!#$%&'*+.^`|~\w-]+$/.test(name)) return invalid("a header name of letters, digits and -");
      if (lower === "host") return invalid("no header of this name", "use `host`");
      if (RESERVED_HEADERS.has(lower)) return invalid("no header of this name", "health-checker sets it itself");
      if (seen.has(lower)) return invalid("each header once");
      seen.add(lower);
      const content = typeof value === "number" ? String(value) : value;
      if (typeof content !== "string") return invalid("the header's value as a text");
      if (/[^\t\P{Cc}]/u.test(content)) return invalid("the header's value on one line, without control characters");
      read.push([name, content]);
    }
    return { value: read };
  },
};

export type Range = readonly [lowest: number, highest: number];

export const statuses: Field<readonly Range[]> = {
  expected: "a status such as 204, a range such as 200-299, or a list of them",
  json: {
    title: "status, range or list",
    anyOf: [{ type: ["integer", "string"] }, { type: "array", items: { type: ["integer", "string"] }, minItems: 1 }],
    examples: [204, "200-299", [200, 204]],
  },
  read(given) {
    const ranges = (Array.isArray(given) ? given : [given]).map(readRange);
    if (ranges.length === 0) return {};
    if (!ranges.every((range) => range !== undefined)) return { hint: "statuses go from 200 to 599" };
    return { value: ranges };
  },
};

function readRange(given: unknown): Range | undefined {
  if (typeof given !== "number" && typeof given !== "string") return undefined;
  const [, low, high = low] = /^(\d{3})(?:-(\d{3}))?$/.exec(String(given)) ?? [];
  const range = [Number(low ?? 0), Number(high ?? 0)] as const;
  return range[0] >= 200 && range[1] <= 599 && range[0] <= range[1] ? range : undefined;
}

export const formatRanges = (ranges: readonly Range[]): string =>
  ranges.map(([low, high]) => (low === high ? String(low) : `${low}-${high}`)).join(", ");

export const host: Field<string> = {
  expected: "a host name or address, with an optional port",
  json: { title: "host name", type: "string", examples: ["www.example.org"] },
  read(given): Value<string> | Invalid {
    if (typeof given !== "string") return {};
    if (!/^(?:[\w.~%-]+|\[[\da-fA-F:.]+\])(?::\d{1,5})?$/.test(given)) return {};
    return { value: given };
  },
};
