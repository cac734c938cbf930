// A path that is close to an endpoint is reported once; a scan for paths does not fill the log.

import { expect, test } from "bun:test";
import { createNearMisses, findNear, MOST_REPORTS_PER_ENDPOINT } from "../../../src/listeners/health/near-miss.ts";

const ENDPOINTS = ["/primary", "/replica", "/slave", "/wok", "/db", "/a", "/x/y", "/v1", "/"];

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
  ["/\u0000eplica", "/replica"],
  // At most a third of the letters may be wrong; two swapped letters are one mistake.
  ["/slaves", "/slave"],
  ["/slvae", "/slave"],
  ["/slaved1", undefined],
  ["/stage", undefined],
  ["/work", "/wok"],
  ["/wko", "/wok"],
  ["/ok", "/wok"],
  ["/woks", "/wok"],
  ["/Wok", "/wok"],
  ["/foo", undefined],
  ["/work1", undefined],
  ["/w", undefined],
  ["/WOK1", "/wok"],
  // In a name of one or two letters no letter may be wrong.
  ["/DB", "/db"],
  ["/A", "/a"],
  ["/X/y", "/x/y"],
  ["/dbs", undefined],
  ["/d", undefined],
  ["/bd", undefined],
  ["/up", undefined],
  ["/p", undefined],
  ["/p/q", undefined],
  ["/x/q", undefined],
  ["/v2", undefined],
  ["/healthz", undefined],
])("%j is close to %j", async (path, endpoint) => {
  expect(await findNear(path, ENDPOINTS)).toBe(endpoint as string);
});

test("the nearest endpoint is named", async () => {
  expect(await findNear("/replica12", ["/replica", "/replica1"])).toBe("/replica1");
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

/** Comparisons end in the order of their starts, so this one ends last. */
const compared = async () => {
  await findNear("/", []);
  await new Promise(setImmediate);
};

test("a path is reported once, in the form of its first request, also after a reload", async () => {
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

test("a scan gets a few reports for each endpoint, and uses up none of those for another endpoint", async () => {
  const { reports, nearMisses } = setUp();
  const scan = (onPath: (path: string) => void) => {
    for (let index = 0; index < 10_000; index++) onPath(`/rep${String.fromCharCode(0x100 + index)}ica`);
    onPath(`/${"replica".repeat(2000)}`);
  };
  scan(nearMisses(["/replica"]));
  await compared();
  expect(reports).toHaveLength(MOST_REPORTS_PER_ENDPOINT);
  const onPath = nearMisses(["/replica", "/primary"]);
  scan(onPath);
  onPath("/Primary");
  await compared();
  expect(reports.slice(MOST_REPORTS_PER_ENDPOINT)).toEqual(["/Primary /primary"]);
});

test("paths that are not close use up no reports, however many there are", async () => {
  const { reports, nearMisses } = setUp();
  const onPath = nearMisses(["/replica"]);
  for (let index = 0; index < 10_000; index++) onPath(`/${1_000_000 + index}`);
  onPath("/Replica");
  await compared();
  expect(reports).toEqual(["/Replica /replica"]);
});
