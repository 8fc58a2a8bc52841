import assert from 'node:assert/strict';
import { mintToken, type Scope } from '../../runtime/auth';
import { signingKeyFromHex } from '../../runtime/crypto';
import { at, listOf, recordOf } from '../infra/subject';
import { until } from '../support/until';
import { Cloud, secretMember } from './cloud';
import { httpEvent } from './events';

/** An answer of Stage-0. */
export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** One deployment for a suite whose tests build on each other, and calls of its API. */
export class DeployedStack {
  /** Token of user ada in tenant acme, which calls carry; empty before the migrator has made the keys. */
  token = '';
  #cloud: Cloud | undefined;

  /** Registers the hooks of the suite that calls it. */
  static use(): DeployedStack {
    const stack = new DeployedStack();
    before(async () => {
      stack.#cloud = await Cloud.start();
    });
    after(() => stack.#cloud?.stop());
    return stack;
  }

  get cloud(): Cloud {
    assert.ok(this.#cloud);
    return this.#cloud;
  }

  tokenFor(sub: string, tenant: string, scope: Scope[]): Promise<string> {
    const key = signingKeyFromHex(secretMember(this.cloud.secrets, 'signing-key', 'seed_hex'));
    return mintToken(key, { sub, tenant, scope, ttlSeconds: 3_600 });
  }

  /** Calls Stage-0 as API Gateway does. */
  async call(method: string, path: string, options: Parameters<typeof httpEvent>[2] = {}): Promise<Answer> {
    const event = httpEvent(method, path, { token: this.token, ...options });
    const { failed, payload } = await this.cloud.invoke('stage0', event);
    assert.equal(failed, false, JSON.stringify(payload));
    const text = at(payload, 'body');
    return { status: Number(at(payload, 'statusCode')), body: recordOf(JSON.parse(String(text))) };
  }

  async timeline(query: string): Promise<Record<string, unknown>[]> {
    const { status, body } = await this.call('GET', '/api/timeline', { query });
    assert.equal(status, 200, JSON.stringify(body));
    return listOf(body.spans).map(recordOf);
  }

  /** Ends every session of the functions and waits until Stage-0 has reconnected; a call on a dead session gets 503. */
  async reconnected(when: string): Promise<void> {
    await this.cloud.sql(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'logline_app'`,
    );
    await until(`Stage-0 is connected again, ${when}`, async () => {
      const { status } = await this.call('GET', '/api/health');
      assert.ok(status === 200 || status === 503, String(status));
      return status === 200;
    });
  }
}
