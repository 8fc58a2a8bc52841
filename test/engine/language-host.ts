/**
 * A language host for Node, for Pulumi's engine where `pulumi-language-nodejs` is not available. Like that one it starts
 * Pulumi's executor, but it neither installs nor generates anything.
 *
 * Started by the engine with its address; prints the port it listens on.
 */

import { once } from 'node:events';
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import { LanguageRuntimeService } from '@pulumi/pulumi/proto/language_grpc_pb';
import { GetRequiredPackagesResponse, type RunRequest, RunResponse } from '@pulumi/pulumi/proto/language_pb';
import { PluginInfo } from '@pulumi/pulumi/proto/plugin_pb';
import { Empty } from 'google-protobuf/google/protobuf/empty_pb';
import { execute } from './executor';

/** The executor's exit code for an error that has already been printed. */
const ALREADY_LOGGED = 32;

const engine = process.argv.at(-1) ?? '';
const server = new Server();
server.addService(LanguageRuntimeService, {
  run: (call: ServerUnaryCall<RunRequest, RunResponse>, done: sendUnaryData<RunResponse>) => {
    run(call.request).then(
      (response) => done(null, response),
      (error: unknown) => done({ code: status.UNKNOWN, details: String(error) }),
    );
  },
  // Providers are looked up on PATH on first use.
  getRequiredPackages: answerWith(() => new GetRequiredPackagesResponse()),
  getPluginInfo: answerWith(() => {
    const info = new PluginInfo();
    info.setVersion('3.0.0');
    return info;
  }),
  cancel: answerWith(() => new Empty()),
  handshake: unimplemented,
  getRequiredPlugins: unimplemented,
  installDependencies: unimplemented,
  runtimeOptionsPrompts: unimplemented,
  template: unimplemented,
  about: unimplemented,
  getProgramDependencies: unimplemented,
  runPlugin: unimplemented,
  generateProgram: unimplemented,
  generateProject: unimplemented,
  generatePackage: unimplemented,
  pack: unimplemented,
  link: unimplemented,
});
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) {
    throw error;
  }
  process.stdout.write(`${port}\n`);
});

async function run(request: RunRequest): Promise<RunResponse> {
  const info = request.getInfo();
  const program = execute({
    monitor: request.getMonitorAddress(),
    engine,
    organization: request.getOrganization(),
    project: request.getProject(),
    stack: request.getStack(),
    root: info?.getRootDirectory() ?? request.getPwd(),
    folder: request.getPwd(),
    program: info?.getEntryPoint() || request.getProgram() || '.',
    parallel: request.getParallel(),
    preview: request.getDryrun(),
    config: Object.fromEntries(request.getConfigMap().toArray()),
    secretKeys: request.getConfigsecretkeysList(),
  });
  // The engine shows the host's output, so the program's output goes there.
  program.stdout.pipe(process.stdout, { end: false });
  program.stderr.pipe(process.stderr, { end: false });
  const [code] = await once(program, 'close');
  const response = new RunResponse();
  response.setBail(code === ALREADY_LOGGED);
  if (code !== 0 && code !== ALREADY_LOGGED) {
    response.setError(`Program exited with non-zero exit code: ${code}`);
  }
  return response;
}

function answerWith<Response>(make: () => Response) {
  return (_call: unknown, done: sendUnaryData<Response>): void => done(null, make());
}

function unimplemented(_call: unknown, done: sendUnaryData<never>): void {
  done({ code: status.UNIMPLEMENTED, details: 'not part of this language host' });
}
