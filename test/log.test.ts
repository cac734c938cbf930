// One line an event, whatever its values hold; and a reader of them that is slow,
// stuck or gone costs lines, counted, and never the daemon.

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { BACKLOG_BYTES, createBoundedWriter, createLog, type LogFields, type LogLevel, type Sink } from "../src/log.ts";
import { until } from "./support/until.ts";

function logged(level: LogLevel, write: (log: ReturnType<typeof createLog>) => void): readonly string[] {
  const lines: string[] = [];
  write(createLog(level, (line) => lines.push(line)));
  return lines.map((line) => line.replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /, "TIME "));
}

const all = (log: ReturnType<typeof createLog>) => {
  log.error("an error");
  log.warning("a warning");
  log.info("some news");
  log.debug("a detail");
};

test.each<[LogLevel, readonly string[]]>([
  ["panic", []],
  ["fatal", []],
  ["error", ["ERROR an error"]],
  ["warning", ["ERROR an error", "WARNING a warning"]],
  ["warn", ["ERROR an error", "WARNING a warning"]],
  ["info", ["ERROR an error", "WARNING a warning", "INFO some news"]],
  ["debug", ["ERROR an error", "WARNING a warning", "INFO some news", "DEBUG a detail"]],
  ["trace", ["ERROR an error", "WARNING a warning", "INFO some news", "DEBUG a detail"]],
])("the level %s lets through %j", (level, lines) => {
  expect(logged(level, all)).toEqual(lines.map((line) => `TIME ${line}\n`));
  expect(createLog(level, () => {}).verbose).toBe(["debug", "trace"].includes(level));
});

test.each<[LogFields, string]>([
  [{}, ""],
  [{ a: 1, b: true, c: -0.5 }, " a=1 b=true c=-0.5"],
  [{ a: undefined, b: 1 }, " b=1"],
  [{ check: "tcp 127.0.0.1:80" }, ' check="tcp 127.0.0.1:80"'],
  [{ address: "[::1]:80", path: "/a/b-c_d,e+f@g%h" }, " address=[::1]:80 path=/a/b-c_d,e+f@g%h"],
  [{ a: "" }, ' a=""'],
  [{ a: "b=c" }, ' a="b=c"'],
  [{ a: 'say "x"' }, ' a="say \\"x\\""'],
  [{ a: "one\ntwo\r\n" }, ' a="one\\ntwo\\r\\n"'],
  [{ a: "\u001b[31m\u0000\u007f\u0085\u2028" }, ' a="\\u001b[31m\\u0000\\u007f\\u0085\\u2028"'],
  [{ a: "\u202egnp\u2066\ufeff\u200f" }, ' a="\\u202egnp\\u2066\\ufeff\\u200f"'],
  [{ a: "é" }, ' a="é"'],
])("the fields %j are written %j", (fields, text) => {
  expect(logged("info", (log) => log.info("news", fields))).toEqual([`TIME INFO news${text}\n`]);
});

test("a line that repeats is written each time", () => {
  const lines = logged("info", (log) => {
    for (let count = 0; count < 10; count++) log.info("the same", { a: 1 });
  });
  expect(lines).toEqual(Array(10).fill("TIME INFO the same a=1\n"));
});

test("any value is one printable line, and can be read back", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (value) => {
      const [line = ""] = logged("info", (log) => log.info("news", { value }));
      const written = /^TIME INFO news value=(.*)\n$/s.exec(line)?.[1] ?? "";
      expect(written).not.toMatch(/\p{Cc}|\u2028|\u2029/u);
      expect(written.startsWith('"') ? JSON.parse(written) : written).toBe(value);
    }),
    { numRuns: 1000 },
  );
});

/** A sink like Bun's for a pipe: while its reader is slow, a flush is pending until all that was written meanwhile has gone. */
function pipe() {
  let held = "";
  let pending: PromiseWithResolvers<number> | undefined;
  const state = { slow: false, broken: false };
  const delivered: string[] = [];
  const deliver = () => {
    if (held !== "") delivered.push(...held.split(/(?<=\n)/));
    held = "";
  };
  const check = () => {
    if (state.broken) throw Object.assign(new Error("broken pipe"), { code: "EPIPE" });
  };
  const sink: Sink = {
    write(text) {
      check();
      held += text;
      return text.length;
    },
    flush() {
      check();
      if (!state.slow) deliver();
      else pending ??= Promise.withResolvers();
      return pending?.promise ?? 0;
    },
  };
  return {
    sink,
    delivered,
    state,
    heldBytes: () => Buffer.byteLength(held),
    resume() {
      state.slow = false;
      deliver();
      pending?.resolve(0);
      pending = undefined;
    },
  };
}

const DROPPED = /^\S+ WARNING log lines dropped, they could not be written count=(\d+)\n$/;

describe("the bounded writer", () => {
  test("hands on each line at once where the reader keeps up", () => {
    const { sink, delivered } = pipe();
    const write = createBoundedWriter(sink);
    write("a\n");
    expect(delivered).toEqual(["a\n"]);
    write("b\n");
    expect(delivered).toEqual(["a\n", "b\n"]);
  });

  test.each([["a"], ["é"], ["漢"]])(
    "holds no more than its bound in bytes for a reader that never reads (%s)",
    (letter) => {
      const { sink, state, heldBytes } = pipe();
      state.slow = true;
      const write = createBoundedWriter(sink);
      const line = `${letter.repeat(999)}\n`;
      for (let count = 0; count < 5000; count++) write(line);
      expect(heldBytes()).toBeWithin(BACKLOG_BYTES / 8, BACKLOG_BYTES + 1);
    },
  );

  test("delivers what it held, in order, once the reader is back, though nothing more is written", async () => {
    const { sink, state, delivered, resume } = pipe();
    state.slow = true;
    const write = createBoundedWriter(sink);
    for (const line of ["a\n", "b\n", "c\n"]) write(line);
    resume();
    await until(() => delivered.length === 3, 1000);
    expect(delivered).toEqual(["a\n", "b\n", "c\n"]);
  });

  test("says how many lines it dropped once the reader is back", async () => {
    const { sink, state, delivered, resume } = pipe();
    state.slow = true;
    const write = createBoundedWriter(sink);
    const line = `${"x".repeat(1023)}\n`;
    for (let count = 0; count < 1000; count++) write(line);
    resume();
    const last = await until(() => delivered.find((text) => DROPPED.test(text)), 1000);
    const kept = delivered.filter((text) => text === line).length;
    expect(Number(DROPPED.exec(last)?.[1])).toBe(1000 - kept);
    write("after\n");
    expect(delivered.at(-1)).toBe("after\n");
    expect(delivered.filter((text) => DROPPED.test(text))).toHaveLength(1);
  });

  test("survives a reader that has gone, and is heard again by the next one", () => {
    const { sink, delivered, state } = pipe();
    const write = createBoundedWriter(sink);
    state.broken = true;
    for (let count = 0; count < 3; count++) expect(() => write("lost\n")).not.toThrow();
    state.broken = false;
    write("heard\n");
    expect(delivered).toContain("heard\n");
  });

  test("says how many lines were lost while there was no reader", async () => {
    const { sink, delivered, state } = pipe();
    const write = createBoundedWriter(sink);
    state.broken = true;
    for (let count = 0; count < 3; count++) write("lost\n");
    state.broken = false;
    write("heard\n");
    write("heard again\n");
    const said = await until(() => delivered.find((line) => DROPPED.test(line) || /count=3\n$/.test(line)), 1000);
    expect(said).toContain("count=3");
  });

  test("survives a write that fails late", async () => {
    let unhandled = 0;
    const count = () => unhandled++;
    process.on("unhandledRejection", count);
    const write = createBoundedWriter({ write: () => Promise.reject(new Error("EPIPE")), flush: () => 0 });
    write("a\n");
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", count);
    expect(unhandled).toBe(0);
  });

  test("survives a flush that fails late", async () => {
    let calls = 0;
    const sink: Sink = {
      write: (text) => text.length,
      flush: () => (++calls === 1 ? Promise.reject(new Error("EPIPE")) : 0),
    };
    const write = createBoundedWriter(sink);
    write("a\n");
    await Promise.resolve();
    await until(() => {
      write("b\n");
      return calls > 1;
    }, 1000);
  });
});

const WRITER = join(import.meta.dir, "fixtures/log-writer.ts");

describe("on a real pipe", () => {
  test("a reader that stops costs lines, counted, and what was held comes when it is back", async () => {
    const child = Bun.spawn([process.execPath, WRITER, "20000"], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
      lazy: true,
    });
    const errors = child.stderr.getReader();
    await errors.read(); // it has written all it will, though nobody has read
    const lines: string[] = [];
    let rest = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      const parts = `${rest}${chunk}`.split("\n");
      rest = parts.pop() ?? "";
      lines.push(...parts);
      if (lines.some((line) => line.includes("log lines dropped"))) child.stdin.end();
    }
    expect(await child.exited).toBe(0);
    const kept = lines.filter((line) => line.includes("INFO line")).length;
    const dropped = lines.map((line) => /lines dropped.* count=(\d+)/.exec(line)?.[1]).find(Boolean);
    expect(kept + Number(dropped)).toBe(20_000);
    // In order, with none torn.
    const numbers = lines.flatMap((line) => /INFO line number=(\d+) /.exec(line)?.[1] ?? []).map(Number);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(
      lines.every((line) => /^\S+Z (INFO line number=\d+ text="x{100} "|WARNING log lines dropped.*)$/.test(line)),
    ).toBe(true);
  }, 30_000);

  test("what was held is delivered once the reader is back, though nothing more is written", async () => {
    const child = Bun.spawn([process.execPath, WRITER, "1500"], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
      lazy: true,
    });
    await child.stderr.getReader().read();
    let text = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text.includes(" number=1499 ")) child.stdin.end();
    }
    expect(text.split("\n").filter((line) => line.includes("INFO line"))).toHaveLength(1500);
    expect(await child.exited).toBe(0);
  }, 10_000);

  test("a reader that goes neither ends the writer nor makes it spin", async () => {
    const child = Bun.spawn([process.execPath, WRITER, "20000"], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
      lazy: true,
    });
    const reader = child.stdout.getReader();
    await reader.read();
    await reader.cancel();
    const errors = child.stderr.getReader();
    expect(new TextDecoder().decode((await errors.read()).value)).toBe("written\n");
    expect(child.exitCode).toBeNull();
    child.stdin.end();
    expect(await child.exited).toBe(0);
  }, 30_000);
});
