// Takes the pictures of docs/status-page.md: bun docs/screenshots.ts

import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import type { Page } from "puppeteer-core";
import { renderPage } from "../src/listeners/admin/page/render.ts";
import { startChromium, type TabOptions } from "../test/support/chromium.ts";
import { FAILING } from "../test/support/page-status.ts";

interface Picture extends TabOptions {
  readonly width: number;
  readonly height: number;
}

const PICTURES: Readonly<Record<string, Picture>> = {
  "status-page.png": { width: 1120, height: 840 },
  "status-page-phone.png": { width: 360, height: 900, scheme: "dark" },
};

/** A third of the size of true colour. */
const COLOURS = 256;

/** The colour of each pixel, as a number. */
async function pixelsOf(page: Page): Promise<readonly number[]> {
  const picture = await page.screenshot({ encoding: "base64" });
  await page.goto("about:blank");
  const pixels = await page.evaluate(`(async () => {
    const image = await createImageBitmap(await (await fetch("data:image/png;base64,${picture}")).blob());
    const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, image.width, image.height);
    return Array.from({ length: data.length / 4 }, (_, at) => (data[at * 4] << 16) | (data[at * 4 + 1] << 8) | data[at * 4 + 2]);
  })()`);
  return pixels as readonly number[];
}

const channels = (colour: number) => [colour >> 16, (colour >> 8) & 255, colour & 255] as const;

const distance = (one: number, other: number): number => {
  const [r, g, b] = channels(other);
  return channels(one).reduce((sum, channel, index) => sum + (channel - ([r, g, b][index] ?? 0)) ** 2, 0);
};

/** A PNG of the most frequent colours; each other one becomes the nearest of them. */
function encode(pixels: readonly number[], { width, height }: Picture): Buffer {
  const frequencies = new Map<number, number>();
  for (const colour of pixels) frequencies.set(colour, (frequencies.get(colour) ?? 0) + 1);
  const colours = [...frequencies.keys()].toSorted((a, b) => (frequencies.get(b) ?? 0) - (frequencies.get(a) ?? 0));
  const palette = colours.slice(0, COLOURS);
  const indexOf = new Map(
    colours.map((colour) => {
      const nearest = palette.reduce((a, b) => (distance(b, colour) < distance(a, colour) ? b : a));
      return [colour, palette.indexOf(nearest)];
    }),
  );
  const lines = Buffer.alloc(height * (width + 1));
  for (const [at, colour] of pixels.entries()) lines[at + Math.floor(at / width) + 1] = indexOf.get(colour) ?? 0;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3], 8);
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", header),
    chunk("PLTE", Buffer.from(palette.flatMap(channels))),
    chunk("IDAT", deflateSync(lines, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

using server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: () => new Response(renderPage(FAILING).html, { headers: { "Content-Type": "text/html" } }),
});
await using chromium = await startChromium();
for (const [name, picture] of Object.entries(PICTURES)) {
  const { page } = await chromium.open(server.url.href, picture);
  await page.setViewport(picture);
  await Bun.write(join(import.meta.dir, "images", name), encode(await pixelsOf(page), picture));
}
