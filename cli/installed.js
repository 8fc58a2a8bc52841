// Ends a program in one line when npm skipped the hook that installs, as its setting `ignore-scripts` makes it.
// Plain JavaScript for any Node from 20 on.

const { isRightNode, whatIsMissing } = require('./install');

const missing = whatIsMissing();
const fault =
  missing !== undefined
    ? `${missing}, since npm skipped the hook that installs it (ignore-scripts); run npm ci --ignore-scripts=false`
    : isRightNode()
      ? undefined
      : `this is Node ${process.versions.node}; start it by npm, which takes the Node of this folder`;
if (fault !== undefined) {
  process.stderr.write(`logline: ${fault}\n`);
  process.exit(1);
}
