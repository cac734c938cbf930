// The least that a server of this runtime can do, so what the daemon costs beyond this is its own. Arguments: its port,
// and ports of this host to check for each request: by a bare connect, one look, and a close after the answer. Without
// ports nothing but Bun.serve is loaded.

export {};

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const EINPROGRESS = 115;
const POLLOUT = 4;
const POLLERR = 8;

const [port, ...checked] = process.argv.slice(2).map(Number);
const isHealthy = checked.length === 0 ? () => true : await checker(checked);

Bun.serve({
  hostname: "127.0.0.1",
  port: port ?? 0,
  development: false,
  fetch: () => (isHealthy() ? new Response("OK") : new Response("At least one health check failed", { status: 504 })),
});

async function checker(ports: readonly number[]): Promise<() => boolean> {
  const { dlopen, read } = await import("bun:ffi");
  const { symbols: libc } = dlopen("libc.so.6", {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
    poll: { args: ["ptr", "u64", "i32"], returns: "i32" },
    close: { args: ["i32"], returns: "i32" },
    __errno_location: { args: [], returns: "ptr" },
  });
  const errnoAddress = libc.__errno_location();
  const pollfd = new Int32Array(2);
  let closing: number[] = [];
  const closeAll = () => {
    for (const fd of closing) libc.close(fd);
    closing = [];
  };
  const accepts = (name: Uint8Array): boolean => {
    const fd = libc.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (closing.push(fd) === 1) setImmediate(closeAll);
    if (libc.connect(fd, name, name.byteLength) === 0) return true;
    if (errnoAddress && read.i32(errnoAddress, 0) !== EINPROGRESS) return false;
    pollfd[0] = fd;
    pollfd[1] = POLLOUT;
    libc.poll(pollfd, 1, 0);
    const revents = (pollfd[1] ?? 0) >>> 16;
    return (revents & (POLLOUT | POLLERR)) === POLLOUT;
  };
  const names = ports.map(
    (one) => new Uint8Array([AF_INET, 0, one >> 8, one & 255, 127, 0, 0, 1, ...Array(8).fill(0)]),
  );
  return () => {
    let healthy = true;
    for (const name of names) healthy = accepts(name) && healthy;
    return healthy;
  };
}
