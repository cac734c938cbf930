// Runs in the daemon and, by its text, in the browser.

/** "12 s", "4 min 12 s", "34 min", "5 h", "5 h 12 min", "12 days"; a time before and one after alike. */
export function duration(seconds: number): string {
  const whole = Math.floor(Math.abs(seconds));
  const two = (large: string, small: number, unit: string) => (small === 0 ? large : `${large} ${small} ${unit}`);
  const [min, h] = [Math.floor(whole / 60), Math.floor(whole / 3600)];
  if (min < 1) return `${whole} s`;
  if (min < 10) return two(`${min} min`, whole % 60, "s");
  if (h < 1) return `${min} min`;
  return h < 48 ? two(`${h} h`, min % 60, "min") : `${Math.floor(h / 24)} days`;
}
