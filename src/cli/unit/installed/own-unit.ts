// Recognizes a unit that runs health-checker. Any other file is none: a script or notes that quote a unit, the unit or
// drop-in of an administrator, another INI file.

import { basename } from "node:path";
import { readWords } from "../quote.ts";
import { logicalLines, readAssignments } from "./unit-file.ts";

const SECTION_OR_KEY = /^(?:\[[^[\]]+\]|[A-Za-z][\w-]*\s*=.*)$/s;

/** `program` is the path of this program, which may have another name. A file with an empty `ExecStart=` is a drop-in. */
export function isOwnUnit(text: string, program: string): boolean {
  if (text.includes("\0") || !logicalLines(text).every((line) => SECTION_OR_KEY.test(line.text))) return false;
  const commands = readAssignments(text, "").filter(({ directive }) => directive === "ExecStart");
  return commands.length > 0 && commands.every((command) => runs(command.text, program));
}

function runs(command: string, program: string): boolean {
  const [marked = ""] = readWords(command);
  const path = marked.replace(/^[-@:+!|]+/, "");
  return path === program || basename(path) === "health-checker";
}
