/**
 * Runs the Pulumi program without an engine, an account or a network, and returns every resource that it registers.
 * Resource tests, `logline cost` and the benchmarks all look at the program through here.
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as pulumi from '@pulumi/pulumi';
import { parse } from 'yaml';
import { REPOSITORY_ROOT } from './bundle';

/** A resource as the program registered it. */
export interface RegisteredResource {
  readonly type: string;
  /** Logical name: with the type it is the identity that Pulumi compares between two runs. */
  readonly name: string;
  /** False for components. */
  readonly custom: boolean;
  /** Secrets are wrapped, see {@link isSecret}. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** The engine would refuse to delete it. */
  readonly protect: boolean;
}

/** What a run of the program yields. */
export interface DryRun {
  readonly resources: readonly RegisteredResource[];
  /** Stack outputs, secrets unwrapped. */
  readonly outputs: Readonly<Record<string, unknown>>;
  /** Names of the outputs that are secret. */
  readonly secretOutputs: readonly string[];
}

/** Options of {@link dryRun}. */
export interface DryRunOptions {
  readonly stack: string;
  /** Keys and values as in `Pulumi.<stack>.yaml`. Defaults to that file. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Called with each resource before it is "created"; throw to make its creation fail. */
  readonly onRegister?: (resource: RegisteredResource) => void;
}

/** The account that all ARNs of a dry run name: AWS's own example. */
export const DRY_RUN_ACCOUNT = '123456789012';

/** Stands for a provider key in a dry run: the real one is encrypted, and not needed. */
const PLACEHOLDER_KEYS = '{"configured":"placeholder"}';

/** Marks a secret on the wire between program and engine. */
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
 * Runs `index.ts` for one stack. Only one run at a time: Pulumi keeps its state in the process.
 *
 * @throws whatever the program throws, such as a ConfigError.
 */
export async function dryRun(options: DryRunOptions): Promise<DryRun> {
  const config = options.config ?? readStackFile(options.stack);
  const region = String(config['aws:region'] ?? 'us-east-1');
  const resources: RegisteredResource[] = [];
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
          // The id of a secret is its ARN; policies are checked by it.
          id: type === 'aws:secretsmanager/secret:Secret' ? secretArn(name, region) : `${name}-id`,
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
      // The only place where options can be seen; mocks get inputs alone.
      pulumi.runtime.registerStackTransformation(({ type, name, opts }) => {
        if (opts.protect === true) {
          protectedNames.add(`${type} ${name}`);
        }
        return undefined;
      });
      exported = loadProgram();
      return recordOf(exported);
    });
    await pulumi.runtime.disconnect();
    return { resources, ...(await readOutputs(exported)) };
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

/** Loads `index.ts` afresh: a program runs once for each load. */
function loadProgram(): unknown {
  const path = join(REPOSITORY_ROOT, 'index.ts');
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

/** What AWS would have made up, for the outputs that this program reads. */
function computedState(
  type: string,
  name: string,
  inputs: Readonly<Record<string, unknown>>,
  region: string,
): Record<string, unknown> {
  const service = type.split(':')[1]?.split('/')[0] ?? '';
  const shown = String(inputs.name ?? inputs.identifier ?? inputs.layerName ?? name);
  const arn = `arn:aws:${service}:${region}:${DRY_RUN_ACCOUNT}:${shown}`;
  const digest = createHash('sha256').update(name).digest();
  switch (type) {
    case 'random:index/randomPassword:RandomPassword':
      return { result: `password-of-${name}` };
    case 'random:index/randomBytes:RandomBytes':
      return { hex: digest.toString('hex'), base64: digest.toString('base64') };
    case 'random:index/randomId:RandomId':
      return { hex: digest.subarray(0, 4).toString('hex') };
    case 'aws:ec2/vpc:Vpc':
      return { arn, ipv6CidrBlock: '2600:1f18:abcd:1200::/56' };
    case 'aws:rds/instance:Instance': {
      const address = `${shown}.example.${region}.rds.amazonaws.com`;
      return { arn, address, port: 5432, endpoint: `${address}:5432` };
    }
    case 'aws:kms/key:Key':
      return { arn, keyId: `${name}-key` };
    case 'aws:secretsmanager/secretVersion:SecretVersion':
      return { arn: inputs.secretId, versionId: `${name}-version` };
    case 'aws:secretsmanager/secret:Secret':
      return { arn: secretArn(name, region) };
    case 'aws:apigatewayv2/api:Api':
      return {
        arn,
        apiEndpoint: `https://example.execute-api.${region}.amazonaws.com`,
        executionArn: `arn:aws:execute-api:${region}:${DRY_RUN_ACCOUNT}:example`,
      };
    case 'aws:lambda/function:Function':
      return {
        arn: `arn:aws:lambda:${region}:${DRY_RUN_ACCOUNT}:function:${shown}`,
        invokeArn: `${arn}/invocations`,
      };
    case 'aws:sqs/queue:Queue':
      return { arn, url: `https://sqs.${region}.amazonaws.com/${DRY_RUN_ACCOUNT}/${shown}` };
    default:
      return { arn };
  }
}

function secretArn(name: string, region: string): string {
  return `arn:aws:secretsmanager:${region}:${DRY_RUN_ACCOUNT}:secret:${name}`;
}

function computedAnswer(token: string, region: string): Record<string, unknown> {
  switch (token) {
    case 'aws:index/getCallerIdentity:getCallerIdentity':
      return { accountId: DRY_RUN_ACCOUNT };
    case 'aws:index/getAvailabilityZones:getAvailabilityZones':
      return { names: ['a', 'b', 'c'].map((zone) => `${region}${zone}`) };
    default:
      return {};
  }
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
