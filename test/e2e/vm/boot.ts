// Boots a root under qemu, with one more disk that holds what is to be tried, and reads what
// is said on the second serial line. Nothing of this host is written to, and there is no network.

import { join } from "node:path";
import { type Child, startChild } from "../../support/child.ts";
import type { Root } from "./root.ts";

export interface Guest extends AsyncDisposable {
  /** Whole lines of its second serial line, so far. */
  readonly said: readonly string[];
  hasEnded(): boolean;
  /** The end of what the kernel and systemd wrote, and of what qemu complained about. */
  console(): Promise<string>;
}

/** What qemu emulates: one that lacks what is newer than 2008, such as AVX2, or one that has all that it can. */
export type Processor = "Nehalem" | "max";

/** `payload` is a folder; the guest finds it at /dev/vdb. `folder` is for files of the guest's own. */
export async function boot(root: Root, payload: string, folder: string, processor: Processor): Promise<Guest> {
  const disk = join(folder, "payload.img");
  await using mke2fs = startChild([
    "mke2fs",
    "-q",
    "-t",
    "ext4",
    "-O",
    "^has_journal",
    "-m",
    "0",
    "-d",
    payload,
    disk,
    "1G",
  ]);
  if ((await mke2fs.exited) !== 0) throw new Error(`mke2fs failed: ${mke2fs.err.join("\n")}`);

  const log = join(folder, "console.log");
  const qemu: Child = startChild([
    "qemu-system-x86_64",
    // KVM where it is offered is not always one that works: in a nested one this kernel does not boot.
    ...["-accel", "tcg,thread=multi", "-cpu", processor, "-smp", "2", "-m", "1024"],
    ...["-display", "none", "-monitor", "none", "-no-reboot", "-net", "none"],
    ...["-kernel", root.kernel, "-initrd", root.initrd],
    ...[
      "-append",
      "root=/dev/vda rw console=ttyS0 loglevel=4 systemd.show_status=0 fsck.mode=skip mitigations=off panic=-1",
    ],
    ...["-drive", `file=${root.disk},format=raw,if=virtio,snapshot=on`],
    ...["-drive", `file=${disk},format=raw,if=virtio,readonly=on`],
    ...["-serial", `file:${log}`, "-serial", "stdio"],
    ...["-device", "virtio-rng-pci"],
  ]);
  return {
    said: qemu.out,
    hasEnded: qemu.hasExited,
    async console() {
      const text = await Bun.file(log)
        .text()
        .catch(() => "");
      return [...text.split("\n").slice(-40), ...qemu.err].join("\n");
    },
    [Symbol.asyncDispose]: () => qemu[Symbol.asyncDispose](),
  };
}
