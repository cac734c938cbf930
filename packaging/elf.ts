// Two changes to the file that the compiler makes for Linux. Neither moves a byte, and each throws where the file is not as
// expected.

import { type FileHandle, open } from "node:fs/promises";

interface Section {
  /** Where its header is in the file. */
  readonly header: number;
  readonly name: string;
  readonly address: bigint;
  readonly offset: number;
  readonly size: number;
}

/** The names of the functions that a program imports from the C library are at its start. */
const NAMES_BYTES = 4 * 1024 * 1024;

// https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.sheader.html, for 64 bits. Every target is little-endian.
const HEADERS_AT = 0x28;
const HEADER_BYTES = 64;
const HEADER_COUNT_AT = 0x3c;
const NAMES_INDEX_AT = 0x3e;
const SIZE_IN_HEADER = 0x20;
const POINTER_BYTES = 8;

export async function adjustElf(file: string): Promise<void> {
  const handle = await open(file, "r+");
  try {
    await keepDescriptorLimit(handle);
    await surviveStrip(handle);
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`);
  } finally {
    await handle.close();
  }
}

/**
 * The runtime raises its soft limit of descriptors before any code of ours runs, and drops the inherited one, which
 * scripts need (docs/adr/0013-descriptor-limit.md). So its one call of setrlimit is replaced by getrlimit, which takes the
 * same arguments and changes nothing; src/system/inherited.ts raises the limit instead.
 */
async function keepDescriptorLimit(file: FileHandle): Promise<void> {
  const start = await read(file, 0, NAMES_BYTES);
  const name = "\0setrlimit\0";
  const at = start.indexOf(name);
  if (at < 0 || start.indexOf(name, at + 1) >= 0) throw new Error("expected the runtime to import setrlimit once");
  await file.write("g", at + 1);
}

/**
 * The runtime finds its program by a pointer to the section `.bun`. The compiler leaves that pointer in no section, behind
 * the end of one, so that `strip` drops it: what is left is the bun command. With the section before it made longer, by
 * the pointer, a stripped binary is the same program.
 */
async function surviveStrip(file: FileHandle): Promise<void> {
  const sections = await sectionsOf(file);
  const program = sections.find(({ name }) => name === ".bun");
  if (!program) throw new Error("expected a section .bun");
  for (const { header, offset, size } of sections) {
    const at = Math.ceil((offset + size) / POINTER_BYTES) * POINTER_BYTES;
    const bytes = await read(file, at, POINTER_BYTES);
    if (bytes.length < POINTER_BYTES || bytes.readBigUInt64LE() !== program.address) continue;
    const longer = Buffer.alloc(POINTER_BYTES);
    longer.writeBigUInt64LE(BigInt(at + POINTER_BYTES - offset));
    await file.write(longer, 0, POINTER_BYTES, header + SIZE_IN_HEADER);
    return;
  }
  throw new Error("expected the pointer to the section .bun behind another section");
}

async function sectionsOf(file: FileHandle): Promise<readonly Section[]> {
  const start = await read(file, 0, HEADER_BYTES);
  const first = Number(start.readBigUInt64LE(HEADERS_AT));
  const count = start.readUInt16LE(HEADER_COUNT_AT);
  const headers = await read(file, first, count * HEADER_BYTES);
  const rows = Array.from({ length: count }, (_, index) => headers.subarray(index * HEADER_BYTES));
  const number = (row: Buffer | undefined, at: number) => Number(row?.readBigUInt64LE(at) ?? 0);
  const namesRow = rows[start.readUInt16LE(NAMES_INDEX_AT)];
  const names = await read(file, number(namesRow, 0x18), number(namesRow, SIZE_IN_HEADER));
  return rows.map((row, index) => {
    const name = row.readUInt32LE();
    return {
      header: first + index * HEADER_BYTES,
      name: names.toString("latin1", name, names.indexOf(0, name)),
      address: row.readBigUInt64LE(0x10),
      offset: number(row, 0x18),
      size: number(row, SIZE_IN_HEADER),
    };
  });
}

async function read(file: FileHandle, at: number, bytes: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, at);
  return buffer.subarray(0, bytesRead);
}
