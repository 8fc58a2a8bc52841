/**
 * What the resource rules look at: all resources of one stack, easy to query, and easy to break on purpose.
 */

import {
  archiveFiles,
  type DryRun,
  type DryRunOptions,
  dryRun,
  isSecret,
  readStackFile,
} from '../../infra/dry-run';

/** Inputs of a resource with secrets unwrapped. */
export type Inputs = Record<string, unknown>;

/** A registered resource. */
export interface Subject {
  readonly type: string;
  readonly name: string;
  readonly custom: boolean;
  protect: boolean;
  inputs: Inputs;
  /** Paths of inputs that were handed over as Pulumi secrets. */
  secrets: string[];
}

/** A stack as the rules see it. */
export interface Stack {
  readonly name: string;
  resources: Subject[];
  /** Logical name of a function → file → text. */
  archives: Map<string, Map<string, string>>;
  outputs: Record<string, unknown>;
  secretOutputs: string[];
}

/** The stacks that all rules are held against. The third switches on everything that is optional. */
export const STACKS: Readonly<Record<string, DryRunOptions>> = {
  dev: { stack: 'dev' },
  prod: { stack: 'prod' },
  'staging with every option': {
    stack: 'staging',
    config: {
      ...readStackFile('dev'),
      'logline:providerKeys': '{"openai":"sk-provider-secret"}',
      'logline:network': { egress: 'nat', zones: 3 },
      'logline:api': { corsOrigins: ['https://app.example.com'], corsCredentials: true },
      'logline:oidc': { issuer: 'https://id.example.com', audience: 'logline', atGateway: true },
      'logline:functions': { apiConcurrency: 20 },
      'logline:monitoring': { alarmEmail: 'ops@example.com' },
      'logline:rotation': { passwordsDays: 7, keysDays: 90 },
      'logline:backup': { copyRegion: 'eu-west-1', copyDays: 7 },
      'logline:edge': { enabled: true, domain: 'ledger.example.com', zoneId: 'Z0123456789ABCDEFGHIJ' },
      'logline:tags': { Team: 'ledger' },
    },
  },
};

const runs = new Map<string, Promise<DryRun>>();
let queue: Promise<unknown> = Promise.resolve();

/** The program's run for a stack of {@link STACKS}; each is run once, one after the other. */
export function loadRun(name: string): Promise<DryRun> {
  const options = STACKS[name];
  if (options === undefined) {
    throw new Error(`no such stack: ${name}`);
  }
  const known = runs.get(name);
  if (known !== undefined) {
    return known;
  }
  const run = queue.then(() => dryRun(options));
  queue = run.catch(() => undefined);
  runs.set(name, run);
  return run;
}

/** A stack of {@link STACKS}, as the rules see it. */
export async function loadStack(name: string): Promise<Stack> {
  return stackOf(name, await loadRun(name));
}

/** Turns a run of the program into what the rules look at. */
export async function stackOf(name: string, run: DryRun): Promise<Stack> {
  const archives = new Map<string, Map<string, string>>();
  for (const resource of run.resources) {
    if (resource.type === 'aws:lambda/function:Function') {
      archives.set(resource.name, new Map(await archiveFiles(resource)));
    }
  }
  const resources = run.resources.map((resource) => {
    const secrets: string[] = [];
    const inputs = unwrap(resource.inputs, '', secrets);
    return { ...resource, inputs: recordOf(inputs), secrets };
  });
  return {
    name,
    resources,
    archives,
    outputs: { ...run.outputs },
    secretOutputs: [...run.secretOutputs],
  };
}

/** A copy that a test may break. */
export function copyOf(stack: Stack): Stack {
  return {
    ...stack,
    resources: stack.resources.map((item) => ({
      ...item,
      inputs: recordOf(clone(item.inputs)),
      secrets: [...item.secrets],
    })),
    archives: new Map([...stack.archives].map(([name, files]) => [name, new Map(files)])),
    outputs: { ...stack.outputs },
    secretOutputs: [...stack.secretOutputs],
  };
}

/** All resources of a type: `aws:sqs/queue:Queue`. */
export function ofType(stack: Stack, type: string): Subject[] {
  return stack.resources.filter((item) => item.type === type);
}

/** Names of the resources of a type that are wrong; a type without any is wrong too. */
export function each(stack: Stack, type: string, wrong: (item: Subject) => boolean): string[] {
  const items = ofType(stack, type);
  return items.length === 0 ? [`no ${type}`] : items.filter(wrong).map(({ name }) => name);
}

/** The one resource of a type with a logical name. */
export function the(stack: Stack, type: string, name: string): Subject {
  const found = ofType(stack, type).find((item) => item.name === name);
  if (found === undefined) {
    throw new Error(`${stack.name} has no ${type} ${name}`);
  }
  return found;
}

/** A value inside inputs: `at(inputs, 'defaultRouteSettings.throttlingRateLimit')`. */
export function at(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((inner, key) => recordOf(inner)[key], value);
}

export function recordOf(value: unknown): Inputs {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {};
}

export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : value === undefined ? [] : [value];
}

export function textsOf(value: unknown): string[] {
  return listOf(value).map(String);
}

function unwrap(value: unknown, path: string, secrets: string[]): unknown {
  if (isSecret(value)) {
    secrets.push(path);
    return unwrap(value.value, path, secrets);
  }
  if (Array.isArray(value)) {
    return value.map((item, index) => unwrap(item, `${path}[${index}]`, secrets));
  }
  if (isPlain(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        key,
        unwrap(item, path === '' ? key : `${path}.${key}`, secrets),
      ]),
    );
  }
  return value;
}

function clone(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(clone);
  }
  return isPlain(value)
    ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, clone(item)]))
    : value;
}

/** Archives and assets are instances; they are kept as they are. */
function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
