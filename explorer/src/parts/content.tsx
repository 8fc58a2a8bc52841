import { Fragment, h } from 'preact';
import { useState } from 'preact/hooks';
import { bytesText, visible } from '../text';

/** Characters of a long text that are shown at first. */
const SHOWN_LENGTH = 20_000;

/** Text of any length, never interpreted as markup. */
export function Content({ text, label }: { readonly text: string; readonly label: string }) {
  const [isWhole, setWhole] = useState(false);
  const isCut = !isWhole && text.length > SHOWN_LENGTH;
  return (
    <>
      <pre tabindex={0} role="group" aria-label={label}>
        {visible(isCut ? text.slice(0, SHOWN_LENGTH) : text)}
      </pre>
      {isCut ? (
        <p>
          <button type="button" onClick={() => setWhole(true)}>
            Show all {bytesText(text.length)}
          </button>
        </p>
      ) : null}
    </>
  );
}

/** A JSON value, indented. */
export function Json({ value, label }: { readonly value: unknown; readonly label: string }) {
  return <Content text={JSON.stringify(value, null, 2)} label={label} />;
}
