// Times and durations on the page.

import { duration } from "./duration.ts";
import { Html, html } from "./html.ts";

/** A duration that the script counts on; negative: the time that is left. */
export const counting = (seconds: number): Html =>
  new Html(`<span data-s="${Math.round(seconds)}">${duration(seconds)}</span>`);

/** How long a run or an answer took: "0.4 ms", "12 ms", "4.98 s". */
export function took(seconds: number): string {
  if (seconds >= 0.9995) return `${Number(seconds.toFixed(2))} s`;
  const ms = seconds * 1000;
  return `${ms < 10 ? Number(ms.toFixed(1)) : Math.round(ms)} ms`;
}

export class Times {
  readonly #at: string;
  readonly #atMs: number;

  /** `at` is when the status was true. */
  constructor(at: string) {
    this.#at = at;
    this.#atMs = Date.parse(at);
  }

  /** "12:05:48 UTC", with the date if that is another day. */
  time(iso: string): Html {
    const [date, time] = [iso.slice(0, 10), iso.slice(11, 19)];
    return html`<time datetime="${iso}">${this.#at.startsWith(date) ? "" : `${date} `}${time} UTC</time>`;
  }

  /** "4 min ago" */
  ago(iso: string): Html {
    return new Html(`${counting(Math.max(0, this.#secondsTo(iso))).markup} ago`);
  }

  /** The time at which something began that has lasted for so long. */
  since(seconds: number): Html {
    return this.time(new Date(this.#atMs - seconds * 1000).toISOString());
  }

  /** "12 min left" */
  left(iso: string): Html {
    return html`${counting(Math.min(0, this.#secondsTo(iso)))} left`;
  }

  #secondsTo(iso: string): number {
    return (this.#atMs - Date.parse(iso)) / 1000;
  }
}
