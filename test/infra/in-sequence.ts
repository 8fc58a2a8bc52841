/**
 * For suites whose tests build on one another: after the first failure the rest are passed over, as their failures
 * would say nothing. Unlike mocha's `bail`, a failure elsewhere changes nothing here.
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
