// Warns about what the unit itself cannot solve: programs, files and folders of this host that the daemon cannot use.

import type { Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import type { CheckConfig } from "../../checks/build.ts";
import type { Options } from "../../config/load.ts";
import { quote } from "../../text/printable.ts";
import { credentialFile, credentialName } from "./render.ts";
import { needsOf, RUNTIME_FOLDER } from "./sandbox.ts";

/** Where the README installs the program. */
export const INSTALLED_PROGRAM = "/usr/local/bin/health-checker";

/** Folders that a sandbox hides, or whose files do not stay. */
const HIDDEN_FOLDER = /^\/(home|root|tmp|var\/tmp|run|dev)\//;

const RAISES_RIGHTS = ["sudo", "su", "doas", "runuser", "pkexec"];

const OTHERS_MAY_READ = 0o004;

/** Also by the group: the user may be in it. */
const OTHERS_MAY_WRITE = 0o022;

/** A line for each. `program` and `files` are the paths that the unit names. */
export async function findWarnings(
  options: Options,
  program: string,
  files: readonly string[],
): Promise<readonly string[]> {
  const warnings = [
    ...warningsOfProgram(program),
    ...(await Promise.all(files.map(warningsOfFile))).flat(),
    ...(await warningsOfFolders(options)),
    ...options.checks.flatMap(warningsOfScript),
  ];
  return warnings.map((warning) => `health-checker: warning: ${warning}`);
}

function warningsOfProgram(program: string): readonly string[] {
  if (!HIDDEN_FOLDER.test(program)) return [];
  return [
    `the unit starts ${quote(program)}, a path that services may not see or that may not last; install the program as ${INSTALLED_PROGRAM} and print the unit again`,
  ];
}

async function warningsOfFile(file: string): Promise<readonly string[]> {
  const credential = credentialName(file);
  if (credential !== undefined) {
    const source = credentialFile(credential);
    const isMissing = (await statOf(source)) === "missing";
    return isMissing ? [`${quote(source)} does not exist; the unit loads ${quote(file)} from it`] : [];
  }
  const found = await statOf(file);
  const isClosed = typeof found === "object" && (found.mode & OTHERS_MAY_READ) === 0;
  return isClosed ? [`not every user may read ${quote(file)}; make sure that the user health-checker may`] : [];
}

function warningsOfScript({ kind, settings, name }: CheckConfig): readonly string[] {
  const { argv: [command = ""] = [], cwd } = kind.program?.(settings) ?? {};
  const isRelative = command.includes("/") && !command.startsWith("/") && cwd === undefined;
  const start = `${quote(name)}: ${quote(command)}`;
  return [
    ...(isRelative ? [`${start} is a relative path; under systemd it starts at /`] : []),
    ...(RAISES_RIGHTS.includes(basename(command))
      ? [`${start} cannot gain privileges under NoNewPrivileges=; a comment in the unit explains the alternatives`]
      : []),
  ];
}

/** Folders where no socket can be made, or where clients cannot reach it. */
async function warningsOfFolders(options: Options): Promise<readonly string[]> {
  const warnings: string[] = [];
  const { listener, adminListener, controlSocket } = options;
  for (const { path: folder, by } of needsOf(options, [], controlSocket).writes) {
    const found = await statOf(folder);
    if (found === "missing") warnings.push(`${quote(folder)} does not exist; ${by} needs it`);
    if (typeof found === "object" && found.uid === 0 && (found.mode & OTHERS_MAY_WRITE) === 0) {
      warnings.push(
        `only root may write to ${quote(folder)}; the user health-checker needs write permission for ${by}`,
      );
    }
  }
  for (const address of adminListener ? [listener, adminListener] : [listener]) {
    if (address.family === "unix" && address.path.startsWith(`${RUNTIME_FOLDER}/`)) {
      warnings.push(`${quote(address.path)} is in a folder that only root and the user health-checker can enter`);
    }
  }
  return warnings;
}

/** Unknown where this user may not read; the daemon's user may be able to. */
async function statOf(path: string): Promise<Stats | "missing" | "unknown"> {
  return stat(path).catch((error: NodeJS.ErrnoException) => (error.code === "ENOENT" ? "missing" : "unknown"));
}
