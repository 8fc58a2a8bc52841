// Ends a program in one line when what it needs is not installed, as when npm's setting `ignore-scripts` skips the hooks.
// Plain JavaScript for any Node from 20 on.

const { isRightNode, whatIsMissing } = require('./install');

/** @returns {string | undefined} */
function faultOf() {
  try {
    const missing = whatIsMissing();
    if (missing !== undefined)
      return `${missing}, and no hook of npm installed it (ignore-scripts skips them); run npm ci --ignore-scripts=false`;
  } catch (error) {
    return error.message;
  }
  return isRightNode()
    ? undefined
    : `this is Node ${process.versions.node}; start it by npm, which takes the Node of this folder`;
}

const fault = faultOf();
if (fault !== undefined) {
  process.stderr.write(`logline: ${fault}\n`);
  process.exit(1);
}
