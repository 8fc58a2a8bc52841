import { once } from 'node:events';
import { REPOSITORY_ROOT } from '../../infra/bundle';
import { isSecret, readStackFile } from '../../infra/dry-run';
import type { Change, Deployment, Outcome } from './deployment';
import { EngineServer } from './engine-server';
import { execute } from './executor';
import { type Properties, ProviderProcess } from './provider-process';
import { type StoredResource, step, urnOf } from './resource-step';

/** Parallel operations, `pulumi up`'s default. */
const PARALLEL = 16;

/**
 * Deploys a stack without the Pulumi CLI: the program runs in Pulumi's own executor and talks Pulumi's protocol to a small
 * engine that stores state and computes differences. It does not support ordering of deletions, aliases or imports.
 */
export class ProgramHost implements Deployment {
  readonly #stack: string;
  readonly #config: Record<string, unknown>;
  #state = new Map<string, StoredResource>();
  #failure: string | undefined;

  constructor(stack: string) {
    this.#stack = stack;
    this.#config = { ...readStackFile(stack) };
  }

  preview(): Promise<Outcome> {
    return this.#run(true);
  }

  up(): Promise<Outcome> {
    return this.#run(false);
  }

  async destroy(): Promise<Outcome> {
    const held = [...this.#state].filter(([, resource]) => resource.protect).map(([urn]) => urn);
    if (held.length > 0) {
      return failed(`cannot be deleted because they are protected: ${held.join(', ')}`);
    }
    const provider = await ProviderProcess.start({});
    const changes = await this.#delete(provider, [...this.#state.keys()]);
    await provider.stop();
    return { succeeded: true, changes, outputs: {}, secretOutputs: [], log: '' };
  }

  async configure(key: string, value: unknown): Promise<void> {
    this.#config[key] = value;
  }

  failMigrations(message: string | undefined): void {
    this.#failure = message;
  }

  async unprotect(): Promise<void> {
    this.#state = new Map([...this.#state].map(([urn, item]) => [urn, { ...item, protect: false }]));
  }

  async close(): Promise<void> {
    this.#state.clear();
  }

  async #run(preview: boolean): Promise<Outcome> {
    const provider = await ProviderProcess.start({ STAND_IN_FAIL_MIGRATION: this.#failure ?? '' });
    const changes: Record<string, Change> = {};
    const seen = new Set<string>();
    const log: string[] = [];
    let outputs: Properties = {};
    const server = new EngineServer({
      log: (message) => log.push(message),
      invoke: (token, args) => provider.invoke(token, args),
      outputs: (urn, values) => {
        outputs = urn.includes('::pulumi:pulumi:Stack::') ? values : outputs;
      },
      register: async (request) => {
        const urn = urnOf(this.#stack, request);
        seen.add(urn);
        const registered = await step({ request, urn, stored: this.#state.get(urn), provider, preview });
        const key = { type: request.getType(), name: request.getName() };
        if (registered.change !== undefined) {
          changes[`${key.type} ${key.name}`] = registered.change;
        }
        if (!preview) {
          const { id, state } = registered;
          this.#state.set(urn, {
            ...key,
            custom: request.getCustom(),
            id,
            state,
            protect: request.getProtect() === true,
          });
        }
        return registered;
      },
    });
    try {
      const address = await server.listen();
      const succeeded = await this.#execute(address, preview, log);
      const gone = succeeded ? [...this.#state.keys()].filter((urn) => !seen.has(urn)) : [];
      Object.assign(changes, preview ? this.#named(gone) : await this.#delete(provider, gone));
      return { succeeded, changes, log: log.join('\n'), ...withoutSecrets(outputs) };
    } finally {
      server.close();
      await provider.stop();
    }
  }

  async #execute(address: string, preview: boolean, log: string[]): Promise<boolean> {
    const program = execute({
      monitor: address,
      engine: address,
      project: 'logline',
      stack: this.#stack,
      root: REPOSITORY_ROOT,
      folder: REPOSITORY_ROOT,
      program: 'index.ts',
      parallel: PARALLEL,
      preview,
      config: this.#configText(),
    });
    for (const stream of [program.stdout, program.stderr]) {
      stream.on('data', (bytes: Buffer) => log.push(bytes.toString()));
    }
    const [code] = await once(program, 'close');
    return code === 0;
  }

  #configText(): Record<string, string> {
    const config = Object.entries(this.#config).map(([key, value]) => [
      key,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]);
    return Object.fromEntries(config);
  }

  #named(urns: readonly string[]): Record<string, Change> {
    const gone = urns.map((urn) => this.#state.get(urn)).filter((item) => item?.custom === true);
    return Object.fromEntries(gone.map((item) => [`${item?.type} ${item?.name}`, 'delete']));
  }

  async #delete(provider: ProviderProcess, urns: readonly string[]): Promise<Record<string, Change>> {
    const changes = this.#named(urns);
    for (const urn of [...urns].reverse()) {
      const item = this.#state.get(urn);
      if (item?.custom === true) {
        await provider.delete(urn, item.id, item.state);
      }
      this.#state.delete(urn);
    }
    return changes;
  }
}

function failed(log: string): Outcome {
  return { succeeded: false, changes: {}, outputs: {}, secretOutputs: [], log };
}

function withoutSecrets(values: Properties): Pick<Outcome, 'outputs' | 'secretOutputs'> {
  const entries = Object.entries(values);
  return {
    outputs: Object.fromEntries(entries.map(([key, value]) => [key, isSecret(value) ? value.value : value])),
    secretOutputs: entries.filter(([, value]) => isSecret(value)).map(([key]) => key),
  };
}
