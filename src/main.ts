// argv → exit code. With daemon.ts the only reader of the process's arguments
// and environment, and the only place that exits.

import type { Action } from "./cli/action.ts";
import { decide } from "./cli/decide.ts";
import type { Options } from "./config/load.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { ListenError } from "./http/listen.ts";
import { createBoundedWriter, createLog } from "./log.ts";
import { killAllGroups } from "./probing/processes/group.ts";
import { onEndingSignals } from "./signals.ts";

const FINE = 0;
const COULD_NOT = 1;
const USAGE = 2;

await act(await decide(process.argv.slice(2), process.env));

async function act(action: Action): Promise<void> {
  switch (action.kind) {
    case "print":
      for (const caution of action.cautions ?? []) console.error(caution);
      console.log(action.text);
      process.exit(FINE);
      break;
    case "refuse":
      for (const line of action.lines) console.error(line);
      console.error("Try 'health-checker --help'.");
      process.exit(USAGE);
      break;
    case "serve":
      await serve(action.options);
  }
}

async function serve(options: Options): Promise<void> {
  const log = createLog(options.logLevel, createBoundedWriter(Bun.stdout.writer()));
  const survive = (error: unknown) =>
    log.error("fault in health-checker; please report it", {
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  process.on("uncaughtException", survive);
  process.on("unhandledRejection", survive);
  const { promise: started, resolve: tellStarted } = Promise.withResolvers<Daemon>();
  onEndingSignals({
    async first(signal) {
      log.info("stopping", { signal });
      try {
        await (await started).stop();
        log.info("stopped");
      } finally {
        process.exit(FINE);
      }
    },
    second(_signal, exitCode) {
      killAllGroups();
      process.exit(exitCode);
    },
  });
  try {
    tellStarted(await startDaemon(options, { log, env: process.env }));
  } catch (error) {
    if (error instanceof ListenError) console.error(`health-checker: ${error.message}`);
    else survive(error);
    process.exit(COULD_NOT);
  }
}
