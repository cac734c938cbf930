// The programs that the daemon is compared with are compiled as it is, so that memory and start can be compared.

import { join } from "node:path";
import { compile as compileProgram } from "../packaging/compile.ts";

/** Compiles bench/NAME.ts into `folder`; gives the path of the program. */
export async function compile(name: string, folder: string): Promise<string> {
  const outfile = join(folder, name);
  await compileProgram({ entryPoints: [`bench/${name}.ts`], outfile });
  return outfile;
}
