import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readdir, rm, stat, symlink, truncate, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { binariesIn, findPostgresBinaries, type PostgresBinaries } from '../../../local/postgres-binaries';
import { reachableBinaries } from '../../../local/postgres-copy';

const run = promisify(execFile);
/** Owns nothing and is in no group. */
const STRANGER = { uid: 65_534, gid: 65_534 };

describe("PostgreSQL's programs, started by root", function () {
  this.timeout(60_000);
  let folder: string;
  let home: string;
  /** Programs below a folder that only root may enter. */
  let locked: PostgresBinaries;

  before(async function () {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) this.skip(); // only root runs PostgreSQL as another user
  });

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'logline-copy-'));
    await chmod(folder, 0o755);
    home = path.join(folder, 'copies');
    const { folder: native } = await findPostgresBinaries();
    await mkdir(path.join(folder, 'root home'), { mode: 0o700 });
    await run('cp', ['-a', native, path.join(folder, 'root home', 'native')]);
    locked = binariesIn(path.join(folder, 'root home', 'native'));
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function versionFrom(binaries: PostgresBinaries): Promise<string> {
    return (await run(binaries.initdb, ['--version'], STRANGER)).stdout;
  }

  it('are copied to a place where their user can start them, with a message', async () => {
    await assert.rejects(versionFrom(locked), { code: 'EACCES' });
    const lines: string[] = [];
    const found = await reachableBinaries(locked, STRANGER, (line) => lines.push(line), [home]);
    assert.match(await versionFrom(found), /PostgreSQL\) 17/);
    assert.deepEqual(lines, [
      `PostgreSQL runs from ${found.folder}: its user may not enter ${path.join(folder, 'root home')}`,
    ]);
    assert.ok(found.folder.startsWith(`${home}/`));
    assert.equal((await stat(found.postgres)).uid, 0);
  });

  it('are copied once, however many ask at once, and no draft is left', async () => {
    const found = await Promise.all(
      Array.from({ length: 4 }, () => reachableBinaries(locked, STRANGER, undefined, [home])),
    );
    assert.equal(new Set(found.map(({ postgres }) => postgres)).size, 1);
    const { ino } = await stat(found[0]?.postgres ?? '');
    const again = await reachableBinaries(locked, STRANGER, undefined, [home]);
    assert.equal((await stat(again.postgres)).ino, ino);
    assert.equal((await readdir(home)).length, 1);
  });

  it('are used where they are when their user can reach them', async () => {
    await chmod(path.join(folder, 'root home'), 0o711);
    assert.equal(await reachableBinaries(locked, STRANGER, undefined, [home]), locked);
    await assert.rejects(stat(home), { code: 'ENOENT' });
  });

  it('are copied when a umask of 077 kept them from others, and the copy is not', async () => {
    await chmod(path.join(folder, 'root home'), 0o755);
    await run('chmod', ['-R', 'go=', locked.folder]);
    const before = process.umask(0o077);
    try {
      const found = await reachableBinaries(locked, STRANGER, undefined, [home]);
      assert.match(await versionFrom(found), /PostgreSQL\) 17/);
    } finally {
      process.umask(before);
    }
  });

  it('are copied again when the copy is damaged or others may have written to it', async () => {
    const { folder: copy, postgres } = await reachableBinaries(locked, STRANGER, undefined, [home]);
    await truncate(postgres, 1000);
    assert.match(await versionFrom(await reachableBinaries(locked, STRANGER, undefined, [home])), /\) 17/);
    await chown(path.join(copy, 'lib', 'libpq.so.5'), STRANGER.uid, STRANGER.gid);
    await reachableBinaries(locked, STRANGER, undefined, [home]);
    assert.equal((await stat(path.join(copy, 'lib', 'libpq.so.5'))).uid, 0);
  });

  it('lose no draft of a copy that is being made, only one that was abandoned', async () => {
    await mkdir(path.join(home, 'postgres-17-a.draft-fresh'), { recursive: true });
    await mkdir(path.join(home, 'postgres-17-a.draft-old'));
    await utimes(path.join(home, 'postgres-17-a.draft-old'), 1, 1);
    await reachableBinaries(locked, STRANGER, undefined, [home]);
    const drafts = (await readdir(home)).filter((name) => name.includes('draft'));
    assert.deepEqual(drafts, ['postgres-17-a.draft-fresh']);
  });

  for (const [what, make] of [
    [
      'belongs to somebody else',
      async (place: string) => {
        await mkdir(place);
        await chown(place, STRANGER.uid, STRANGER.gid);
      },
    ],
    [
      'others may write to',
      async (place: string) => {
        await mkdir(place);
        await chmod(place, 0o777);
      },
    ],
    [
      'is a link',
      async (place: string) => {
        await mkdir(`${place}.target`);
        await symlink(`${place}.target`, place);
      },
    ],
    ['is a file', async (place: string) => void (await run('touch', [place]))],
    [
      'lies in a folder that others may write to',
      async (place: string) => {
        await mkdir(place);
        await chmod(path.dirname(place), 0o777);
      },
    ],
  ] as const) {
    it(`are not copied to a folder that ${what}: the next one is taken, or the fault names each`, async () => {
      const bad = path.join(folder, 'made by others', 'copies');
      await mkdir(path.dirname(bad));
      await make(bad);
      const found = await reachableBinaries(locked, STRANGER, undefined, [bad, home]);
      assert.ok(found.folder.startsWith(`${home}/`));
      await assert.rejects(reachableBinaries(locked, STRANGER, undefined, [bad]), (error: Error) => {
        assert.ok(error.message.includes(path.join(folder, 'root home')), error.message);
        assert.ok(error.message.includes(bad), error.message);
        return true;
      });
    });
  }
});
