// The file of a unix socket: its rights from the moment it exists, and whose it is.

import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ListenError, listen } from "../../src/http/listen.ts";
import type { Address } from "../../src/probing/network/address.ts";
import { askAt } from "../support/ask.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";

const modeOf = (path: string): number => lstatSync(path).mode & 0o777;

let folder: TempFolder;
beforeEach(async () => {
  folder = await tempFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

/** Listens, and notes the mode of whatever it is that the runtime has just made, before anything else is done to it. */
async function open(path: string, modes: number[] = [], mode?: number) {
  const serveAt = (at: Address) => {
    const unix = at.family === "unix" ? at.path : "";
    const server = Bun.serve({ unix, fetch: () => new Response("OK") });
    modes.push(modeOf(unix));
    return server;
  };
  const { server, close } = await listen({ family: "unix", path }, serveAt, mode);
  return {
    async [Symbol.asyncDispose]() {
      await close();
      await server.stop(true);
    },
  };
}

test.each([
  ["0600", 0o600, 0o600],
  ["0660", 0o660, 0o660],
  ["nothing", undefined, 0o666],
] as const)(
  "asked for %s it has that mode from its first moment, whatever the umask, which stays as it was",
  async (_, mode, expected) => {
    for (const umask of [0, 0o022, 0o777]) {
      const before = process.umask(umask);
      try {
        const modes: number[] = [];
        const path = join(folder.path, "socket");
        await using _ = await open(path, modes, mode);
        expect(modes).toEqual([expected]);
        expect(modeOf(path)).toBe(expected);
        expect(process.umask()).toBe(umask);
        expect(readdirSync(folder.path)).toEqual(["socket"]);
      } finally {
        process.umask(before);
      }
    }
  },
);

test("where it cannot be opened nothing is left, and the umask is as it was", async () => {
  const path = join(folder.path, "none", "socket");
  const before = process.umask(0o027);
  try {
    await expect(open(path)).rejects.toThrow(
      new ListenError(`cannot listen on unix:${path}: its folder does not exist`),
    );
    expect(process.umask()).toBe(0o027);
  } finally {
    process.umask(before);
  }
  expect(readdirSync(folder.path)).toEqual([]);
});

test("one that another serves is left to it, one that nobody serves is replaced", async () => {
  const path = join(folder.path, "socket");
  {
    await using _ = await open(path);
    await expect(open(path)).rejects.toThrow(`cannot listen on unix:${path}: it is in use by another process`);
    expect((await askAt("http://localhost/", { unix: path })).body).toBe("OK");
  }
  const killed = Bun.spawn(
    [
      process.execPath,
      "-e",
      `Bun.serve({ unix: ${JSON.stringify(path)}, fetch: () => new Response() }); process.kill(process.pid, "SIGKILL")`,
    ],
    { stdout: "ignore", stderr: "ignore" },
  );
  await killed.exited;
  const stale = lstatSync(path).ino;
  await using _ = await open(path, [], 0o600);
  expect(lstatSync(path).ino).not.toBe(stale);
  expect(modeOf(path)).toBe(0o600);
  expect((await askAt("http://localhost/", { unix: path })).body).toBe("OK");
});

test("at the end the file is removed, unless it is another's by then", async () => {
  const path = join(folder.path, "socket");
  {
    await using _ = await open(path);
  }
  expect(readdirSync(folder.path)).toEqual([]);
  {
    await using _ = await open(path);
    rmSync(path);
    await folder.write("socket", "another's");
    chmodSync(path, 0o644);
  }
  expect(readdirSync(folder.path)).toEqual(["socket"]);
});
