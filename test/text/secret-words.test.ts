import { describe, expect, test } from "bun:test";
import { quote } from "../../src/text/printable.ts";
import { secretWords, withoutSecretWords } from "../../src/text/secret-words.ts";
import { splitWords } from "../../src/text/shell-words.ts";

const argvOf = (text: string): readonly string[] => {
  const words = splitWords(text);
  if (typeof words === "string") throw new Error(words);
  return words;
};

describe("a secret word is shown as ***", () => {
  const shown: readonly (readonly [text: string, shown: string])[] = [
    ["check --password hunter2", "check --password ***"],
    ["check --password=hunter2 --port 80", "check --password=*** --port 80"],
    ["check --token abc -v", "check --token *** -v"],
    ["check -token=abc", "check -token=***"],
    ["check --secret 'two words'", "check --secret ***"],
    ["check --api-key k1 --apiKey=k2 --access_key k3", "check --api-key *** --apiKey=*** --access_key ***"],
    [
      "check --db-password p --http-passwd=q --passphrase r",
      "check --db-password *** --http-passwd=*** --passphrase ***",
    ],
    ["check --client-secret s --auth-token t", "check --client-secret *** --auth-token ***"],
    ["env PGPASSWORD=p psql -h db", "env PGPASSWORD=*** psql -h db"],
    ["env API_TOKEN=t ./check", "env API_TOKEN=*** ./check"],
    ["psql postgres://me:p%40ss@db/x", "psql postgres://me:***@db/x"],
    ["curl https://me:a@b@host/", "curl https://me:***@host/"],
    ["curl 'http://h/x?token=abc&n=1'", "curl 'http://h/x?token=***&n=1'"],
    ["curl -H 'Authorization: Bearer abc' http://h/", "curl -H 'Authorization: Bearer ***' http://h/"],
    ["curl -H 'Authorization: abc' http://h/", "curl -H 'Authorization: ***' http://h/"],
    ["curl -H 'X-Api-Key: k'", "curl -H 'X-Api-Key: ***'"],
    ["curl -H 'PRIVATE-TOKEN: k'", "curl -H 'PRIVATE-TOKEN: ***'"],
    ["curl -u me:pw http://h/", "curl -u me:*** http://h/"],
    ["curl --user me:pw http://h/", "curl --user me:*** http://h/"],
    ["/usr/bin/curl -ume:pw http://h/", "/usr/bin/curl -ume:*** http://h/"],
    ["mysql -uroot -psecret -e 'select 1'", "mysql -uroot -p*** -e 'select 1'"],
    ["mysqladmin -pX ping", "mysqladmin -p*** ping"],
    ["redis-cli -a word ping", "redis-cli -a *** ping"],
    ["sshpass -p word ssh host", "sshpass -p *** ssh host"],
    ["check_mysql -H db -u me -p word", "check_mysql -H db -u me -p ***"],
    ["openssl rsa -passin pass:word", "openssl rsa -passin pass:***"],
    ["sh -c 'check --password hunter2'", "sh -c 'check --password ***'"],
    [`sh -c 'curl -H "Authorization: Bearer abc" h'`, `sh -c 'curl -H "Authorization: Bearer ***" h'`],
    [`bash -c "sh -c 'check --token abc'"`, `bash -c 'sh -c '\\''check --token ***'\\'''`],
    ["check --password 'it'\\''s'", "check --password ***"],
  ];
  test.each(shown)("%s", (text, expected) => expect(withoutSecretWords(argvOf(text))).toBe(expected));
});

describe("what is no secret is shown as it was written", () => {
  test.each([
    "check --password-file /run/password",
    "check --token-path=/run/token",
    "check --password --port 80",
    "check --no-proxy --bypass 127.0.0.1",
    "docker exec -u 1000:1000 web true",
    "mysql -p -e 'select 1'",
    "sh -c 'check --password $PASSWORD'",
    "sh -c 'check --token=\"$(cat /run/token)\"'",
    "curl -d @file http://h/",
    "curl http://user@h/ 'http://h/?q=1'",
    "test -e /run/token",
    "check_http -H h -p 8080",
    "nc -z localhost 80",
    "python3 -c 'print(1)'",
    "grep -q 'Status: ok' /tmp/x",
    "redis-cli -p 6379 ping",
  ])("%s", (text) => {
    expect(withoutSecretWords(argvOf(text))).toBeUndefined();
    expect(secretWords(argvOf(text))).toEqual([]);
  });
});

test("a long hostile word is read in a time that grows with its length", () => {
  const words = ["a=".repeat(50_000), "://".repeat(30_000), `${"-".repeat(50_000)}x `, "Authorization: ".repeat(5000)];
  expect(secretWords(words).length).toBeLessThan(100_000);
});

test("a command whose quotes are not closed is quoted up to its secret", () => {
  expect(quote("check --password 'two words")).toBe(`"check --password '***"`);
  expect(quote("check --password=hunter2 --port 80")).toBe('"check --password=*** --port 80"');
});
