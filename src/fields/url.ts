// URLs of services with a user and a password: postgres://user:password@host:5432/database.
//
// The reader is strict: a URL that is misread connects to something else. A message about a wrong URL contains no part of
// it, since any part may belong to the password.

import { type Address, parseAddress, parsePort } from "../net/address.ts";
import type { Field, Invalid } from "./field.ts";

export interface UrlForm {
  /** Without "://"; messages show the first. */
  readonly protocols: readonly [string, ...string[]];
  readonly port: number;
  /** For a message: "a URL such as …". */
  readonly example: string;
  /** The parameters that are allowed after "?", with their values; `socket=/PATH` is always allowed. */
  readonly parameters?: Readonly<Record<string, readonly string[]>>;
  /** The path of the socket in the folder that `host=/FOLDER` names. */
  readonly socketIn?: (folder: string, port: number) => string;
}

export interface ServiceUrl {
  readonly protocol: string;
  readonly address: Address;
  /** Percent-decoded, as are `password` and `path`. */
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** Without the slash before it. */
  readonly path: string;
  readonly parameters: Readonly<Record<string, string>>;
  /** As the user wrote it, without the password. */
  readonly shown: string;
  /** The password in each form that could occur in a message. */
  readonly secrets: readonly string[];
}

const PARTS =
  /^(?<protocol>[a-z][a-z+]*):\/\/(?:(?<user>[^:@/?#]*)(?<colon>:(?<password>[^:@/?#]*))?@)?(?<host>\[[^\]@/?#]*\]|[^:@/?#[\]]*)(?::(?<port>\d*))?(?:\/(?<path>[^/?#]*))?(?:\?(?<query>[^?#]*))?$/;

const ENCODE_HINT = "in a user or password, write @ : / ? # % as %40 %3A %2F %3F %23 %25";

export function serviceUrl(form: UrlForm): Field<ServiceUrl> {
  const { protocols, example } = form;
  return {
    expected: `a URL such as ${example}`,
    json: {
      title: "URL",
      type: "string",
      pattern: `^(${protocols.join("|").replaceAll("+", "\\+")})://`,
      examples: [example],
    },
    read(given) {
      if (typeof given !== "string") return {};
      const read = readUrl(given, form);
      return "shown" in read ? { value: read } : read;
    },
  };
}

function readUrl(text: string, form: UrlForm): ServiceUrl | Invalid {
  if (!form.protocols.some((protocol) => text.startsWith(`${protocol}://`))) {
    return { hint: `it must begin with ${form.protocols.map((protocol) => `${protocol}://`).join(" or ")}` };
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\s\x00-\x1f\x7f]/.test(text)) return { hint: "it contains a space or a control character" };
  const parts = PARTS.exec(text)?.groups;
  if (!parts) return { hint: ENCODE_HINT };
  const { protocol = "", host = "" } = parts;
  const [user, password, path, query] = [parts["user"], parts["password"], parts["path"], parts["query"]].map(decode);
  if (user === null || password === null || path === null || query === null) return { hint: ENCODE_HINT };
  const parameters = readParameters(parts["query"] ?? "", form);
  if (!("values" in parameters)) return parameters;
  const port = parts["port"] ? parsePort(parts["port"], 1) : form.port;
  if (port === undefined) return { hint: "its port is not a number from 1 to 65535" };
  const address = readAddress(host, port, parameters.values, form);
  if (!("family" in address)) return address;
  const shown = [
    `${protocol}://`,
    parts["user"] ? `${parts["user"]}@` : "",
    host,
    parts["port"] ? `:${parts["port"]}` : "",
    parts["path"] === undefined ? "" : `/${parts["path"]}`,
    parts["query"] ? `?${parts["query"]}` : "",
  ].join("");
  return {
    protocol,
    address,
    user: user || undefined,
    password: password || undefined,
    path: path ?? "",
    parameters: parameters.values,
    shown,
    secrets: password ? passwordForms(password, parts["password"]) : [],
  };
}

/** A password as it is, as the user wrote it, and encoded for a URL. */
export const passwordForms = (password: string, written = password): readonly string[] => [
  ...new Set([password, written, encodeURIComponent(password)]),
];

/** Null if it cannot be decoded, or contains a zero byte, which no server accepts. */
function decode(text: string | undefined): string | undefined | null {
  if (text === undefined) return undefined;
  try {
    const plain = decodeURIComponent(text);
    return plain.includes("\0") ? null : plain;
  } catch {
    return null;
  }
}

function readParameters(
  query: string,
  { parameters = {}, socketIn }: UrlForm,
): { readonly values: Readonly<Record<string, string>> } | Invalid {
  const names = ["socket", ...(socketIn ? ["host"] : []), ...Object.keys(parameters)];
  const values: Record<string, string> = {};
  for (const pair of query === "" ? [] : query.split("&")) {
    const [name = "", ...rest] = pair.split("=");
    if (!names.includes(name) && /^(?:ssl|tls|use-?ssl|require-?ssl)/i.test(name)) {
      return { hint: "set TLS with the key tls: tls: true, or tls: { ca: /PATH }" };
    }
    if (!names.includes(name)) return { hint: `the parameters after ? can be ${names.join(", ")}` };
    if (name in values) return { hint: `${name} is set twice` };
    const value = decode(rest.join("=")) ?? "";
    const allowed = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (allowed && !allowed.includes(value)) return { hint: `${name} can be ${allowed.join(", ")}` };
    values[name] = value;
  }
  return { values };
}

function readAddress(
  host: string,
  port: number,
  { socket, host: folder }: Readonly<Record<string, string>>,
  { socketIn }: UrlForm,
): Address | Invalid {
  if (socket !== undefined || folder !== undefined) {
    if (socket !== undefined && folder !== undefined) return { hint: "it has both host= and socket=" };
    if (host !== "" && host !== "localhost") return { hint: "it has both a host and a socket" };
    const path = socket ?? socketIn?.(folder ?? "", port) ?? "";
    const parsed = parseAddress(`unix:${path}`, 1);
    return "hint" in parsed ? { hint: parsed.hint.replace("after unix:", "of the socket") } : parsed;
  }
  if (host === "") return { hint: "it has no host" };
  const parsed = parseAddress(`${host}:${port}`, 1);
  return "hint" in parsed ? { hint: "its host is neither a name nor an IP address" } : parsed;
}
