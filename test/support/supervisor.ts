// The config of a supervisord of the test's own, all of whose files are in the folder of the test.

import type { TempFolder } from "./temp.ts";

/** Gives the path of the config. `sections` are its programs, or an [include] of them. */
export const supervisorConfig = (folder: TempFolder, sections: string): Promise<string> =>
  folder.write(
    "supervisord.conf",
    `[supervisord]
nodaemon=true
logfile=/dev/null
logfile_maxbytes=0
pidfile=${folder.path}/supervisord.pid
childlogdir=${folder.path}

[unix_http_server]
file=${folder.path}/supervisor.sock

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://${folder.path}/supervisor.sock

${sections}`,
  );
