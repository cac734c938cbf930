// The groups that run, in a file, so that the next daemon ends them if this one is killed before it can.
//
// Each daemon has a file of its own in the folder, and holds a lock on it for as long as it lives: a file that can be
// locked was left by a daemon that is gone. What is signalled then is surely a script of that daemon: of the same boot,
// with the group and session that were saved, and either led by the process that was started (its number and its start
// time are the same, and while it is there no other process can have its number), or, where the leader has ended, with the
// id of that run in the environment of a process of the group. All else is left alone.

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
  /** The id of this boot. */
  readonly boot: string;
}

/** In the environment of each program, where groups are saved. */
const RUN_VARIABLE = "HEALTH_CHECKER_RUN";

const VERSION = 1;

/** The namespace, number and start time of the daemon that it is of. */
const FILE_NAME = /^running-scripts-\d+-\d+-\d+$/;

/** One group, or blanks where it has ended: its number, the start time of its leader, and the number of the run. */
const SLOT_BYTES = 64;

/** What runs beyond so many at once is not saved. */
const MOST_SLOTS = 4096;

const LARGEST_BYTES = 2 * MOST_SLOTS * SLOT_BYTES;

/** A process that was about to fork when the first signal came has one more child at the most. */
const PASSES = 4;

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
 * First ends what daemons that are gone have left in the folder; then saves what is started from now on. Undefined
 * where that cannot be, which is in the log. Blocks for a look at all processes where something was left.
 */
export function openSavedGroups(options: SavedGroupsOptions): SavedGroups | undefined {
  if (!libc) return undefined;
  try {
    endLeftGroups(libc, options);
    return saveGroups(libc, options);
  } catch (error) {
    const because = `${options.directory}: ${describeFileError(error)}`;
    options.log.warning("running scripts are not saved; if the daemon is killed, they run on", { because });
    return undefined;
  }
}

function saveGroups(system: Libc, { directory, boot, log }: SavedGroupsOptions): SavedGroups {
  const id = `${namespace()}-${process.pid}-${statOf(process.pid)?.startedAt ?? 0}`;
  const path = join(directory, `running-scripts-${id}`);
  // Under its own name only once it is locked: until then another daemon would take it for one that was left.
  const beside = `${path}.new`;
  const header = `${JSON.stringify({ version: VERSION, boot, id } satisfies Header)}\n`;
  remove(beside);
  const fd = openSync(beside, "wx+", 0o600);
  try {
    if (system.flock(fd, LOCK_EX | LOCK_NB) !== 0) throw new FileProblem(`it cannot be locked (${errnoName(errno())})`);
    writeSync(fd, header);
    renameSync(beside, path);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  const free: number[] = [];
  let slots = 0;
  let runs = 0;
  let isFaulty = false;
  let isClosed = false;

  const write = (slot: number, text: string) => {
    if (isClosed) return;
    try {
      writeSync(fd, `${text.padEnd(SLOT_BYTES - 1)}\n`, header.length + slot * SLOT_BYTES);
    } catch (error) {
      if (!isFaulty) log.warning("a running script is not saved", { because: `${path}: ${describeFileError(error)}` });
      isFaulty = true;
    }
  };

  saveGroupsBy({
    nextRun: () => ({ [RUN_VARIABLE]: `${id}-${++runs}` }),
    started(pid) {
      const { startedAt } = statOf(pid) ?? {};
      const slot = free.pop() ?? slots++;
      if (startedAt === undefined || slot >= MOST_SLOTS) return () => void free.push(slot);
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
      log.warning("scripts of a previous daemon cannot be looked for", {
        because: `${path}: ${describeFileError(error)}`,
      });
    }
  }
}

/** Calls `use` with what is in the file unless its daemon lives. Throws what the system says, or what is wrong with the file. */
function withLock(system: Libc, path: string, use: (text: string) => void): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    const us = process.geteuid?.();
    if (!stat.isFile()) throw new FileProblem("it is not a regular file");
    if (stat.uid !== us && stat.uid !== 0) throw new FileProblem(`it belongs to user ${stat.uid}`);
    if (stat.size > LARGEST_BYTES) throw new FileProblem("it is too large");
    if (system.flock(fd, LOCK_EX | LOCK_NB) === 0) use(readFileSync(fd, "latin1"));
  } finally {
    closeSync(fd);
  }
}

/** None where they are of another boot, or of another namespace, in which their numbers are those of other processes. */
function readGroups(text: string, name: string, boot: string): readonly SavedGroup[] {
  const [first = "", ...lines] = text.split("\n");
  const header = readHeader(first);
  if (header?.version !== VERSION || header.boot !== boot || header.id === undefined) return [];
  if (name !== `running-scripts-${header.id}`) return [];
  const [space, pid, startedAt] = header.id.split("-");
  if (space !== namespace() || statOf(Number(pid))?.startedAt === startedAt) return [];
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
  // One that was signalled may be there for a while yet.
  const signalled = new Set<number>();
  for (let pass = 0; pass < PASSES; pass++) {
    const before = signalled.size;
    for (const pid of killMembers(system, saved)) signalled.add(pid);
    if (signalled.size === before) break;
  }
  if (signalled.size === 0) return;
  const fields = { group: saved.group, processes: signalled.size };
  log.warning("killed a script that a previous daemon had left running", fields);
}

const PIDFD_OPEN = 434;
const PIDFD_SEND_SIGNAL = 424;

/**
 * The ones that were signalled. Each is held by a descriptor, which stays with that one process, and is of the group before
 * and after the look at whose group it is: so the group was the same one all the while. Before Linux 5.3 there are no
 * such descriptors; its number then has no time to be given away.
 */
function killMembers(system: Libc, saved: SavedGroup): readonly number[] {
  const held = processes()
    .map((pid) => ({ pid, fd: -1 }))
    .filter(({ pid }) => isMember(pid, saved.group));
  try {
    for (const one of held) one.fd = Number(system.syscall(PIDFD_OPEN, one.pid, 0, 0, 0));
    const members = held.filter(({ pid }) => isMember(pid, saved.group));
    if (!isOurs(saved, members)) return [];
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

/** Whether the group is the one that was saved; while one of its processes lives, no other can have its number. */
function isOurs({ group, startedAt, run }: SavedGroup, members: readonly { readonly pid: number }[]): boolean {
  const leader = statOf(group);
  if (leader) return leader.startedAt === startedAt;
  return members.some(({ pid }) => hasRun(pid, run));
}

function hasRun(pid: number, run: string): boolean {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, "latin1")}`.includes(`\0${RUN_VARIABLE}=${run}\0`);
  } catch {
    return false; // gone, or another user's
  }
}

const processes = (): readonly number[] => readdirSync("/proc").map(Number).filter(Number.isInteger);

/** Alive, and of the group and of the session of the same number. */
function isMember(pid: number, group: number): boolean {
  const stat = statOf(pid);
  return stat !== undefined && stat.group === group && stat.session === group && !"ZX".includes(stat.state);
}

interface Stat {
  readonly state: string;
  readonly group: number;
  readonly session: number;
  /** In ticks since the boot; with the number it names one process of a boot. */
  readonly startedAt: string;
}

/** Undefined where there is no such process. */
function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name in parentheses may hold anything.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const [state = "", , group, session] = fields;
    return { state, group: Number(group), session: Number(session), startedAt: fields[19] ?? "" };
  } catch {
    return undefined;
  }
}

/** The number of the PID namespace that this process is in. */
const namespace = (): string => /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "0";

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The next daemon removes it.
  }
}
