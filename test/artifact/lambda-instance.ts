import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { LambdaPackage } from './lambda-package';
import { type InvocationResult, RuntimeApi } from './runtime-api';

/** Features that Lambda may disable: `require` of ES modules, and detection of a file's module type. */
const NODE_FLAGS = ['--no-experimental-require-module', '--no-experimental-detect-module'];

/** A folder with AWS's own `aws-lambda-ric`, built; the loop beside this file is used without one. */
const INTERFACE_CLIENT = process.env.LOGLINE_LAMBDA_RIC;

/** One instance of a function: a process with the environment and files that it has on AWS. */
export class LambdaInstance {
  readonly #package: LambdaPackage;
  readonly #api: RuntimeApi;
  readonly #process: ChildProcess;
  readonly #output: string[] = [];

  private constructor(lambda: LambdaPackage, api: RuntimeApi, child: ChildProcess) {
    this.#package = lambda;
    this.#api = api;
    this.#process = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (bytes: Buffer) => this.#output.push(bytes.toString()));
    }
    child.once('exit', (code) =>
      api.fail({ errorType: 'Runtime.ExitError', errorMessage: `exit code ${code}` }),
    );
  }

  /**
   * Starts an instance.
   *
   * @param sdkFolder folder with `@aws-sdk`, which Lambda's Node runtime ships
   * @param overrides environment variables that replace AWS-specific ones
   */
  static async start(
    lambda: LambdaPackage,
    sdkFolder: string,
    overrides: Readonly<Record<string, string>>,
  ): Promise<LambdaInstance> {
    const api = await RuntimeApi.start(
      `arn:aws:lambda:us-east-1:123456789012:function:${lambda.functionName}`,
    );
    const client = INTERFACE_CLIENT === undefined ? undefined : join(INTERFACE_CLIENT, 'index.mjs');
    const program = client !== undefined && existsSync(client) ? client : join(__dirname, 'bootstrap.cjs');
    const child = spawn(process.execPath, [...NODE_FLAGS, program, lambda.handler], {
      cwd: lambda.taskRoot,
      // Without the test's environment, so that the program must set everything that a function needs.
      env: {
        ...lambda.environment,
        ...overrides,
        PATH: '/usr/bin:/bin',
        AWS_LAMBDA_RUNTIME_API: api.address,
        AWS_LAMBDA_FUNCTION_NAME: lambda.functionName,
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
        AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
        AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${lambda.functionName}`,
        AWS_LAMBDA_LOG_STREAM_NAME: '2026/11/23/[$LATEST]0123456789abcdef',
        AWS_REGION: 'us-east-1',
        _HANDLER: lambda.handler,
        LAMBDA_TASK_ROOT: lambda.taskRoot,
        // In the order of the Lambda guide: layers before the runtime's own modules.
        NODE_PATH: [
          join(lambda.optRoot, 'nodejs/node24/node_modules'),
          join(lambda.optRoot, 'nodejs/node_modules'),
          sdkFolder,
        ].join(delimiter),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new LambdaInstance(lambda, api, child);
  }

  /** Runs one event. */
  invoke(event: unknown): Promise<InvocationResult> {
    return this.#api.invoke(event, this.#package.timeoutSeconds);
  }

  /** Everything that the instance printed. */
  get output(): string {
    return this.#output.join('');
  }

  /** Stops the process, as Lambda does between events for any length of time. */
  freeze(): void {
    this.#process.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = once(this.#process, 'exit');
      this.#process.kill('SIGKILL');
      await ended;
    }
    await this.#api.close();
  }
}
