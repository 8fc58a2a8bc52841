/**
 * Functions as in Lambda: the uploaded archives, unpacked to Lambda's paths.
 */

import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import * as pulumi from '@pulumi/pulumi';
import { unzipSync } from 'fflate';
import { REPOSITORY_ROOT } from '../../infra/bundle';
import { archiveFiles, type DryRun, type RegisteredResource } from '../../infra/dry-run';
import { at, listOf, recordOf, textsOf } from '../infra/subject';

/** A function, unpacked. */
export interface LambdaPackage {
  /** Name at AWS: `logline-dev-run-code`. */
  readonly functionName: string;
  /** `/var/task` of the function. */
  readonly taskRoot: string;
  /** `/opt` of the function. */
  readonly optRoot: string;
  /** `file.export`, as configured. */
  readonly handler: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  /** Action → resources that the function's role allows. */
  readonly allowed: ReadonlyMap<string, readonly string[]>;
}

/** Limits of Lambda (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html). */
const MAX_LAYERS = 5;
const MAX_ZIP_BYTES = 52_428_800;
const MAX_UNZIPPED_BYTES = 262_144_000;

function refuseTooMany(name: string, layers: readonly string[]): void {
  if (layers.length > MAX_LAYERS)
    throw new Error(`${name} has ${layers.length} layers, Lambda takes ${MAX_LAYERS}`);
  for (const layer of layers) {
    const { size } = statSync(layer);
    if (size > MAX_ZIP_BYTES)
      throw new Error(`${layer} has ${size} bytes, Lambda takes ${MAX_ZIP_BYTES} at once`);
  }
}

/** Unpacks every function of a program into folders below `directory`. Logical name → function. */
export async function unpackFunctions(
  run: DryRun,
  directory: string,
): Promise<ReadonlyMap<string, LambdaPackage>> {
  const packages = new Map<string, LambdaPackage>();
  for (const resource of run.resources) {
    if (resource.type === 'aws:lambda/function:Function') {
      packages.set(resource.name, await unpack(resource, run, join(directory, resource.name)));
    }
  }
  return packages;
}

async function unpack(resource: RegisteredResource, run: DryRun, directory: string): Promise<LambdaPackage> {
  const taskRoot = join(directory, 'task');
  const optRoot = join(directory, 'opt');
  for (const [path, text] of await archiveFiles(resource)) {
    write(join(taskRoot, path), Buffer.from(text));
  }
  const layers = await layersOf(resource, run);
  refuseTooMany(resource.name, layers);
  let unzippedBytes = 0;
  for (const layer of layers) {
    for (const [path, bytes] of Object.entries(unzipSync(readFileSync(layer)))) {
      unzippedBytes += bytes.length;
      write(join(optRoot, path), bytes);
    }
  }
  if (unzippedBytes > MAX_UNZIPPED_BYTES) {
    throw new Error(
      `${resource.name}: its layers hold ${unzippedBytes} bytes, Lambda takes ${MAX_UNZIPPED_BYTES}`,
    );
  }
  const { inputs } = resource;
  const variables = recordOf(at(inputs, 'environment.variables'));
  return {
    functionName: String(inputs.name),
    taskRoot,
    optRoot,
    handler: String(inputs.handler),
    environment: Object.fromEntries(Object.entries(variables).map(([key, value]) => [key, String(value)])),
    timeoutSeconds: Number(inputs.timeout),
    allowed: permissionsOf(resource, run),
  };
}

/** The archives of a function's layers, in Lambda's order of merging. */
async function layersOf(resource: RegisteredResource, run: DryRun): Promise<string[]> {
  const paths = textsOf(resource.inputs.layers).map(async (arn) => {
    const layer = run.resources.find(
      ({ type, inputs }) =>
        type === 'aws:lambda/layerVersion:LayerVersion' && arn.endsWith(`:${inputs.layerName}`),
    );
    const code = layer?.inputs.code;
    if (!(code instanceof pulumi.asset.FileArchive)) {
      throw new Error(`${resource.name} has a layer that the program does not make: ${arn}`);
    }
    return resolve(REPOSITORY_ROOT, await code.path);
  });
  return Promise.all(paths);
}

function permissionsOf(resource: RegisteredResource, run: DryRun): ReadonlyMap<string, readonly string[]> {
  const allowed = new Map<string, string[]>();
  for (const { type, inputs } of run.resources) {
    if (
      type !== 'aws:iam/rolePolicy:RolePolicy' ||
      !String(resource.inputs.role).endsWith(`:${inputs.role}`)
    ) {
      continue;
    }
    for (const statement of listOf(at(JSON.parse(String(inputs.policy)), 'Statement'))) {
      const actions = at(statement, 'Effect') === 'Allow' ? textsOf(at(statement, 'Action')) : [];
      for (const action of actions) {
        allowed.set(action, [...(allowed.get(action) ?? []), ...textsOf(at(statement, 'Resource'))]);
      }
    }
  }
  return allowed;
}

function write(path: string, bytes: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}
