// The targets of the checks: accepts on the given number of ports, sends nothing, closes when its peer does. Prints the
// ports as JSON once it accepts.

const servers = Array.from({ length: Number(process.argv[2]) }, () =>
  Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data() {},
      end(socket) {
        socket.end();
      },
    },
  }),
);

console.log(JSON.stringify(servers.map(({ port }) => port)));
