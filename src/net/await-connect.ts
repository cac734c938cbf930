// Waits for a connect(2) that is under way, by the event loop of the runtime: the loop polls nothing for it, a success is
// seen at once, and an end leaves nothing, not even a SYN on its way.
//
// The runtime takes the descriptor over, and reads from it where an error has come. So what is connected is handed back
// as a duplicate, with what was read.

import { codeOf } from "../system/errors.ts";
import { withReserve } from "../system/fd-reserve.ts";
import { EMFILE, ENFILE, errno, errnoName, F_DUPFD_CLOEXEC, type Libc, POLLIN, POLLOUT } from "../system/libc.ts";
import { pollOnce } from "../system/poll.ts";

/** For a descriptor that poll(2) has reported, which is the caller's to close; `received` was read from it already. */
export type OnReady<T> = (fd: number, revents: number, received?: Uint8Array) => T;

interface Wait {
  /** The types do not know of `close`: at once, and without shutdown(2), which a duplicate would see too. */
  socket: (Bun.Socket<Wait> & { close?(): void }) | undefined;
  ready(received?: Uint8Array): void;
  /** The descriptor is closed. */
  fail(code: string): void;
}

/** One for all: made again for each socket it costs a quarter more. */
const handler: Bun.SocketHandler<Wait> = {
  open(socket) {
    socket.data.socket = socket;
  },
  drain: ({ data }) => data.ready(),
  data: ({ data }, bytes) => data.ready(Uint8Array.from(bytes)),
  close({ data }, error) {
    if (error) data.fail(codeOf(error));
  },
};

/** What `onReady` makes of the descriptor; "aborted", or the code of the error, where it is closed. */
export function awaitConnect<T>(
  system: Libc,
  fd: number,
  signal: AbortSignal,
  onReady: OnReady<T>,
): Promise<T | string> {
  return new Promise((resolve) => {
    let isOver = false;
    const finish = (result: T | string) => {
      isOver = true;
      signal.removeEventListener("abort", abort);
      resolve(result);
    };
    const ready = (received?: Uint8Array) => {
      if (isOver) return;
      isOver = true; // to close the socket is no failure of the connect
      const own = duplicate(system, fd);
      wait.socket?.close?.();
      finish(own < 0 ? errnoName(-own) : onReady(own, pollOnce(system, own, POLLIN | POLLOUT), received));
    };
    const abort = () => {
      if (isOver) return;
      // An answer that arrived while the loop stood still counts before the abort.
      if (pollOnce(system, fd, POLLIN | POLLOUT) !== 0) return ready();
      isOver = true;
      wait.socket?.close?.();
      finish("aborted");
    };
    const fail = (code: string) => {
      if (!isOver) finish(code);
    };
    const wait: Wait = { socket: undefined, ready, fail };
    signal.addEventListener("abort", abort);
    // The types do not know of `fd`.
    const options = { fd, socket: handler, data: wait } as unknown as Bun.TCPSocketConnectOptions<Wait>;
    Bun.connect(options).catch((error) => fail(codeOf(error)));
  });
}

/** A descriptor, or minus errno. */
function duplicate(system: Libc, fd: number): number {
  const open = () => {
    const own = system.fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return own >= 0 ? own : -errno();
  };
  const own = open();
  return own === -EMFILE || own === -ENFILE ? withReserve(open) : own;
}
