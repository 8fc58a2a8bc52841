import assert from 'node:assert/strict';
import { gunzipSync, gzipSync } from 'node:zlib';
import { signingKeyFromHex } from '../../runtime/crypto';
import { verifySpan } from '../../runtime/ledger/span-signature';
import { at, listOf, recordOf } from '../infra/subject';
import { secretMember } from './cloud';
import type { DeployedStack } from './deployed-stack';
import { httpEvent } from './events';

/** Stage-0, called as API Gateway calls it. */
export function stage0Tests(stack: DeployedStack): void {
  describe('Stage-0', () => {
    let id: string;

    it('is healthy', async () => {
      const { status, body } = await stack.call('GET', '/api/health');
      assert.equal(status, 200, JSON.stringify(body));
      assert.equal(body.status, 'ok');
    });

    it('takes a span and signs it with the instance key', async () => {
      const { status, body } = await stack.call('POST', '/api/spans', {
        body: { entity_type: 'note', who: 'ada', this: 'hello', visibility: 'tenant' },
      });
      assert.equal(status, 201, JSON.stringify(body));
      const span = recordOf(body.span);
      id = String(span.id);
      const seed = secretMember(stack.cloud.secrets, 'signing-key', 'seed_hex');
      assert.equal(span.public_key, signingKeyFromHex(seed).publicKeyHex);
      assert.equal(span.tenant_id, 'acme');
    });

    it('lists it, reads it, and hides it from strangers', async () => {
      assert.deepEqual(
        (await stack.timeline('entity_type=note')).map((span) => span.id),
        [id],
      );
      assert.equal((await stack.call('GET', `/api/spans/${id}`)).status, 200);
      const stranger = await stack.tokenFor('ada', 'other', ['timeline:read']);
      assert.equal((await stack.call('GET', `/api/spans/${id}`, { token: stranger })).status, 404);
    });

    it('serves the manifest and its own description', async () => {
      const manifest = await stack.call('GET', '/api/manifest/kernel_manifest');
      assert.equal(manifest.status, 200, JSON.stringify(manifest.body));
      const openapi = await stack.call('GET', '/openapi.json');
      assert.equal(at(openapi.body, 'openapi'), '3.1.0');
    });

    it('refuses without a token, and explains every fault', async () => {
      const refused = await stack.cloud.invoke('stage0', httpEvent('POST', '/api/spans', { body: {} }));
      assert.equal(at(refused.payload, 'statusCode'), 401);
      const { status, body } = await stack.call('POST', '/api/spans', { body: { who: 1, unknown: true } });
      assert.equal(status, 400);
      assert.ok(listOf(body.errors).length >= 3, JSON.stringify(body));
    });

    it('takes a gzipped body, and gzips its answer for who accepts that', async () => {
      const drafts = Array.from({ length: 20 }, () => ({ entity_type: 'packed', who: 'alice', this: 'x' }));
      const sent = await stack.cloud.invoke(
        'stage0',
        httpEvent('POST', '/api/spans', {
          token: stack.token,
          body: gzipSync(JSON.stringify(drafts)),
          headers: { 'content-encoding': 'gzip', 'accept-encoding': 'gzip' },
        }),
      );
      assert.equal(at(sent.payload, 'statusCode'), 201, JSON.stringify(sent.payload));
      assert.equal(at(sent.payload, 'isBase64Encoded'), true);
      assert.equal(at(at(sent.payload, 'headers'), 'content-encoding'), 'gzip');
      const packed = Buffer.from(String(at(sent.payload, 'body')), 'base64');
      assert.equal(recordOf(JSON.parse(gunzipSync(packed).toString())).count, 20);
      const broken = httpEvent('POST', '/api/spans', {
        token: stack.token,
        body: gzipSync('{}').subarray(0, -8),
        headers: { 'content-encoding': 'gzip' },
      });
      assert.equal(at((await stack.cloud.invoke('stage0', broken)).payload, 'statusCode'), 400);
    });

    it('signs so that anyone can check it from the JSON alone', async () => {
      const { body } = await stack.call('GET', `/api/spans/${id}`);
      const span = recordOf(body.span);
      assert.equal(verifySpan(span).ok, true);
      assert.equal(verifySpan({ ...span, this: 'changed' }).ok, false);
    });
  });
}
