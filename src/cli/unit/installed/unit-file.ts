// The unit that is installed, as systemd puts it together: its file, then its drop-ins in the
// order of their names; a later assignment counts, and an empty one drops those before it.

import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { cannotRead, LARGEST_BYTES, typeOf } from "../../../config/file.ts";
import { codeOf } from "../../../system/errors.ts";

export interface InstalledUnit {
  readonly file: string;
  /** The values in [Service] that count, in order; none where the directive is not set, or set to nothing. */
  values(directive: string): readonly Value[];
  /** Whether the directive is there, even if it is empty. */
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

/** Reads the unit `file`, or else the one that systemd finds. A text says why it cannot be read. */
export async function readInstalled(file?: string): Promise<InstalledUnit | string> {
  const candidates = file === undefined ? FOLDERS.map((folder) => join(folder, NAME)) : [file];
  for (const candidate of candidates) {
    const found = await read(candidate);
    if ("value" in found) return readWithDropIns(candidate, found.value);
    if (file !== undefined || found.code !== "ENOENT") return cannotRead(candidate, found.code);
  }
  return `no ${NAME} is installed, neither in /etc/systemd/system nor in /usr/lib/systemd/system; give its file: unit --check FILE`;
}

async function readWithDropIns(file: string, text: string): Promise<InstalledUnit | string> {
  const assignments = readAssignments(text, file);
  for (const dropIn of await dropInsOf(file)) {
    const found = await read(dropIn);
    if ("code" in found) return cannotRead(dropIn, found.code);
    assignments.push(...readAssignments(found.value, dropIn));
  }
  return installedUnit(file, assignments);
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

/** Directives that systemd still reads under their old names, and names that set several. */
const ALSO: Readonly<Partial<Record<string, readonly string[]>>> = {
  TimeoutSec: ["TimeoutStartSec", "TimeoutStopSec"],
  InaccessibleDirectories: ["InaccessiblePaths"],
  ReadOnlyDirectories: ["ReadOnlyPaths"],
  ReadWriteDirectories: ["ReadWritePaths"],
  MemoryLimit: ["MemoryMax"],
};

/** The assignments in [Service]. */
export function readAssignments(text: string, file: string): Assignment[] {
  let section = "";
  return linesOf(text).flatMap(({ text, line }) => {
    const header = /^\[(.*)\]$/.exec(text);
    if (header) section = header[1] ?? "";
    const [, directive, value = ""] = /^([^=\s]+)\s*=\s*(.*)$/.exec(text) ?? [];
    if (section !== "Service" || directive === undefined) return [];
    return (ALSO[directive] ?? [directive]).map((directive) => ({ directive, text: value, file, line }));
  });
}

/** By systemd.syntax(7): without comments and outer blanks; a backslash at its end joins a line with the next. */
export function linesOf(text: string): readonly { readonly text: string; readonly line: number }[] {
  const lines: { text: string; line: number }[] = [];
  let begun: { text: string; line: number } | undefined;
  for (const [index, part] of text.split("\n").entries()) {
    const plain = part.trim();
    if (/^[#;]/.test(plain)) continue;
    const whole = { text: `${begun?.text ?? ""}${plain}`, line: begun?.line ?? index + 1 };
    begun = whole.text.endsWith("\\") ? { ...whole, text: `${whole.text.slice(0, -1)} ` } : undefined;
    if (!begun && whole.text !== "") lines.push(whole);
  }
  return begun ? [...lines, { ...begun, text: begun.text.trim() }] : lines;
}

function installedUnit(file: string, assignments: readonly Assignment[]): InstalledUnit {
  const of = (directive: string) => assignments.filter((assignment) => assignment.directive === directive);
  return {
    file,
    values(directive) {
      const all = of(directive);
      return all.slice(all.findLastIndex(({ text }) => text === "") + 1);
    },
    isSet: (directive) => of(directive).length > 0,
  };
}
