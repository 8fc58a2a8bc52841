import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { SignedSpan } from '../../runtime/base/span';
import { append } from './api';
import {
  cleanUp,
  type Ended,
  type LocalRun,
  runCommand,
  startCommand,
  startLocalRun,
  temporaryFolder,
} from './local-run';

/** A local run, the commands that act on its data folder, and a folder for the files that they read and write. */
export class CommandLedger {
  readonly folder: string;
  readonly url: string;
  readonly #data: string;
  readonly #run: LocalRun;

  private constructor(folder: string, data: string, run: LocalRun) {
    this.folder = folder;
    this.url = run.url;
    this.#data = data;
    this.#run = run;
  }

  static async start(): Promise<CommandLedger> {
    const data = await temporaryFolder();
    return new CommandLedger(await temporaryFolder(), data, await startLocalRun(data));
  }

  async stop(): Promise<void> {
    await this.#run.stop();
    await cleanUp(this.#data);
    await cleanUp(this.folder);
  }

  /** Starts `npx logline …`. */
  start(...args: string[]): ReturnType<typeof startCommand> {
    return startCommand(args, { env: { LOGLINE_DATA: this.#data } });
  }

  /** Runs `npx logline …` to its end. */
  logline(...args: string[]): Promise<Ended> {
    return runCommand(args, { env: { LOGLINE_DATA: this.#data } });
  }

  /** Runs `npx logline …`, which must succeed in silence, and returns what it prints. */
  async succeed(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.logline(...args);
    assert.equal(code, 0, stdout + stderr);
    assert.equal(stderr, '');
    return stdout;
  }

  async token(user: string, tenant: string, ...more: string[]): Promise<string> {
    return (await this.succeed('token', '--user', user, '--tenant', tenant, ...more)).trim();
  }

  /** Path of a file in the folder. */
  file(name: string): string {
    return path.join(this.folder, name);
  }

  /** Writes a file of one line a span, and returns its path. */
  async write(name: string, spans: readonly unknown[]): Promise<string> {
    const file = this.file(name);
    await writeFile(file, spans.map((span) => `${JSON.stringify(span)}\n`).join(''));
    return file;
  }

  /** Appends four spans of alice and bob in tenant acme, one of them a deletion, and one in another tenant. */
  async appendPeople(): Promise<void> {
    const [alice, bob, eve] = await Promise.all([
      this.token('alice', 'acme'),
      this.token('bob', 'acme'),
      this.token('alice', 'other'),
    ]);
    const first: SignedSpan = await append(this.url, alice, { name: 'private of alice' });
    await append(this.url, alice, { id: first.id, seq: 1, name: 'deleted', is_deleted: true });
    await append(this.url, bob, { name: 'private of bob' });
    await append(this.url, bob, { name: 'tenant of bob', visibility: 'tenant' });
    await append(this.url, eve, { name: 'public of another tenant', visibility: 'public' });
  }
}
