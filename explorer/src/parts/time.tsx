import { h } from 'preact';
import { localTime, relativeTime, utcTitle } from '../time';

interface TimeProps {
  /** RFC 3339; nothing is rendered when undefined. */
  readonly at: string | undefined;
}

/** A timestamp in local time, with UTC on hover. */
export function Time({ at }: TimeProps) {
  return at === undefined ? null : (
    <time datetime={at} title={utcTitle(at)}>
      {localTime(at)}
    </time>
  );
}

/** A timestamp relative to now, with local time and UTC on hover. */
export function Ago({ at }: TimeProps) {
  return at === undefined ? null : (
    <time datetime={at} title={`${localTime(at)} · ${utcTitle(at)}`}>
      {relativeTime(at)}
    </time>
  );
}
