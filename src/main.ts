// argv → exit status. Only this file reads the process's arguments and environment, and only this file and signals.ts
// end the process.

import { FAILED, processIo } from "./cli/io.ts";
import { run } from "./cli/run.ts";
import { connectionsClosed } from "./net/closing-connections.ts";
import { describeFault } from "./system/errors.ts";
import { raiseDescriptorLimit, resetSignals } from "./system/inherited.ts";

resetSignals();
raiseDescriptorLimit();
const io = processIo(process.env);

try {
  const result = await run(process.argv.slice(2), { env: process.env, io });
  if (typeof result === "number") await exit(result);
  else void result.ended.then(exit);
} catch (error) {
  io.error(`health-checker: internal error; please report it: ${describeFault(error)}`);
  await exit(FAILED);
}

/** Waits until the connections that are being closed have ended. */
async function exit(status: number): Promise<never> {
  await connectionsClosed();
  process.exit(status);
}
