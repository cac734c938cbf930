// mysql: passes when MySQL or MariaDB lets the user in and answers the query, and, with
// `expect`, when the first column of the first row is as expected. Nothing is tried again.

import { isIPv4, isIPv6 } from "../probing/network/address.ts";
import { type Failure, failed } from "./check.ts";
import { takes } from "./keys/fields.ts";
import { pathsOfTls, type TlsSettings, tls } from "./keys/tls.ts";
import { type ServiceUrl, serviceUrl } from "./keys/url.ts";
import { defineKind } from "./kind.ts";
import { codesOf, type Dialect, loginConflict, questionKeys, secretsOf, sqlProbe, unreadable, wordsOf } from "./sql.ts";

const url = serviceUrl({
  protocols: ["mysql", "mariadb"],
  port: 3306,
  example: "mysql://user@127.0.0.1:3306/database",
});

export const mysql = defineKind({
  name: "mysql",
  value: "URL",
  rule: "MySQL or MariaDB lets the user in and answers the query as expected",
  shape: (z) => ({
    mysql: takes(z, url, "the server, the user and the database; socket=/PATH for a socket file"),
    ...questionKeys(z),
    tls: tls(z).optional(),
  }),
  conflict: ({ mysql, tls, password }) => loginConflict("mysql", { url: mysql, password, tls }),
  target: ({ mysql: { shown } }) => shown,
  peer: ({ mysql: { address } }) => address,
  paths: ({ tls }) => pathsOfTls(tls),
  secrets: ({ mysql, password }) => secretsOf({ url: mysql, password }),
  probe: ({ mysql, query, expect, password, tls }, context) =>
    sqlProbe({ url: mysql, query, expect, password }, dialect(mysql, tls), context),
});

function dialect(url: ServiceUrl, tls: TlsSettings | undefined): Dialect {
  return {
    adapter: "mysql",
    // There on every server, and everybody may use it.
    database: () => "information_schema",
    options: async () => (tls ? tlsOptions(url, tls) : {}),
    stream: {},
    explain: (error, peer, opening) => explain(error, peer, opening, tls),
  };
}

/** TLS begins within the protocol, so the client speaks it, through the relay. */
async function tlsOptions({ address }: ServiceUrl, settings: TlsSettings) {
  const [{ loadTrust }, { nameToVerify }, { checkServerIdentity }] = await Promise.all([
    import("../probing/network/trust.ts"),
    import("../probing/network/stream.ts"),
    import("node:tls"),
  ]);
  const name = nameToVerify(address, settings);
  // RFC 6066 allows no address as a server name.
  const serverName = isIPv4(name) || isIPv6(name) ? {} : { serverName: name };
  if (!settings.verify) return { tls: { rejectUnauthorized: false, ...serverName } };
  const trust = await loadTrust(settings.ca);
  if ("ok" in trust) return trust;
  return {
    tls: {
      ...serverName,
      ca: trust.pem,
      rejectUnauthorized: true,
      // The client would compare with its own end of the relay.
      checkServerIdentity: ((_, certificate) => checkServerIdentity(name, certificate)) satisfies NonNullable<
        Bun.SQL.TLSOptions["checkServerIdentity"]
      >,
    },
  };
}

const AUTH = ["1044", "1045", "1130", "1251", "1275", "1698", "1862", "3118", "4151"];
const NOT_READY = ["1040", "1053", "1129", "1203", "1226", "1927"];
const UNKNOWN_DATABASE = "1049";

function explain(error: unknown, peer: string, opening: Uint8Array, tls: TlsSettings | undefined): Failure {
  const { code, server } = codesOf(error);
  const words = wordsOf(error);
  const refusal = refusalIn(opening);
  const number = server || (refusal?.number ?? "");
  if (number !== "" && code.startsWith("ERR_MYSQL")) {
    const said = `${server === "" ? refusal?.words : words} (${number})`;
    if (AUTH.includes(number)) return failed("auth", said);
    if (number === UNKNOWN_DATABASE) return failed("missing", said);
    if (NOT_READY.includes(number)) return failed("not-ready", `${peer} says: ${said}`);
    return failed("mismatch", `the query failed: ${said}`);
  }
  if (tls && offersTls(opening) === false) return failed("tls", `${peer} speaks no TLS`);
  if (tls && !code.startsWith("ERR_MYSQL")) {
    return failed("tls", `the certificate of ${peer} does not hold: ${words} (${code})`);
  }
  if (/CLOSED|CONNECTION_FAILED|REFUSED/.test(code)) {
    return failed("closed", `${peer} closed the connection before it had answered`);
  }
  if (/AUTH|PASSWORD|PUBLIC_KEY/.test(code)) return failed("auth", `${words} (${code})`);
  if (/(MALFORMED|UNEXPECTED)_PACKET/.test(code)) return unreadable(peer, "MySQL", code);
  return failed("mismatch", `${words} (${code})`);
}

const CLIENT_SSL = 0x0800;

/** Of the greeting: length and number of the packet, version of the protocol, of the server with a closing zero, 13 bytes, capabilities. */
function offersTls(opening: Uint8Array): boolean | undefined {
  const end = opening.indexOf(0, 5);
  if (opening[4] !== 10 || end < 0 || opening.byteLength < end + 16) return undefined;
  return (new DataView(opening.buffer, opening.byteOffset).getUint16(end + 14, true) & CLIENT_SSL) !== 0;
}

/** An error in the place of the greeting. */
function refusalIn(opening: Uint8Array): { readonly number: string; readonly words: string } | undefined {
  if (opening[4] !== 0xff || opening.byteLength < 7) return undefined;
  const number = new DataView(opening.buffer, opening.byteOffset).getUint16(5, true);
  const words = new TextDecoder().decode(opening.subarray(7)).replace(/^#.{5}/, "");
  return { number: String(number), words: wordsOf(words) };
}
