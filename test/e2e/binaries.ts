// The release binaries, under the names that upstream gave them, and what each of them begins with.

/** The magic number, then the number of the processor's family, in hexadecimal as they stand in the file. */
export const BINARIES = {
  "health-checker_linux_amd64": "7f454c46 3e00",
  "health-checker_linux_arm64": "7f454c46 b700",
  "health-checker_darwin_amd64": "cffaedfe 07000001",
  "health-checker_darwin_arm64": "cffaedfe 0c000001",
  "health-checker_windows_amd64.exe": "4d5a",
};

/** What the file begins with, as above. */
export async function kindOf(path: string): Promise<string> {
  const head = Buffer.from(await Bun.file(path).slice(0, 20).arrayBuffer());
  const hex = (from: number, to: number) => head.toString("hex", from, to);
  if (hex(0, 4) === "7f454c46") return `${hex(0, 4)} ${hex(18, 20)}`;
  if (hex(0, 4) === "cffaedfe") return `${hex(0, 4)} ${hex(4, 8)}`;
  return hex(0, 2);
}
