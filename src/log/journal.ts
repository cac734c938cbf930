// Whether a descriptor leads to systemd's journal, and lines for stderr, with their priority if it does: `journalctl
// --priority warning` then finds why a service does not start.

import { nodeFs } from "../system/builtins.ts";
import { PRIORITIES } from "./log.ts";

const STDERR = 2;

/** `stream` is JOURNAL_STREAM, DEVICE:INODE of the stream that systemd connected: a shell may have redirected the descriptor since. */
export function leadsToJournal(stream: string | undefined, descriptor: number): boolean {
  if (!stream) return false;
  try {
    const { dev, ino } = nodeFs().fstatSync(descriptor, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    return false; // closed
  }
}

/** `text` may have several lines, such as a stack. */
export type Complain = (text: string) => void;

/** `stream` is JOURNAL_STREAM. */
export function createComplaints(stream: string | undefined): { readonly error: Complain; readonly warning: Complain } {
  const isJournal = leadsToJournal(stream, STDERR);
  const at = (level: "error" | "warning"): Complain => {
    // A text of errors may have lines that are warnings, such as those of a refused reload.
    const priorityOf = (line: string) => PRIORITIES[/: warning: /.test(line) ? "warning" : level];
    const marked = (line: string) => (isJournal ? `<${priorityOf(line)}>${line}` : line);
    return (text) => console.error(text.split("\n").map(marked).join("\n"));
  };
  return { error: at("error"), warning: at("warning") };
}
