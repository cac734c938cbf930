// The least that a server of this runtime can do: whatever the daemon costs beyond this is its own work.

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  development: false,
  fetch: () => new Response("OK"),
});
