// Every directive that keeps the daemon, its listeners or its checks from what they need is a difference. A directive
// that costs them nothing is none.

import { describe, expect, test } from "bun:test";
import { runCommand } from "../../../support/command.ts";
import { type TempFolder, tempFolder } from "../../../support/temp.ts";

const PORT = "tcp: 1";
const SCRIPT = "script: /opt/check.sh --all";

/** Compares the unit of a config file and a drop-in with what the file needs. */
async function compare(folder: TempFolder, yaml: string, dropIn: readonly string[]): Promise<readonly string[]> {
  const config = await folder.write("hc.yaml", yaml);
  const printed = await runCommand(["unit", "--config", config]);
  if (printed.status !== 0) throw new Error(printed.err.join("\n"));
  const file = await folder.write("health-checker.service", `${printed.out}\n`);
  await folder.write("health-checker.service.d/own.conf", `[Service]\n${dropIn.join("\n")}\n`);
  const { out, err, status } = await runCommand(["unit", "--check", file]);
  if (status === 2) throw new Error(err.join("\n"));
  return status === 1 ? out.replaceAll(folder.path, "FOLDER").split("\n") : [];
}

const yamlOf = (check: string, options = ""): string =>
  `${options}\nchecks: [${check.startsWith("{") ? check : `{ ${check} }`}]\n`;

type Row = readonly [dropIn: string, check: string, lines: readonly string[], options?: string];

const DROP_IN = "(in FOLDER/health-checker.service.d/own.conf)";
const CHECK = 'check "tcp 127.0.0.1:1"';
const OF_SCRIPT = 'the script of check "script /opt/check.sh --all"';

const BAD: readonly Row[] = [
  // How systemd starts, watches and stops the daemon.
  ["Type=simple", PORT, [`Type=: needed notify, installed simple ${DROP_IN}; for systemd to know when it is ready`]],
  [
    "Type=exec\nNotifyAccess=none\nWatchdogSec=0",
    PORT,
    [
      `Type=: needed notify, installed exec ${DROP_IN}; for systemd to know when it is ready`,
      `NotifyAccess=: needed main, installed none ${DROP_IN}; for the status that systemctl shows`,
    ],
  ],
  [
    "ExecReload=",
    PORT,
    [
      "ExecReload=: needed a command such as health-checker reload --control-socket /run/health-checker/control.sock, installed none; for systemctl reload",
    ],
  ],
  [
    "ExecReload=\nExecReload=/usr/local/bin/health-checker reload --control-socket /run/other.sock",
    PORT,
    [
      `ExecReload=: needed --control-socket /run/health-checker/control.sock, installed --control-socket /run/other.sock ${DROP_IN}; for systemctl reload`,
    ],
  ],
  ["WatchdogSec=1", PORT, [`WatchdogSec=: needed at least 5, installed 1 ${DROP_IN}; for a daemon on a busy host`]],
  [
    "WatchdogSec=900ms",
    PORT,
    [`WatchdogSec=: needed at least 5, installed 900ms ${DROP_IN}; for a daemon on a busy host`],
  ],
  ["TimeoutStartSec=2", PORT, [`TimeoutStartSec=: needed at least 5, installed 2 ${DROP_IN}; for the start`]],
  [
    "TimeoutStartSec=10",
    "tcp: 1, interval: 10s",
    [
      `TimeoutStartSec=: needed at least 15, installed 10 ${DROP_IN}; for the first results of checks in the background`,
    ],
  ],
  [
    "KillSignal=SIGKILL",
    PORT,
    [`KillSignal=: needed SIGTERM, installed SIGKILL ${DROP_IN}; for the end of running checks`],
  ],
  ["KillSignal=HUP", PORT, [`KillSignal=: needed SIGTERM, installed HUP ${DROP_IN}; for the end of running checks`]],
  ["KillSignal=2", PORT, [`KillSignal=: needed SIGTERM, installed 2 ${DROP_IN}; for the drain`], "drain-delay: 5s"],
  [
    "RestartKillSignal=SIGUSR1",
    PORT,
    [`RestartKillSignal=: needed SIGINT, installed SIGUSR1 ${DROP_IN}; for the end of running checks`],
  ],
  ["KillMode=none", PORT, [`KillMode=: needed mixed, installed none ${DROP_IN}; for a stop of the daemon`]],
  ["KillMode=control-group", SCRIPT, [`KillMode=: needed mixed, installed control-group ${DROP_IN}; for ${OF_SCRIPT}`]],
  ["KillMode=", SCRIPT, [`KillMode=: needed mixed, installed none (default control-group); for ${OF_SCRIPT}`]],
  ["OOMPolicy=stop", SCRIPT, [`OOMPolicy=: needed continue, installed stop ${DROP_IN}; for ${OF_SCRIPT}`]],
  ["OOMPolicy=", SCRIPT, [`OOMPolicy=: needed continue, installed none (default stop); for ${OF_SCRIPT}`]],
  [
    "RuntimeDirectoryPreserve=no",
    PORT,
    [`RuntimeDirectoryPreserve=: needed yes, installed no ${DROP_IN}; for a drain to survive a restart`],
  ],
  [
    "RuntimeDirectoryMode=0500",
    PORT,
    [`RuntimeDirectoryMode=: needed 0700, installed 0500 ${DROP_IN}; for the sockets and the saved drain`],
  ],
  [
    "UnsetEnvironment=NOTIFY_SOCKET PATH",
    PORT,
    [
      `UnsetEnvironment=: needed none of NOTIFY_SOCKET, installed BUN_BE_BUN BUN_OPTIONS, NOTIFY_SOCKET PATH ${DROP_IN}; for the daemon`,
    ],
  ],
  [
    "UnsetEnvironment=\nEnvironment=BUN_BE_BUN=1",
    PORT,
    [`UnsetEnvironment=: needed BUN_BE_BUN, installed none; for the daemon, which otherwise starts as another program`],
  ],
  ["MemoryHigh=64M", PORT, [`MemoryHigh=: needed at least 288M, installed 64M ${DROP_IN}; for these checks`]],
  ["LimitNPROC=8", PORT, [`LimitNPROC=: needed at least 512, installed 8 ${DROP_IN}; for these checks`]],
  ["LimitDATA=200M", PORT, [`LimitDATA=: needed at least 512M, installed 200M ${DROP_IN}; for these checks`]],
  ["LimitAS=100M", PORT, [`LimitAS=: needed at least 512M, installed 100M ${DROP_IN}; for these checks`]],
  ["LimitCPU=1h", PORT, [`LimitCPU=: needed infinity, installed 1h ${DROP_IN}; for the daemon, which never ends`]],
  // Which files are visible.
  [
    "RootDirectory=/srv/root",
    PORT,
    [`RootDirectory=: needed none, installed /srv/root ${DROP_IN}; for the files that the options name`],
  ],
  [
    "RootImage=/srv/x.raw",
    PORT,
    [`RootImage=: needed none, installed /srv/x.raw ${DROP_IN}; for the files that the options name`],
  ],
  [
    "InaccessiblePaths=/opt",
    SCRIPT,
    [
      `InaccessiblePaths=: needed none of /opt, installed /opt ${DROP_IN}; for /opt/check.sh (check "script /opt/check.sh --all")`,
    ],
  ],
  [
    "InaccessibleDirectories=/opt",
    SCRIPT,
    [
      `InaccessiblePaths=: needed none of /opt, installed /opt ${DROP_IN}; for /opt/check.sh (check "script /opt/check.sh --all")`,
    ],
  ],
  ["ProcSubset=pid", SCRIPT, [`ProcSubset=: needed all, installed pid ${DROP_IN}; for ${OF_SCRIPT}`]],
  [
    "ProcSubset=pid",
    "{ name: it, file: /proc/loadavg }",
    [`ProcSubset=: needed all, installed pid ${DROP_IN}; for /proc/loadavg (check "it")`],
  ],
  ["PrivateUsers=yes", SCRIPT, [`PrivateUsers=: needed no, installed yes ${DROP_IN}; for ${OF_SCRIPT}`]],
  [
    "PrivateUsers=self",
    PORT,
    [`PrivateUsers=: needed no, installed self ${DROP_IN}; for the privileged port of the listener`],
    "listener: :80",
  ],
  [
    "PrivatePIDs=yes",
    "process: nginx",
    [`PrivatePIDs=: needed no, installed yes ${DROP_IN}; for the processes of check "process nginx"`],
  ],
  ["DevicePolicy=closed", SCRIPT, [`DevicePolicy=: needed auto, installed closed ${DROP_IN}; for ${OF_SCRIPT}`]],
  [
    "DevicePolicy=strict",
    PORT,
    [`DevicePolicy=: needed closed, installed strict ${DROP_IN}; for the daemon itself, which opens /dev/null`],
  ],
  [
    "ProtectSystem=no\nReadWritePaths=\nReadOnlyPaths=/run",
    PORT,
    ["ReadWritePaths=: needed /run/hc, installed none; for the control socket"],
    "control-socket: /run/hc/hc.sock",
  ],
  [
    "ReadWritePaths=\nReadWritePaths=/run\nReadOnlyPaths=/run/hc",
    PORT,
    ["ReadWritePaths=: needed /run/hc, installed /run DROPIN; for the control socket"],
    "control-socket: /run/hc/hc.sock",
  ],
  // Which programs may run.
  [
    "NoExecPaths=/\nExecPaths=/usr/local/bin /lib /lib64",
    SCRIPT,
    [
      `NoExecPaths=: needed ExecPaths= with /opt/check.sh, installed / ${DROP_IN}; for check "script /opt/check.sh --all"`,
    ],
  ],
  [
    "NoExecPaths=/usr/local",
    PORT,
    [
      `NoExecPaths=: needed ExecPaths= with /usr/local/bin/health-checker, installed /usr/local ${DROP_IN}; for the program`,
    ],
  ],
  ["SystemCallErrorNumber=", SCRIPT, [`SystemCallErrorNumber=: needed EPERM, installed none; for ${OF_SCRIPT}`]],
  [
    "SystemCallFilter=~@network-io",
    PORT,
    [`SystemCallFilter=: needed none of @network-io, installed ~@network-io; for the daemon itself`],
  ],
  [
    "SystemCallFilter=\nSystemCallFilter=@basic-io @file-system",
    PORT,
    [`SystemCallFilter=: needed @system-service, installed @basic-io @file-system ${DROP_IN}; for the daemon itself`],
  ],
  [
    "SystemCallFilter=\nSystemCallFilter=@system-service\nSystemCallFilter=~@privileged @resources",
    SCRIPT,
    [`SystemCallFilter=: needed none of @privileged @resources, installed ~@privileged @resources; for ${OF_SCRIPT}`],
  ],
  // Which addresses are reachable.
  [
    "IPAddressDeny=any",
    PORT,
    [
      `IPAddressAllow=: needed 127.0.0.1 and the addresses of the load balancers, installed none; for ${CHECK} and the listener`,
    ],
  ],
  [
    "IPAddressDeny=any\nIPAddressAllow=localhost",
    PORT,
    ["IPAddressAllow=: needed the addresses of the load balancers, installed localhost DROPIN; for the listener"],
  ],
  [
    "IPAddressDeny=any\nIPAddressAllow=localhost",
    "{ name: db, tcp: db.internal:5432, severity: warning }, { name: ip, tcp: 10.0.0.9:80, severity: warning }",
    [
      `IPAddressAllow=: needed the addresses of db.internal and 10.0.0.9, installed localhost DROPIN; for check "db" and check "ip"`,
    ],
    "listener: 127.0.0.1:5000",
  ],
  [
    "IPAddressDeny=10.0.0.0/8",
    "{ name: ip, tcp: 10.0.0.9:80, severity: warning }",
    [`IPAddressAllow=: needed 10.0.0.9, installed none; for check "ip"`],
  ],
  [
    "RestrictNetworkInterfaces=eth0",
    PORT,
    [`RestrictNetworkInterfaces=: needed lo, installed eth0 ${DROP_IN}; for ${CHECK}`],
  ],
  [
    "RestrictNetworkInterfaces=lo",
    PORT,
    [
      `RestrictNetworkInterfaces=: needed the interface of the load balancers, installed lo ${DROP_IN}; for the listener`,
    ],
  ],
  ["SocketBindDeny=any", PORT, [`SocketBindAllow=: needed tcp:5000, installed none; for the listener`]],
  [
    "SocketBindDeny=any\nSocketBindAllow=tcp:5001-6000",
    PORT,
    [`SocketBindAllow=: needed tcp:5000, installed tcp:5001-6000 DROPIN; for the listener`],
  ],
];

describe("a difference", () => {
  for (const [dropIn, check, lines, options] of BAD) {
    test(`${dropIn.replaceAll("\n", ", ")} for ${check}${options ? ` with ${options}` : ""}`, async () => {
      await using folder = await tempFolder();
      expect(await compare(folder, yamlOf(check, options), dropIn.split("\n"))).toEqual(
        lines.map((line) => line.replace("DROPIN", DROP_IN)),
      );
    });
  }
});

test("the libraries of the program must be executable too", async () => {
  await using folder = await tempFolder();
  const lines = await compare(folder, yamlOf(PORT), ["NoExecPaths=/", "ExecPaths=/usr/local/bin"]);
  expect(lines).toEqual([
    expect.stringMatching(/^NoExecPaths=: needed ExecPaths= with \/\S*lib\S*, installed \/ .*; for the program$/),
  ]);
});

/** Lines that cost nothing, for a unit with a port unless a check is given. */
const HARMLESS: readonly (readonly [dropIn: string, check?: string, options?: string])[] = [
  ["Type=notify-reload\nExecReload="],
  // systemd takes main then.
  ["NotifyAccess="],
  ["NotifyAccess=none"],
  ["NotifyAccess=all"],
  ["ExecReload=\nExecReload=/bin/kill -HUP $MAINPID"],
  ["ExecReload=\nExecReload=-/usr/bin/health-checker reload --force"],
  ["WatchdogSec=10"],
  ["WatchdogSec=0"],
  ["WatchdogSec=infinity"],
  ["WatchdogSec="],
  ["WatchdogSignal=SIGABRT"],
  ["TimeoutStartSec=infinity", "tcp: 1, interval: 10s"],
  ["TimeoutStartSec=0"],
  ["TimeoutStartSec=10"],
  ["TimeoutStartSec=10", "tcp: 1, interval: 10s, severity: warning"],
  ["KillSignal=SIGINT"],
  ["KillSignal=SIGTERM", PORT, "drain-delay: 5s"],
  ["RestartKillSignal=", PORT, "drain-delay: 5s"],
  ["RestartKillSignal=15"],
  ["KillMode=control-group"],
  ["KillMode=process", SCRIPT],
  ["OOMPolicy=stop"],
  ["RuntimeDirectoryPreserve=restart"],
  ["RuntimeDirectoryMode=755"],
  ["UnsetEnvironment=HOME LANG", SCRIPT],
  ["UnsetEnvironment=\nEnvironment=BUN_INSTALL=/x A=b"],
  ["Restart=on-failure\nRestartSec=30\nStartLimitBurst=3"],
  ["Restart=no"],
  ["User=root\nGroup=adm\nSupplementaryGroups=adm ssl-cert\nUMask=0027"],
  ["Environment=TZ=UTC PATH=/opt/bin:/usr/bin\nEnvironmentFile=-/etc/default/hc", SCRIPT],
  ["Nice=-5\nIOSchedulingClass=idle\nCPUWeight=50\nOOMScoreAdjust=-900\nSlice=lb.slice\nCPUQuota=50%", SCRIPT],
  ["MemoryMax=4G\nMemoryHigh=2G\nMemorySwapMax=0\nTasksMax=infinity\nLimitNOFILE=1048576\nLimitNPROC=infinity", SCRIPT],
  ["MemoryMax=infinity\nMemoryHigh=400M"],
  ["LimitDATA=1G\nLimitAS=infinity\nLimitCPU=infinity\nLimitCORE=infinity\nLimitMEMLOCK=0"],
  ["StandardOutput=append:/var/log/hc.log\nSyslogIdentifier=hc\nLogLevelMax=info"],
  ["WorkingDirectory=/srv\nExecStartPre=/bin/true\nExecStop=/bin/true", SCRIPT],
  ["RootDirectory=/\nMountAPIVFS=yes"],
  ["ProcSubset=pid"],
  ["ProcSubset=pid", "process: nginx"],
  ["ProcSubset=pid", "file: /proc/1/stat"],
  ["ProcSubset=all", SCRIPT],
  ["PrivateUsers=yes"],
  ["PrivateUsers=yes", "process: nginx"],
  ["PrivateUsers=no", SCRIPT, "listener: :80"],
  ["PrivatePIDs=yes"],
  ["PrivateIPC=yes\nPrivateMounts=no\nProtectHostname=private\nProtectControlGroups=strict", SCRIPT],
  ["DevicePolicy=closed"],
  ["DevicePolicy=strict\nDeviceAllow=/dev/null rw\nDeviceAllow=/dev/urandom r"],
  ["DevicePolicy=auto", SCRIPT],
  ["NoExecPaths=/\nExecPaths=/usr /lib /lib64"],
  ["NoExecPaths=/\nExecPaths=/usr /lib /lib64 /opt/check.sh", SCRIPT],
  ["NoExecPaths=/tmp /var /home", SCRIPT],
  ["InaccessiblePaths=/opt\nReadOnlyPaths=/opt /etc\nTemporaryFileSystem=/mnt"],
  ["ReadOnlyPaths=/\nReadWritePaths=/run/hc", PORT, "control-socket: /run/hc/hc.sock"],
  ["ReadOnlyPaths=/"],
  ["SystemCallErrorNumber="],
  ["SystemCallErrorNumber=EACCES", SCRIPT],
  ["SystemCallFilter=", SCRIPT],
  ["SystemCallFilter=\nSystemCallFilter=@system-service\nSystemCallErrorNumber=EPERM", SCRIPT],
  ["SystemCallFilter=\nSystemCallFilter=@system-service\nSystemCallFilter=~@privileged @resources"],
  ["SystemCallFilter=~@chown @setuid @timer"],
  // Only systemd knows what a list of single calls omits.
  ["SystemCallFilter=\nSystemCallFilter=read write @network-io"],
  ["SystemCallArchitectures=native"],
  ["RestrictRealtime=no\nNoNewPrivileges=no\nLockPersonality=no\nRemoveIPC=no\nProtectKernelLogs=no"],
  ["IPAddressAllow=any\nIPAddressDeny=any"],
  ["IPAddressAllow=localhost 10.0.0.0/8\nIPAddressDeny=any"],
  ["IPAddressAllow=127.0.0.0/8 ::1/128\nIPAddressDeny=any", PORT, "listener: 127.0.0.1:5000"],
  ["IPAddressAllow=localhost\nIPAddressDeny=any", "tcp: localhost:1", "listener: '[::1]:5000'"],
  ["IPAddressDeny=any", "tcp: unix:/run/a.sock", "listener: unix:/run/health-checker/hc.sock"],
  ["IPAddressDeny=10.0.0.0/8 192.168.0.0/16"],
  ["IPAddressDeny=any\nIPAddressDeny="],
  ["RestrictNetworkInterfaces=eth0 lo"],
  ["RestrictNetworkInterfaces=~eth1"],
  ["RestrictNetworkInterfaces=lo", PORT, "listener: 127.0.0.1:5000"],
  ["SocketBindDeny=any\nSocketBindAllow=tcp:5000"],
  ["SocketBindDeny=any\nSocketBindAllow=ipv4:tcp:4000-6000"],
  ["SocketBindDeny=any\nSocketBindAllow=5000"],
  ["SocketBindDeny=udp\nSocketBindDeny=ipv6\nSocketBindDeny=tcp:22"],
  ["SocketBindDeny=any", PORT, "listener: unix:/run/health-checker/hc.sock"],
];

describe("no difference", () => {
  for (const [dropIn, check = PORT, options] of HARMLESS) {
    test(`${dropIn.replaceAll("\n", ", ")} for ${check}${options ? ` with ${options}` : ""}`, async () => {
      await using folder = await tempFolder();
      expect(await compare(folder, yamlOf(check, options), dropIn.split("\n"))).toEqual([]);
    });
  }
});
