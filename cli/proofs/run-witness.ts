import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import path from 'node:path';
import { dataDirectory, prepareDataDirectory } from '../../local/data-directory';
import { OperatorError, oneLine } from '../../local/operator-error';
import { takeRunLock } from '../../local/run-lock';
import { cryptoReady } from '../../runtime/crypto';
import { isKeyName, SIGNER, verifierKeyText } from '../../runtime/proofs/verifier-key';
import { Witness, type WitnessAnswer } from '../../runtime/proofs/witness';
import { givenVerifierKeys } from './verifier-keys';
import { WitnessFolder } from './witness-folder';

/** Options of `logline witness`. */
export interface WitnessOptions {
  readonly name: string;
  readonly logs: string;
  readonly data: string;
  readonly port: string;
  readonly host: string;
}

/** Request limit in bytes: a proof of at most 63 hashes and a note of at most 64 KiB. */
const MAX_BODY_BYTES = 72 * 1024;
const REQUEST_MS = 10_000;
const MAX_CONNECTIONS = 100;
const MAX_PORT = 65_535;

/**
 * Runs a witness for the logs whose verifier keys a file lists, until SIGINT or SIGTERM.
 * @throws OperatorError (exit code 2) for a wrong option
 */
export async function runWitness(options: WitnessOptions): Promise<void> {
  const port = Number(options.port);
  if (!Number.isInteger(port) || port < 0 || port > MAX_PORT) {
    throw new OperatorError(`--port must be 0 to ${MAX_PORT}, got "${options.port}"`, { exitCode: 2 });
  }
  if (!isKeyName(options.name)) {
    throw new OperatorError(
      '--name must be a name such as witness.example/w1, without spaces and plus signs',
      {
        exitCode: 2,
      },
    );
  }
  const text = await readFile(options.logs, 'utf8').catch((cause) => {
    throw new OperatorError(`cannot read ${options.logs} (${oneLine(cause)})`, { cause, exitCode: 2 });
  });
  const logs = givenVerifierKeys([text]).filter(({ type }) => type === SIGNER);
  await cryptoReady();
  const data = dataDirectory({ LOGLINE_DATA: path.resolve(options.data) });
  await prepareDataDirectory(data);
  const lock = await takeRunLock(data);
  try {
    const store = new WitnessFolder(data.path);
    const witness = new Witness({ name: options.name, key: await store.key(), logs, store });
    const server = witnessServer(witness);
    const bound = await listen(server, port, options.host);
    process.stdout.write(`${verifierKeyText(witness.verifierKey)}\n`);
    process.stdout.write(`witness of ${logs.length} log keys at http://${options.host}:${bound}/\n`);
    await new Promise<void>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
    });
    server.close();
    server.closeAllConnections();
  } finally {
    await lock.release();
  }
}

/** An HTTP server that answers `POST /add-checkpoint`. */
export function witnessServer(witness: Witness): Server {
  const server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS },
    (request, response) => {
      answerTo(witness, request)
        .catch((error): Answer => {
          process.stderr.write(`logline witness: ${oneLine(error)}\n`);
          return plain(500, 'The witness cannot answer now.');
        })
        .then(({ status, type, body }) => {
          if (status === 413) response.setHeader('connection', 'close');
          response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
        });
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

type Answer = Omit<WitnessAnswer, 'status'> & { readonly status: number };

async function answerTo(witness: Witness, request: IncomingMessage): Promise<Answer> {
  if (request.url !== '/add-checkpoint') return plain(404, 'This witness answers POST /add-checkpoint.');
  if (request.method !== 'POST') return plain(405, 'A checkpoint is added with POST.');
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return plain(413, `A request has at most ${MAX_BODY_BYTES} bytes.`);
    chunks.push(chunk);
  }
  return witness.addCheckpoint(Buffer.concat(chunks).toString('utf8'));
}

function plain(status: number, detail: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${detail}\n` };
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new OperatorError(`cannot listen on ${host}:${port} (${oneLine(cause)})`, { cause })),
    );
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
