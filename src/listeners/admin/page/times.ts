// Times and durations on the page. The script counts the durations on (script.js).

import { type Html, html } from "./html.ts";

/** "12 s", "4 min 12 s", "34 min", "5 h 12 min", "12 days". */
export function duration(seconds: number): string {
  const whole = Math.floor(Math.abs(seconds));
  const [s, min, h] = [whole % 60, Math.floor(whole / 60), Math.floor(whole / 3600)];
  if (min < 1) return `${s} s`;
  if (min < 10) return `${min} min ${s} s`;
  if (h < 1) return `${min} min`;
  return h < 48 ? `${h} h ${min % 60} min` : `${Math.floor(h / 24)} days`;
}

/** A duration that goes on; negative: the time that is left. */
export const counting = (seconds: number): Html =>
  html`<span data-s="${Math.round(seconds)}">${duration(seconds)}</span>`;

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
    const [date = "", time = ""] = iso.replace(/\.\d+Z$/, "Z").split(/[TZ]/);
    return html`<time datetime="${iso}">${this.#at.startsWith(date) ? "" : `${date} `}${time} UTC</time>`;
  }

  /** "4 min ago" */
  ago(iso: string): Html {
    return html`${counting(Math.max(0, this.#secondsTo(iso)))} ago`;
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
