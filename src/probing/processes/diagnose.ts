// Why a program could not be started, in words that say what to do. The kernel
// has three codes for a dozen causes; a look at the file tells them apart.

import { accessSync, closeSync, constants, openSync, readSync, statSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { codeOf } from "../../thrown.ts";

/** A line as long as the kernel reads for an interpreter. */
const FIRST_LINE_BYTES = 256;

/** Runs as its owner or group whoever starts it; scripts have no such bits. */
const SET_ID = 0o6000;

/**
 * What is wrong with the program named by `command`, or undefined when nothing
 * is seen to be. `searchPath` is the PATH in which a bare name is looked for,
 * `cwd` the working folder it is given, if any.
 * Blocks for a few file system calls: for starts and failures, not for every run.
 */
export function diagnoseCommand(command: string, searchPath: string, cwd?: string): string | undefined {
  const flaw = cwd === undefined ? undefined : diagnoseFolder(cwd);
  if (flaw !== undefined) return flaw;
  const find = (name: string) => findInPath(name, searchPath, cwd);
  const file = command.includes("/") ? within(cwd, command) : find(command);
  if (file === undefined) return `${command}: not found in PATH; write the path in full`;
  return diagnoseFile(file, find);
}

/** Without `cwd` the kernel looks from the working folder by itself, which may have been removed. */
const within = (cwd: string | undefined, file: string) => (cwd === undefined ? file : resolve(cwd, file));

function diagnoseFolder(folder: string): string | undefined {
  try {
    if (!statSync(folder).isDirectory()) return `the working folder ${folder} is not a directory`;
    accessSync(folder, constants.X_OK);
    return undefined;
  } catch (error) {
    const code = codeOf(error);
    return code === "ENOENT" || code === "ENOTDIR"
      ? `the working folder ${folder} does not exist`
      : `the working folder ${folder} cannot be used by this user (${code})`;
  }
}

function diagnoseFile(file: string, find: (name: string) => string | undefined): string | undefined {
  let line: string;
  try {
    if (statSync(file).isDirectory()) return `${file} is a directory, not a program`;
    if (!statSync(file).isFile()) return `${file} is not a regular file`;
    accessSync(file, constants.X_OK);
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return `${file} does not exist`;
    return code === "EACCES" && readable(file)
      ? `${file} is not executable; try chmod +x ${file}`
      : `${file} cannot be used by this user (${code})`;
  }
  try {
    line = readFirstLine(file);
  } catch {
    return diagnoseUnread(file);
  }
  if (line.startsWith("\u007fELF")) return undefined;
  if (!line.startsWith("#!")) return `exec format error: add a first line such as #!/bin/sh to ${file}`;
  if (line.endsWith("\r"))
    return `${file} has Windows line ends (CRLF), so its interpreter is not found; try sed -i 's/\\r$//' ${file}`;
  const interpreter = line.slice(2).trim().split(/\s+/)[0] ?? "";
  if (interpreter === "") return `exec format error: the first line of ${file} names no interpreter`;
  if (!exists(interpreter)) return `the interpreter ${interpreter} that ${file} names in its first line does not exist`;
  const argument = line.slice(2).trim().split(/\s+/)[1];
  if (interpreter.endsWith("/env") && argument && !argument.startsWith("-") && !argument.includes("=")) {
    if (!argument.includes("/") && find(argument) === undefined) {
      return `the interpreter ${argument} that ${file} asks env for is not in PATH`;
    }
  }
  return undefined;
}

/** One that may be run, but not read: a compiled program needs no more, and is seldom so, but for sudo and its like. */
function diagnoseUnread(file: string): string | undefined {
  const { mode } = statSync(file);
  if (readable(file) || (mode & SET_ID) !== 0) return undefined;
  return `${file} cannot be read by this user; a script must be, for its interpreter`;
}

/** As the runtime does: a folder without a slash in front is one of the working folder, and an empty one is none. */
function findInPath(name: string, searchPath: string, cwd: string | undefined): string | undefined {
  return searchPath
    .split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => join(within(cwd, folder), name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return statSync(file).isFile();
      } catch {
        return false;
      }
    });
}

function readFirstLine(file: string): string {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const buffer = Buffer.alloc(FIRST_LINE_BYTES);
    const count = readSync(fd, buffer, 0, FIRST_LINE_BYTES, 0);
    return buffer.toString("latin1", 0, count).split("\n", 1)[0] ?? "";
  } finally {
    closeSync(fd);
  }
}

function readable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function exists(file: string): boolean {
  try {
    statSync(file);
    return true;
  } catch {
    return false;
  }
}
