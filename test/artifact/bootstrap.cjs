// The loop of a Node Lambda function, where AWS's own runtime interface client is not installed: loads the handler
// as Lambda does, asks the Runtime API for events, hands back what it returns.

const path = require('node:path');

const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime`;

function errorOf(error) {
  return JSON.stringify({
    errorType: error?.name ?? 'Error',
    errorMessage: error?.message ?? String(error),
    trace: String(error?.stack ?? '').split('\n'),
  });
}

async function load() {
  const [file, name] = process.env._HANDLER.split('.');
  const exported = require(path.join(process.env.LAMBDA_TASK_ROOT, file))[name];
  if (typeof exported !== 'function') {
    throw new Error(`${process.env._HANDLER} is no function`);
  }
  // Node 24 on Lambda knows no callbacks: a handler that takes one is refused when it is loaded.
  if (exported.length >= 3) {
    const error = new Error(`${process.env._HANDLER} takes ${exported.length} parameters`);
    error.name = 'Runtime.CallbackHandlerDeprecated';
    throw error;
  }
  return exported;
}

async function main() {
  const handler = await load().catch(async (error) => {
    await fetch(`${api}/init/error`, { method: 'POST', body: errorOf(error) });
    process.exit(1);
  });
  for (;;) {
    // Node's fetch waits for headers no longer than five minutes; Lambda's own client waits for ever.
    const next = await fetch(`${api}/invocation/next`).catch(() => undefined);
    if (next === undefined) continue;
    const id = next.headers.get('lambda-runtime-aws-request-id');
    const deadlineMs = Number(next.headers.get('lambda-runtime-deadline-ms'));
    const context = {
      awsRequestId: id,
      invokedFunctionArn: next.headers.get('lambda-runtime-invoked-function-arn'),
      functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
      functionVersion: '$LATEST',
      memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
      getRemainingTimeInMillis: () => deadlineMs - Date.now(),
    };
    try {
      const value = await handler(JSON.parse(await next.text()), context);
      await fetch(`${api}/invocation/${id}/response`, {
        method: 'POST',
        body: JSON.stringify(value ?? null),
      });
    } catch (error) {
      await fetch(`${api}/invocation/${id}/error`, { method: 'POST', body: errorOf(error) });
    }
  }
}

main();
