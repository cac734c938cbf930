// What goes to stderr: plain lines for a terminal, and with their priority where stderr is systemd's journal, which
// would take them for ordinary ones: `journalctl --priority warning` finds why a service does not start.

import { leadsToJournal } from "./journal.ts";
import { PRIORITIES } from "./log.ts";

const STDERR = 2;

/** Text for people that may have several lines, such as a stack. */
export type Complain = (text: string) => void;

/** `stream` is JOURNAL_STREAM. */
export function createComplaints(stream: string | undefined): { readonly error: Complain; readonly warning: Complain } {
  const isJournal = leadsToJournal(stream, STDERR);
  const at = (level: "error" | "warning"): Complain => {
    // A warning beside an error, of a reload that is refused say, says that it is one.
    const priorityOf = (line: string) => PRIORITIES[/: warning: /.test(line) ? "warning" : level];
    const marked = (line: string) => (isJournal ? `<${priorityOf(line)}>${line}` : line);
    return (text) => console.error(text.split("\n").map(marked).join("\n"));
  };
  return { error: at("error"), warning: at("warning") };
}
