import assert from 'node:assert/strict';
import { keyBookOf } from '../../../explorer/src/ledger/key-book';
import { clientSpan } from '../../support/client-span';
import { until } from '../../support/until';

interface TimelineState {
  readonly rows: readonly { readonly check?: { readonly outcome: string } }[];
}

interface TimelineModule {
  readonly Timeline: new (
    ledger: BusyLedger,
    filter: { values: object },
  ) => {
    readonly state: { readonly value: TimelineState; subscribe(listener: () => void): unknown };
    close(): void;
  };
}

// Its types are those of a browser, which hide Node's wherever they are imported.
const { Timeline } = require('../../../explorer/src/ledger/timeline') as TimelineModule;

const SPANS = 450;
const AT_A_TIME = 200;

/** A ledger with many spans in its tail, whose keys the test provides. */
class BusyLedger {
  pulled = 0;
  giveKeys = (): void => undefined;
  readonly #keys = new Promise<ReturnType<typeof keyBookOf>>((resolve) => {
    this.giveKeys = () => resolve(keyBookOf({}));
  });

  keys() {
    return this.#keys;
  }

  async *timeline(): AsyncGenerator<object> {}

  async *tail(_filter: unknown, signal: AbortSignal, onReady: (cursor: string) => void) {
    onReady('here');
    for (; this.pulled < SPANS; this.pulled += 1) {
      // Later ones come one by one.
      if (this.pulled > AT_A_TIME) await new Promise((resolve) => setTimeout(resolve));
      yield {
        span: clientSpan({ this: `span ${this.pulled}` }),
        cursor: String(this.pulled),
      };
    }
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  }
}

describe("the timeline's tail", () => {
  it('requests no more while 200 spans are being checked, and renders at most ten times a second', async () => {
    const ledger = new BusyLedger();
    const timeline = new Timeline(ledger, { values: {} });
    let changes = 0;
    timeline.state.subscribe(() => {
      changes += 1;
    });
    try {
      const startedAt = performance.now();
      await until('the first spans are shown', () => timeline.state.value.rows.length > 0);
      assert.equal(timeline.state.value.rows.length, AT_A_TIME);
      assert.equal(ledger.pulled, AT_A_TIME - 1);
      ledger.giveKeys();
      await until('all are checked', () => {
        const { rows } = timeline.state.value;
        return rows.length === SPANS && rows.every(({ check }) => check?.outcome === 'other');
      });
      const most = (performance.now() - startedAt) / 100;
      assert.ok(changes <= 1.1 * most + 2, `${changes} changes in ${100 * most} ms`);
    } finally {
      timeline.close();
    }
  });
});
