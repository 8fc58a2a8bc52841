import { setTimeout as delay } from 'node:timers/promises';
import { oneLine } from '../../local/operator-error';
import { StopSignal } from '../../local/stop-signal';
import { LogLineError } from '../../runtime/base/errors';
import { type LocalLedger, withLocalLedger } from '../local-ledger';
import { readStatus } from './read-status';
import { statusText } from './status-text';

/** Options of `logline status`. */
export interface StatusOptions {
  readonly watch?: boolean;
  readonly json?: boolean;
}

const WATCH_MS = 2_000;
const FORCED_EXIT_CODE = 130;
/** Cursor home, clear to the end of the screen (ECMA-48), for terminals only. */
const CLEAR_SCREEN = '\u001b[H\u001b[2J';

/** Prints the state of the local ledger, once or repeatedly. */
export async function runStatus(options: StatusOptions): Promise<void> {
  await withLocalLedger(async (ledger) => {
    if (options.watch) await watch(ledger, options);
    else process.stdout.write(await sample(ledger, options));
  });
}

async function watch(ledger: LocalLedger, options: StatusOptions): Promise<void> {
  const stop = new StopSignal(() => process.exit(FORCED_EXIT_CODE));
  const isScreen = process.stdout.isTTY === true && !options.json;
  try {
    while (!stop.isRequested) {
      const text = await sample(ledger, options).catch((error) => {
        // With --watch an unavailable database is no reason to stop.
        if (error instanceof LogLineError) return options.json ? '' : `${oneLine(error)}\n`;
        throw error;
      });
      process.stdout.write(isScreen ? CLEAR_SCREEN + text : options.json ? text : `${text}\n`);
      await Promise.race([delay(WATCH_MS, undefined, { ref: true }), stop.requested]);
    }
  } finally {
    stop.dispose();
  }
}

async function sample({ database, auditor, keys }: LocalLedger, { json }: StatusOptions): Promise<string> {
  const report = await readStatus(database, auditor, keys.ring.trusted);
  return json ? `${JSON.stringify(report)}\n` : `${statusText(report).join('\n')}\n`;
}
