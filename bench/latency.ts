// `bun bench/latency.ts PORT SECONDS`: asks a server on loopback every two milliseconds over one connection, and prints the
// time to each answer as JSON. A process of its own, since a target that accepts connections would delay it.

export {};

const EVERY_MS = 2;

const [port = 0, seconds = 0] = process.argv.slice(2).map(Number);
const times: number[] = [];
let answered = () => {};
const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data: () => answered() } });
const end = performance.now() + seconds * 1000;
while (performance.now() < end) {
  const { promise, resolve } = Promise.withResolvers<void>();
  answered = resolve;
  const start = performance.now();
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await promise;
  times.push(performance.now() - start);
  await Bun.sleep(EVERY_MS);
}
socket.end();
console.log(JSON.stringify(times));
