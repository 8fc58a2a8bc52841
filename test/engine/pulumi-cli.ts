import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { EngineEvent, Stack } from '@pulumi/pulumi/automation';
import { LocalWorkspace } from '@pulumi/pulumi/automation';
import { parseDocument } from 'yaml';
import { REPOSITORY_ROOT } from '../../infra/bundle';
import type { Change, Deployment, Outcome } from './deployment';
import { commandOf, PROVIDER_COMMAND } from './provider-process';

/** The `pulumi` on PATH, if any. */
export function findPulumi(): string | undefined {
  return onPath('pulumi');
}

function onPath(command: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, command))
    .find((path) => existsSync(path));
}

/** Files that a copy of the project links to; `Pulumi.<stack>.yaml` is copied, since the CLI writes to it. */
const LINKED = [
  'node_modules',
  'infra',
  'runtime',
  'sql',
  'index.ts',
  'package.json',
  'tsconfig.json',
  'Pulumi.yaml',
];

/** Engine operations that change a resource. */
const CHANGES: Readonly<Record<string, Change>> = {
  create: 'create',
  update: 'update',
  replace: 'replace',
  'create-replacement': 'replace',
  delete: 'delete',
};

/**
 * Deploys a stack with Pulumi's own engine, with state in a folder of its own. The engine finds plugins on PATH: `aws` and
 * `random` are the stand-in provider; the language host is Pulumi's own, else `language-host.ts`.
 */
export class PulumiCli implements Deployment {
  readonly #folder: string;
  readonly #stack: Stack;
  readonly #stackFile: string;
  readonly #env: Record<string, string>;

  private constructor(folder: string, stack: Stack, stackFile: string, env: Record<string, string>) {
    this.#folder = folder;
    this.#stack = stack;
    this.#stackFile = stackFile;
    this.#env = env;
  }

  /** Prepares a copy of the project and creates the stack. */
  static async open(stackName: 'dev' | 'prod'): Promise<PulumiCli> {
    const folder = mkdtempSync(join(tmpdir(), 'logline-engine-'));
    const project = join(folder, 'project');
    mkdirSync(project);
    mkdirSync(join(folder, 'state'));
    for (const name of LINKED) {
      symlinkSync(join(REPOSITORY_ROOT, name), join(project, name));
    }
    const stackFile = join(project, `Pulumi.${stackName}.yaml`);
    copyFileSync(join(REPOSITORY_ROOT, `Pulumi.${stackName}.yaml`), stackFile);
    const env: Record<string, string> = {
      PATH: [installPlugins(folder), process.env.PATH ?? ''].join(delimiter),
      PULUMI_HOME: join(folder, 'home'),
      PULUMI_BACKEND_URL: `file://${join(folder, 'state')}`,
      PULUMI_CONFIG_PASSPHRASE: 'only for this test',
      PULUMI_SKIP_UPDATE_CHECK: 'true',
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
      STAND_IN_FAIL_MIGRATION: '',
    };
    const stack = await LocalWorkspace.createOrSelectStack({ stackName, workDir: project }, { envVars: env });
    return new PulumiCli(folder, stack, stackFile, env);
  }

  preview(): Promise<Outcome> {
    return this.#observe((options) => this.#stack.preview(options));
  }

  up(): Promise<Outcome> {
    return this.#observe((options) => this.#stack.up(options));
  }

  destroy(): Promise<Outcome> {
    return this.#observe((options) => this.#stack.destroy(options));
  }

  async configure(key: string, value: unknown): Promise<void> {
    const document = parseDocument(readFileSync(this.#stackFile, 'utf8'));
    document.setIn(['config', key], value);
    writeFileSync(this.#stackFile, document.toString());
  }

  failMigrations(message: string | undefined): void {
    this.#env.STAND_IN_FAIL_MIGRATION = message ?? '';
    this.#stack.workspace.envVars = { ...this.#env };
  }

  async unprotect(): Promise<void> {
    const state = await this.#stack.exportStack();
    const resources: { protect?: boolean }[] = state.deployment.resources;
    for (const resource of resources) {
      resource.protect = false;
    }
    await this.#stack.importStack(state);
  }

  async close(): Promise<void> {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #observe(
    operation: (options: {
      onOutput: (text: string) => void;
      onError: (text: string) => void;
      onEvent: (event: EngineEvent) => void;
    }) => Promise<unknown>,
  ): Promise<Outcome> {
    const log: string[] = [];
    const changes: Record<string, Change> = {};
    let succeeded = true;
    const options = {
      onOutput: (text: string) => void log.push(text),
      onError: (text: string) => void log.push(text),
      onEvent: (event: EngineEvent) => {
        const { op, urn, type } = event.resourcePreEvent?.metadata ?? {};
        const change = op === undefined ? undefined : CHANGES[op];
        if (change !== undefined && type !== undefined && /^(aws|random):/.test(type)) {
          changes[`${type} ${urn?.split('::').slice(3).join('::')}`] = change;
        }
      },
    };
    await operation(options).catch((error: unknown) => {
      succeeded = false;
      log.push(String(error));
    });
    const outputs = succeeded ? await this.#stack.outputs() : {};
    return {
      succeeded,
      changes,
      log: log.join(''),
      outputs: Object.fromEntries(Object.entries(outputs).map(([key, { value }]) => [key, value])),
      secretOutputs: Object.entries(outputs)
        .filter(([, { secret }]) => secret)
        .map(([key]) => key),
    };
  }
}

/** Puts the stand-ins for Pulumi's plugins into a folder for PATH; returns the folder. */
function installPlugins(folder: string): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  install(join(bin, 'pulumi-resource-aws'), PROVIDER_COMMAND);
  install(join(bin, 'pulumi-resource-random'), PROVIDER_COMMAND);
  if (onPath('pulumi-language-nodejs') === undefined) {
    install(join(bin, 'pulumi-language-nodejs'), commandOf('language-host.ts'));
  }
  return bin;
}

function install(path: string, command: readonly string[]): void {
  writeFileSync(path, `#!/bin/sh\nexec ${command.map((part) => `'${part}'`).join(' ')} "$@"\n`);
  chmodSync(path, 0o755);
}
