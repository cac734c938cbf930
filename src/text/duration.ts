// Durations as people write them: a number alone is in seconds, as in upstream; otherwise numbers with units, largest
// first, as Go prints them ("1m30s").

const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Timers of the runtime overflow at 2^31 ms (24.8 days); a day is more than any check needs. */
export const MAX_DURATION_MS = 24 * 3_600_000;

export const DURATION_EXAMPLES = "a duration such as 5, 500ms, 10s or 1m30s";

/**
 * Milliseconds of a duration; undefined if the text is not one. A fraction of a millisecond is rounded up, so that
 * nothing above zero becomes zero.
 */
export function parseDuration(text: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return wholeMs(Number(text) * 1000);
  const parts = /^(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$/.exec(text);
  if (!parts || text === "") return undefined;
  const [, hours = 0, minutes = 0, seconds = 0, milliseconds = 0] = parts;
  return wholeMs(Number(hours) * 3_600_000 + Number(minutes) * 60_000 + Number(seconds) * 1000 + Number(milliseconds));
}

/** Rounds up, but ignores the error of binary fractions: 16.1 × 1000 is 16100.000000000002. */
const wholeMs = (durationMs: number): number => Math.ceil(Number(durationMs.toPrecision(15)));

/** The shortest text that `parseDuration` reads back as the same number of whole milliseconds. */
export function formatDuration(durationMs: number): string {
  let rest = Math.round(durationMs);
  if (rest <= 0) return "0s";
  let text = "";
  for (const [unit, unitMs] of Object.entries(UNIT_MS)) {
    const count = Math.floor(rest / unitMs);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * unitMs;
  }
  return text;
}

/** For people: from ten seconds on without milliseconds, from ten minutes on without seconds. */
export function roundDuration(durationMs: number): string {
  const unitMs = durationMs >= 600_000 ? 60_000 : durationMs >= 10_000 ? 1000 : 1;
  return formatDuration(Math.floor(durationMs / unitMs) * unitMs);
}
