// What is waited for, on stderr: one line that lives on a terminal, else a line each
// time that something changes.

import { roundDuration } from "../../text/duration.ts";
import { cut } from "../table.ts";
import { nameFailing } from "./report.ts";
import type { Results } from "./rounds.ts";

const REDRAW_MS = 1000;

/** Takes the cursor to the start of the line and what stands there away. */
const CLEAR = "\r\x1b[K";

export interface Progress {
  /** Tells of an unhealthy round. */
  show(results: Results): void;
  /** Leaves nothing of the live line. */
  end(): void;
}

export interface Place {
  readonly isTerminal: boolean;
  readonly columns: () => number;
  readonly write: (text: string) => void;
}

export function createProgress(waitMs: number, { isTerminal, columns, write }: Place): Progress {
  const start = performance.now();
  const elapsed = () => roundDuration(Math.floor((performance.now() - start) / 1000) * 1000);
  let failing = "";
  if (!isTerminal) {
    return {
      show(results) {
        const now = nameFailing(results);
        if (now !== failing) write(`health-checker: not healthy after ${elapsed()}: ${now}\n`);
        failing = now;
      },
      end() {},
    };
  }
  const draw = () => {
    const what = failing === "" ? "" : `: ${failing}`;
    // A terminal wraps what fills its last column.
    write(`${CLEAR}${cut(`waiting, ${elapsed()} of ${roundDuration(waitMs)}${what}`, columns() - 1)}`);
  };
  const timer = setInterval(draw, REDRAW_MS);
  return {
    show(results) {
      failing = nameFailing(results);
      draw();
    },
    end() {
      clearInterval(timer);
      write(CLEAR);
    },
  };
}
