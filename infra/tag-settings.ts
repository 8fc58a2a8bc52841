import type { SettingsReader } from './settings-reader';

/** Tags that the program itself puts on resources. */
const OWN_TAGS = ['Project', 'Stack', 'ManagedBy', 'Name'];
/** Limit of tags on one resource, including the program's own (AWS tagging guide, "Tag naming limits and requirements"). */
const MOST_TAGS = 50;
/** Characters that every service accepts in tags (AWS tagging guide, "Tag naming limits and requirements"). */
const NAME = /^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+@-]{1,128}$/iu;
const VALUE = /^[\p{L}\p{Z}\p{N}_.:/=+@-]{0,256}$/u;

/** Reads `tags`; faults go to the reader. */
export function readTags(root: SettingsReader): Readonly<Record<string, string>> {
  const tags = root.map(
    'tags',
    NAME,
    VALUE,
    'a map of tag names (not starting with aws:) to text of at most 256 letters, digits, spaces and _ . : / = + - @',
  );
  const names = [...OWN_TAGS, ...Object.keys(tags)].map((name) => name.toLowerCase());
  // IAM compares tag names without case, and would refuse the role.
  const twice = Object.keys(tags).find(
    (name) => names.indexOf(name.toLowerCase()) !== names.lastIndexOf(name.toLowerCase()),
  );
  if (twice !== undefined)
    root.fault(
      'tags',
      `"${twice}" is there twice, in upper or lower case; ${OWN_TAGS.join(', ')} are set by the program`,
    );
  if (names.length > MOST_TAGS)
    root.fault(
      'tags',
      `expected at most ${MOST_TAGS - OWN_TAGS.length} tags; got ${Object.keys(tags).length}`,
    );
  return tags;
}
