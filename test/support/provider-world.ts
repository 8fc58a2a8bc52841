import assert from 'node:assert/strict';
import type { JsonValue, Span } from '../../runtime/base/span';
import { createOutgoingHttp } from '../../runtime/host/outgoing-http';
import type { KernelOutcome } from '../../runtime/kernels/kernel-context';
import { KERNEL_IDS } from '../../runtime/kernels/stable-ids';
import { GOOD_KEY, type ProviderServer, startProviderServer } from './provider-server';
import { createTestKernels, type TestKernels } from './test-kernels';
import type { Answer } from './test-stage0';

export const HELLO = { prompt: 'Hello' };
export const WRONG_KEY = 'sk-wrong-51b0c7';
/** The secret store of these tests. */
export const KEYS: ReadonlyMap<string, string> = new Map([
  ['acme/good', GOOD_KEY],
  ['acme/wrong', WRONG_KEY],
  ['system/good', GOOD_KEY],
]);

/** Stage-0 with all kernels, and a provider server that the manifest allows. */
export interface ProviderWorld {
  readonly server: ProviderServer;
  readonly kernels: TestKernels;
  /** Base URL of the server. */
  readonly at: string;
  /** Token of alice in acme, the default. */
  readonly alice: string;
  token(user: string, tenant: string): Promise<string>;
  /** Appends a provider span. */
  append(metadata: object, more?: Partial<Span>, token?: string): Promise<Span>;
  /** Metadata of a provider of this kind at the server. */
  openai(more?: object): object;
  ollama(more?: object): object;
  /** `POST /api/execute/{provider_exec}`. */
  execute(input: object, token?: string, headers?: Record<string, string>): Promise<Answer>;
  /** Starts the kernel as the request worker does. */
  invoke(event: JsonValue, user?: string, tenant?: string): Promise<KernelOutcome>;
  executionsOf(providerId: string, token?: string): Promise<readonly Span[]>;
  close(): Promise<void>;
}

/** Opens the world; every host name except the server's resolves to a cloud's metadata address. */
export async function openProviderWorld(): Promise<ProviderWorld> {
  const server = await startProviderServer();
  const at = `http://127.0.0.1:${server.port}`;
  const kernels = await createTestKernels({
    fetch: createOutgoingHttp({ resolve: async () => [{ address: '169.254.169.254', family: 4 }] }),
    secrets: { get: async (name) => KEYS.get(name) },
  });
  await kernels.changeManifest({ provider: { hosts: [`127.0.0.1:${server.port}`, 'api.example.com'] } });
  const alice = await kernels.token('alice', 'acme');
  return {
    server,
    kernels,
    at,
    alice,
    token: (user, tenant) => kernels.token(user, tenant),
    async append(metadata, more = {}, token = alice) {
      const { status, body } = await kernels.call('/api/spans', {
        token,
        body: {
          entity_type: 'provider',
          who: 'alice',
          this: 'a provider',
          name: 'assistant',
          metadata,
          ...more,
        },
      });
      assert.equal(status, 201, JSON.stringify(body));
      return body.span;
    },
    openai: (more = {}) => ({
      kind: 'openai',
      base_url: `${at}/v1`,
      model: 'gpt-4.1',
      secret: 'good',
      ...more,
    }),
    ollama: (more = {}) => ({ kind: 'ollama', base_url: at, model: 'llama3.2', ...more }),
    execute: (input, token = alice, headers = {}) =>
      kernels.call(`/api/execute/${KERNEL_IDS.provider_exec}`, { token, body: { input }, headers }),
    invoke: (event, user = 'alice', tenant = 'acme') =>
      kernels.host.invoke('provider_exec', { user, tenant }, event),
    async executionsOf(providerId, token = alice) {
      const { body } = await kernels.call(
        `/api/timeline?entity_type=provider_execution&related_to=${providerId}`,
        { token },
      );
      return body.spans;
    },
    async close() {
      await kernels.close();
      await server.close();
    },
  };
}
