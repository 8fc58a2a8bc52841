import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { signedHeaders } from '../../runtime/lambda/aws-signature';
import { S3Bucket } from '../../runtime/lambda/s3-bucket';
import { S3Guard } from '../../runtime/lambda/s3-guard';
import { guardText } from '../../runtime/proofs/rollback-guard';
import { textOf } from './runtime-api';
import { S3StandIn } from './s3-stand-in';

const record = (batch: number) => ({
  epoch: '5f0c',
  batch,
  tx_id: String(1_000 + batch),
  ordinal: '1',
  digest: 'ab'.repeat(32),
});
const NAME = 'bucket/guard/record.json';

describe('the rollback guard in S3', () => {
  const s3 = new S3StandIn();
  let server: Server;
  let bucket: S3Bucket;
  let failures = 0;

  before(async () => {
    server = createServer(async (request, response) => {
      const body = await textOf(request);
      if (failures > 0) {
        failures -= 1;
        response.writeHead(503).end();
      } else s3.handle(request, String(request.url).slice(1), body, response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    bucket = new S3Bucket('bucket', { AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}` });
  });
  beforeEach(() => {
    s3.objects.clear();
    s3.beforeWrite = undefined;
    failures = 0;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  it('is written where there is none, and followed by the next record', async () => {
    const guard = new S3Guard(bucket);
    assert.equal(await guard.read(), undefined);
    assert.equal(await guard.swap(undefined, record(1)), true);
    assert.deepEqual(await guard.read(), record(1));
    assert.equal(await guard.swap(record(1), record(2)), true);
    assert.equal(s3.text('guard/record.json'), guardText(record(2)));
  });

  it('is not written over by a sealer that read it before another one wrote', async () => {
    const [one, other] = [new S3Guard(bucket), new S3Guard(bucket)];
    await Promise.all([one.read(), other.read()]);
    const first = await Promise.all([one.swap(undefined, record(1)), other.swap(undefined, record(1))]);
    assert.deepEqual(first.sort(), [false, true]);
    await one.read();
    s3.beforeWrite = () => {
      s3.beforeWrite = undefined;
      s3.put(NAME, guardText(record(7)));
    };
    assert.equal(await one.swap(record(1), record(2)), false);
    assert.equal(s3.text('guard/record.json'), guardText(record(7)));
  });

  it('is not replaced when it is another one than was asked for', async () => {
    s3.put(NAME, guardText(record(3)));
    const guard = new S3Guard(bucket);
    await guard.read();
    assert.equal(await guard.swap(record(2), record(4)), false);
    assert.equal(await guard.swap(undefined, record(4)), false);
  });

  it('retries a temporary failure of S3, and reports a lasting one', async () => {
    s3.put(NAME, guardText(record(3)));
    failures = 2;
    assert.deepEqual(await new S3Guard(bucket).read(), record(3));
    failures = 3;
    await assert.rejects(new S3Guard(bucket).read(), /S3 answered 503/);
  });

  it('refuses an object that is no record', async () => {
    s3.put(NAME, '{"epoch":1}');
    await assert.rejects(new S3Guard(bucket).read(), /is no rollback guard/);
  });
});

describe('the signature of a request to AWS', () => {
  // https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "Example: GET Object".
  it('is the one that AWS documents for its example', () => {
    const { authorization } = signedHeaders(
      {
        method: 'GET',
        url: new URL('https://examplebucket.s3.amazonaws.com/test.txt'),
        headers: { range: 'bytes=0-9' },
        body: '',
      },
      { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' },
      'us-east-1',
      's3',
      new Date('2013-05-24T00:00:00Z'),
    );
    assert.match(
      String(authorization),
      /Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41$/,
    );
  });
});
