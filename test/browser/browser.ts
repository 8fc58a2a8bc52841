/** `npm run test:browser`: the explorer in a real Chromium with a real ledger. */

import { chromiumPath } from '../support/chromium';
import { ExplorerWorld } from '../support/explorer-world';
import { describeClientPage } from './client-page';
import { describeHostileContent } from './hostile-content';
import { describeKeyboard } from './keyboard';
import { describePages } from './pages';
import { describeSession } from './session';
import { describeTail } from './tail';
import { describeTimeline } from './timeline';
import { describeVerification } from './verification';

describe('the explorer', function () {
  this.timeout(90_000);
  let world: ExplorerWorld | undefined;
  const started = (): ExplorerWorld => {
    if (world === undefined) throw new Error('the ledger and the browser have not started');
    return world;
  };

  before(async function () {
    if (chromiumPath() === undefined) {
      process.stdout.write('There is no Chromium: apt-get install chromium, or set CHROMIUM to one.\n');
      this.skip();
    }
    world = await ExplorerWorld.start();
  });
  after(() => world?.close());
  afterEach('nothing breaks the policy of the page', () => {
    const faults = world?.faults.splice(0) ?? [];
    if (faults.length > 0) throw new Error(faults.join('\n'));
  });

  describeTimeline(started);
  describeVerification(started);
  describeHostileContent(started);
  describePages(started);
  describeKeyboard(started);
  describeSession(started);
  describeTail(started);
  describeClientPage(started);
});
