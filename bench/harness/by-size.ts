import type { BenchContext, BenchResult } from '../bench';
import { type Product, startProduct } from './product';
import { SizedLedger } from './sized-ledger';

/** Rows of the small ledger, which is measured beside every size. */
export const SMALL_ROWS = 10_000;

/** A ledger and the LogLine that runs on it. */
export interface RunningLedger {
  readonly ledger: SizedLedger;
  readonly product: Product;
}

/** Both ledgers at one size. */
export interface Station {
  readonly context: BenchContext;
  readonly rows: number;
  /** {@link SMALL_ROWS} rows. */
  readonly small: RunningLedger;
  /** `rows` rows. */
  readonly large: RunningLedger;
}

/** A bench that measures ledgers of several sizes. */
export interface SizeVisitor {
  readonly name: string;
  sizes(context: BenchContext): readonly number[];
  visit(station: Station): Promise<void>;
  result(context: BenchContext): BenchResult;
}

const visitors: SizeVisitor[] = [];
let visited: Promise<ReadonlyMap<string, BenchResult>> | undefined;

/** Registers a visitor for {@link visitSizes}. */
export function addSizeVisitor(visitor: SizeVisitor): void {
  visitors.push(visitor);
}

/**
 * Grows one ledger through all sizes and calls every visitor at each. Generating millions of rows takes longest, so the
 * visitors share the ledger.
 */
export async function visitSizes(context: BenchContext, name: string): Promise<BenchResult> {
  visited ??= visitAll(
    context,
    visitors.filter((visitor) => context.names.includes(visitor.name)),
  );
  const result = (await visited).get(name);
  if (result === undefined) throw new Error(`${name} visited no size`);
  return result;
}

async function visitAll(
  context: BenchContext,
  present: readonly SizeVisitor[],
): Promise<ReadonlyMap<string, BenchResult>> {
  const cluster = await context.cluster();
  const open = async (rows: number): Promise<RunningLedger> => {
    const ledger = await SizedLedger.create(cluster);
    await ledger.growTo(rows, context.progress);
    return { ledger, product: await startProduct(ledger.database) };
  };
  const small = await open(SMALL_ROWS);
  const large = await open(SMALL_ROWS);
  try {
    const sizes = [...new Set(present.flatMap((visitor) => visitor.sizes(context)))].sort((a, b) => a - b);
    for (const rows of sizes) {
      await large.ledger.growTo(rows, context.progress);
      for (const visitor of present) {
        if (!visitor.sizes(context).includes(rows)) continue;
        context.progress(`${visitor.name} at ${rows.toLocaleString('en-US')} rows`);
        await visitor.visit({ context, rows, small, large });
      }
    }
    return new Map(present.map((visitor) => [visitor.name, visitor.result(context)]));
  } finally {
    for (const { ledger, product } of [small, large]) {
      await product.stop();
      await ledger.database.drop();
    }
  }
}
