import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { StackSettings } from '../../infra/settings';
import { OperatorError } from '../../local/operator-error';
import type { CheckpointKeyChange, MigratorEvent } from '../../runtime/lambda/migrator';
import type { RestoredStack } from '../../runtime/lambda/restored-stack';
import { member, textMember } from '../ledger-api';
import { functionFault } from './aws-error';
import { useRegionOf } from './stack-access';
import { functionName } from './stack-file';

/** The migrator's report. */
export interface MigratorAnswer {
  readonly migrations: readonly string[];
  readonly seeds: readonly string[];
  readonly keys: readonly string[];
  /** Public key that signs, in hex; undefined from an older migrator. */
  readonly publicKeyHex: string | undefined;
  /** Seconds until an announced key may sign. */
  readonly promoteInSeconds: number;
  /** Checkpoint keys, after their rotation only. */
  readonly checkpointKeys: CheckpointKeyChange | undefined;
  /** Result of a restore; undefined for other events. */
  readonly restored: RestoredStack | undefined;
}

/** Lambda's limit of 15 minutes, plus a margin. */
const TIMEOUT_MS = 910_000;

/**
 * Invokes a stack's migrator, which updates schema, key history and seeds and handles the event.
 * @throws OperatorError with the reason when it fails
 */
export async function callMigrator(
  settings: StackSettings,
  event: Omit<MigratorEvent, 'trigger'> = {},
): Promise<MigratorAnswer> {
  useRegionOf(settings);
  const name = functionName(settings, 'migrator');
  const client = new LambdaClient({
    region: settings.region,
    // A retry would wait for the first call's lock and then report that nothing was to do.
    maxAttempts: 1,
    requestHandler: { requestTimeout: TIMEOUT_MS },
  });
  try {
    const { FunctionError, Payload } = await client.send(
      new InvokeCommand({
        FunctionName: name,
        Payload: JSON.stringify({ trigger: 'operator', ...event } satisfies MigratorEvent),
      }),
    );
    const answer: unknown = JSON.parse(Payload?.transformToString() || 'null');
    if (FunctionError !== undefined) {
      throw new OperatorError(
        `the migrator failed: ${textMember(answer, 'errorMessage') ?? FunctionError}; see npx logline logs migrator --stack ${settings.stack}`,
      );
    }
    return {
      migrations: textsOf(member(answer, 'migrations')),
      seeds: textsOf(member(answer, 'seeds')),
      keys: textsOf(member(answer, 'keys')),
      publicKeyHex: textMember(answer, 'public_key'),
      promoteInSeconds: Number(member(answer, 'promote_in_seconds') ?? 0),
      checkpointKeys: checkpointKeysOf(member(answer, 'checkpoint_keys')),
      restored: restoredOf(member(answer, 'restored')),
    };
  } catch (error) {
    throw functionFault(error, settings, name, 'call');
  } finally {
    client.destroy();
  }
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

function checkpointKeysOf(value: unknown): CheckpointKeyChange | undefined {
  const [public_key, replaced_public_key] = ['public_key', 'replaced_public_key'].map((name) =>
    textMember(value, name),
  );
  return public_key === undefined || replaced_public_key === undefined
    ? undefined
    : { public_key, replaced_public_key };
}

function restoredOf(value: unknown): RestoredStack | undefined {
  if (value === undefined) return undefined;
  const lost = member(value, 'lost');
  return {
    ids_left: Number(member(value, 'ids_left')),
    renamed_logs: Number(member(value, 'renamed_logs')),
    lost:
      lost === null
        ? null
        : { batches: Number(member(lost, 'batches')), up_to_tx_id: textMember(lost, 'up_to_tx_id') ?? '' },
  };
}
