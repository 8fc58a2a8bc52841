import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { REPOSITORY_ROOT } from '../../infra/bundle';

/** Pulumi's own executor of Node programs: what `pulumi up` starts. */
const EXECUTOR = join(REPOSITORY_ROOT, 'node_modules/@pulumi/pulumi/cmd/run');

/** A run of a Pulumi program, as an engine requests it from a language host. */
export interface ProgramRun {
  /** Addresses (`host:port`) of the resource monitor and of the engine. */
  readonly monitor: string;
  readonly engine: string;
  readonly organization?: string;
  readonly project: string;
  readonly stack: string;
  /** Folder with `Pulumi.yaml`. */
  readonly root: string;
  /** Folder that the program starts in. */
  readonly folder: string;
  readonly program: string;
  readonly parallel: number;
  readonly preview: boolean;
  /** Configuration as the executor takes it: `project:key` → text. */
  readonly config: Readonly<Record<string, string>>;
  readonly secretKeys?: readonly string[];
}

/** Starts Pulumi's executor like its language host for Node. Exit code 0 means success. */
export function execute(run: ProgramRun): ChildProcessByStdio<null, Readable, Readable> {
  const args = [
    EXECUTOR,
    `--monitor=${run.monitor}`,
    `--engine=${run.engine}`,
    ...(run.organization === undefined ? [] : [`--organization=${run.organization}`]),
    `--project=${run.project}`,
    `--stack=${run.stack}`,
    `--pwd=${run.folder}`,
    `--root-directory=${run.root}`,
    `--parallel=${run.parallel}`,
    ...(run.preview ? ['--dry-run'] : []),
    run.program,
  ];
  const env = {
    ...process.env,
    // Set by the language host from `runtime.options` in Pulumi.yaml.
    PULUMI_NODEJS_TYPESCRIPT: 'true',
    PULUMI_CONFIG: JSON.stringify(run.config),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(run.secretKeys ?? []),
  };
  return spawn(process.execPath, args, { cwd: run.folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
}
