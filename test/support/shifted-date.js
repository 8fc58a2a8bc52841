// Monotonic clocks (`performance`, `process.hrtime`, timers) go on as they do when a machine's clock is set.

function shiftDate(offsetMs) {
  const RealDate = globalThis.Date;
  const now = () => RealDate.now() + offsetMs();
  const shifted = new Proxy(RealDate, {
    apply: () => new RealDate(now()).toString(),
    construct: (target, args, made) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, made === shifted ? target : made),
    get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
  });
  globalThis.Date = shifted;
  return () => {
    globalThis.Date = RealDate;
  };
}

module.exports = { shiftDate };
