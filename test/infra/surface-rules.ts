/** Rules on the public surface: the API, and the names and tags of all resources. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY_ROOT } from '../../infra/bundle';
import { LONGEST_SUFFIX, NAME_LIMITS, type NameKind } from '../../infra/names';
import { CONTRACT_ROUTES } from '../support/contract-routes';
import { FUNCTION, type Rule } from './access-rules';
import { at, each, listOf, ofType, recordOf, textsOf, the } from './subject';

const QUEUE = 'aws:sqs/queue:Queue';
const SCHEDULE_TYPE = 'aws:scheduler/schedule:Schedule';
const ROUTE = 'aws:apigatewayv2/route:Route';
const STAGE = 'aws:apigatewayv2/stage:Stage';
const API = 'aws:apigatewayv2/api:Api';

/** Every route of API Gateway. */
const ROUTE_KEYS = [
  ...CONTRACT_ROUTES,
  // The explorer.
  'GET /',
  'GET /explorer',
  'GET /explorer/',
  'GET /explorer/{file+}',
];

export const SURFACE_RULES: readonly Rule[] = [
  {
    title: 'serves one route per line of the contract',
    violations: (stack) => {
      const keys = ofType(stack, ROUTE).map(({ inputs }) => String(inputs.routeKey));
      return keys.sort().join() === [...ROUTE_KEYS].sort().join() ? [] : keys;
    },
    breakIt: (stack) => {
      the(stack, ROUTE, 'api-list-timeline').inputs.routeKey = '$default';
    },
  },
  {
    title: 'answers every route by Stage-0 in payload format 2.0',
    violations: (stack) => [
      ...each(stack, 'aws:apigatewayv2/integration:Integration', ({ inputs }) => {
        return inputs.payloadFormatVersion !== '2.0' || inputs.integrationType !== 'AWS_PROXY';
      }),
      ...each(stack, ROUTE, ({ inputs }) => inputs.target !== 'integrations/api-id'),
    ],
    breakIt: (stack) => {
      the(stack, 'aws:apigatewayv2/integration:Integration', 'api').inputs.payloadFormatVersion = '1.0';
    },
  },
  {
    title: 'limits calls explicitly, and logs each as JSON without headers',
    violations: (stack) =>
      each(stack, STAGE, ({ inputs }) => {
        const format = String(at(inputs, 'accessLogSettings.format'));
        return (
          !(Number(at(inputs, 'defaultRouteSettings.throttlingRateLimit')) > 0) ||
          !(Number(at(inputs, 'defaultRouteSettings.throttlingBurstLimit')) > 0) ||
          typeof JSON.parse(format) !== 'object' ||
          /header|authorization/i.test(format)
        );
      }),
    breakIt: (stack) => {
      the(stack, STAGE, 'api').inputs.defaultRouteSettings = { detailedMetricsEnabled: true };
    },
  },
  {
    title: 'gives every route limits of its own, those without a token a fifth of the others',
    violations: (stack) => {
      const settings = listOf(at(the(stack, STAGE, 'api').inputs, 'routeSettings')).map(recordOf);
      const rateOf = (routeKey: unknown) =>
        Number(settings.find((item) => item.routeKey === routeKey)?.throttlingRateLimit ?? 0);
      const signedIn = rateOf('POST /api/spans');
      return ofType(stack, 'aws:apigatewayv2/route:Route')
        .filter(({ inputs }) => {
          const isOpen = /^GET \/(api\/health|api\/keys|openapi\.json|explorer.*|)$/.test(
            String(inputs.routeKey),
          );
          return rateOf(inputs.routeKey) !== (isOpen ? Math.ceil(signedIn / 5) : signedIn) || signedIn === 0;
        })
        .map(({ inputs }) => String(inputs.routeKey));
    },
    breakIt: (stack) => {
      the(stack, STAGE, 'api').inputs.routeSettings = [];
    },
  },
  {
    title: 'never combines any origin with credentials',
    violations: (stack) =>
      each(stack, API, ({ inputs }) => {
        return (
          textsOf(at(inputs, 'corsConfiguration.allowOrigins')).includes('*') &&
          at(inputs, 'corsConfiguration.allowCredentials') === true
        );
      }),
    breakIt: (stack) => {
      the(stack, API, 'api').inputs.corsConfiguration = { allowOrigins: ['*'], allowCredentials: true };
    },
  },
  {
    title: 'tags everything that can carry tags',
    violations: (stack) =>
      stack.resources
        .filter(({ custom, type }) => custom && canCarryTags(type))
        .filter(
          ({ inputs }) =>
            at(inputs, 'tags.Project') !== 'logline' || at(inputs, 'tags.ManagedBy') !== 'pulumi',
        )
        .map(({ type, name }) => `${type} ${name}`),
    breakIt: (stack) => {
      the(stack, QUEUE, 'daily-dead').inputs.tags = undefined;
    },
  },
  {
    title: 'names resources after project and stack',
    violations: (stack) =>
      stack.resources
        // A DNS record's name is the domain itself.
        .filter(({ type, inputs }) => type !== 'aws:route53/record:Record' && !nameIsScoped(inputs))
        .map(({ type, name }) => `${type} ${name}`),
    breakIt: (stack) => {
      the(stack, QUEUE, 'daily-dead').inputs.name = 'daily-dead';
    },
  },
  {
    title: 'uses no longer names than the check of a stack name reckons with',
    violations: (stack) => {
      const kinds: Readonly<Record<string, NameKind>> = {
        [FUNCTION]: 'function',
        'aws:iam/role:Role': 'role',
        [QUEUE]: 'queue',
        [SCHEDULE_TYPE]: 'schedule',
        'aws:rds/instance:Instance': 'database',
        'aws:rds/subnetGroup:SubnetGroup': 'database',
        'aws:backup/vault:Vault': 'vault',
      };
      return stack.resources.flatMap(({ type, name, inputs }) => {
        const kind = kinds[type];
        const text = String(inputs.name ?? inputs.identifier);
        if (kind === undefined) {
          return [];
        }
        const start = kind === 'role' ? /^logline-[a-z]+-us-east-1-/ : /^logline-[a-z]+-/;
        const suffix = text.replace(start, '');
        const longest = LONGEST_SUFFIX[kind] ?? '';
        return suffix.length > longest.length || text.length > NAME_LIMITS[kind] ? [`${name}: ${text}`] : [];
      });
    },
    breakIt: (stack) => {
      the(stack, FUNCTION, 'stage0').inputs.name = 'logline-dev-a-much-longer-name-than-before';
    },
  },
  {
    title: 'has stable logical names, each once, without the stack in them',
    violations: (stack) => {
      const keys = stack.resources.filter(({ custom }) => custom).map(({ type, name }) => `${type} ${name}`);
      return keys.filter((key, index) => keys.indexOf(key) !== index || /dev|prod|staging|us-east/.test(key));
    },
    breakIt: (stack) => {
      const [first] = ofType(stack, QUEUE);
      stack.resources.push(...(first === undefined ? [] : [first]));
    },
  },
];

/** Whether the provider's own types give a resource tags. */
function canCarryTags(type: string): boolean {
  const match = /^aws:([^/]+)\/([^:]+):/.exec(type);
  if (match === null) {
    return false;
  }
  const path = join(REPOSITORY_ROOT, 'node_modules/@pulumi/aws', match[1] ?? '', `${match[2]}.d.ts`);
  return /^ {4}tags\?: pulumi\.Input</m.test(readFileSync(path, 'utf8'));
}

function nameIsScoped(inputs: Record<string, unknown>): boolean {
  const name =
    inputs.name ?? inputs.namePrefix ?? inputs.identifier ?? inputs.layerName ?? inputs.dashboardName;
  return name === undefined || name === '$default' || /logline-(dev|prod|staging)/.test(String(name));
}
