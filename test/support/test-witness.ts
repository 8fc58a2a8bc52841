import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { generateSigningKey } from '../../runtime/crypto';
import { type VerifierKey, verifierKeyText } from '../../runtime/proofs/verifier-key';
import { Witness, type WitnessedState, type WitnessStore } from '../../runtime/proofs/witness';

/** An in-memory store for a witness. */
export function rememberedStates(): WitnessStore {
  const states = new Map<string, WitnessedState>();
  return {
    read: async (origin) => states.get(origin),
    async swap(origin, _before, after) {
      states.set(origin, after);
      return true;
    },
  };
}

/** A witness (tlog-witness) on the loopback. */
export class TestWitness {
  /** When true, it answers 500. */
  isUnwell = false;
  /** Status of each answer. */
  readonly answers: number[] = [];
  readonly #witness: Witness;
  readonly #server: Server;

  private constructor(logs: readonly VerifierKey[]) {
    const options = { name: 'witness.test/w', key: generateSigningKey(), logs, store: rememberedStates() };
    this.#witness = new Witness(options);
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const isAsked = request.method === 'POST' && request.url === '/add-checkpoint' && !this.isUnwell;
      const answer = isAsked
        ? await this.#witness.addCheckpoint(Buffer.concat(chunks).toString())
        : { status: 500, type: 'text/plain', body: 'unwell' };
      this.answers.push(answer.status);
      response.writeHead(answer.status, { 'content-type': answer.type }).end(answer.body);
    });
  }

  /** @param logs keys of the logs that it cosigns */
  static async start(logs: readonly VerifierKey[]): Promise<TestWitness> {
    const witness = new TestWitness(logs);
    witness.#server.listen(0, '127.0.0.1');
    await once(witness.#server, 'listening');
    return witness;
  }

  get key(): VerifierKey {
    return this.#witness.verifierKey;
  }

  /** Its line in the format of https://c2sp.org/tlog-policy. */
  get line(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `witness w ${verifierKeyText(this.key)} http://127.0.0.1:${port}/`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
