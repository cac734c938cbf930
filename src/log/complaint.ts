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
    const prefix = isJournal ? `<${PRIORITIES[level]}>` : "";
    return (text) => console.error(text.replaceAll(/^/gm, prefix));
  };
  return { error: at("error"), warning: at("warning") };
}
