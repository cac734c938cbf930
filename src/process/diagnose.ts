// Explains why a program cannot be started, and what to do. The kernel has three codes for a dozen causes; the file itself
// shows which one it is.

import { accessSync, closeSync, constants, openSync, readdirSync, readSync, realpathSync, statSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { EXECUTE, findCause, isAllowed } from "../fs/cause.ts";
import { whyHidden } from "../fs/hidden.ts";
import { mountAt, parseMounts, readMountinfo } from "../fs/mounts.ts";
import { codeOf } from "../system/errors.ts";
import { describeOddCharacters } from "../text/odd-characters.ts";
import { ELF_BYTES, isForThisMachine, loaderOf } from "./elf.ts";

/** The kernel reads at most this much of a first line that names an interpreter. */
const FIRST_LINE_BYTES = 256;

/** setuid and setgid: such a file is a compiled program, since the kernel ignores these bits of scripts. */
const SET_ID = 0o6000;

/**
 * What is wrong with the program `command`; undefined if no mistake is found. `searchPath` is the PATH for a bare name,
 * `cwd` the working folder of the check. It blocks for a few file system calls, so use it at the start and for failures, not
 * for every run.
 */
export function diagnoseCommand(command: string, searchPath: string, cwd?: string): string | undefined {
  const problem = cwd === undefined ? undefined : diagnoseFolder(cwd);
  if (problem !== undefined) return problem;
  const folders = foldersOf(searchPath, cwd);
  const file = command.includes("/") ? inFolder(cwd, command) : findIn(folders, command);
  if (file === undefined)
    return `${describeName(command)}: not found in PATH; write the path in full${whyHiddenIn(folders, command)}`;
  return diagnoseFile(file, folders);
}

/**
 * Notes odd characters: a no-break space may have joined two words. The name itself stays as written, so that secrets in it
 * are recognized.
 */
function describeName(command: string): string {
  const odd = describeOddCharacters(command);
  return odd === undefined ? command : `${command} (${odd})`;
}

/** Without `cwd` the path stays relative, since the daemon's own working folder may have been removed. */
const inFolder = (cwd: string | undefined, file: string) => (cwd === undefined ? file : resolve(cwd, file));

function diagnoseFolder(folder: string): string | undefined {
  try {
    if (!statSync(folder).isDirectory()) return `the working folder ${folder} is not a directory`;
    accessSync(folder, constants.X_OK);
    return undefined;
  } catch (error) {
    const code = codeOf(error);
    return `the working folder ${describeUnusable(folder, code)}`;
  }
}

function diagnoseFile(file: string, folders: readonly string[]): string | undefined {
  let line: string;
  try {
    if (statSync(file).isDirectory()) return `${file} is a directory, not a program`;
    if (!statSync(file).isFile()) return `${file} is not a regular file`;
    accessSync(file, constants.X_OK);
  } catch (error) {
    const code = codeOf(error);
    const point = code === "EACCES" ? noexecMountOf(file) : undefined;
    if (point !== undefined) {
      return `${file} lies on ${point}, which is mounted noexec; start it by its interpreter, or mount it with exec`;
    }
    if (code === "EACCES" && isReadable(file)) return `${file} is not executable; try chmod +x ${file}`;
    return describeUnusable(file, code);
  }
  try {
    line = readFirstLine(file);
  } catch {
    return diagnoseUnreadable(file);
  }
  if (line.startsWith("\u007fELF")) return diagnoseElf(file);
  if (!line.startsWith("#!")) return diagnoseFormat(file, line);
  if (line.endsWith("\r"))
    return `${file} has Windows line ends (CRLF), so its interpreter is not found; try sed -i 's/\\r$//' ${file}`;
  const interpreter = line.slice(2).trim().split(/\s+/)[0] ?? "";
  if (interpreter === "") return `exec format error: the first line of ${file} names no interpreter`;
  const problem = diagnoseInterpreter(interpreter);
  if (problem !== undefined) return `the interpreter ${interpreter} that ${file} names in its first line ${problem}`;
  const argument = line.slice(2).trim().split(/\s+/)[1];
  if (interpreter.endsWith("/env") && argument && !argument.startsWith("-") && !argument.includes("=")) {
    if (!argument.includes("/") && findIn(folders, argument) === undefined) {
      return `the interpreter ${argument} that ${file} asks env for is not in PATH${whyHiddenIn(folders, argument)}`;
    }
  }
  return undefined;
}

/** "FILE does not exist" or "FILE cannot be used", with the cause if the path shows it. */
function describeUnusable(file: string, code: string): string {
  const hidden = whyHidden(file, code);
  const cause = hidden === "" ? findCause(resolve(file), code) : undefined;
  const why = cause === undefined ? "" : `: ${cause}`;
  if (code === "ENOENT" || code === "ENOTDIR") return `${file} does not exist${why}${hidden}`;
  return `${file} cannot be used${cause === undefined ? " by this user" : why} (${code})${hidden}`;
}

/** The mount point of the file, if it is mounted noexec and the file's mode would allow to execute it. */
function noexecMountOf(file: string): string | undefined {
  try {
    if (!isAllowed(statSync(file), EXECUTE)) return undefined;
    const mount = mountAt(parseMounts(readMountinfo()), realpathSync(file));
    return mount?.flags.includes("noexec") ? mount.point : undefined;
  } catch {
    return undefined;
  }
}

function diagnoseInterpreter(file: string): string | undefined {
  const missing = whyMissing(file);
  if (missing !== undefined) return `does not exist${whyHidden(file, missing)}`;
  if (statSync(file).isDirectory()) return "is a directory";
  try {
    accessSync(file, constants.X_OK);
    return undefined;
  } catch (error) {
    const code = codeOf(error);
    const point = noexecMountOf(file);
    if (point !== undefined) return `lies on ${point}, which is mounted noexec`;
    return code === "EACCES" ? "is not executable" : `cannot be used (${code})`;
  }
}

/** Formats that run only with a handler of binfmt_misc, by their first characters. */
const FORMATS: Readonly<Record<string, (file: string) => string>> = {
  MZ: (file) => `${file} is a program for Windows`,
  "PK\u0003\u0004": (file) => `${file} is a zip archive or a Java program (java -jar ${file})`,
  "\u00cf\u00fa\u00ed\u00fe": (file) => `${file} is a program for macOS`,
  "\u001f\u008b": (file) => `${file} is compressed`,
};

/** In UTF-8, decoded as latin1. */
const BYTE_ORDER_MARK = "\u00ef\u00bb\u00bf";

function diagnoseFormat(file: string, line: string): string | undefined {
  const [, describe] = Object.entries(FORMATS).find(([start]) => line.startsWith(start)) ?? [];
  if (describe) return hasHandlers() ? undefined : `exec format error: ${describe(file)}`;
  if (line.startsWith(BYTE_ORDER_MARK)) {
    return `exec format error: ${file} begins with a byte order mark; save it without one`;
  }
  if (line === "" && statSync(file).size === 0) return `exec format error: ${file} is empty`;
  return `exec format error: add a first line such as #!/bin/sh to ${file}`;
}

function diagnoseElf(file: string): string | undefined {
  const start = readStart(file, ELF_BYTES);
  if (!isForThisMachine(start)) {
    return hasHandlers() ? undefined : `exec format error: ${file} is a program for another kind of processor`;
  }
  const loader = loaderOf(start);
  return loader === undefined || whyMissing(loader) === undefined
    ? undefined
    : `${file} wants the loader ${loader}, which is not there: it may be built for another C library (glibc, musl)`;
}

/** Handlers of binfmt_misc may start formats that the kernel itself cannot. */
function hasHandlers(): boolean {
  try {
    return readdirSync("/proc/sys/fs/binfmt_misc").some((name) => name !== "register" && name !== "status");
  } catch {
    return false;
  }
}

/** The file may be executed but not read. A compiled program can run like that, but only sudo and its like have such a mode. */
function diagnoseUnreadable(file: string): string | undefined {
  const { mode } = statSync(file);
  if (isReadable(file) || (mode & SET_ID) !== 0) return undefined;
  return `${file} cannot be read by this user; a script must be, for its interpreter`;
}

/** As in the runtime: relative folders are below the working folder, empty entries do not count. */
const foldersOf = (searchPath: string, cwd: string | undefined): readonly string[] =>
  searchPath
    .split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => inFolder(cwd, folder));

function findIn(folders: readonly string[], name: string): string | undefined {
  return folders
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return statSync(file).isFile();
      } catch {
        return false;
      }
    });
}

/** Whether the program may be in a folder that the service's sandbox hides. */
const whyHiddenIn = (folders: readonly string[], name: string): string =>
  folders.map((folder) => whyHidden(join(folder, name), "ENOENT")).find((why) => why !== "") ?? "";

const readFirstLine = (file: string): string =>
  readStart(file, FIRST_LINE_BYTES).toString("latin1").split("\n", 1)[0] ?? "";

function readStart(file: string, sizeBytes: number): Buffer {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const buffer = Buffer.alloc(sizeBytes);
    return buffer.subarray(0, readSync(fd, buffer, 0, sizeBytes, 0));
  } finally {
    closeSync(fd);
  }
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** The code of a failed stat; undefined if the file exists. */
function whyMissing(file: string): string | undefined {
  try {
    statSync(file);
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}
