import { ProgramHost } from './program-host';
import { describeLife } from './scenario';

// Pulumi's own executor with a stand-in for its engine; `npm run test:engine` runs the same scenario in the real one.
describeLife('dev', async () => new ProgramHost('dev'), { brief: true });
