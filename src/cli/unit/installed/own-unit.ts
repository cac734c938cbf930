// Tells a unit that runs health-checker from every other file: a script or notes that quote one, the unit or the
// drop-in of an administrator, another INI file.

import { basename } from "node:path";
import { readWords } from "../quote.ts";
import { linesOf, readAssignments } from "./unit-file.ts";

const SECTION_OR_KEY = /^(?:\[[^[\]]+\]|[A-Za-z][\w-]*\s*=.*)$/s;

/** `program` is the path of this program, which may have another name. An `ExecStart=` that is empty is a drop-in's. */
export function isOwnUnit(text: string, program: string): boolean {
  if (text.includes("\0") || !linesOf(text).every((line) => SECTION_OR_KEY.test(line.text))) return false;
  const commands = readAssignments(text, "").filter(({ directive }) => directive === "ExecStart");
  return commands.length > 0 && commands.every((command) => runs(command.text, program));
}

function runs(command: string, program: string): boolean {
  const [marked = ""] = readWords(command);
  const path = marked.replace(/^[-@:+!|]+/, "");
  return path === program || basename(path) === "health-checker";
}
