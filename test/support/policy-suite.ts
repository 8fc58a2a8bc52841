import assert from 'node:assert/strict';
import type { SignedSpan, Span } from '../../runtime/base/span';
import { type Poster, posterOf } from './poster';
import { createTestKernels, type TestKernels } from './test-kernels';

/** A policy that reacts to each order with one span that names it. */
export const ECHO = `function on(span) {
  if (span.entity_type !== 'order') return null;
  return { type: 'emit', span: { entity_type: 'echo', who: 'echo', this: span.this } };
}`;

/** Counters of one tick of the policy agent. */
export type TickCounts = { readonly [name: string]: number };

/** Kernels for a suite of policies; each test gets a tenant of its own, with a user alice. */
export class PolicySuite {
  #kernels: TestKernels | undefined;
  #alice: Poster | undefined;
  #tenants = 0;

  /** Registers the hooks of the suite that calls it. */
  static use(): PolicySuite {
    const suite = new PolicySuite();
    before(async () => {
      suite.#kernels = await createTestKernels();
    });
    after(() => suite.kernels.close());
    beforeEach(async () => {
      suite.#tenants += 1;
      suite.#alice = await posterOf(suite.kernels, 'alice', suite.tenant);
    });
    // Deactivates the policies of each test.
    afterEach(() => suite.kernels.look('UPDATE app.policy_cursor SET is_active = false'));
    return suite;
  }

  get kernels(): TestKernels {
    assert.ok(this.#kernels);
    return this.#kernels;
  }

  get alice(): Poster {
    assert.ok(this.#alice);
    return this.#alice;
  }

  get tenant(): string {
    return `tenant-${this.#tenants}`;
  }

  async tick(on: TestKernels = this.kernels): Promise<TickCounts> {
    const outcome = await on.tick('policy_agent');
    assert.equal(outcome.outcome, 'ok', JSON.stringify(outcome));
    return outcome.outcome === 'ok' ? (outcome.result as TickCounts) : {};
  }

  /** Ticks until no policy has spans left; one that reaches its limits needs several ticks. */
  async settle(): Promise<void> {
    for (let round = 0; round < 100; round += 1) if ((await this.tick()).evaluated === 0) return;
    assert.fail('the policies never came to the end');
  }

  policy(code: string, more: Partial<Span> = {}): Promise<SignedSpan> {
    return this.alice.post({ entity_type: 'policy', name: 'p', code, ...more });
  }

  orders(count: number, more: Partial<Span> = {}): Promise<readonly SignedSpan[]> {
    return this.alice.postAll(
      Array.from({ length: count }, (_, index) => ({
        entity_type: 'order',
        this: `order ${index}`,
        ...more,
      })),
    );
  }

  async echoes(): Promise<readonly string[]> {
    return thisOf(await this.alice.list('entity_type=echo&order=feed'));
  }

  errors(): Promise<readonly SignedSpan[]> {
    return this.alice.list('entity_type=policy_error&order=feed');
  }
}

export function thisOf(spans: readonly SignedSpan[]): readonly string[] {
  return spans.map((span) => span.this);
}
