import { type StackPlaces, stackPlaces } from './stack-access';
import { stackSettings } from './stack-file';

/**
 * Prints two ways to reach the database of a stack. It has no public address, only the functions' security group may
 * connect, and the stack deploys no host to log in to.
 */
export async function explainConnection(stack: string): Promise<void> {
  const settings = stackSettings(stack);
  process.stdout.write(connectionGuide(stack, settings.region, await stackPlaces(settings)));
}

/** Text of the guide; it contains no secret. */
function connectionGuide(stack: string, region: string, places: StackPlaces): string {
  const { databaseHost, databaseName, databaseSecretArn, vpcId, subnetIds, securityGroupIds } = places;
  const group = securityGroupIds[0] ?? '';
  const password = `PGPASSWORD="$(aws secretsmanager get-secret-value --region ${region} --secret-id ${databaseSecretArn} --query SecretString --output text | jq -r .password)"`;
  const bundle = `https://truststore.pki.rds.amazonaws.com/${region}/${region}-bundle.pem`;
  return `The database of stack "${stack}" is private: no public address, and port 5432 is open to the functions'
security group (${group}) only. No bastion is deployed. Two ways in that change nothing of that:

1. CloudShell inside the VPC (nothing to install, nothing stays). In the console: CloudShell → + → Create a VPC
   environment, VPC ${vpcId}, subnet ${subnetIds[0] ?? ''}, security group ${group}. There:

   sudo dnf install -y postgresql17 jq
   curl -sSo rds.pem ${bundle}
   ${password} \\
     psql "host=${databaseHost} dbname=${databaseName} user=logline_app sslmode=verify-full sslrootcert=rds.pem"

2. From here, through Session Manager and an instance of your own (any EC2 instance with the SSM agent, in this VPC
   and with security group ${group}; needs the AWS CLI with its session-manager-plugin):

   aws ssm start-session --region ${region} --target i-… \\
     --document-name AWS-StartPortForwardingSessionToRemoteHost \\
     --parameters host=${databaseHost},portNumber=5432,localPortNumber=15432

   and in a second shell:

   curl -sSo rds.pem ${bundle}
   ${password} \\
     psql "host=${databaseHost} hostaddr=127.0.0.1 port=15432 dbname=${databaseName} user=logline_app sslmode=verify-full sslrootcert=rds.pem"

Row-level security applies: BEGIN; SELECT set_config('app.user_id', 'U', true), set_config('app.tenant_id', 'T', true);
`;
}
