// mysql: passes when MySQL or MariaDB lets the user in and answers the query, and, with
// `expect`, when the first column of the first row is as expected. Nothing is tried again.

import { takes } from "./keys/fields.ts";
import { pathsOfTls, tls } from "./keys/tls.ts";
import { serviceUrl } from "./keys/url.ts";
import { defineKind } from "./kind.ts";
import { loginConflict, questionKeys, secretsOf, sqlProbe } from "./sql.ts";

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
  probe: ({ mysql, ...keys }, context) => sqlProbe({ ...keys, url: mysql }, DATABASE, load, context),
});

/** There on every server, and everybody may use it. */
const DATABASE = "information_schema";

const load = async () => (await import("../probing/protocols/mysql.ts")).askMysql;
