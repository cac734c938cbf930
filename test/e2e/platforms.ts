// The oldest processors that the Linux binaries are for, as qemu emulates them, and what a binary has to do there.

import { expect } from "bun:test";
import { chmod, writeFile } from "node:fs/promises";
import { version } from "../../package.json";
import { startChild } from "../support/child.ts";
import { startDaemon } from "../support/daemon.ts";
import type { Need } from "../support/needs.ts";
import { tempFolder } from "../support/temp.ts";
import type { BINARIES } from "./binaries.ts";

export interface Platform {
  readonly asset: keyof typeof BINARIES;
  readonly processor: string;
  /** The words before a program that run it on that processor. Scripts that the program starts are not emulated. */
  readonly emulator: readonly string[];
  readonly needs: readonly Need[];
  /** What newer processors have and this one does not. */
  readonly lacks: string;
  /** A program that does one such thing, and exits with 0: machine code, in hexadecimal. */
  readonly newerCode: string;
}

export const PLATFORMS: readonly Platform[] = [
  {
    asset: "health-checker_linux_amd64",
    processor: "Nehalem",
    emulator: ["qemu-x86_64", "-cpu", "Nehalem"],
    needs: ["qemu-x86_64", "the C library for amd64"],
    lacks: "AVX2",
    newerCode: "c5fdfec0 b83c000000 31ff 0f05",
  },
  {
    // The processor of Graviton 1.
    asset: "health-checker_linux_arm64",
    processor: "cortex-a72",
    emulator: ["qemu-aarch64", "-cpu", "cortex-a72", "-L", "/usr/aarch64-linux-gnu"],
    needs: ["qemu-aarch64", "the C library for arm64"],
    lacks: "atomic instructions (LSE)",
    newerCode: "e10320b8 a80b80d2 000080d2 010000d4",
  },
];

/** Emulated code is some twenty times slower. */
const EMULATED_MS = 60_000;

/** It says its version, starts, answers for a port and a script, and stops. */
export async function expectToRun(binary: string, { emulator }: Platform): Promise<void> {
  const emulated = [...emulator, binary];
  const asked = startChild([...emulated, "--version"]);
  expect(await asked.exited).toBe(0);
  await asked.ended;
  expect(asked.out[0]).toBe(`health-checker version v${version}`);

  await using folder = await tempFolder();
  const flag = await folder.write("flag", "");
  const target = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const timeouts = ["--port-timeout", "30s", "--script-timeout", "30s"];
  await using daemon = await startDaemon(
    ["--port", `127.0.0.1:${target.port}`, "--script", `test -e ${flag}`, ...timeouts],
    { command: emulated, startMs: EMULATED_MS },
  );
  expect((await daemon.ask()).status).toBe(200);

  await Bun.file(flag).delete();
  expect((await daemon.ask()).status).toBe(504);
  expect(await daemon.logged("host is unhealthy")).toContain(`script test -e ${flag}`);

  await folder.write("flag", "");
  expect((await daemon.ask()).status).toBe(200);

  target.stop(true);
  expect((await daemon.ask()).status).toBe(504);
  expect(await daemon.logged(/check is down .*reason=refused/)).toContain(`127.0.0.1:${target.port}`);

  expect(await daemon.stop()).toBe(0);
}

/** How a program with an instruction that the processor lacks ends: 128 + the signal. */
export async function exitOfNewer({ asset, emulator, newerCode }: Platform, cpu?: string): Promise<number> {
  await using folder = await tempFolder();
  const program = `${folder.path}/newer`;
  await writeFile(
    program,
    elf(asset.endsWith("arm64") ? 0xb7 : 0x3e, Buffer.from(newerCode.replaceAll(" ", ""), "hex")),
  );
  await chmod(program, 0o755);
  const words = emulator.map((word, at) => (cpu !== undefined && emulator[at - 1] === "-cpu" ? cpu : word));
  await using child = startChild([...words, program], { cwd: folder.path });
  return await child.exited;
}

const HEADERS_BYTES = 64 + 56;
const LOADED_AT = 0x400000n;

/** The least file that Linux runs: both headers, and the code, all of it loaded as it is. */
function elf(machine: number, code: Uint8Array): Uint8Array {
  const file = Buffer.alloc(HEADERS_BYTES + code.length);
  file.write("7f454c46020101", "hex");
  file.writeUInt16LE(2, 16); // an executable
  file.writeUInt16LE(machine, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(LOADED_AT + BigInt(HEADERS_BYTES), 24); // where it begins
  file.writeBigUInt64LE(64n, 32); // the program header is next
  file.writeUInt16LE(64, 52);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(1, 56);
  file.writeUInt32LE(1, 64); // to be loaded,
  file.writeUInt32LE(5, 68); // read and run
  file.writeBigUInt64LE(LOADED_AT, 80);
  file.writeBigUInt64LE(LOADED_AT, 88);
  file.writeBigUInt64LE(BigInt(file.length), 96);
  file.writeBigUInt64LE(BigInt(file.length), 104);
  file.writeBigUInt64LE(0x10000n, 112);
  file.set(code, HEADERS_BYTES);
  return file;
}
