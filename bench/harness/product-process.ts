import path from 'node:path';
import { runDev } from '../../local/dev';
import { answerCalls } from './helper-process';

// The product as `npm start` runs it, with ticker and log, in a process that reports its resource use.

const CLI = path.join(__dirname, '..', '..', 'cli', 'logline.js');
const lines: string[] = [];
let ready: (welcome: string) => void = () => undefined;
const welcome = new Promise<string>((resolve) => {
  ready = resolve;
});

const ended = runDev({
  kernels: (folder) => [process.execPath, ...process.execArgv, CLI, 'kernels', folder],
  print(line) {
    lines.push(line);
    if (line.includes('Ctrl-C')) ready(lines.join('\n'));
  },
  warn: (line) => process.stderr.write(`${line}\n`),
}).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);

answerCalls({ welcome: () => welcome }, async () => {
  process.emit('SIGTERM');
  await ended;
});
