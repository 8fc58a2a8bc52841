import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';
import { openApiDocument } from '../../runtime/stage0/openapi';

const ROOT = path.resolve(__dirname, '..', '..');

/** A program that uses the generated types. */
const PROGRAM = `import type { components, operations, paths } from './api';

type Span = components['schemas']['Span'];
type Appended = paths['/api/spans']['post']['responses'][201]['content']['application/json'];
type Accepted = paths['/api/execute/{function_id}']['post']['responses'][202]['content']['application/json'];
type Page = operations['listTimeline']['responses'][200]['content']['application/json'];

export function nameOf(span: Span): string {
  const parts: string[] = [span.id, span.at, span.owner_id, span.curr_hash, span.signature];
  return parts.join(String(span.seq + 1));
}
export function idOf(answer: Accepted): string {
  return answer.request.id;
}
export function countOf(answer: Appended): number {
  return 'spans' in answer ? answer.count : 1;
}
export function nextOf(page: Page): string | null {
  return page.next_cursor;
}
export const draft: components['schemas']['SpanInput'] = { entity_type: 'note', who: 'a', this: 'b', did: null };
export const query: operations['listTimeline']['parameters']['query'] = { status: ['open', 'held'], order: 'feed' };
// @ts-expect-error a span needs who and this
export const incomplete: components['schemas']['SpanInput'] = { entity_type: 'note' };
// @ts-expect-error a span that was answered always has an id
export const never: Span['id'] = null;
`;

describe('types that openapi-typescript generates from /openapi.json', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(ROOT, '.build', 'openapi-types-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('compile, strictly, with a small program that uses them', async () => {
    const types = astToString(await openapiTS(JSON.stringify(openApiDocument())));
    await writeFile(path.join(folder, 'api.ts'), types);
    await writeFile(path.join(folder, 'program.ts'), PROGRAM);
    const program = ts.createProgram([path.join(folder, 'program.ts')], {
      noEmit: true,
      strict: true,
      skipLibCheck: true,
      types: [],
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.CommonJS,
    });
    const faults = ts.getPreEmitDiagnostics(program).map(({ messageText, file, start }) => {
      const line = file === undefined ? '' : file.text.slice(0, start).split('\n').length;
      return `${path.basename(file?.fileName ?? '')}:${line} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    });
    assert.deepEqual(faults, []);
  });
});
