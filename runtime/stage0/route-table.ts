import { SPAN, SPAN_INPUT } from '../ledger/span-schema';
import { FUNCTION_ROUTES, FUNCTION_SCHEMAS } from './function-routes';
import { INSTANCE_ROUTES, INSTANCE_SCHEMAS } from './instance-routes';
import { LOG_ROUTES, LOG_SCHEMAS } from './log-routes';
import { MOVE_ROUTES, MOVE_SCHEMAS } from './move-routes';
import type { Route } from './route';
import { SHARED_SCHEMAS } from './schemas';
import { SPAN_ROUTES, SPAN_SCHEMAS } from './span-routes';

/** Schemas that the OpenAPI document names. */
export const COMPONENTS = { Span: SPAN, SpanInput: SPAN_INPUT } as const;

/** What is compiled to validators, by the name of the exported function. */
export const ROUTE_SCHEMAS = {
  ...SPAN_SCHEMAS,
  ...FUNCTION_SCHEMAS,
  ...INSTANCE_SCHEMAS,
  ...LOG_SCHEMAS,
  ...MOVE_SCHEMAS,
  ...SHARED_SCHEMAS,
} as const;

const TABLE = [
  ...SPAN_ROUTES,
  ...MOVE_ROUTES,
  ...LOG_ROUTES,
  ...FUNCTION_ROUTES,
  ...INSTANCE_ROUTES,
] as const;

export type OperationName = (typeof TABLE)[number]['operation'];

/** A route of the table. */
export type ListedRoute = Route & { readonly operation: OperationName };

export const ROUTES: readonly ListedRoute[] = TABLE;
