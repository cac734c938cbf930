// Shows the progress of `check --wait` on stderr: on a terminal one line that is redrawn, else a line for each change.

import { roundDuration } from "../../text/duration.ts";
import { cut } from "../../text/width.ts";
import { nameFailing } from "./report.ts";
import { isHealthy, type Results } from "./rounds.ts";

const REDRAW_MS = 1000;

/** Moves the cursor to the start of the line and clears it. */
const CLEAR = "\r\x1b[K";

export interface Progress {
  /** After an unhealthy round. */
  show(results: Results): void;
  /** Clears the line, and says so if the host is still unhealthy. `last` are the last results, undefined after a signal. */
  end(last: Results | undefined): void;
}

export interface ProgressStream {
  readonly isTerminal: boolean;
  readonly columns: () => number;
  readonly write: (text: string) => void;
}

export function createProgress(waitMs: number, { isTerminal, columns, write }: ProgressStream): Progress {
  const start = performance.now();
  const elapsed = () => roundDuration(Math.floor((performance.now() - start) / 1000) * 1000);
  let failing = "";
  const writeEnd = (last: Results | undefined) => {
    if (last === undefined || isHealthy(last)) return;
    const time = roundDuration(waitMs);
    write(`health-checker: not healthy after ${time}, the limit of --wait: ${nameFailing(last)}\n`);
  };
  if (!isTerminal) {
    return {
      show(results) {
        const now = nameFailing(results);
        if (now !== failing) write(`health-checker: not healthy after ${elapsed()}: ${now}\n`);
        failing = now;
      },
      end: writeEnd,
    };
  }
  const draw = () => {
    const what = failing === "" ? "" : `: ${failing}`;
    // A terminal wraps a line that fills its last column.
    write(`${CLEAR}${cut(`waiting, ${elapsed()} of ${roundDuration(waitMs)}${what}`, columns() - 1)}`);
  };
  const timer = setInterval(draw, REDRAW_MS);
  return {
    show(results) {
      failing = nameFailing(results);
      draw();
    },
    end(last) {
      clearInterval(timer);
      write(CLEAR);
      writeEnd(last);
    },
  };
}
