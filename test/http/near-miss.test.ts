// A path that is close to an endpoint is reported once, and nothing of what scans for paths fills the log.

import { expect, test } from "bun:test";
import { createNearMisses, findNear, MOST_REPORTED } from "../../src/http/near-miss.ts";

const ENDPOINTS = ["/primary", "/replica", "/db", "/a", "/x/y", "/v1", "/"];

test.each([
  ["/Replica", "/replica"],
  ["/REPLICA", "/replica"],
  ["/relpica", "/replica"],
  ["/replicas", "/replica"],
  ["/replic", "/replica"],
  ["/replica/x", "/replica"],
  ["/repl", undefined],
  ["/replicated", undefined],
  ["/pirmary", "/primary"],
  ["/Dba", "/db"],
  ["/d", "/db"],
  // No letter in common.
  ["/up", undefined],
  ["/A", "/a"],
  ["/p", undefined],
  ["/p/q", undefined],
  ["/x/q", "/x/y"],
  ["/v2", "/v1"],
  ["/healthz", undefined],
  ["/\u0000eplica", "/replica"],
])("%j is close to %j", async (path, endpoint) => {
  expect(await findNear(path, ENDPOINTS)).toBe(endpoint as string);
});

test("the nearest is named", async () => {
  expect(await findNear("/db12", ["/db", "/db1"])).toBe("/db1");
});

function setUp() {
  const reports: string[] = [];
  const nearMisses = createNearMisses({
    onNearMiss: (path, endpoint) => reports.push(`${path} ${endpoint}`),
    onFault: (error) => {
      throw error;
    },
  });
  return { reports, nearMisses };
}

/** One that is begun last ends last. */
const compared = async () => {
  await findNear("/", []);
  await new Promise(setImmediate);
};

test("a path is reported once, as it was asked for first, over a reload too", async () => {
  const { reports, nearMisses } = setUp();
  const before = nearMisses(["/replica"]);
  for (const path of ["/Replica/", "/Replica", "/Replica/", "/x", "/repilca"]) before(path);
  before("/Replica");
  await compared();
  const after = nearMisses(["/replica", "/primary"]);
  for (const path of ["/Replica", "/repilca", "/Primary"]) after(path);
  await compared();
  expect(reports).toEqual(["/Replica/ /replica", "/repilca /replica", "/Primary /primary"]);
});

test("a scan has its 20 lines, whatever it asks for", async () => {
  const { reports, nearMisses } = setUp();
  const look = nearMisses(["/replica"]);
  for (let index = 0; index < 10_000; index++) look(`/rep${String.fromCharCode(0x100 + index)}ica`);
  look(`/${"replica".repeat(2000)}`);
  await compared();
  expect(reports).toHaveLength(MOST_REPORTED);
  nearMisses(["/primary"])("/Primary");
  await compared();
  expect(reports).toHaveLength(MOST_REPORTED);
});

test("paths that are not close cost none of the lines, however many there are", async () => {
  const { reports, nearMisses } = setUp();
  const look = nearMisses(["/replica"]);
  for (let index = 0; index < 10_000; index++) look(`/${1_000_000 + index}`);
  look("/Replica");
  await compared();
  expect(reports).toEqual(["/Replica /replica"]);
});
