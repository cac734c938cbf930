import { expect, test } from "bun:test";
import { PLACEHOLDER, REPOSITORY_VARIABLE, repository, stampPage } from "../../packaging/repository.ts";

const page = "https://git.test/me/health-checker";

test.each([
  ["nothing", {}, {}, undefined],
  ["an object, as npm writes it", { repository: { url: `git+${page}.git` } }, {}, page],
  ["a text", { repository: `${page}/` }, {}, page],
  ["the variable", {}, { [REPOSITORY_VARIABLE]: page }, page],
  ["an empty variable", { repository: page }, { [REPOSITORY_VARIABLE]: "" }, page],
  ["both: the variable counts", { repository: "https://git.test/other" }, { [REPOSITORY_VARIABLE]: page }, page],
] as const)("the repository from %s", (_, manifest, variables, expected) => {
  expect(repository({ version: "1.0.0", ...manifest }, variables)).toBe(expected);
});

test("a page gets the repository in place of the placeholder, and as the base of its links", () => {
  const text = `curl ${PLACEHOLDER}/x, [docs](docs/a.md#b), [here](#c), [there](https://keepachangelog.com)`;
  const docs = `${page}/blob/v1.0.0/docs/a.md#b`;
  expect(stampPage(text, page)).toBe(
    `curl ${page}/x, [docs](${docs}), [here](#c), [there](https://keepachangelog.com)`,
  );
});
