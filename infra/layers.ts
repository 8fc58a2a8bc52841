import { relative } from 'node:path';
import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import { buildLayer, type LayerBundle } from './bundle';
import type { Names } from './names';

/** Arguments of {@link Layers}. */
export interface LayersArgs {
  /** Makes the names of AWS resources. */
  readonly names: Names;
  /** The bundle carries the database's certificate of this region only. */
  readonly region: string;
}

/**
 * The runtime as two Lambda layers: one for Stage-0, one for the kernels and the migrator. Handlers stay a few
 * hundred bytes, and a change of the runtime uploads each layer once, not once per function.
 *
 * Costs nothing a month: layers count towards Lambda's free 75 GB of code storage (us-east-1, 2026-11).
 */
export class Layers extends pulumi.ComponentResource {
  /** The layer of Stage-0. */
  readonly stage0: aws.lambda.LayerVersion;
  /** The layer of the kernels, the sealer and the migrator. */
  readonly kernels: aws.lambda.LayerVersion;
  /** SHA-256 of the kernels layer; a change triggers the migrator. */
  readonly kernelsHash: string;

  constructor(name: string, args: LayersArgs, opts?: pulumi.ComponentResourceOptions) {
    super('logline:infra:Layers', name, {}, opts);
    const stage0 = buildLayer('stage0', { region: args.region });
    const kernels = buildLayer('kernels', { region: args.region });
    this.stage0 = this.#createLayer(name, stage0, args.names);
    this.kernels = this.#createLayer(name, kernels, args.names);
    this.kernelsHash = kernels.hash;
    this.registerOutputs({ stage0Arn: this.stage0.arn, kernelsArn: this.kernels.arn });
  }

  #createLayer(name: string, bundle: LayerBundle, names: Names): aws.lambda.LayerVersion {
    return new aws.lambda.LayerVersion(
      `${name}-${bundle.name}`,
      {
        layerName: names.of('layer', bundle.name),
        description: `${bundle.packageName} ${bundle.hash.slice(0, 12)}`,
        // A relative path keeps the state the same on every machine.
        code: new pulumi.asset.FileArchive(relative(process.cwd(), bundle.zipPath)),
        compatibleRuntimes: [aws.lambda.Runtime.NodeJS24dX],
        compatibleArchitectures: ['arm64'],
      },
      { parent: this },
    );
  }
}
