import { Fragment, h } from 'preact';
import { useState } from 'preact/hooks';

/** Copies a text to the clipboard and shows whether that worked. */
export function CopyButton({ text, name }: { readonly text: () => string; readonly name: string }) {
  const [said, setSaid] = useState('');
  const copy = (): void => {
    const tell = (outcome: string): void => {
      setSaid(outcome);
      setTimeout(() => setSaid(''), 2_000);
    };
    navigator.clipboard.writeText(text()).then(
      () => tell('copied'),
      () => tell('the browser refused'),
    );
  };
  return (
    <>
      <button type="button" onClick={copy}>
        {name}
      </button>{' '}
      <span role="status" class="said">
        {said}
      </span>
    </>
  );
}
