// An interactive shell on a terminal of its own, for what it does while one types. What it runs prints to the same
// terminal.

import { until } from "./until.ts";

export interface Keyboard extends AsyncDisposable {
  /** Types the keys, then Return. Resolves with what was printed by then, once `mark` was printed after them. */
  type(keys: string, mark: RegExp): Promise<RegExpExecArray>;
}

/** `command` is an interactive shell; it gets all of its environment from `env`. */
export function openKeyboard(
  command: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Keyboard {
  let printed = "";
  const decoder = new TextDecoder();
  const shell = Bun.spawn([...command], {
    cwd,
    env: { ...env },
    terminal: {
      cols: 200,
      rows: 50,
      data(_terminal, data) {
        printed += decoder.decode(data, { stream: true });
      },
    },
  });
  return {
    async type(keys, mark) {
      printed = "";
      shell.terminal?.write(`${keys}\r`);
      return until(() => mark.exec(printed) ?? undefined, 20_000, `${mark} after ${JSON.stringify(keys)}`).catch(
        (error) => {
          throw new Error(`${error.message}; it printed: ${JSON.stringify(printed)}`);
        },
      );
    },
    async [Symbol.asyncDispose]() {
      shell.kill("SIGKILL");
      await shell.exited;
      shell.terminal?.close();
    },
  };
}
