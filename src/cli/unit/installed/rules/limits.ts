// Finds limits of the installed unit that are below what the checks may take.

import { listFirstTwo } from "../../../../text/list.ts";
import { type Rule, scriptsOf } from "../difference.ts";
import { amountOf, settingOf } from "../values.ts";

const MIB = 1024 * 1024;

/** The daemon's own process aborts with less than 300. */
const PROCESS_MIB = 512;

export const limits: Rule = (unit, { limits: { tasks, descriptors, memoryMiB }, needs }) => {
  const by = needs.scripts.length === 0 ? "these checks" : `these checks and ${listFirstTwo(scriptsOf(needs))}`;
  const atLeast = (directive: string, needed: string, count: number) => {
    const found = settingOf(unit, directive);
    // In SOFT:HARD the second counts: the runtime raises its limit to that.
    const amount = found && amountOf(found.text.split(":").at(-1) ?? "");
    if (!found || amount === undefined || amount >= count) return [];
    return [{ directive, needed: `at least ${needed}`, installed: found.shown, by }];
  };
  const cpu = settingOf(unit, "LimitCPU");
  return [
    ...atLeast("TasksMax", String(tasks), tasks),
    ...atLeast("LimitNPROC", String(tasks), tasks),
    ...atLeast("LimitNOFILE", String(descriptors), descriptors),
    ...atLeast("MemoryMax", `${memoryMiB}M`, memoryMiB * MIB),
    // Above MemoryHigh= systemd only slows the service down.
    ...atLeast("MemoryHigh", `${memoryMiB / 2}M`, (memoryMiB / 2) * MIB),
    ...atLeast("LimitDATA", `${PROCESS_MIB}M`, PROCESS_MIB * MIB),
    ...atLeast("LimitAS", `${PROCESS_MIB}M`, PROCESS_MIB * MIB),
    ...(cpu === undefined || cpu.text === "infinity"
      ? []
      : [{ directive: "LimitCPU", needed: "infinity", installed: cpu.shown, by: "the daemon, which never ends" }]),
  ];
};
