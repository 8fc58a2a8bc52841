import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { apiFreezer } from '../../../cli/freeze/api-freezer';
import { type Freezer, freezeTenant, thawTenant } from '../../../cli/freeze/frozen-tenant';
import { LedgerApi } from '../../../cli/ledger-api';

describe('freezing over the API', () => {
  let server: Server;
  let answers: { readonly status: number; readonly body: object }[];
  let freezer: Freezer;
  before(async () => {
    server = createServer((_request, response) => {
      // The last answer is given for ever.
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      response.writeHead(answer?.status ?? 500, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer?.body));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    const client = new LedgerApi(`http://127.0.0.1:${address.port}`, 'token');
    const target = { client, token: 'token', isLocal: false, mint: async () => undefined };
    freezer = { ...apiFreezer(target, true), pollMs: 1 };
  });
  after(() => server.close());

  const refused = { status: 503, body: { detail: 'The ledger waits for logline restore.' } };

  it('that is refused until the time is up tells the reason of the last refusal', async () => {
    answers = [{ status: 202, body: { frozen: false, waits_for: 'runs' } }, refused];
    await assert.rejects(
      freezeTenant(freezer, 'acme', 0),
      /freeze\/acme answered 503: The ledger waits for logline restore\.; run freeze again, or thaw$/,
    );
  });

  it('that is refused in between goes on', async () => {
    answers = [refused, refused, refused, { status: 200, body: { frozen: true, waits_for: null } }];
    await freezeTenant(freezer, 'acme', 60);
  });

  it('tells what it waits for when nothing refuses', async () => {
    answers = [{ status: 202, body: { frozen: false, waits_for: 'runs' } }];
    await assert.rejects(
      freezeTenant(freezer, 'acme', 0),
      /^OperatorError: requests of the tenant still run; /,
    );
  });

  it('and thawing goes on after a refusal, too', async () => {
    answers = [refused, { status: 200, body: { frozen: false, was_frozen: true } }];
    assert.equal(await thawTenant(freezer, 'acme'), true);
  });
});
