// What a release is made from: the commit, and the one date that everything in it has, so that the same sources give the
// same bytes. SOURCE_DATE_EPOCH (seconds, https://reproducible-builds.org/specs/source-date-epoch/) is preferred to the
// date of the commit.

import { existsSync } from "node:fs";
import { join } from "node:path";

export interface BuildInfo {
  /** Undefined where the sources came without git. */
  readonly commit: string | undefined;
  readonly date: Date | undefined;
}

const ROOT = join(import.meta.dir, "..");

export function buildInfo(epoch = process.env["SOURCE_DATE_EPOCH"]): BuildInfo {
  const [commit, seconds] = git("log", "-1", "--format=%H %ct")?.split(" ") ?? [];
  const isDirty = commit !== undefined && git("status", "--porcelain") !== "";
  return { commit: commit && `${commit}${isDirty ? "-dirty" : ""}`, date: dateOf(epoch || seconds) };
}

function dateOf(seconds: string | undefined): Date | undefined {
  if (seconds === undefined) return undefined;
  if (!/^\d{1,10}$/.test(seconds))
    throw new Error(`SOURCE_DATE_EPOCH: expected seconds, got ${JSON.stringify(seconds)}`);
  return new Date(Number(seconds) * 1000);
}

/** Undefined where git is not to be had, or does not answer for this folder. */
function git(...words: readonly string[]): string | undefined {
  if (!existsSync(join(ROOT, ".git")) || !Bun.which("git")) return undefined;
  const { success, stdout } = Bun.spawnSync(["git", "-C", ROOT, ...words], { stdout: "pipe", stderr: "ignore" });
  return success ? stdout.toString().trim() : undefined;
}
