import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { EventsClient } from '@pulumi/pulumi/proto/events_grpc_pb';
import { EventRequest } from '@pulumi/pulumi/proto/events_pb';

/**
 * Stand-in for the Pulumi CLI: accepts the Automation API's commands and prints the CLI's texts, with state in a folder. It
 * runs no program and creates nothing; `test/engine` tests the program with the real engine.
 *
 * `STAND_IN_PULUMI` names the folder. Its `plan.json` defines `up`: the resources to create, the one at which to fail, and
 * the outputs.
 */
interface Plan {
  readonly resources: readonly string[];
  /** The resource at which `up` fails; empty for none. */
  readonly failAt: string;
  readonly outputs: Readonly<Record<string, unknown>>;
  /** Waits at this resource for SIGINT, as a long operation would; empty for none. */
  readonly waitAt: string;
}

const folder = process.env.STAND_IN_PULUMI ?? '';
const stateFile = join(folder, 'state.json');
const args = process.argv.slice(2).filter((arg) => arg !== '--non-interactive');

function readPlan(): Plan {
  return JSON.parse(readFileSync(join(folder, 'plan.json'), 'utf8'));
}

function readState(): string[] | undefined {
  return existsSync(stateFile) ? JSON.parse(readFileSync(stateFile, 'utf8')) : undefined;
}

function writeState(resources: readonly string[]): void {
  writeFileSync(stateFile, JSON.stringify(resources));
}

function fail(text: string): never {
  process.stderr.write(`error: ${text}\n`);
  process.exit(255);
}

function option(name: string): string {
  return args[args.indexOf(name) + 1] ?? '';
}

function urn(resource: string): string {
  const [type, name] = resource.split(' ');
  return `urn:pulumi:dev::logline::${type}::${name}`;
}

/** Sends events like the CLI since 3.206: a stream of JSON to the given address. */
function eventStream(): { send(event: object): void; end(): Promise<void> } {
  const client = new EventsClient(option('--event-log').replace('tcp://', ''), credentials.createInsecure());
  let isDone = (): void => undefined;
  const done = new Promise<void>((resolve) => {
    isDone = resolve;
  });
  const call = client.streamEvents(() => isDone());
  return {
    send(event) {
      const request = new EventRequest();
      request.setEvent(JSON.stringify(event));
      call.write(request);
    },
    async end() {
      call.end();
      await done;
      client.close();
    },
  };
}

async function change(op: 'create' | 'delete', isPreview: boolean): Promise<void> {
  const plan = readPlan();
  const before = readState() ?? [];
  const work =
    op === 'create' ? plan.resources.filter((one) => !before.includes(one)) : [...before].reverse();
  const events = eventStream();
  for (const resource of work) {
    const metadata = { op, urn: urn(resource), type: resource.split(' ')[0] };
    events.send({ resourcePreEvent: { metadata } });
    if (isPreview) continue;
    if (resource === plan.waitAt) {
      writeFileSync(join(folder, 'waiting'), '');
      await new Promise<void>((resolve) => {
        const timer = setInterval(() => undefined, 1000);
        process.once('SIGINT', () => {
          clearInterval(timer);
          resolve();
        });
      });
      await events.end();
      fail('update cancelled');
    }
    if (resource === plan.failAt) {
      const message = 'creating it: AccessDenied: not allowed';
      events.send({ diagnosticEvent: { severity: 'error', message, urn: urn(resource), color: 'never' } });
      events.send({ resOpFailedEvent: { metadata, status: 1, steps: 1 } });
      await events.end();
      fail('update failed');
    }
    events.send({ resOutputsEvent: { metadata } });
    const now = readState() ?? [];
    writeState(op === 'create' ? [...now, resource] : now.filter((one) => one !== resource));
  }
  await events.end();
}

async function main(): Promise<void> {
  const [command, second] = args;
  switch (command) {
    case 'version':
      process.stdout.write('v3.270.0\n');
      return;
    case 'whoami':
      process.stdout.write('{"user":"operator","organizations":[],"url":"file:///state"}\n');
      return;
    case 'preview':
      return change('create', true);
    case 'up':
      return change('create', false);
    case 'destroy':
      return change('delete', false);
    case 'stack':
      break;
    default:
      fail(`unknown command "${command}" of the stand-in`);
  }
  const state = readState();
  if (second === 'init') return writeState([]);
  if (state === undefined) fail(`no stack named '${option('--stack')}' found`);
  if (second === 'output') {
    const outputs = state.length === readPlan().resources.length ? readPlan().outputs : {};
    process.stdout.write(JSON.stringify(outputs));
  } else if (second === 'export') {
    const resources = state.map((resource) => ({ urn: urn(resource), custom: true }));
    process.stdout.write(JSON.stringify({ version: 3, deployment: { resources } }));
  } else if (second === 'history') {
    process.stdout.write('[]');
  }
}

void main();
