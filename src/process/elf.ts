// What a compiled program needs from the host, read from the header of elf(5).

/** How much of the file to read: it contains the header, and usually the loader's path. */
export const ELF_BYTES = 4096;

const PT_INTERP = 3;

/** The values of e_machine by node's names of processors; the second of each, with 32 bits, runs if the kernel allows it. */
const MACHINES: Readonly<Partial<Record<string, readonly number[]>>> = { x64: [62, 3], arm64: [183, 40] };

/** Whether the program is built for this processor; true if unknown. */
export function isForThisMachine(start: Buffer): boolean {
  const machines = MACHINES[process.arch];
  if (start.byteLength < 20 || machines === undefined) return true;
  const isLittle = start[5] !== 2;
  return isLittle && machines.includes(start.readUInt16LE(18));
}

/** The path of the loader that the kernel starts for the program; undefined if it has none, as when it is linked statically. */
export function loaderOf(start: Buffer): string | undefined {
  try {
    const is64 = start[4] === 2;
    const number = (at: number) => (is64 ? Number(start.readBigUInt64LE(at)) : start.readUInt32LE(at));
    const headers = number(is64 ? 32 : 28);
    const size = start.readUInt16LE(is64 ? 54 : 42);
    const count = start.readUInt16LE(is64 ? 56 : 44);
    for (let at = headers; at < headers + count * size; at += size) {
      if (start.readUInt32LE(at) !== PT_INTERP) continue;
      const offset = number(at + (is64 ? 8 : 4));
      const end = start.indexOf(0, offset);
      return end > offset ? start.toString("utf8", offset, end) : undefined;
    }
  } catch {
    // The header is broken, or continues after what was read.
  }
  return undefined;
}
