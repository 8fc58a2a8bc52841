import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { type HttpHost, openHttpHost } from '../../local/http-host';
import { openApiDocument } from '../../runtime/stage0/openapi';
import { findPython } from '../support/python';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';

const run = promisify(execFile);
const GENERATOR = {
  folder: 'python-generator',
  packages: ['openapi-python-client==0.29.1'],
  check: 'import openapi_python_client, httpx, attrs, dateutil',
};

/** Imports every module, then appends and reads like a user of the generated client. */
const PROGRAM = `
import importlib, os, pkgutil, sys
import generated
for module in pkgutil.walk_packages(generated.__path__, "generated."):
    importlib.import_module(module.name)
from generated import AuthenticatedClient
from generated.api.instance import read_keys, read_me
from generated.api.spans import append_spans, list_timeline, read_span
from generated.models import ListTimelineOrder, SpanInput, SpanInputVisibilityType1, SpanVisibility

client = AuthenticatedClient(
    base_url=os.environ["LOGLINE_URL"], token=os.environ["LOGLINE_TOKEN"], raise_on_unexpected_status=True
)
def note(this, **more):
    return SpanInput(entity_type="note", who="py", this=this, **more)
metadata = {"visit": 4, "deep": {"list": [1, None, "ü"]}}
single = append_spans.sync(client=client, body=note("single", metadata=metadata, visibility=SpanInputVisibilityType1.PUBLIC))
again = append_spans.sync_detailed(client=client, body=SpanInput.from_dict(single.span.to_dict()))
batch = append_spans.sync(client=client, body=[note("one"), note("two")])
print(single.span.this, single.span.metadata == metadata, single.span.visibility.value, again.status_code.value, batch.count, batch.spans[1].this)

me = read_me.sync(client=client)
page = list_timeline.sync(client=client, status=["open", "held"], order=ListTimelineOrder.ASC, limit="10")
entity = read_span.sync(page.spans[0].id, client=client)
keys = read_keys.sync(client=client)
print(me.user, page.count, entity.span.this, entity.span.visibility == SpanVisibility.TENANT, keys.keys[0].purpose.value)
`;

describe('a client that openapi-python-client generates from /openapi.json', function () {
  this.timeout(180_000);
  let stage0: TestStage0;
  let host: HttpHost;
  let folder: string;
  before(async () => {
    stage0 = await createTestStage0();
    host = await openHttpHost(0, '127.0.0.1');
    host.serve(stage0.fetch);
    folder = await mkdtemp(path.join(tmpdir(), 'logline-generated-'));
  });
  after(async () => {
    await host?.close(0);
    await stage0?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('compiles, appends a span, the answered one again and a batch, and reads who asks, pages, entities and keys', async function () {
    const python = await findPython(GENERATOR);
    if ('missing' in python) {
      console.log(`      needs ${python.missing}`);
      this.skip();
    }
    const token = await stage0.token('py', 'acme');
    for (const status of ['open', 'held', 'done']) {
      const body = { entity_type: 'note', who: 'py', this: status, status, visibility: 'tenant' };
      assert.equal((await stage0.call('/api/spans', { token, body })).status, 201);
    }
    await writeFile(path.join(folder, 'openapi.json'), JSON.stringify(openApiDocument()));
    await writeFile(path.join(folder, 'program.py'), PROGRAM);
    const generate = ['-m', 'openapi_python_client', 'generate', '--meta', 'none'];
    await run(python.path, [...generate, '--path', 'openapi.json', '--output-path', 'generated'], {
      cwd: folder,
    });
    const env = { ...process.env, LOGLINE_URL: host.url, LOGLINE_TOKEN: token };
    const { stdout } = await run(python.path, ['program.py'], { cwd: folder, env });
    assert.deepEqual(stdout.trim().split('\n'), ['single True public 200 2 two', 'py 2 open True span']);
  });
});
