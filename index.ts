/** The stack: its configuration, one LogLine, and what others need to know of it. */

import { loadConfig } from './infra/config';
import { LogLine } from './infra/logline';

export const { apiEndpoint, databaseEndpoint, databaseName, functionNames, publicKeyHex, dashboardUrl } =
  new LogLine('logline', loadConfig());
