// A group of processes that, while it is frozen, takes not even SIGKILL: as root, by the first version of cgroups.

import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { until } from "./until.ts";

const FREEZER = "/sys/fs/cgroup/freezer";

export interface Freezer extends AsyncDisposable {
  /** Once the process is frozen. */
  freeze(pid: number): Promise<void>;
  thaw(): void;
}

let made = 0;

export function makeFreezer(): Freezer {
  if (!existsSync(`${FREEZER}/cgroup.procs`)) {
    mkdirSync(FREEZER, { recursive: true });
    const { exitCode, stderr } = Bun.spawnSync(["mount", "-t", "cgroup", "-o", "freezer", "freezer", FREEZER]);
    if (exitCode !== 0) throw new Error(stderr.toString());
  }
  const group = `${FREEZER}/health-checker-${process.pid}-${++made}`;
  mkdirSync(group);
  const become = (state: string) => writeFileSync(`${group}/freezer.state`, state);
  return {
    async freeze(pid) {
      writeFileSync(`${group}/cgroup.procs`, String(pid));
      become("FROZEN");
      await until(() => readFileSync(`${group}/freezer.state`, "utf8") === "FROZEN\n");
    },
    thaw: () => become("THAWED"),
    async [Symbol.asyncDispose]() {
      become("THAWED");
      await until(() => readFileSync(`${group}/cgroup.procs`, "utf8") === "", 30_000, "the group to be empty");
      rmdirSync(group);
    },
  };
}
