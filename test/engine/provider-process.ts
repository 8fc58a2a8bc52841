import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { ResourceProviderClient } from '@pulumi/pulumi/proto/provider_grpc_pb';
import {
  CheckRequest,
  type CheckResponse,
  CreateRequest,
  type CreateResponse,
  DeleteRequest,
  DiffRequest,
  DiffResponse,
  InvokeRequest,
  type InvokeResponse,
  UpdateRequest,
  type UpdateResponse,
} from '@pulumi/pulumi/proto/provider_pb';
import { type JavaScriptValue, Struct } from 'google-protobuf/google/protobuf/struct_pb';
import { REPOSITORY_ROOT } from '../../infra/bundle';

/** Wire form of a resource's properties. */
export type Properties = Record<string, JavaScriptValue>;

/** A provider's answer to Diff. */
export interface Diff {
  readonly changed: boolean;
  readonly replaced: boolean;
}

/** Command that starts a TypeScript file of this folder, on the Node that runs the tests. */
export function commandOf(file: string): readonly string[] {
  return [
    process.execPath,
    '--require',
    join(REPOSITORY_ROOT, 'node_modules/ts-node/register/transpile-only'),
    join(__dirname, file),
  ];
}

/** Command that starts the stand-in provider. */
export const PROVIDER_COMMAND: readonly string[] = commandOf('stand-in-provider.ts');

/** The running stand-in provider, called over gRPC as by an engine. */
export class ProviderProcess {
  readonly #child: ChildProcess;
  readonly #client: ResourceProviderClient;

  private constructor(child: ChildProcess, client: ResourceProviderClient) {
    this.#child = child;
    this.#client = client;
  }

  /** Starts the provider; resolves when it listens. */
  static async start(env: Readonly<Record<string, string>>): Promise<ProviderProcess> {
    const [command = '', ...args] = PROVIDER_COMMAND;
    const child = spawn(command, [...args, '127.0.0.1:0'], {
      cwd: REPOSITORY_ROOT,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [port] = await Promise.race([
      once(child.stdout ?? child, 'data'),
      once(child, 'exit').then(([code]) => Promise.reject(new Error(`the provider ended with ${code}`))),
    ]);
    const client = new ResourceProviderClient(
      `127.0.0.1:${Number(String(port))}`,
      credentials.createInsecure(),
    );
    return new ProviderProcess(child, client);
  }

  async check(urn: string, olds: Properties, news: Properties): Promise<Properties> {
    const request = new CheckRequest();
    request.setUrn(urn);
    request.setOlds(Struct.fromJavaScript(olds));
    request.setNews(Struct.fromJavaScript(news));
    const response = await answer<CheckResponse>((done) => this.#client.check(request, done));
    return response.getInputs()?.toJavaScript() ?? {};
  }

  async diff(urn: string, id: string, olds: Properties, news: Properties): Promise<Diff> {
    const request = new DiffRequest();
    request.setUrn(urn);
    request.setId(id);
    request.setOlds(Struct.fromJavaScript(olds));
    request.setNews(Struct.fromJavaScript(news));
    const response = await answer<DiffResponse>((done) => this.#client.diff(request, done));
    return {
      changed: response.getChanges() === DiffResponse.DiffChanges.DIFF_SOME,
      replaced: response.getReplacesList().length > 0,
    };
  }

  async create(urn: string, inputs: Properties): Promise<{ id: string; state: Properties }> {
    const request = new CreateRequest();
    request.setUrn(urn);
    request.setProperties(Struct.fromJavaScript(inputs));
    const response = await answer<CreateResponse>((done) => this.#client.create(request, done));
    return { id: response.getId(), state: response.getProperties()?.toJavaScript() ?? {} };
  }

  async update(urn: string, id: string, olds: Properties, news: Properties): Promise<Properties> {
    const request = new UpdateRequest();
    request.setUrn(urn);
    request.setId(id);
    request.setOlds(Struct.fromJavaScript(olds));
    request.setNews(Struct.fromJavaScript(news));
    const response = await answer<UpdateResponse>((done) => this.#client.update(request, done));
    return response.getProperties()?.toJavaScript() ?? {};
  }

  async delete(urn: string, id: string, state: Properties): Promise<void> {
    const request = new DeleteRequest();
    request.setUrn(urn);
    request.setId(id);
    request.setProperties(Struct.fromJavaScript(state));
    await answer((done) => this.#client.delete(request, done));
  }

  async invoke(token: string, args: Properties): Promise<Properties> {
    const request = new InvokeRequest();
    request.setTok(token);
    request.setArgs(Struct.fromJavaScript(args));
    const response = await answer<InvokeResponse>((done) => this.#client.invoke(request, done));
    return response.getReturn()?.toJavaScript() ?? {};
  }

  async stop(): Promise<void> {
    this.#client.close();
    if (this.#child.exitCode === null) {
      const ended = once(this.#child, 'exit');
      this.#child.kill();
      await ended;
    }
  }
}

function answer<T>(call: (done: (error: Error | null, response: T) => void) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, response) => (error === null ? resolve(response) : reject(error)));
  });
}
