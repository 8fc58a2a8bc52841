const SMALL = { entity_type: 'note', who: 'alice', this: 'hello', description: '' };

/** A span whose JSON has exactly this many bytes. */
export function spanOfBytes(bytes: number): object {
  return { ...SMALL, description: 'x'.repeat(bytes - Buffer.byteLength(JSON.stringify(SMALL))) };
}
