/** True when EventBridge Scheduler accepts the expression: `rate` in whole minutes or more, or `cron` with six fields. */
export function isScheduleExpression(text: string): boolean {
  const rate = /^rate\(([1-9]\d*) (minute|minutes|hour|hours|day|days)\)$/.exec(text);
  if (rate !== null) {
    return (rate[1] === '1') === !rate[2]?.endsWith('s');
  }
  const fields = /^cron\((.+)\)$/.exec(text)?.[1]?.split(' ');
  if (fields?.length !== 6 || !fields.every((field) => /^[\d*,/?A-Z#L-]+$/.test(field))) {
    return false;
  }
  // One of day-of-month and day-of-week must be "?".
  return (fields[2] === '?') !== (fields[4] === '?');
}
