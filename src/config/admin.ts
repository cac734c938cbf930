// Reads the token of the admin listener, and finds what is wrong with its options. Loaded only if one of them is given.

import { stat } from "node:fs/promises";
import type { Address } from "../net/address.ts";
import { onOneLine } from "../text/printable.ts";
import { isSameAddress, localHost } from "./lint/local-host.ts";
import { lintOwners } from "./lint/owners.ts";
import type { OptionName } from "./options.ts";
import type { Problem } from "./problem.ts";
import { readSecretFile, type SecretFallback } from "./secrets.ts";

export interface AdminInput {
  readonly address: Address | undefined;
  readonly tokenFile: string | undefined;
  /** The other listeners, by the names of their options. */
  readonly others: Readonly<Record<string, Address | undefined>>;
  readonly secretFallback: SecretFallback | undefined;
  /** A line about the value of an option. */
  readonly remark: (name: OptionName, text: string) => string;
}

export interface Admin {
  readonly token: string | undefined;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/** A shorter token can be guessed; a longer one does not fit into the headers of a request. */
const SHORTEST_TOKEN = 16;
const LONGEST_TOKEN = 1024;

const OTHERS_READ = 0o004;

export async function readAdmin(input: AdminInput): Promise<Admin> {
  const { address, tokenFile, others, remark } = input;
  const taken = Object.entries(others).find(([, other]) => address && other && isTaken(address, other));
  const { token, problem } = tokenFile === undefined ? {} : await readToken(tokenFile, input.secretFallback);
  const warnings = tokenFile === undefined ? [] : await warningsOf(tokenFile, address);
  return {
    token,
    problems: [
      ...(taken ? [remark("admin-listener", `expected an address other than that of --${taken[0]}`)] : []),
      ...(problem === undefined ? [] : [remark("admin-token-file", problem)]),
    ],
    warnings: warnings.map((warning) => remark("admin-token-file", `warning: ${warning}`)),
  };
}

/** Whether one of two listeners would have to be refused. Port 0 is any free port. */
function isTaken(one: Address, other: Address): boolean {
  if (one.family === "tcp" && one.port === 0) return false;
  const isThisHost = localHost();
  return isSameAddress(one, other, isThisHost) || isSameAddress(other, one, isThisHost);
}

interface TokenRead {
  readonly token?: string;
  readonly problem?: string;
}

async function readToken(path: string, fallback: SecretFallback | undefined): Promise<TokenRead> {
  const read = await readSecretFile(path);
  if (!("secret" in read)) {
    const token = fallback?.("file", path);
    return token === undefined ? { problem: read.text } : { token };
  }
  const { secret } = read;
  const got = /[^\x21-\x7e]/.test(secret)
    ? "a blank, a line end or a character that is not ASCII"
    : secret.length < SHORTEST_TOKEN || secret.length > LONGEST_TOKEN
      ? `${secret.length}`
      : undefined;
  if (got === undefined) return { token: secret };
  const expected = `expected a token of ${SHORTEST_TOKEN} to ${LONGEST_TOKEN} characters in ${onOneLine(path)}`;
  return { problem: secret === "" ? `${expected}, got an empty file` : `${expected}, got ${got}` };
}

async function warningsOf(path: string, address: Address | undefined): Promise<readonly string[]> {
  const mode = await stat(path).then(
    (found) => found.mode & 0o7777,
    () => 0,
  );
  return [
    ...(address ? [] : ["it has no effect without --admin-listener"]),
    ...(mode & OTHERS_READ ? [`any user can read ${onOneLine(path)} (mode ${mode.toString(8)})`] : []),
    ...lintOwners([{ path, decides: "who can read the status", warningOf: (warning) => warning }]),
  ];
}
