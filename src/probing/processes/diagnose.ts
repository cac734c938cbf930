// Why a program could not be started, in words that say what to do. The kernel
// has three codes for a dozen causes; a look at the file tells them apart.

import { accessSync, closeSync, constants, openSync, readSync, statSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { codeOf } from "../../thrown.ts";
import { whyHidden } from "../files/hidden.ts";

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
  const folders = foldersOf(searchPath, cwd);
  const file = command.includes("/") ? within(cwd, command) : findIn(folders, command);
  if (file === undefined)
    return `${command}: not found in PATH; write the path in full${whyHiddenIn(folders, command)}`;
  return diagnoseFile(file, folders);
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
    const flaw = code === "ENOENT" || code === "ENOTDIR" ? "does not exist" : `cannot be used by this user (${code})`;
    return `the working folder ${folder} ${flaw}${whyHidden(folder, code)}`;
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
    if (code === "EACCES" && readable(file)) return `${file} is not executable; try chmod +x ${file}`;
    const flaw = code === "ENOENT" || code === "ENOTDIR" ? "does not exist" : `cannot be used by this user (${code})`;
    return `${file} ${flaw}${whyHidden(file, code)}`;
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
  const missing = whyMissing(interpreter);
  if (missing !== undefined) {
    return `the interpreter ${interpreter} that ${file} names in its first line does not exist${whyHidden(interpreter, missing)}`;
  }
  const argument = line.slice(2).trim().split(/\s+/)[1];
  if (interpreter.endsWith("/env") && argument && !argument.startsWith("-") && !argument.includes("=")) {
    if (!argument.includes("/") && findIn(folders, argument) === undefined) {
      return `the interpreter ${argument} that ${file} asks env for is not in PATH${whyHiddenIn(folders, argument)}`;
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
const foldersOf = (searchPath: string, cwd: string | undefined): readonly string[] =>
  searchPath
    .split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => within(cwd, folder));

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

/** It may lie in a folder that the service's sandbox hides. */
const whyHiddenIn = (folders: readonly string[], name: string): string =>
  folders.map((folder) => whyHidden(join(folder, name), "ENOENT")).find((why) => why !== "") ?? "";

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

/** The code of a look at it; undefined where it is there. */
function whyMissing(file: string): string | undefined {
  try {
    statSync(file);
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}
