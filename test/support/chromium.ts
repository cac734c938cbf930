// A real Chromium, that of the system, with a profile of its own.

import { type Browser, launch, type Page } from "puppeteer-core";
import { plainEnvironment } from "./child.ts";
import { tempFolder } from "./temp.ts";

export interface Chromium extends AsyncDisposable {
  /** A new tab in front of the others. `problems` collects what the browser reports of it: errors, blocked content. */
  open(url: string, options?: TabOptions): Promise<Tab>;
}

export interface TabOptions {
  readonly width?: number;
  readonly scheme?: "light" | "dark";
  readonly javaScript?: boolean;
}

export interface Tab {
  readonly page: Page;
  readonly problems: readonly string[];
}

const DESKTOP_WIDTH = 1280;

export async function startChromium(): Promise<Chromium> {
  const profile = await tempFolder();
  const browser = await launch({
    executablePath: Bun.which("chromium") ?? "chromium",
    userDataDir: profile.path,
    env: { ...plainEnvironment(), HOME: profile.path },
    // As root it has no sandbox, and in a container little shared memory. What it shows is from this test.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run"],
  });
  return {
    open: (url, options = {}) => openTab(browser, url, options),
    async [Symbol.asyncDispose]() {
      await browser.close();
      await profile[Symbol.asyncDispose]();
    },
  };
}

async function openTab(browser: Browser, url: string, options: TabOptions): Promise<Tab> {
  const page = await browser.newPage();
  const problems: string[] = [];
  page.on("console", (message) => problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(String(error)));
  await page.setViewport({ width: options.width ?? DESKTOP_WIDTH, height: 900 });
  await page.setJavaScriptEnabled(options.javaScript ?? true);
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: options.scheme ?? "light" }]);
  await page.goto(url);
  return { page, problems };
}
