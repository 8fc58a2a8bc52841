import { h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { claimsOf, isToken, session } from '../session';
import { leaveToSignIn, readSignIn, type SignIn } from '../sign-in';
import { useStore } from '../store';
import { visible } from '../text';
import { Dialog } from './dialog';

/** Asks before a link's token replaces the one in use, because a link must not silently change the user. */
export function OfferedSession() {
  const offered = useStore(session.offered);
  if (offered === undefined) return null;
  const stay = (): void => session.use(session.token);
  return (
    <Dialog title="Use the token of this link?" onClose={stay}>
      <p>
        You are <strong>{nameOf(session.token)}</strong>. The link would make you{' '}
        <strong>{nameOf(offered)}</strong> in this tab. Say yes only when you know where it comes from.
      </p>
      <p class="actions">
        <button type="button" autofocus onClick={stay}>
          Stay as I am
        </button>
        <button type="button" onClick={() => session.use(offered)}>
          Use the link's token
        </button>
      </p>
    </Dialog>
  );
}

/** Asks for a token when one is needed. */
export function TokenDialog() {
  const why = useStore(session.asking);
  return why === undefined ? null : <AskedToken why={why} />;
}

function AskedToken({ why }: { readonly why: string }) {
  const [text, setText] = useState('');
  const [fault, setFault] = useState('');
  const close = (): void => {
    session.asking.value = undefined;
  };
  const use = (event: Event): void => {
    event.preventDefault();
    const token = text.trim();
    if (isToken(token)) session.use(token);
    else setFault('A token is three parts of letters, digits, - and _, with dots between.');
  };
  return (
    <Dialog title={why} onClose={close}>
      <form onSubmit={use}>
        <SignInButton />
        <p>
          Make one where LogLine runs, and paste it here: <code>npx logline token --user U --tenant T</code>
        </p>
        <label for="token">Token</label>
        <textarea
          id="token"
          rows={5}
          autofocus
          spellcheck={false}
          autocomplete="off"
          value={text}
          aria-invalid={fault !== ''}
          aria-describedby="token-fault"
          onInput={(event) => setText(event.currentTarget.value)}
        ></textarea>
        <p id="token-fault" class="fault-text" role="alert">
          {fault}
        </p>
        <p class="hint">It stays in this tab, and is gone when the tab is closed.</p>
        <p class="actions">
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Use this token
          </button>
        </p>
      </form>
    </Dialog>
  );
}

/** A button that redirects to the issuer; nothing without a configured one. */
function SignInButton() {
  const [how, setHow] = useState<SignIn | undefined>(undefined);
  useEffect(() => {
    readSignIn().then(setHow, () => undefined);
  }, []);
  return how === undefined ? null : (
    <p>
      <button type="button" class="primary" onClick={() => leaveToSignIn(how)}>
        Sign in at {new URL(how.issuer).host}
      </button>
    </p>
  );
}

function nameOf(token = ''): string {
  const claims = claimsOf(token);
  return claims === undefined ? 'somebody else' : visible(`${claims.user}@${claims.tenant}`);
}
