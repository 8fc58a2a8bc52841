/**
 * The only reader of `pulumi.Config`. Everything else takes {@link StackConfig}.
 */

import * as pulumi from '@pulumi/pulumi';
import type { LogLineArgs } from './logline-args';
import { ConfigError, parseSettings, type RawSettings } from './settings';
import type { StackSettings } from './stack-settings';

/** The settings of the running stack, with its one secret. */
export interface StackConfig extends StackSettings {
  /** JSON text, provider name → API key, as a Pulumi secret; undefined when no provider is configured. */
  readonly providerKeys: pulumi.Output<string> | undefined;
}

/**
 * Reads and checks the configuration of the stack that runs.
 *
 * @throws pulumi.RunError that lists every fault at once; Pulumi shows its message without a stack trace.
 */
export function loadConfig(): StackConfig {
  const project = pulumi.getProject();
  const prefix = `${project}:`;
  const values: Record<string, unknown> = {};
  for (const [key, text] of Object.entries(pulumi.runtime.allConfig())) {
    if (key.startsWith(prefix)) {
      values[key.slice(prefix.length)] = parseValue(text);
    }
  }
  const settings = parseOrStop({ project, stack: pulumi.getStack(), region: regionOfConfig(), values });
  const providerKeys = new pulumi.Config(project).getSecret('providerKeys');
  return { ...settings, providerKeys };
}

/**
 * Checks the settings that another Pulumi program passes.
 *
 * @throws pulumi.RunError that lists every fault at once.
 */
export function settingsOf({ region, providerKeys, ...groups }: LogLineArgs): StackConfig {
  // JSON drops undefined members, which then count as not set.
  const values: Record<string, unknown> = JSON.parse(JSON.stringify(groups));
  if (providerKeys !== undefined)
    values.providerKeys = Object.fromEntries(Object.keys(providerKeys).map((name) => [name, 'set']));
  const settings = parseOrStop({
    project: pulumi.getProject(),
    stack: pulumi.getStack(),
    region: region ?? regionOfConfig(),
    values,
  });
  const keys = providerKeys && pulumi.secret(pulumi.output(providerKeys).apply((all) => JSON.stringify(all)));
  return { ...settings, providerKeys: keys };
}

function regionOfConfig(): string | undefined {
  return new pulumi.Config('aws').get('region') ?? process.env.AWS_REGION;
}

/** Pulumi hands objects, lists, numbers and booleans over as JSON text, and text as it is. */
function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function parseOrStop(raw: RawSettings): StackSettings {
  try {
    return parseSettings(raw);
  } catch (error) {
    throw error instanceof ConfigError ? new pulumi.RunError(error.message) : error;
  }
}
