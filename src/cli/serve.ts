// The daemon's command line: starts the daemon, and stops it on signals.

import type { Options } from "../config/load.ts";
import { OPTIONS } from "../config/options.ts";
import { type Daemon, startDaemon } from "../daemon/daemon.ts";
import type { LoadAgain } from "../daemon/reload.ts";
import { endAtOnce, onEndingSignals } from "../daemon/signals.ts";
import { ListenError } from "../listeners/listen.ts";
import { leadsToJournal } from "../log/journal.ts";
import { createBoundedWriter, createLog } from "../log/log.ts";
import { describeFault } from "../system/errors.ts";
import { versionText } from "../text/version.ts";
import type { CommandInput } from "./command.ts";
import { DONE, FAILED, print } from "./io.ts";
import { loadAgain, loadOptionsFor, refuseOptions } from "./load-options.ts";
import { isOn, parse } from "./parse.ts";

const STDOUT = 1;

type Context = Pick<CommandInput, "env" | "io">;

/** A daemon that has started. */
export interface Running {
  /** Resolves with the exit status. */
  readonly ended: Promise<number>;
}

/** Resolves with the exit status if it starts no daemon. */
export async function serve(argv: readonly string[], { env, io }: Context): Promise<number | Running> {
  const parsed = await parse(argv, { options: OPTIONS, commands: loadNames });
  if (isOn(parsed, "help")) {
    const [{ COMMANDS }, { renderHelp }] = await Promise.all([import("./commands.ts"), import("./help.ts")]);
    return print(io, renderHelp(COMMANDS));
  }
  if (isOn(parsed, "version")) return print(io, versionText());
  const options = await loadOptionsFor(parsed, env, undefined, true);
  if (!("listener" in options)) return refuseOptions(io, options, parsed);
  return start(options, () => loadAgain(parsed, env), { env, io });
}

async function loadNames() {
  const [{ COMMANDS }, { namesOf }] = await Promise.all([import("./commands.ts"), import("./command.ts")]);
  return namesOf(COMMANDS);
}

async function start(options: Options, loadAgain: LoadAgain, { env, io }: Context): Promise<number | Running> {
  const format = options.logFormat ?? (leadsToJournal(env["JOURNAL_STREAM"], STDOUT) ? "journal" : "text");
  let droppedLines = 0;
  const write = createBoundedWriter(Bun.stdout.writer(), format, () => {
    droppedLines++;
  });
  const log = createLog(options.logLevel, write, format);
  const survive = (error: unknown) => log.error("internal error; please report it", { error: describeFault(error) });
  process.on("uncaughtException", survive);
  process.on("unhandledRejection", survive);
  const { promise: started, resolve: onStarted } = Promise.withResolvers<Daemon>();
  const { promise: ended, resolve: onEnded } = Promise.withResolvers<number>();
  let daemon: Daemon | undefined;
  onEndingSignals({
    async first(signal) {
      log.info("stopping", { signal });
      // No load balancer sends requests to a daemon that has not answered yet.
      const drains = signal === "SIGTERM" && daemon !== undefined;
      try {
        await (await started).stop(drains);
        log.info("stopped");
      } finally {
        onEnded(DONE);
      }
    },
    second(_signal, exitCode) {
      if (!daemon?.skipDrainDelay()) endAtOnce(exitCode);
    },
    async reload() {
      await (await started).reload();
    },
  });
  try {
    daemon = await startDaemon(options, { log, env, loadAgain, droppedLines: () => droppedLines });
    onStarted(daemon);
    return { ended };
  } catch (error) {
    if (error instanceof ListenError) io.error(`health-checker: ${error.message}`);
    else survive(error);
    return FAILED;
  }
}
