/** One request that a scripted ledger was sent. */
export interface SentRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
}

/** Answer of a scripted ledger. */
export type ScriptedAnswer = Response | Error | ((request: SentRequest) => Response | Promise<Response>);

/** A `fetch` that returns these answers in order, the last one repeatedly, and records requests. */
export function scriptedLedger(...answers: readonly ScriptedAnswer[]): {
  readonly fetch: typeof fetch;
  readonly sent: readonly SentRequest[];
} {
  const sent: SentRequest[] = [];
  return {
    sent,
    fetch: async (input, init) => {
      const request = new Request(input, init);
      const bytes = new Uint8Array(await request.arrayBuffer());
      const { url, method, headers } = request;
      const answer = answers[Math.min(sent.length, answers.length - 1)];
      const kept = { url, method, headers, bytes };
      sent.push(kept);
      init?.signal?.throwIfAborted();
      if (answer instanceof Error) throw answer;
      if (answer === undefined) throw new Error('a script needs an answer');
      return typeof answer === 'function' ? answer(kept) : answer.clone();
    },
  };
}

/** A JSON answer. */
export function answerOf(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify(body), { status, headers });
}
