// Saves the running groups in a file, so that the next daemon can end them if this one is killed before it can.
//
// Each daemon has its own file in the folder and holds a lock on it as long as it lives: if a file can be locked, its daemon
// is gone. Only what is surely a script of that daemon is killed: it is of the same boot and has the saved group and session.
// Also, its group is led by the process that was started (with the same pid and start time; while that process exists, no
// other can have its pid), or, if the leader has ended, a process of the group has the id of that run in its environment.

import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Log } from "../log/log.ts";
import { describeFileError, FileProblem } from "../system/errors.ts";
import { isRecord } from "../system/json.ts";
import { errno, errnoName, type Libc, LOCK_EX, LOCK_NB, libc, SIGKILL } from "../system/libc.ts";
import { saveGroupsBy } from "./group.ts";

export interface SavedGroups {
  /** Removes the file, unless a group still runs. */
  close(): void;
}

export interface SavedGroupsOptions {
  readonly directory: string;
  readonly log: Pick<Log, "warning">;
  /** The kernel's id of this boot. */
  readonly boot: string;
}

/** The variable with the id of the run, in the environment of each script while groups are saved. */
const RUN_VARIABLE = "HEALTH_CHECKER_RUN";

const VERSION = 1;

/** It contains the daemon's PID namespace, pid and start time. */
const FILE_NAME = /^running-scripts-\d+-\d+-\d+$/;

/** One line for each group: its number, the start time of its leader and the id of the run; blank if it has ended. */
const SLOT_BYTES = 64;

/** If more groups run at once, the others are not saved. */
const MAX_SLOTS = 4096;

const MAX_FILE_BYTES = 2 * MAX_SLOTS * SLOT_BYTES;

/** More than one pass, since a process may fork while the first one kills the group. */
const MAX_PASSES = 4;

interface Header {
  readonly version: number;
  readonly boot: string;
  readonly id: string;
}

interface SavedGroup {
  readonly group: number;
  readonly startedAt: string;
  readonly run: string;
}

/**
 * Ends the groups that previous daemons left running, then saves those that start from now on. Undefined if that is not
 * possible, which is logged. If something was left, it blocks while it reads all processes.
 */
export function openSavedGroups(options: SavedGroupsOptions): SavedGroups | undefined {
  if (!libc) return undefined;
  try {
    endLeftGroups(libc, options);
    return saveGroups(libc, options);
  } catch (error) {
    const cause = `${options.directory}: ${describeFileError(error)}`;
    options.log.warning("cannot save running scripts; they would outlive a killed daemon", { cause });
    return undefined;
  }
}

function saveGroups(system: Libc, { directory, boot, log }: SavedGroupsOptions): SavedGroups {
  const id = `${ownPidNamespace()}-${process.pid}-${statOf(process.pid)?.startedAt ?? 0}`;
  const path = join(directory, `running-scripts-${id}`);
  // It gets its name once it is locked: before, another daemon would believe that its daemon is gone.
  const temporary = `${path}.new`;
  const header = `${JSON.stringify({ version: VERSION, boot, id } satisfies Header)}\n`;
  remove(temporary);
  const fd = openSync(temporary, "wx+", 0o600);
  try {
    if (system.flock(fd, LOCK_EX | LOCK_NB) !== 0) throw new FileProblem(`it cannot be locked (${errnoName(errno())})`);
    writeSync(fd, header);
    renameSync(temporary, path);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  const free: number[] = [];
  let slots = 0;
  let runs = 0;
  let hasFailed = false;
  let isClosed = false;

  const write = (slot: number, text: string) => {
    if (isClosed) return;
    try {
      writeSync(fd, `${text.padEnd(SLOT_BYTES - 1)}\n`, header.length + slot * SLOT_BYTES);
    } catch (error) {
      if (!hasFailed) log.warning("running script not saved", { cause: `${path}: ${describeFileError(error)}` });
      hasFailed = true;
    }
  };

  saveGroupsBy({
    nextRun: () => ({ [RUN_VARIABLE]: `${id}-${++runs}` }),
    started(pid) {
      const { startedAt } = statOf(pid) ?? {};
      const slot = free.pop() ?? slots++;
      if (startedAt === undefined || slot >= MAX_SLOTS) return () => void free.push(slot);
      write(slot, `${pid} ${startedAt} ${id}-${runs}`);
      return () => {
        write(slot, "");
        free.push(slot);
      };
    },
  });

  return {
    close() {
      saveGroupsBy(undefined);
      isClosed = true;
      if (free.length === slots) remove(path);
      closeSync(fd);
    },
  };
}

function endLeftGroups(system: Libc, { directory, boot, log }: SavedGroupsOptions): void {
  for (const name of readdirSync(directory)) {
    if (!FILE_NAME.test(name)) continue;
    const path = join(directory, name);
    try {
      withLock(system, path, (text) => {
        for (const saved of readGroups(text, name, boot)) endGroup(system, saved, log);
        unlinkSync(path);
      });
    } catch (error) {
      log.warning("cannot look for scripts of a previous daemon", {
        cause: `${path}: ${describeFileError(error)}`,
      });
    }
  }
}

/** Calls `use` with the content of the file unless its daemon is alive. Throws if the file cannot be read or trusted. */
function withLock(system: Libc, path: string, use: (text: string) => void): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    const user = process.geteuid?.();
    if (!stat.isFile()) throw new FileProblem("it is not a regular file");
    if (stat.uid !== user && stat.uid !== 0) throw new FileProblem(`it belongs to user ${stat.uid}`);
    if (stat.size > MAX_FILE_BYTES) throw new FileProblem("it is too large");
    if (system.flock(fd, LOCK_EX | LOCK_NB) === 0) use(readFileSync(fd, "latin1"));
  } finally {
    closeSync(fd);
  }
}

/** None if the file is of another boot or PID namespace, where the pids belong to other processes. */
function readGroups(text: string, name: string, boot: string): readonly SavedGroup[] {
  const [first = "", ...lines] = text.split("\n");
  const header = readHeader(first);
  if (header?.version !== VERSION || header.boot !== boot || header.id === undefined) return [];
  if (name !== `running-scripts-${header.id}`) return [];
  const [pidNamespace, pid, startedAt] = header.id.split("-");
  if (pidNamespace !== ownPidNamespace() || statOf(Number(pid))?.startedAt === startedAt) return [];
  return lines.flatMap((line) => {
    const [, group, leaderStartedAt = "", run = ""] = /^(\d+) (\d+) (\S+) *$/.exec(line) ?? [];
    return Number(group) > 1 && run.startsWith(`${header.id}-`)
      ? [{ group: Number(group), startedAt: leaderStartedAt, run }]
      : [];
  });
}

function readHeader(line: string): Partial<Header> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function endGroup(system: Libc, saved: SavedGroup, log: SavedGroupsOptions["log"]): void {
  // A killed process may still be listed in the next pass.
  const signalled = new Set<number>();
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const before = signalled.size;
    for (const pid of killMembers(system, saved)) signalled.add(pid);
    if (signalled.size === before) break;
  }
  if (signalled.size === 0) return;
  const fields = { group: saved.group, processes: signalled.size };
  log.warning("killed a script left running by a previous daemon", fields);
}

const PIDFD_OPEN = 434;
const PIDFD_SEND_SIGNAL = 424;

/**
 * Kills the processes of the group and returns their pids. A pidfd refers to one process for ever. Each process is a member
 * before and after the check that the group is ours, so the group cannot have been replaced meanwhile. Linux before 5.3 has
 * no pidfd; the time is too short there for the kernel to assign the pid again.
 */
function killMembers(system: Libc, saved: SavedGroup): readonly number[] {
  const held = processes()
    .map((pid) => ({ pid, fd: -1 }))
    .filter(({ pid }) => isMember(pid, saved.group));
  try {
    for (const one of held) one.fd = Number(system.syscall(PIDFD_OPEN, one.pid, 0, 0, 0));
    const members = held.filter(({ pid }) => isMember(pid, saved.group));
    if (!isSavedGroup(saved, members)) return [];
    return members
      .filter(
        ({ pid, fd }) =>
          isMember(pid, saved.group) &&
          (fd < 0 ? system.kill(pid, SIGKILL) : Number(system.syscall(PIDFD_SEND_SIGNAL, fd, SIGKILL, 0, 0))) === 0,
      )
      .map(({ pid }) => pid);
  } finally {
    for (const { fd } of held) if (fd >= 0) system.close(fd);
  }
}

/** Whether the group is the one that was saved. While one of its processes is alive, no other group can have its number. */
function isSavedGroup({ group, startedAt, run }: SavedGroup, members: readonly { readonly pid: number }[]): boolean {
  const leader = statOf(group);
  if (leader) return leader.startedAt === startedAt;
  return members.some(({ pid }) => hasRun(pid, run));
}

function hasRun(pid: number, run: string): boolean {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, "latin1")}`.includes(`\0${RUN_VARIABLE}=${run}\0`);
  } catch {
    return false; // it has ended, or belongs to another user
  }
}

const processes = (): readonly number[] => readdirSync("/proc").map(Number).filter(Number.isInteger);

/** Whether it is alive, and in the group and in the session of that number. */
function isMember(pid: number, group: number): boolean {
  const stat = statOf(pid);
  return stat !== undefined && stat.group === group && stat.session === group && !"ZX".includes(stat.state);
}

interface Stat {
  readonly state: string;
  readonly group: number;
  readonly session: number;
  /** In ticks since the boot; together with the pid it identifies a process. */
  readonly startedAt: string;
}

/** Undefined if there is no such process. */
function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name in parentheses may contain anything.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const [state = "", , group, session] = fields;
    return { state, group: Number(group), session: Number(session), startedAt: fields[19] ?? "" };
  } catch {
    return undefined;
  }
}

/** The number of this process's PID namespace. */
const ownPidNamespace = (): string => /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "0";

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The next daemon removes it.
  }
}
