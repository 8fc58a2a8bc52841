/**
 * Runs the Pulumi program without an engine, an account or a network, and returns every resource that it registers.
 * Resource tests, `logline cost` and the benchmarks use it.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as pulumi from '@pulumi/pulumi';
import { parse } from 'yaml';
import { REPOSITORY_ROOT } from './bundle';
import { computedAnswer, computedId, computedState } from './stand-in-cloud';

/** A resource as the program registered it. */
export interface RegisteredResource {
  /** Pulumi's type token: `aws:lambda/function:Function`. */
  readonly type: string;
  /** Logical name: with the type it is the identity that Pulumi compares between two runs. */
  readonly name: string;
  /** False for components. */
  readonly custom: boolean;
  /** Secrets are wrapped, see {@link isSecret}. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Whether the engine refuses to delete it. */
  readonly protect: boolean;
}

/** A resource's parent and aliases. */
export interface Lineage {
  /** Pulumi's type token. */
  readonly type: string;
  /** Logical name. */
  readonly name: string;
  /** The resource itself. */
  readonly resource: pulumi.Resource;
  /** Its parent; undefined at the root of the stack. */
  readonly parent: pulumi.Resource | undefined;
  /** Its own aliases; the engine also applies those of its parents. */
  readonly aliases: readonly pulumi.Input<string | pulumi.Alias>[];
}

/** Result of a dry run. */
export interface DryRun {
  /** Every resource and component, in order of registration. */
  readonly resources: readonly RegisteredResource[];
  /** One for each resource and component, parents first. */
  readonly lineages: readonly Lineage[];
  /** Stack outputs, secrets unwrapped. */
  readonly outputs: Readonly<Record<string, unknown>>;
  /** Names of the outputs that are secret. */
  readonly secretOutputs: readonly string[];
}

/** Options of {@link dryRun}. */
export interface DryRunOptions {
  /** Name of the stack: `dev`. */
  readonly stack: string;
  /** Keys and values as in `Pulumi.<stack>.yaml`. Defaults to that file. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** The program. Defaults to `index.ts` of this repository. */
  readonly program?: string;
  /** Called with each resource before it is "created"; throw to make its creation fail. */
  readonly onRegister?: (resource: RegisteredResource) => void;
}

/** Replaces provider keys, which are encrypted in the stack's file. */
const PLACEHOLDER_KEYS = '{"configured":"placeholder"}';

/** Member that marks a secret in Pulumi's wire format. */
const SECRET_SIGNATURE = '1b47061264138c4ac30d75fd1eb44270';
const SIGNATURE_KEY = '4dabf18193072939515e22adb298388d';

/** True for an input that the program handed over as a Pulumi secret. */
export function isSecret(value: unknown): value is { readonly value: unknown } {
  return isRecord(value) && value[SIGNATURE_KEY] === SECRET_SIGNATURE;
}

/** A stack's configuration as written in `Pulumi.<stack>.yaml`. */
export function readStackFile(stack: string): Readonly<Record<string, unknown>> {
  const parsed: unknown = parse(readFileSync(join(REPOSITORY_ROOT, `Pulumi.${stack}.yaml`), 'utf8'));
  return isRecord(parsed) && isRecord(parsed.config) ? parsed.config : {};
}

/**
 * Runs a program for one stack. Only one run at a time: Pulumi keeps its state in the process.
 *
 * @throws the program's own errors, such as a ConfigError.
 */
export async function dryRun(options: DryRunOptions): Promise<DryRun> {
  const config = options.config ?? readStackFile(options.stack);
  const region = String(config['aws:region'] ?? 'us-east-1');
  const resources: RegisteredResource[] = [];
  const lineages: Lineage[] = [];
  const failures: unknown[] = [];
  const protectedNames = new Set<string>();
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, custom, inputs }) => {
        const resource = {
          type,
          name,
          custom: custom ?? true,
          inputs: recordOf(inputs),
          protect: protectedNames.has(`${type} ${name}`),
        };
        try {
          options.onRegister?.(resource);
        } catch (error) {
          failures.push(error);
          throw error;
        }
        resources.push(resource);
        return {
          id: computedId(type, name, region),
          state: { ...inputs, ...computedState(type, name, unwrapAll(inputs), region) },
        };
      },
      call: ({ token, inputs }) => ({ ...inputs, ...computedAnswer(token, region) }),
    },
    'logline',
    options.stack,
    false,
  );
  pulumi.runtime.setAllConfig(configText(config));
  const directory = process.cwd();
  process.chdir(REPOSITORY_ROOT);
  try {
    let exported: unknown;
    await pulumi.runtime.runInPulumiStack(async () => {
      // Options are visible here only; mocks get inputs alone.
      pulumi.runtime.registerStackTransformation(({ type, name, opts, resource }) => {
        lineages.push({ type, name, resource, parent: opts.parent, aliases: opts.aliases ?? [] });
        if (opts.protect === true) {
          protectedNames.add(`${type} ${name}`);
        }
        return undefined;
      });
      exported = loadProgram(options.program ?? join(REPOSITORY_ROOT, 'index.ts'));
      return recordOf(exported);
    });
    await pulumi.runtime.disconnect();
    return { resources, lineages, ...(await readOutputs(exported)) };
  } catch (error) {
    throw failures[0] ?? error;
  } finally {
    process.chdir(directory);
  }
}

/**
 * The files of a function's archive, by name; empty for a resource without one made of text.
 */
export async function archiveFiles(resource: RegisteredResource): Promise<ReadonlyMap<string, string>> {
  const code = isSecret(resource.inputs.code) ? resource.inputs.code.value : resource.inputs.code;
  const files = new Map<string, string>();
  if (code instanceof pulumi.asset.AssetArchive) {
    for (const [path, item] of Object.entries(await code.assets)) {
      files.set(path, item instanceof pulumi.asset.StringAsset ? await item.text : '');
    }
  }
  return files;
}

/** Loads a program past the module cache, since it runs as a side effect of loading. */
function loadProgram(path: string): unknown {
  delete require.cache[path];
  return require(path);
}

function configText(config: Readonly<Record<string, unknown>>): Record<string, string> {
  const entries = Object.entries(config).map(([key, value]): [string, string] => {
    if (isRecord(value) && 'secure' in value) {
      return [key, PLACEHOLDER_KEYS];
    }
    return [key, typeof value === 'string' ? value : JSON.stringify(value)];
  });
  return Object.fromEntries(entries);
}

async function readOutputs(outputs: unknown): Promise<Pick<DryRun, 'outputs' | 'secretOutputs'>> {
  const plain: Record<string, unknown> = {};
  const secretOutputs: string[] = [];
  for (const [key, value] of Object.entries(recordOf(outputs))) {
    const output: pulumi.Output<unknown> = pulumi.output(value);
    if (await pulumi.isSecret(output)) {
      secretOutputs.push(key);
    }
    plain[key] = await settled(output);
  }
  return { outputs: plain, secretOutputs };
}

function settled(output: pulumi.Output<unknown>): Promise<unknown> {
  return new Promise((resolve) => output.apply(resolve));
}

function unwrapAll(inputs: unknown): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(recordOf(inputs)).map(([key, value]) => [key, isSecret(value) ? value.value : value]),
  );
}

function recordOf(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
