// A placeholder of another program is plain text here, and gets a warning; a text that may be a password gets none.

import { expect, test } from "bun:test";
import { findForeignPlaceholders } from "../../../src/config/placeholder.ts";
import { lintKeys } from "./lines.ts";

const foreignIn = (text: string, isSecret = true) =>
  findForeignPlaceholders(text, isSecret).map(({ written, instead }) => `${written}: ${instead}`);

const variable = (written: string, name = "NAME") => `${written}: \${env:${name}} for an environment variable`;
const file = (written: string) => `${written}: \${file:/PATH} for the content of a file`;

/* biome-ignore-start lint/suspicious/noTemplateCurlyInString: as the file has it */
test.each([
  ["$DBPASS", variable("$DBPASS", "DBPASS")],
  ["$db_password", variable("$db_password", "db_password")],
  ["Bearer $api_token", variable("$api_token", "api_token")],
  ["`cat /x`", file("`cat /x`")],
  ["{{ vault('x') }}", variable("{{ vault… }}")],
  ['{{ env "DB" }}', variable("{{ env… }}")],
  ["{{ lookup('env','X') }}", variable("{{ lookup… }}")],
  ["{{ .Values.password | quote }}", variable("{{ .Values.password… }}")],
  ["${DB.PASSWORD}", variable("${DB…}")],
  ["${VAULT:secret/x#y}", variable("${VAULT…}")],
  ["${DB_PASSWORD:changeme}", variable("${DB_PASSWORD…}", "DB_PASSWORD")],
  ["${TOKEN:-s3cret}", variable("${TOKEN…}", "TOKEN")],
  ["${db-password}", variable("${db…}")],
  ["$ENV{DB}", variable("$ENV{DB}", "DB")],
  ["%(DB_PASSWORD)s", variable("%(DB_PASSWORD)s", "DB_PASSWORD")],
  ["%(ENV_DB_PASSWORD)s", variable("%(ENV_DB_PASSWORD)s", "DB_PASSWORD")],
  ["%DB_PASSWORD%", variable("%DB_PASSWORD%", "DB_PASSWORD")],
  ["<%= ENV['DB'] %>", variable("<%=…%>")],
  ["@DB_PASSWORD@", variable("@DB_PASSWORD@", "DB_PASSWORD")],
  ["env:DB_PASSWORD", variable("env:DB_PASSWORD", "DB_PASSWORD")],
  ["file:/run/secret", file("file:/run/secret")],
])("%s is not filled in, and gets a warning", (text, line) => {
  expect(foreignIn(text)).toEqual([line]);
});

test.each([
  ...[
    "$ecret",
    "$ECRET1",
    "$Passw0rd",
    "pa$db_password",
    "`x`",
    "`cat`",
    "{{a: 1}}",
    "{{}}",
    "{{ 1 }}",
    "100%",
    "50% of %d",
  ],
  ...[
    "a%20b%C3_A9%20",
    "%(",
    "%()s",
    "@user@host",
    "a@B_C@d",
    "file:///run/x",
    "envy:x",
    "<% x %>",
    "$1",
    "${}",
    "${1}",
  ],
])("%s may be meant literally", (text) => {
  expect(foreignIn(text)).toEqual([]);
});

test("a bare source gets a warning only where a secret is expected", async () => {
  expect(foreignIn("env:PROD", false)).toEqual([]);
  expect(await lintKeys({ http: "http://127.0.0.1/", expect: "env:PROD" })).toEqual([]);
  expect(await lintKeys({ redis: "redis://127.0.0.1", password: "env:PROD" })).toEqual([
    "checks[0].password: warning: env:PROD is plain text here; write ${env:PROD} for an environment variable",
  ]);
});

test("a placeholder in a name gets a warning that names take no variables", async () => {
  expect(await lintKeys({ name: "${HOSTNAME}-db", tcp: 80 })).toEqual([
    "checks[0].name: warning: ${HOSTNAME} is plain text here; a name cannot contain variables",
  ]);
  expect(await lintKeys({ name: "db $1 100%", tcp: 80 })).toEqual([]);
});
/* biome-ignore-end lint/suspicious/noTemplateCurlyInString: as the file has it */
