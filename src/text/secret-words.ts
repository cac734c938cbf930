// Which parts of a command line are secrets, by what programs commonly call them: what follows
// --password, TOKEN=, "Authorization: Bearer" and their like, and the password within a URL.

import { basename } from "node:path";
import { splitWords } from "./shell-words.ts";

/** What the name of an option, a variable, a header or a key of a query ends with, in small letters without - _ and dots. */
const NAME_ENDS = [
  "password",
  "passwd",
  "passphrase",
  "passcode",
  "pass",
  "pwd",
  "secret",
  "token",
  "apikey",
  "authkey",
  "accesskey",
  "secretkey",
  "privatekey",
  "credential",
  "credentials",
  "bearer",
  "redisauth",
  "rediscliauth",
  "authorization",
  "cookie",
];

const NO_SECRETS = ["bypass", "compass"];

/** Options of one letter, by the program that gives them this meaning. "glued" ones have their value in the same word alone. */
const SHORT_OPTIONS: readonly {
  readonly program: RegExp;
  readonly options: readonly string[];
  readonly isGlued?: boolean;
  /** The value is NAME:PASSWORD. */
  readonly isPair?: boolean;
}[] = [
  { program: /^(curl|https?|xh)$/, options: ["-u", "-U", "-a", "--user", "--proxy-user", "--auth"], isPair: true },
  { program: /^(mysql|mariadb)/, options: ["-p"], isGlued: true },
  { program: /^(redis|valkey)-cli$/, options: ["-a"] },
  { program: /^sshpass$/, options: ["-p"] },
  { program: /^ldap/, options: ["-w"] },
  { program: /^mongo/, options: ["-p"] },
  { program: /^mosquitto_/, options: ["-P"] },
  { program: /^snmp/, options: ["-A", "-X", "-c"] },
  { program: /^rabbitmqadmin$/, options: ["-p"] },
  { program: /^(sqlcmd|ipmitool)$/, options: ["-P"] },
  { program: /^check_(mysql|mysql_query|pgsql|ftp|ldap|oracle|imap|pop3?|smtp|radius)$/, options: ["-p"] },
];

/** How deep commands are looked for within words, as behind `sh -c`. */
const DEPTH = 3;

/** The secrets among the words of a command, each once; never an empty one. */
export const secretWords = (argv: readonly string[]): readonly string[] => [
  ...new Set(secretsByWord(argv, DEPTH).flat()),
];

/** The words with *** for each secret, as one would type them for a shell; undefined where there is none. */
export function withoutSecretWords(argv: readonly string[]): string | undefined {
  const found = secretsByWord(argv, DEPTH);
  if (found.every(({ length }) => length === 0)) return undefined;
  return argv
    .map((word, index) => {
      const longestFirst = (found[index] ?? []).toSorted((one, other) => other.length - one.length);
      // No word of a command has a zero byte.
      const blanked = longestFirst.reduce((text, secret) => text.replaceAll(secret, "\0"), word);
      return quoteWord(blanked).replaceAll("\0", "***");
    })
    .join(" ");
}

/** As one would type it for a shell. */
export const quoteWord = (word: string): string =>
  /^[\w./:@%+=,\0-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

function secretsByWord(argv: readonly string[], depth: number): readonly (readonly string[])[] {
  const found: string[][] = argv.map((word) => secretsWithin(word, depth));
  const add = (index: number, secret: string | undefined) => {
    if (secret !== undefined && isLiteral(secret)) found[index]?.push(secret);
  };
  let shorts: (typeof SHORT_OPTIONS)[number] | undefined;
  for (const [index, word] of argv.entries()) {
    shorts = SHORT_OPTIONS.find(({ program }) => program.test(basename(word))) ?? shorts;
    const next = argv[index + 1];
    const short = shorts?.options.find((option) => word.startsWith(option));
    if (shorts && short !== undefined) {
      const glued = word.slice(short.length).replace(/^=/, "");
      const value = glued === "" ? (shorts.isGlued ? undefined : next) : glued;
      add(glued === "" ? index + 1 : index, shorts.isPair && value !== undefined ? passwordOf(value) : value);
    } else if (/^-/.test(word) && !word.includes("=") && isSecretName(word) && !next?.startsWith("--")) {
      add(index + 1, next);
    }
  }
  return found;
}

const passwordOf = (pair: string): string | undefined => {
  const colon = pair.indexOf(":");
  return colon < 0 ? undefined : pair.slice(colon + 1);
};

/** What a word holds by itself: NAME=SECRET, "Name: secret", a URL, pass:SECRET, or a command of its own. */
function secretsWithin(word: string, depth: number): string[] {
  const found = [...secretsOfUrls(word)];
  const assigned = /^[-\w.]+=/.exec(word)?.[0];
  if (assigned !== undefined && isSecretName(assigned.slice(0, -1))) found.push(word.slice(assigned.length));
  if (word.startsWith("pass:")) found.push(word.slice("pass:".length));
  const header = /^[-\w]+:[ \t]/.exec(word)?.[0];
  if (header !== undefined && isSecretName(header.trim().slice(0, -1))) {
    const [first = "", ...rest] = word
      .slice(header.length)
      .trim()
      .split(/[ \t]+/);
    found.push(rest.length === 0 ? first : rest.join(" "));
  } else if (depth > 0 && /[ \t\n]/.test(word)) {
    const words = splitWords(word);
    found.push(...secretsByWord(typeof words === "string" ? word.split(/[ \t\n"']+/) : words, depth - 1).flat());
  }
  return found.filter(isLiteral);
}

/** Between :// and @, behind the colon; and what a query names a secret. */
function* secretsOfUrls(text: string): Generator<string> {
  for (const { 0: url } of text.matchAll(URL_LIKE)) {
    const [authority = ""] = url.slice("://".length).split(/[/?#]/, 1);
    const password = passwordOf(authority.slice(0, Math.max(0, authority.lastIndexOf("@"))));
    if (password !== undefined) yield password;
    for (const pair of url.split(/[?&;#]/).slice(1)) {
      const equals = pair.indexOf("=");
      if (equals > 0 && isSecretName(pair.slice(0, equals))) yield pair.slice(equals + 1);
    }
  }
}

const URL_LIKE = /:\/\/[^\s"'<>]*/g;

function isSecretName(name: string): boolean {
  const plain = name.toLowerCase().replaceAll(/[-_.]/g, "");
  return NAME_ENDS.some((end) => plain.endsWith(end)) && !NO_SECRETS.some((end) => plain.endsWith(end));
}

/** It stands for itself: what a shell fills in, or a program reads from a file, is no secret. */
const isLiteral = (value: string): boolean => value !== "" && value !== "-" && !/^[$@`]|^<\(/.test(value);
