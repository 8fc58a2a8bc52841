import * as pulumi from '@pulumi/pulumi';

/**
 * A transformation for the options of top-level components that adds a dependency on `resource` to every child.
 * `dependsOn` of a component is not recorded on its children; this is, so `destroy` runs in reverse order.
 */
export function startsAfter(resource: pulumi.Resource): pulumi.ResourceTransformation {
  return ({ props, opts }) => ({ props, opts: pulumi.mergeOptions(opts, { dependsOn: [resource] }) });
}
