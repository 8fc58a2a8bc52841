import { Fragment, h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Dialog } from './dialog';

const KEYS = [
  ['Tab, Shift Tab', 'to the next control, or the one before'],
  ['Enter', 'follows a link, presses a button'],
  ['↓ ↑', 'from span to span, once a row has the focus'],
  ['Home, End', 'to the first and the last of them'],
  ['Escape', 'closes a dialog'],
  ['?', 'opens this one'],
] as const;

/** A button for the list of keys, which the key `?` also opens outside of text fields. */
export function KeysHelp() {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      const isTyping =
        event.target instanceof Element && event.target.closest('input, select, textarea, dialog');
      if (event.key === '?' && !isTyping) setOpen(true);
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, []);
  return (
    <>
      <button type="button" aria-haspopup="dialog" title="?" onClick={() => setOpen(true)}>
        Keys
      </button>
      {isOpen && (
        <Dialog title="Keyboard" onClose={() => setOpen(false)}>
          <dl class="facts">
            {KEYS.map(([key, what]) => (
              <>
                <dt>
                  <kbd>{key}</kbd>
                </dt>
                <dd>{what}</dd>
              </>
            ))}
          </dl>
          <p class="actions">
            <button type="button" autofocus onClick={() => setOpen(false)}>
              Close
            </button>
          </p>
        </Dialog>
      )}
    </>
  );
}
