// Whether what is written to a descriptor goes to systemd's journal.

import { fstatSync } from "node:fs";

/** `stream` is JOURNAL_STREAM, DEVICE:INODE of what systemd connected: a shell may have led the descriptor elsewhere since. */
export function leadsToJournal(stream: string | undefined, descriptor: number): boolean {
  if (!stream) return false;
  try {
    const { dev, ino } = fstatSync(descriptor, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    return false; // closed
  }
}
