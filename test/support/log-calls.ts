// The messages that the program logs, as the compiler finds them: each call in src/ of a function with the parameters
// `message, fields`, by the types of its arguments. So a message may stand in a constant, and fields in a variable.

import { join } from "node:path";
import { Glob } from "bun";
import { type CallExpression, isCallExpression, isElementAccessExpression, type Node } from "typescript/unstable/ast";
import { API, type Checker, type Type } from "typescript/unstable/async";
import { ROOT } from "./binary.ts";

export interface LogCall {
  readonly file: string;
  /** The function that is called, as it is written. */
  readonly callee: string;
  /** Undefined if the caller passes on a message of its own caller. */
  readonly message: string | undefined;
  /** Those that it may have; none if that cannot be seen from the call. */
  readonly levels: readonly string[];
  readonly fields: readonly string[];
  /** Whether some of its fields have names that are computed. */
  readonly hasOtherFields: boolean;
}

/** How a function that logs is called; anything else need not be asked about. */
const CALLEE = /(?:log|write|\.(?:info|warning|error|debug)|[lL]og\[.*\]|FORMATS\[.*\])$/;

/** The type of any fields forbids these, so what has them is of that type. */
const RESERVED = ["time", "level", "message"];

export async function findLogCalls(): Promise<readonly LogCall[]> {
  const api = new API({ cwd: ROOT });
  try {
    const config = join(ROOT, "tsconfig.json");
    const snapshot = await api.updateSnapshot({ openProjects: [config] });
    const project = snapshot.getProject(config);
    if (!project) throw new Error(`expected a project in ${config}, got none`);
    const found: LogCall[] = [];
    for (const file of [...new Glob("src/**/*.ts").scanSync({ cwd: ROOT })].sort()) {
      if (!/log/i.test(await Bun.file(join(ROOT, file)).text())) continue;
      const source = await project.program.getSourceFile(join(ROOT, file));
      if (!source) throw new Error(`expected ${file} in the project`);
      for (const call of callsIn(source)) found.push(...(await describe(call, file, project.checker)));
    }
    return found;
  } finally {
    await api.close();
  }
}

function callsIn(source: Node): readonly CallExpression[] {
  const calls: CallExpression[] = [];
  const visit = (node: Node): void => {
    if (isCallExpression(node) && CALLEE.test(node.expression.getText())) calls.push(node);
    node.forEachChild(visit);
  };
  visit(source);
  return calls;
}

/** One for each message that the call may log; none if it logs nothing. */
async function describe(call: CallExpression, file: string, checker: Checker): Promise<readonly LogCall[]> {
  const signature = await checker.getResolvedSignature(call);
  const parameters = ((await signature?.getParameters()) ?? []).map(({ name }) => name);
  const at = parameters.indexOf("message");
  const [messageNode, fieldsNode] = [call.arguments[at], call.arguments[at + 1]];
  if (parameters[at + 1] !== "fields" || !messageNode) return [];
  const typesOf = async (node: Node | undefined) => (node ? partsOf(await checker.getTypeAtLocation(node)) : []);
  const callee = call.expression;
  const method = /\.(info|warning|error|debug)$/.exec(callee.getText())?.[1];
  const indexNode = isElementAccessExpression(callee) ? callee.argumentExpression : undefined;
  const levelNode = call.arguments[parameters.indexOf("level")] ?? indexNode;
  const levels = method === undefined ? textsOf(await typesOf(levelNode)) : [method];
  const fieldTypes = await typesOf(fieldsNode);
  const properties = await Promise.all(fieldTypes.map((type) => checker.getPropertiesOfType(type)));
  const indexes = await Promise.all(fieldTypes.map((type) => checker.getIndexInfosOfType(type)));
  const names = [...new Set(properties.flat().map(({ name }) => name))];
  const messages = textsOf(await typesOf(messageNode));
  return (messages.length > 0 ? messages : [undefined]).map((message) => ({
    file,
    callee: callee.getText(),
    message,
    levels,
    fields: names.filter((name) => !RESERVED.includes(name)),
    hasOtherFields: indexes.flat().length > 0 || names.some((name) => RESERVED.includes(name)),
  }));
}

async function partsOf(type: Type | undefined): Promise<readonly Type[]> {
  if (!type) return [];
  return type.isUnionType() ? await type.getTypes() : [type];
}

const textsOf = (types: readonly Type[]): readonly string[] =>
  types.flatMap((type) => (type.isLiteralType() && typeof type.value === "string" ? [type.value] : []));
