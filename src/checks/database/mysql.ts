// mysql: passes when MySQL or MariaDB accepts the login and answers the query and, with
// `expect`, the first column of the first row is as expected. There are no retries.

import { required } from "../../fields/keys.ts";
import { filesOfTls, tls } from "../../fields/tls.ts";
import { serviceUrl } from "../../fields/url.ts";
import { isLoopback } from "../../net/address.ts";
import { ADDRESS_ALIASES, defineKind } from "../kind.ts";
import { firstColumnWarning, queryConflict, queryKeys, secretsOf, sqlProbe, statementOf } from "./sql.ts";

const url = serviceUrl({
  protocols: ["mysql", "mariadb"],
  port: 3306,
  example: "mysql://user@127.0.0.1:3306/database",
});

export const mysql = defineKind({
  name: "mysql",
  value: "URL",
  rule: "MySQL or MariaDB accepts the login and the query succeeds; with expect, when the value matches too",
  example: "mysql: mysql://user@127.0.0.1:3306/database",
  aliases: [...ADDRESS_ALIASES, "url", "uri"],
  keys: {
    mysql: required(url, "the server, the user and the database; ?socket=/PATH for a socket file"),
    ...queryKeys,
    tls,
  },
  conflict: ({ mysql, ...keys }) => queryConflict("mysql", { ...keys, url: mysql }),
  target: ({ mysql: { shown } }) => shown,
  peer: ({ mysql: { address } }) => address,
  files: ({ tls }) => filesOfTls(tls),
  secrets: ({ mysql, password }) => secretsOf({ url: mysql, password }),
  targetWarnings: ({ mysql: { protocol, address, password: inUrl }, password, tls }) => {
    const isPlain = protocol === "mysql" && address.family === "tcp" && !isLoopback(address) && tls === undefined;
    return isPlain && (password ?? inUrl) !== undefined ? [PLAIN_LOGIN] : [];
  },
  warnings: ({ query, expect, column }) => {
    const [statement] = TABLES.exec(statementOf(query)) ?? [];
    if (!expect || column !== undefined || statement === undefined) return [];
    return NAMES.test(statement) ? [] : [firstColumnWarning(statement)];
  },
  async probe({ mysql, ...keys }, context) {
    const { queryMysql } = await import("./mysql-client.ts");
    return sqlProbe({ ...keys, url: mysql }, DATABASE, queryMysql, context);
  },
});

/** Statements whose first column is a name and not a value; matches as much of them as a message needs. */
const TABLES =
  /^(SHOW (GLOBAL |SESSION |LOCAL |FULL |EXTENDED |ALL |BINARY |COUNT\(\*\) )*\w+( STATUS\b)?|CHECK TABLES?\b|DESC(RIBE)?\b|EXPLAIN\b(?! (FORMAT|ANALYZE)\b))/;

/** Statements whose answer is the name itself, or that have no other column. */
const NAMES = / (TABLES|DATABASES|SCHEMAS|GRANTS|COUNT\(\*\) \w+)$/;

/** Every server has it, and every user may use it. */
const DATABASE = "information_schema";

/** Not on loopback, where a server that needs the password itself gets it. */
const PLAIN_LOGIN =
  "MySQL may refuse a password over TCP to another host without tls: its default login, caching_sha2_password, takes it only while the server has it cached; set tls (mariadb:// for MariaDB, which has no such cache)";
