// Runs in the daemon and, by its text, in the browser.

/** "12 s", "4 min 12 s", "34 min", "5 h 12 min", "12 days", also for less than zero. */
export function duration(seconds: number): string {
  const whole = Math.floor(Math.abs(seconds));
  const [s, min, h] = [whole % 60, Math.floor(whole / 60), Math.floor(whole / 3600)];
  if (min < 1) return `${s} s`;
  if (min < 10) return `${min} min ${s} s`;
  if (h < 1) return `${min} min`;
  return h < 48 ? `${h} h ${min % 60} min` : `${Math.floor(h / 24)} days`;
}
