import type { RegisterResourceRequest } from '@pulumi/pulumi/proto/resource_pb';
import type { Change } from './deployment';
import type { Properties, ProviderProcess } from './provider-process';

/** A resource in the state of a stack. */
export interface StoredResource {
  readonly type: string;
  readonly name: string;
  readonly custom: boolean;
  readonly id: string;
  /** Outputs, in wire form. */
  readonly state: Properties;
  readonly protect: boolean;
}

/** Answer to the program for a registered resource. */
export interface Registered {
  readonly urn: string;
  readonly id: string;
  readonly state: Properties;
  readonly change: Change | undefined;
}

const STACK_TYPE = 'pulumi:pulumi:Stack';

/** The identity of a resource, as Pulumi writes it. */
export function urnOf(stack: string, request: RegisterResourceRequest): string {
  const parentType = request.getParent().split('::')[2] ?? '';
  const type =
    parentType === '' || parentType === STACK_TYPE ? request.getType() : `${parentType}$${request.getType()}`;
  return `urn:pulumi:${stack}::logline::${type}::${request.getName()}`;
}

/**
 * One step of an engine: compares a requested resource with the state and, outside a preview, applies the change. In a
 * preview new resources have no id and no computed outputs; the program sees unknowns.
 */
export async function step(options: {
  readonly request: RegisterResourceRequest;
  readonly urn: string;
  readonly stored: StoredResource | undefined;
  readonly provider: ProviderProcess;
  readonly preview: boolean;
}): Promise<Registered> {
  const { request, urn, stored, provider, preview } = options;
  const wanted: Properties = request.getObject()?.toJavaScript() ?? {};
  if (!request.getCustom()) {
    return { urn, id: '', state: wanted, change: undefined };
  }
  if (request.getType().startsWith('pulumi:providers:')) {
    return { urn, id: request.getName(), state: wanted, change: undefined };
  }
  const inputs = await provider.check(urn, stored?.state ?? {}, wanted);
  if (stored === undefined) {
    return { urn, ...(preview ? unknown(inputs) : await provider.create(urn, inputs)), change: 'create' };
  }
  const diff = await provider.diff(urn, stored.id, stored.state, inputs);
  if (!diff.changed) {
    return { urn, id: stored.id, state: stored.state, change: undefined };
  }
  if (diff.replaced) {
    return { urn, ...(preview ? unknown(inputs) : await provider.create(urn, inputs)), change: 'replace' };
  }
  const state = preview
    ? { ...stored.state, ...inputs }
    : await provider.update(urn, stored.id, stored.state, inputs);
  return { urn, id: stored.id, state, change: 'update' };
}

function unknown(inputs: Properties): { id: string; state: Properties } {
  return { id: '', state: inputs };
}
