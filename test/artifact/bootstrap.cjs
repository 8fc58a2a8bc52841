// The loop of a Node Lambda function, used without AWS's runtime interface client: loads the handler
// as Lambda does, polls the Runtime API for events, and returns results.

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
  // Lambda's Node 24 refuses to load handlers with a callback parameter.
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
    // Node's fetch times out after five minutes without headers; Lambda's client does not.
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
