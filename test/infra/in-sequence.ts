/**
 * For suites whose tests depend on each other: skips the rest after the first failure. Unlike mocha's `bail`, it ignores
 * failures of other suites.
 */
export function inSequence(): void {
  let broken = false;
  beforeEach(function () {
    if (broken) {
      this.skip();
    }
  });
  afterEach(function () {
    broken ||= this.currentTest?.state === 'failed';
  });
}
