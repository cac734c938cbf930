// The datagram socket of sd_notify(3): a path, or a name of the abstract namespace. Nothing here waits.

import { CLOCK_MONOTONIC, kernelClock } from "../system/clock.ts";
import {
  AF_UNIX,
  errno,
  errnoName,
  libc,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
} from "../system/libc.ts";

export interface NotifySocket {
  /** Returns why the message was not sent; undefined if it was. */
  send(message: string): string | undefined;
  close(): void;
}

/** struct sockaddr_un: two bytes of family, then a path; or, after a zero byte, a name of the abstract namespace. */
const FAMILY_BYTES = 2;
const LONGEST_PATH_BYTES = 108;

/** Returns the reason if there is none. The descriptor stays open, so that the watchdog works when descriptors run out. */
export function openNotifySocket(socket: string): NotifySocket | string {
  if (!libc) return "system calls are not possible, for example because the unit sets MemoryDenyWriteExecute=";
  const system = libc;
  const path = Buffer.from(socket.replace(/^@/, "\0"));
  if (!/^[/@]./s.test(socket) || path.length > LONGEST_PATH_BYTES) {
    return `NOTIFY_SOCKET: expected a path or an @name of at most 108 bytes, got ${JSON.stringify(socket)}`;
  }
  const address = new Uint8Array(FAMILY_BYTES + path.length);
  address[0] = AF_UNIX;
  address.set(path, FAMILY_BYTES);
  const fd = system.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return `cannot open a socket: ${errnoName(errno())}`;
  return {
    send(message) {
      const bytes = Buffer.from(message);
      const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
      const sent = system.sendto(fd, bytes, bytes.length, flags, address, address.length);
      return sent < 0 ? `${socket}: ${errnoName(errno())}` : undefined;
    },
    close: () => system.close(fd),
  };
}

/** Microseconds of CLOCK_MONOTONIC, by which systemd distinguishes this reload from an earlier one. */
export const monotonicUsec = (): string => String(Math.floor((kernelClock(CLOCK_MONOTONIC)?.() ?? 0) * 1000));
