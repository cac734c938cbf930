// The file of a unix socket: its mode from the moment it exists, and which server owns it.

import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, lstatSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { ListenError, listen } from "../../src/listeners/listen.ts";
import type { Address } from "../../src/net/address.ts";
import { askAt } from "../support/ask.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const modeOf = (path: string): number => lstatSync(path).mode & 0o777;

let folder: TempFolder;
beforeEach(async () => {
  folder = await tempFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

/** Listens, and records the mode of the socket right after the runtime has bound it; then calls `meanwhile`. */
async function open(path: string, modes: number[] = [], mode?: number, meanwhile = (_unix: string) => {}) {
  const serveAt = (at: Address) => {
    const unix = at.family === "unix" ? at.path : "";
    const server = Bun.serve({ unix, fetch: () => new Response("OK") });
    modes.push(modeOf(unix));
    meanwhile(unix);
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
  ["none", undefined, 0o666],
] as const)(
  "with mode %s the socket has that mode as soon as it exists, whatever the umask, which is restored",
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

test("if it cannot be opened no file is left, and the umask is restored", async () => {
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

/** The socket of a process that was killed. */
async function leaveStale(path: string): Promise<void> {
  const killed = Bun.spawn(
    [
      process.execPath,
      "-e",
      `Bun.serve({ unix: ${JSON.stringify(path)}, fetch: () => new Response() }); process.kill(process.pid, "SIGKILL")`,
    ],
    { stdout: "ignore", stderr: "ignore" },
  );
  await killed.exited;
}

test("the socket of a running server is left alone, a stale one is replaced", async () => {
  const path = join(folder.path, "socket");
  {
    await using _ = await open(path);
    await expect(open(path)).rejects.toThrow(`cannot listen on unix:${path}: it is in use by another process`);
    expect((await askAt("http://localhost/", { unix: path })).body).toBe("OK");
  }
  await leaveStale(path);
  const stale = lstatSync(path).ino;
  await using _ = await open(path, [], 0o600);
  expect(lstatSync(path).ino).not.toBe(stale);
  expect(modeOf(path)).toBe(0o600);
  expect((await askAt("http://localhost/", { unix: path })).body).toBe("OK");
});

test("at the end the file is removed, unless another server has replaced it", async () => {
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

test.each(["nothing", "a stale socket"])(
  "of two servers that start at once on a path with %s, one is refused",
  async (there) => {
    const path = join(folder.path, "socket");
    if (there !== "nothing") await leaveStale(path);
    let first: Bun.Server<undefined> | undefined;
    const takePlace = () => {
      rmSync(path, { force: true });
      first = Bun.serve({ unix: path, fetch: () => new Response("first") });
    };
    try {
      await expect(open(path, [], 0o600, takePlace)).rejects.toThrow("it is in use by another process");
      expect((await askAt("http://localhost/", { unix: path })).body).toBe("first");
      expect(readdirSync(folder.path)).toEqual(["socket"]);
    } finally {
      await first?.stop(true);
    }
  },
);

test("the mode of another file does not change if a symlink replaces the socket", async () => {
  const victim = await folder.write("victim", "");
  chmodSync(victim, 0o600);
  const swap = (unix: string) => {
    rmSync(unix);
    symlinkSync(victim, unix);
  };
  const path = join(folder.path, "socket");
  await expect(open(path, [], 0o666, swap)).rejects.toThrow("it was replaced while it was made");
  expect(modeOf(victim)).toBe(0o600);
  expect(readdirSync(folder.path)).toEqual(["victim"]);
});

test("permissions that a default ACL of the folder has removed are restored", async () => {
  const path = join(folder.path, "socket");
  await using _ = await open(path, [], 0o660, (unix) => chmodSync(unix, 0o600));
  expect(modeOf(path)).toBe(0o660);
});

test("at the end it is removed even if its mode was changed", async () => {
  const path = join(folder.path, "socket");
  {
    await using _ = await open(path, [], 0o600);
    const { ctimeMs } = lstatSync(path);
    await until(() => {
      chmodSync(path, 0o660);
      return lstatSync(path).ctimeMs > ctimeMs;
    });
  }
  expect(readdirSync(folder.path)).toEqual([]);
});
