import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../local/free-port';
import {
  cleanUp,
  type LocalRun,
  processesNaming,
  startLocalRun,
  temporaryFolder,
} from '../support/local-run';
import { DISTURBANCES, startTcpProxy, type TcpProxy } from '../support/tcp-proxy';
import { until } from '../support/until';
import { apiCalls } from './api-calls';
import { assertKept, followFeed, type Post, postWhile, type ReadPage, type Sent, settle } from './posting';

const acknowledged = (log: readonly Sent[]): number => log.filter(({ status }) => status === 201).length;

/** Rounds of all disturbances; more in `npm run hammer`. */
const ROUNDS = Number(process.env.LOGLINE_HAMMER_ROUNDS ?? 1);
const CLIENTS = 6;

describe('a local run whose processes are killed and stopped', function () {
  this.timeout(120_000 + ROUNDS * 120_000);
  let data: string;
  let local: LocalRun;
  let proxy: TcpProxy;
  let env: { readonly PORT: string };
  let post: Post;
  let read: ReadPage;
  before(async () => {
    data = await temporaryFolder();
    env = { PORT: String(await freePort()) };
    local = await startLocalRun(data, { env });
    proxy = await startTcpProxy(Number(env.PORT));
    ({ post, read } = apiCalls({
      postTo: `http://127.0.0.1:${proxy.port}`,
      readFrom: `http://127.0.0.1:${env.PORT}`,
      token: local.token,
    }));
  });
  after(async () => {
    await proxy?.close();
    await local?.stop();
    await cleanUp(data);
  });

  async function postmaster(): Promise<number> {
    return Number((await readFile(path.join(data, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0]);
  }

  async function childrenOf(pid: number): Promise<number[]> {
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
    return children.split(' ').filter(Boolean).map(Number);
  }

  async function childrenNaming(pid: number, text: string): Promise<number[]> {
    const found: number[] = [];
    for (const child of await childrenOf(pid)) {
      const title = await readFile(`/proc/${child}/cmdline`, 'utf8').catch(() => '');
      if (title.includes(text)) found.push(child);
    }
    return found;
  }

  /** Sessions of the API (Linux). */
  const backEnds = async (): Promise<number[]> => childrenNaming(await postmaster(), 'logline_app');
  const kernelProcesses = (): Promise<number[]> => childrenNaming(local.pid, 'kernels');

  const signal = (pids: readonly number[], name: NodeJS.Signals): void => {
    for (const pid of pids) {
      try {
        process.kill(pid, name);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
      }
    }
  };

  const halted = async (pids: readonly number[]): Promise<void> => {
    signal(pids, 'SIGSTOP');
    await sleep(300);
    signal(pids, 'SIGCONT');
  };

  async function startAgain(): Promise<void> {
    await local.ended;
    local = await startLocalRun(data, { env });
  }

  const troubles: Readonly<Record<string, () => Promise<unknown>>> = {
    ...Object.fromEntries(
      DISTURBANCES.map((kind) => [
        `${kind} on the way to the API`,
        async () => {
          proxy.disturb(kind);
          await sleep(200);
        },
      ]),
    ),
    'connections cut': () => proxy.refuse(),
    'back ends halted': async () => halted(await backEnds()),
    'PostgreSQL halted': async () => halted([await postmaster(), ...(await childrenOf(await postmaster()))]),
    'the API halted': () => halted([local.pid]),
    'one back end killed': async () => signal((await backEnds()).slice(0, 1), 'SIGKILL'),
    'the kernels killed': async () => signal(await kernelProcesses(), 'SIGKILL'),
    'PostgreSQL killed': async () => signal([await postmaster()], 'SIGKILL'),
    'the API killed': async () => {
      signal([local.pid], 'SIGKILL');
      await startAgain();
    },
    'everything killed': async () => {
      signal([...(await processesNaming(data)), await postmaster(), local.pid], 'SIGKILL');
      await startAgain();
    },
  };

  async function trouble(log: readonly Sent[]): Promise<void> {
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [what, make] of Object.entries(troubles)) {
        await make();
        await proxy.accept();
        const before = acknowledged(log);
        await until(`the ledger appends again after: ${what}`, () => acknowledged(log) > before, 60_000);
        await sleep(200);
      }
    }
  }

  it('keeps every 2xx once with its content and no 4xx, retries settle unknown outcomes, and a reader sees all in order', async () => {
    const log: Sent[] = [];
    let isOver = false;
    let isSettled = false;
    const following = followFeed(read, () => isSettled);
    const posting = Promise.all(Array.from({ length: CLIENTS }, () => postWhile(() => !isOver, post, log)));
    try {
      await trouble(log);
    } finally {
      isOver = true;
    }
    await posting;
    await settle(log, post);
    isSettled = true;
    const seen = await following;
    assertKept(log, await followFeed(read, () => true), seen);
  });
});
