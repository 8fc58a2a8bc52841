import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from '../html';
import { claimsOf, isToken, type Session } from '../session';
import type { SignIn } from '../sign-in';
import { useStore } from '../store';
import { visible } from '../text';
import { textIn } from './filter-bar';

/** Asks whether a link's token may take the place of the one in use: a link must not change who somebody is. */
export function OfferedSession({ session }: { readonly session: Session }) {
  const offered = useStore(session.offered);
  const dialog = useModal(offered !== undefined);
  if (offered === undefined) return null;
  return html`<dialog ref=${dialog} aria-labelledby="offered-title" onCancel=${() => session.use(session.token.value)}>
    <h2 id="offered-title">Use the token of this link?</h2>
    <p>You are <strong>${nameOf(session.token.value)}</strong>. The link would make you <strong>${nameOf(offered)}</strong>
      in this tab. Say yes only when you know where it comes from.</p>
    <p class="actions"><button type="button" autofocus onClick=${() => session.use(session.token.value)}>Stay as I am</button>
      <button type="button" onClick=${() => session.use(offered)}>Use the link's token</button></p>
  </dialog>`;
}

/** Asks for a token. */
export function TokenDialog({ session }: { readonly session: Session }) {
  const why = useStore(session.asking);
  const dialog = useModal(why !== undefined);
  const [text, setText] = useState('');
  const [fault, setFault] = useState('');
  if (why === undefined) return null;
  const close = (): void => {
    session.asking.value = undefined;
  };
  const use = (event: Event): void => {
    event.preventDefault();
    const token = text.trim();
    if (!isToken(token)) {
      setFault('A token is three parts of letters, digits, - and _, with dots between.');
      return;
    }
    setText('');
    setFault('');
    session.use(token);
  };
  return html`<dialog ref=${dialog} aria-labelledby="token-title" onCancel=${close}>
    <form onSubmit=${use}>
      <h2 id="token-title">${why}</h2>
      <${SignInButton} />
      <p>Make one where LogLine runs, and paste it here: <code>npx logline token --user U --tenant T</code></p>
      <label for="token">Token</label>
      <textarea id="token" rows="5" autofocus spellcheck=${false} autocomplete="off" value=${text}
        aria-invalid=${fault === '' ? undefined : 'true'} aria-describedby="token-fault" onInput=${(event: Event) => setText(textIn(event))}></textarea>
      <p id="token-fault" class="fault-text" role="alert">${fault}</p>
      <p class="hint">It stays in this tab, and is gone when the tab is closed.</p>
      <p class="actions"><button type="button" onClick=${close}>Cancel</button><button type="submit" class="primary">Use this token</button></p>
    </form>
  </dialog>`;
}

/** Leads to the issuer, where one is configured. */
function SignInButton() {
  const [how, setHow] = useState<SignIn | undefined>(undefined);
  useEffect(() => {
    import('../sign-in').then(({ readSignIn }) => readSignIn()).then(setHow, () => undefined);
  }, []);
  if (how === undefined) return null;
  const leave = (): void => {
    void import('../sign-in').then(({ leaveToSignIn }) => leaveToSignIn(how));
  };
  return html`<p><button type="button" class="primary" onClick=${leave}>Sign in at ${new URL(how.issuer).host}</button></p>`;
}

function nameOf(token: string | undefined): string {
  const claims = token === undefined ? undefined : claimsOf(token);
  return claims === undefined ? 'somebody else' : visible(`${claims.user}@${claims.tenant}`);
}

/** A dialog that takes the keyboard while it is open, and gives it back. */
function useModal(isOpen: boolean) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (!isOpen) return undefined;
    const before = document.activeElement;
    dialog.current?.showModal();
    // A dialog that is taken out of the page does not do so itself.
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, [isOpen]);
  return dialog;
}
