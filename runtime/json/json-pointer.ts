/** Longest pointer in UTF-16 code units. */
const MAX_POINTER_LENGTH = 1_024;

/**
 * The JSON pointer (RFC 6901) of a member or element within what `base` points at. Where it would be longer than 1,024 code
 * units, that of what surrounds it: a name may be as long as a span, and an error may list a hundred places below it. A lone
 * surrogate in a name becomes U+FFFD, so that the pointer can be sent.
 * @param tokens names and indices, from the outermost to the innermost
 */
export function pointerWithin(base: string, tokens: Iterable<string>): string {
  let pointer = base;
  for (const token of tokens) {
    if (pointer.length + token.length >= MAX_POINTER_LENGTH) return pointer;
    const longer = `${pointer}/${token.toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (longer.length > MAX_POINTER_LENGTH) return pointer;
    pointer = longer;
  }
  return pointer;
}
