// Reads an installed unit as systemd does: its file, then its drop-ins in the order of their names. A later assignment
// counts, and an empty one removes those before it.

import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { cannotRead, LARGEST_BYTES, typeOf } from "../../../config/file.ts";
import { codeOf } from "../../../system/errors.ts";

export interface InstalledUnit {
  readonly file: string;
  /** The values in [Service] that count, in order; none if the directive is not set, or empty. */
  values(directive: string): readonly Value[];
  /** Whether the directive is set, even to nothing. */
  isSet(directive: string): boolean;
}

export interface Value {
  readonly text: string;
  /** Where it is set: the unit's file or a drop-in, and the line there in which it begins. */
  readonly file: string;
  readonly line: number;
}

const NAME = "health-checker.service";

/** Where systemd looks for units and drop-ins; of two with the same name the first counts. */
const FOLDERS = [
  // Written by `systemctl set-property`.
  "/etc/systemd/system.control",
  "/run/systemd/system.control",
  "/etc/systemd/system",
  "/run/systemd/system",
  "/usr/local/lib/systemd/system",
  "/usr/lib/systemd/system",
  "/lib/systemd/system",
];

/** Reads the unit `file`, or by default the one that systemd finds. Resolves with a text that says why it cannot be read. */
export async function readInstalled(file?: string): Promise<InstalledUnit | string> {
  const candidates = file === undefined ? FOLDERS.map((folder) => join(folder, NAME)) : [file];
  for (const candidate of candidates) {
    const found = await read(candidate);
    if ("value" in found) return readWithDropIns(candidate, found.value);
    if (file !== undefined || found.code !== "ENOENT") return cannotRead(candidate, found.code);
  }
  return `${NAME} is not installed in /etc/systemd/system or /usr/lib/systemd/system; for another place use unit --check FILE`;
}

async function readWithDropIns(file: string, text: string): Promise<InstalledUnit | string> {
  const assignments = readAssignments(text, file);
  for (const dropIn of await dropInsOf(file)) {
    const found = await read(dropIn);
    if ("code" in found) return cannotRead(dropIn, found.code);
    assignments.push(...readAssignments(found.value, dropIn));
  }
  return createInstalledUnit(file, assignments);
}

async function read(file: string): Promise<{ readonly value: string } | { readonly code: string }> {
  try {
    // A masked unit or drop-in is a link to it.
    if ((await realpath(file)) === "/dev/null") return { value: "" };
    const found = await stat(file);
    const type = typeOf(found);
    if (type !== undefined) return { code: `it is ${type}` };
    if (found.size > LARGEST_BYTES) return { code: "it has more than 1 MiB" };
    return { value: await readFile(file, "utf8") };
  } catch (error) {
    return { code: codeOf(error) };
  }
}

/** For a unit that systemd finds, the drop-ins in each of its folders: `systemctl edit` writes to /etc. */
async function dropInsOf(file: string): Promise<readonly string[]> {
  const folders = FOLDERS.includes(dirname(file)) ? FOLDERS : [dirname(file)];
  const found = new Map<string, string>();
  for (const folder of folders.map((folder) => join(folder, `${basename(file)}.d`))) {
    const names = await readdir(folder).catch(() => []);
    for (const name of names) if (name.endsWith(".conf") && !found.has(name)) found.set(name, join(folder, name));
  }
  return [...found].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, path]) => path);
}

export interface Assignment extends Value {
  readonly directive: string;
}

/** Old names of directives, and names that set several directives. */
const OTHER_NAMES: Readonly<Partial<Record<string, readonly string[]>>> = {
  TimeoutSec: ["TimeoutStartSec", "TimeoutStopSec"],
  InaccessibleDirectories: ["InaccessiblePaths"],
  ReadOnlyDirectories: ["ReadOnlyPaths"],
  ReadWriteDirectories: ["ReadWritePaths"],
  MemoryLimit: ["MemoryMax"],
};

/** The assignments in [Service]. */
export function readAssignments(text: string, file: string): Assignment[] {
  let section = "";
  return logicalLines(text).flatMap(({ text, line }) => {
    const header = /^\[(.*)\]$/.exec(text);
    if (header) section = header[1] ?? "";
    const [, directive, value = ""] = /^([^=\s]+)\s*=\s*(.*)$/.exec(text) ?? [];
    if (section !== "Service" || directive === undefined) return [];
    return (OTHER_NAMES[directive] ?? [directive]).map((directive) => ({ directive, text: value, file, line }));
  });
}

/** By systemd.syntax(7): without comments and outer blanks; a backslash at its end joins a line with the next. */
export function logicalLines(text: string): readonly { readonly text: string; readonly line: number }[] {
  const lines: { text: string; line: number }[] = [];
  let unfinished: { text: string; line: number } | undefined;
  for (const [index, part] of text.split("\n").entries()) {
    const plain = part.trim();
    if (/^[#;]/.test(plain)) continue;
    const whole = { text: `${unfinished?.text ?? ""}${plain}`, line: unfinished?.line ?? index + 1 };
    unfinished = whole.text.endsWith("\\") ? { ...whole, text: `${whole.text.slice(0, -1)} ` } : undefined;
    if (!unfinished && whole.text !== "") lines.push(whole);
  }
  return unfinished ? [...lines, { ...unfinished, text: unfinished.text.trim() }] : lines;
}

function createInstalledUnit(file: string, assignments: readonly Assignment[]): InstalledUnit {
  const assignmentsOf = (directive: string) => assignments.filter((assignment) => assignment.directive === directive);
  return {
    file,
    values(directive) {
      const all = assignmentsOf(directive);
      return all.slice(all.findLastIndex(({ text }) => text === "") + 1);
    },
    isSet: (directive) => assignmentsOf(directive).length > 0,
  };
}
