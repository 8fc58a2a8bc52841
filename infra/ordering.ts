import * as pulumi from '@pulumi/pulumi';

/**
 * A transformation for the options of top-level components that makes every resource below wait for `resource`.
 * `dependsOn` of a component is not recorded on its children; this is, so that destroying happens in reverse order.
 */
export function startsAfter(resource: pulumi.Resource): pulumi.ResourceTransformation {
  return ({ props, opts }) => ({ props, opts: pulumi.mergeOptions(opts, { dependsOn: [resource] }) });
}
