// An event is one line, whatever its values hold. A reader that is slow, stuck or gone loses lines, which are counted, and
// does not affect the daemon.

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import {
  BACKLOG_BYTES,
  createBoundedWriter,
  createLog,
  LOG_FORMATS,
  LONGEST_FIELDS_BYTES,
  type LogFields,
  type LogFormat,
  type LogLevel,
  type Sink,
} from "../../src/log/log.ts";
import * as fc from "../support/properties.ts";
import { until } from "../support/until.ts";

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
  [{ a: "\u202egnp\u2066\ufeff\u200f\u061c" }, ' a="\\u202egnp\\u2066\\ufeff\\u200f\\u061c"'],
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

/** The lines of a log in the format, times replaced. */
function written(format: LogFormat, write: (log: ReturnType<typeof createLog>) => void): readonly string[] {
  const lines: string[] = [];
  write(createLog("debug", (line) => lines.push(line), format));
  return lines.map((line) => line.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/, "TIME"));
}

test("for the journal a line has its priority and no time", () => {
  expect(written("journal", all)).toEqual(["<3>an error\n", "<4>a warning\n", "<6>some news\n", "<7>a detail\n"]);
  expect(written("journal", (log) => log.info("news", { a: 1, b: "<0>x\n<0>y" }))).toEqual([
    '<6>news a=1 b="<0>x\\n<0>y"\n',
  ]);
});

test("as JSON a line is an object: time, level, message, then the fields", () => {
  expect(written("json", all)).toEqual([
    '{"time":"TIME","level":"error","message":"an error"}\n',
    '{"time":"TIME","level":"warning","message":"a warning"}\n',
    '{"time":"TIME","level":"info","message":"some news"}\n',
    '{"time":"TIME","level":"debug","message":"a detail"}\n',
  ]);
});

test.each<[LogFields, string]>([
  [{ a: 1, b: true, c: -0.5, "down-for": "3s" }, '"a":1,"b":true,"c":-0.5,"down-for":"3s"'],
  [{ a: undefined, b: 1 }, '"b":1'],
  [{ a: "one\ntwo", b: "\u001b\u007f\u2028\u202e" }, '"a":"one\\ntwo","b":"\\u001b\\u007f\\u2028\\u202e"'],
  [{ a: Number.NaN, b: Number.POSITIVE_INFINITY }, '"a":"NaN","b":"Infinity"'],
  [{ ["__proto__"]: "x", 'a"b': "y" }, '"__proto__":"x","a\\"b":"y"'],
])("as JSON the fields %j are written %s", (fields, members) => {
  expect(written("json", (log) => log.info("news", fields))).toEqual([
    `{"time":"TIME","level":"info","message":"news",${members}}\n`,
  ]);
});

const fieldNames = fc.oneof(
  fc.constantFrom("detail", "__proto__", "check", "a b"),
  fc.string({ unit: "binary" }).filter((name) => !["time", "level", "message"].includes(name)),
);
const fieldValues = fc.oneof(fc.string({ unit: "binary" }), fc.double(), fc.boolean());

test("as JSON no field is lost, replaces another or breaks the line", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(fieldNames, fieldValues), { selector: ([name]) => name }), (entries) => {
      const [line = ""] = written("json", (log) => log.info("news", Object.fromEntries(entries)));
      expect(line.slice(0, -1)).not.toMatch(/\p{Cc}|[\u2028-\u202e]/u);
      const members: Readonly<Record<string, unknown>> = JSON.parse(line);
      expect(members).toMatchObject({ time: "TIME", level: "info", message: "news" });
      expect(Object.keys(members)).toHaveLength(3 + entries.length);
      for (const [name, value] of entries) {
        const isJson = typeof value !== "number" || Number.isFinite(value);
        expect(members[name]).toEqual(isJson ? (Object.is(value, -0) ? 0 : value) : String(value));
      }
    }),
    { numRuns: 1000 },
  );
});

describe.each([...LOG_FORMATS])("in the format %s", (format) => {
  test("a line is never longer than the journal takes, and a cut value ends in an ellipsis", () => {
    const long = { check: "it", url: "\u0000".repeat(70_000), output: "漢".repeat(70_000), last: 1 };
    const [line = ""] = written(format, (log) => log.warning("news", long));
    expect(Buffer.byteLength(line)).toBeWithin(LONGEST_FIELDS_BYTES / 2, 48 * 1024);
    expect(line.endsWith("\n")).toBe(true);
    expect(line).toContain("…");
    if (format === "json") expect(JSON.parse(line)).toMatchObject({ check: "it" });
  });

  test("the count of dropped lines is logged in that format", async () => {
    const { sink, state, delivered, resume } = pipe();
    state.slow = true;
    const log = createLog("info", createBoundedWriter(sink, format), format);
    for (let number = 0; number < 1000; number++) log.info("line", { text: "x".repeat(1000) });
    resume();
    await until(() => delivered.some((line) => line.includes("dropped")));
    const kept = delivered.filter((line) => !line.includes("dropped"));
    const message = "log lines dropped";
    const count = 1000 - kept.length;
    const line = delivered.at(-1)?.replace(/\d{4}-\S+?Z/, "TIME");
    expect(line).toBe(
      {
        text: `TIME WARNING ${message} count=${count}\n`,
        json: `{"time":"TIME","level":"warning","message":"${message}","count":${count}}\n`,
        journal: `<4>${message} count=${count}\n`,
      }[format],
    );
    expect(new Set(kept.map((line) => line.length)).size).toBe(1); // none is torn
  });
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

const DROPPED = /^\S+ WARNING log lines dropped count=(\d+)\n$/;

describe("the bounded writer", () => {
  test("passes each line on at once if the reader keeps up", () => {
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

  test("delivers the held lines, in order, once the reader is back, without another write", async () => {
    const { sink, state, delivered, resume } = pipe();
    state.slow = true;
    const write = createBoundedWriter(sink);
    for (const line of ["a\n", "b\n", "c\n"]) write(line);
    resume();
    await until(() => delivered.length === 3);
    expect(delivered).toEqual(["a\n", "b\n", "c\n"]);
  });

  test("says how many lines it dropped once the reader is back", async () => {
    const { sink, state, delivered, resume } = pipe();
    state.slow = true;
    let dropped = 0;
    const write = createBoundedWriter(sink, "text", () => dropped++);
    const line = `${"x".repeat(1023)}\n`;
    for (let count = 0; count < 1000; count++) write(line);
    resume();
    const last = await until(() => delivered.find((text) => DROPPED.test(text)));
    const kept = delivered.filter((text) => text === line).length;
    expect(Number(DROPPED.exec(last)?.[1])).toBe(1000 - kept);
    expect(dropped).toBe(1000 - kept);
    write("after\n");
    expect(delivered.at(-1)).toBe("after\n");
    expect(delivered.filter((text) => DROPPED.test(text))).toHaveLength(1);
  });

  test("survives a reader that has gone, and reaches the next one", () => {
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
    const line = await until(() => delivered.find((line) => DROPPED.test(line) || /count=3\n$/.test(line)));
    expect(line).toContain("count=3");
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

const WRITER = join(import.meta.dir, "../fixtures/log-writer.ts");

describe("on a real pipe", () => {
  test("a reader that stops loses lines, which are counted, and gets the held ones when it is back", async () => {
    const child = Bun.spawn([process.execPath, WRITER, "20000"], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
      lazy: true,
    });
    const errors = child.stderr.getReader();
    await errors.read(); // it has written everything before anything is read
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
    // In order, and each line is whole.
    const numbers = lines.flatMap((line) => /INFO line number=(\d+) /.exec(line)?.[1] ?? []).map(Number);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(
      lines.every((line) => /^\S+Z (INFO line number=\d+ text="x{100} "|WARNING log lines dropped.*)$/.test(line)),
    ).toBe(true);
  }, 30_000);

  test("held lines are delivered once the reader is back, without another write", async () => {
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

  test("a reader that goes away neither ends the writer nor makes it spin", async () => {
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
