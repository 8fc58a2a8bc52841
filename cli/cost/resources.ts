import type { RegisteredResource } from '../../infra/dry-run';

/** The resources that the program registers. */
export type Resources = readonly RegisteredResource[];

/** The resources of one Pulumi type. */
export function ofType(resources: Resources, type: string): Resources {
  return resources.filter((item) => item.type === type);
}

/** A member of an input that is an object or an array; undefined when there is none. */
export function at(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([name]) => name === key)?.[1]
    : undefined;
}
