import assert from 'node:assert/strict';
import { FairShares, Reservation } from '../../../runtime/base/fair-shares';
import { readJsonBody } from '../../../runtime/stage0/request-body';

const MIB = 1024 * 1024;

async function pausesOf(body: string): Promise<number> {
  const reservation = new Reservation(new FairShares({ what: 'bytes', capacity: 32 * MIB }), 'acme');
  const headers = { 'content-type': 'application/json' };
  const request = new Request('http://localhost/', { method: 'POST', headers, body });
  let pauses = 0;
  await readJsonBody(request, reservation, () => {
    pauses += 1;
    return undefined;
  });
  return pauses;
}

describe('the JSON body of a request', () => {
  it('is worked on in slices when it is long, be it of a single value', async () => {
    assert.notEqual(await pausesOf(JSON.stringify({ input: '\n'.repeat(MIB) })), 0);
  });

  it('is parsed at once when it is small', async () => {
    assert.equal(await pausesOf(JSON.stringify({ input: 'small' })), 0);
  });
});
