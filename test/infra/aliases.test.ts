import assert from 'node:assert/strict';
import * as pulumi from '@pulumi/pulumi';
import type { Lineage } from '../../infra/dry-run';
import { loadRun } from './subject';
import FORMER from './urns-of-0.1.json';

/**
 * URN parts `type of parent$type::name` of each resource: the current one, and those that its and its parents' aliases
 * name.
 */
function placesOf(lineages: readonly Lineage[]): string[] {
  const places: string[] = [];
  const prefixes = new Map<pulumi.Resource, readonly string[]>();
  for (const { type, name, resource, parent, aliases } of lineages) {
    const above = (parent && prefixes.get(parent)) ?? [''];
    const types = [
      ...above.map((prefix) => prefix + type),
      ...aliases.flatMap((alias) => {
        assert.ok(typeof alias === 'object' && !pulumi.Output.isInstance(alias), `alias of ${name}`);
        const former = 'type' in alias ? String(alias.type) : type;
        const isAtRoot = 'parent' in alias && alias.parent === pulumi.rootStackResource;
        return isAtRoot ? [former] : above.map((prefix) => prefix + former);
      }),
    ];
    prefixes.set(
      resource,
      types.map((one) => `${one}$`),
    );
    places.push(...types.map((one) => `${one}::${name}`));
  }
  return places;
}

describe('a stack of 0.1, whose resources had no component above them,', function () {
  this.timeout(300_000);

  it('is found again, resource by resource, by place or alias, so that an update replaces nothing', async () => {
    const places = new Set<string>();
    for (const stack of ['dev', 'prod'])
      for (const place of placesOf((await loadRun(stack)).lineages)) places.add(place);
    assert.deepEqual(
      FORMER.filter((place) => !places.has(place)),
      [],
    );
    assert.ok(FORMER.length > 150);
  });
});
