// argv → exit code. With daemon.ts the only reader of the process's arguments
// and environment, and the only place that exits.

import type { Action } from "./cli/action.ts";
import { decide } from "./cli/decide.ts";
import { type Daemon, startDaemon } from "./daemon/daemon.ts";
import { onEndingSignals } from "./daemon/signals.ts";
import { ListenError } from "./listeners/listen.ts";
import { createComplaints, leadsToJournal } from "./log/journal.ts";
import { createBoundedWriter, createLog } from "./log/log.ts";
import { endingsOver } from "./net/closing-connections.ts";
import { killAllGroups } from "./process/group.ts";
import { codeOf, describeFault } from "./system/errors.ts";
import { raiseDescriptorLimit, resetSignals } from "./system/inherited.ts";

const FINE = 0;
const COULD_NOT = 1;
const USAGE = 2;

const STDOUT = 1;

const complain = createComplaints(process.env["JOURNAL_STREAM"]);

resetSignals();
raiseDescriptorLimit();
await act(await decide(process.argv.slice(2), process.env));

async function act(action: Action): Promise<void> {
  switch (action.kind) {
    case "print":
      for (const caution of action.cautions ?? []) complain.warning(caution);
      await leave((await print(action.text, action.file)) || (action.isWell === false ? COULD_NOT : FINE));
      break;
    case "refuse":
      for (const line of action.lines) complain.error(line);
      complain.error(`Try 'health-checker ${action.command ? `${action.command} ` : ""}--help'.`);
      await leave(USAGE);
      break;
    case "serve":
      await serve(action);
      break;
    case "check":
      await check(action);
      break;
    case "control":
      await control(action);
  }
}

/** What is being closed has its last words first. */
async function leave(exitCode: number): Promise<never> {
  await endingsOver();
  process.exit(exitCode);
}

/** Half a unit or an empty one would be installed: its file is what was asked for. */
async function print(text: string, file?: string): Promise<number> {
  if (file !== undefined) {
    const { writeOutputFile } = await import("./cli/output-file.ts");
    const problem = await writeOutputFile(file, text);
    if (problem === undefined) return FINE;
    complain.error(problem);
    return COULD_NOT;
  }
  try {
    await Bun.write(Bun.stdout, `${text}\n`);
    return FINE;
  } catch (error) {
    const code = codeOf(error);
    // Who reads has seen enough.
    if (code === "EPIPE") return FINE;
    complain.error(`health-checker: cannot write to stdout (${code})`);
    return COULD_NOT;
  }
}

async function control(action: Extract<Action, { kind: "control" }>): Promise<void> {
  const [{ runControlCommand }, { lookOf }] = await Promise.all([
    import("./cli/control/run.ts"),
    import("./cli/terminal.ts"),
  ]);
  try {
    const { out, err, ok } = await runControlCommand(action, lookOf(process.env));
    for (const line of err) complain[ok ? "warning" : "error"](line);
    for (const line of out) console.log(line);
    await leave(ok ? FINE : COULD_NOT);
  } catch (error) {
    complain.error(`health-checker: fault; please report it: ${describeFault(error)}`);
    await leave(COULD_NOT);
  }
}

async function check(action: Extract<Action, { kind: "check" }>): Promise<void> {
  // A daemon has no use for it.
  const { runCheckCommand } = await import("./cli/check/run.ts");
  const survive = (error: unknown) =>
    complain.error(`health-checker: fault; please report it: ${describeFault(error)}`);
  process.on("uncaughtException", survive);
  process.on("unhandledRejection", survive);
  const stop = new AbortController();
  let exitCode = COULD_NOT;
  const release = onEndingSignals({
    first(_signal, code) {
      exitCode = code;
      stop.abort();
    },
    second(_signal, code) {
      killAllGroups();
      process.exit(code);
    },
  });
  try {
    const report = await runCheckCommand(action, { env: process.env, signal: stop.signal });
    if (report && !stop.signal.aborted) {
      // A reader that takes nothing holds up this process whole: a signal must end it then.
      release();
      console.log(report.text);
      if (report.healthy) exitCode = FINE;
    }
  } catch (error) {
    survive(error);
  }
  await leave(exitCode);
}

async function serve({ options, reread }: Extract<Action, { kind: "serve" }>): Promise<void> {
  const format = options.logFormat ?? (leadsToJournal(process.env["JOURNAL_STREAM"], STDOUT) ? "journal" : "text");
  const log = createLog(options.logLevel, createBoundedWriter(Bun.stdout.writer(), format), format);
  const survive = (error: unknown) =>
    log.error("fault in health-checker; please report it", { error: describeFault(error) });
  process.on("uncaughtException", survive);
  process.on("unhandledRejection", survive);
  const { promise: started, resolve: tellStarted } = Promise.withResolvers<Daemon>();
  let daemon: Daemon | undefined;
  onEndingSignals({
    async first(signal) {
      log.info("stopping", { signal });
      // Nobody was sent here by a daemon that has not answered yet.
      const drain = signal === "SIGTERM" && daemon !== undefined;
      try {
        await (await started).stop(drain);
        log.info("stopped");
      } finally {
        await leave(FINE);
      }
    },
    second(_signal, exitCode) {
      if (daemon?.hurry()) return;
      killAllGroups();
      process.exit(exitCode);
    },
    async reload() {
      await (await started).reload();
    },
  });
  try {
    daemon = await startDaemon(options, { log, env: process.env, reread });
    tellStarted(daemon);
  } catch (error) {
    if (error instanceof ListenError) complain.error(`health-checker: ${error.message}`);
    else survive(error);
    process.exit(COULD_NOT);
  }
}
