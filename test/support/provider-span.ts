import type { JsonValue } from '../../runtime/base/span';
import { type Provider, parseProvider } from '../../runtime/kernels/provider/provider';
import { signedSpan } from './spans';

/** A provider from its metadata, without a ledger. */
export function providerOf(metadata: JsonValue): Provider {
  return parseProvider(signedSpan({ entity_type: 'provider', name: 'assistant', metadata }));
}
