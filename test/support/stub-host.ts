// A host that the commands of a page run on: a folder for its /etc and /usr/local, an address of its own for its ports, and
// stubs for what would change the machine that the test runs on.

import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { binary } from "./binary.ts";
import { plainEnvironment } from "./child.ts";
import { freePorts, loopbackAddress } from "./loopback.ts";
import { type TempFolder, tempFolder } from "./temp.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

export interface StubHost extends AsyncDisposable {
  readonly folder: TempFolder;
  /** Address and port that a port of the page has on this host. */
  at(port: number): string;
  /** The page's text with this host's addresses and paths. */
  here(text: string): string;
  /** The way back, for what was printed. */
  asWritten(text: string): string;
  terminal(): Terminal;
}

export interface StubHostOptions {
  /** Every port that the page names. */
  readonly ports: readonly number[];
  /** The one of them that the daemon listens on. */
  readonly health: number;
  /** The page's texts by path, such as etc/health-checker/config.yaml. */
  readonly files: Readonly<Record<string, string>>;
}

/** Each notes its call in `calls`, and changes nothing. */
const STUBS = ["systemctl", "useradd"];

export async function stubHost({ ports, health, files }: StubHostOptions): Promise<StubHost> {
  const folder = await tempFolder();
  const root = folder.path;
  const address = loopbackAddress();
  const free = freePorts(address, ports.length);
  const places = new Map(ports.map((port, index) => [port, `${address}:${free[index]}`]));
  const at = (port: number) => places.get(port) ?? `${address}:${port}`;
  const here = (text: string) => withPlaces(text, root, at);
  for (const path of ["usr/local/bin", "etc/systemd/system", "run/health-checker"]) {
    await mkdir(join(root, path), { recursive: true });
  }
  await symlink(await binary(), join(root, "usr/local/bin/health-checker"));
  for (const [name, text] of Object.entries(files)) await folder.write(name, here(text));
  await folder.write("bin/health-checker", programOf(root, at(health)), 0o755);
  await folder.write("bin/sudo", '#!/bin/sh\nexec "$@"\n', 0o755);
  const note = `#!/bin/sh\necho "\${0##*/} $*" >> ${root}/calls\n`;
  for (const name of STUBS) await folder.write(`bin/${name}`, note, 0o755);
  // Without a terminal curl shows its progress.
  await folder.write(".curlrc", "silent\n");
  const { PATH = "" } = plainEnvironment();
  return {
    folder,
    at,
    here,
    asWritten: (text) =>
      ports.reduce((back, port) => back.replaceAll(at(port), `127.0.0.1:${port}`), text.replaceAll(root, "")),
    terminal: () => openTerminal(root, { PATH: `${root}/bin:${PATH}`, HOME: root }),
    [Symbol.asyncDispose]: folder[Symbol.asyncDispose],
  };
}

/** The program; its default address and its default control socket are this host's. */
const programOf = (root: string, listener: string): string => `#!/bin/sh
case $1 in
  --*) exec ${root}/usr/local/bin/health-checker "$@" --listener ${listener} ;;
  status | reload | drain | undrain | maint)
    exec ${root}/usr/local/bin/health-checker "$@" --control-socket ${root}/run/health-checker/control.sock ;;
  *) exec ${root}/usr/local/bin/health-checker "$@" ;;
esac
`;

const withPlaces = (text: string, root: string, at: (port: number) => string): string =>
  text
    .replace(/\b(?:localhost|127\.0\.0\.1):(\d+)/g, (_, port) => at(Number(port)))
    .replace(/(--port |tcp: )(\d+)/g, (_, before, port) => `${before}${at(Number(port))}`)
    .replace(/http\.server (\d+) --bind \S+/g, (_, port) => {
      const [address, free] = at(Number(port)).split(":");
      return `http.server ${free} --bind ${address}`;
    })
    .replace(/(?<![\w.])\/(?=(?:etc|usr\/local\/bin)\/)/g, `${root}/`);
