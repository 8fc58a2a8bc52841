import { type ComponentChildren, h } from 'preact';
import { LogLineError } from '../ledger/ledger';
import { visible } from '../text';

/** Shown in place of an empty list. */
export function Empty({
  title,
  children,
}: {
  readonly title: string;
  readonly children?: ComponentChildren;
}) {
  return (
    <div class="empty">
      <p class="title">{title}</p>
      {children}
    </div>
  );
}

export function Loading({ what }: { readonly what: string }) {
  return (
    <p class="loading" role="status">
      Loading {what}…
    </p>
  );
}

interface FailureProps {
  readonly error: unknown;
  readonly retry?: () => void;
  /** Whether it is the whole page, so that its title is the heading. */
  readonly isPage?: boolean | undefined;
}

/** Why something failed, and how to fix it. */
export function Failure({ error, retry, isPage }: FailureProps) {
  const { title, advice } = explained(error);
  const Title = isPage ? 'h1' : 'p';
  return (
    <div class="failure" role="alert">
      <Title class="title">{title}</Title>
      <p>{advice}</p>
      {error instanceof LogLineError && error.errors.length > 0 && (
        <ul>
          {error.errors.map(({ pointer, detail }) => (
            <li>
              <code>{visible(pointer)}</code> {visible(detail)}
            </li>
          ))}
        </ul>
      )}
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

function explained(error: unknown): { title: string; advice: string } {
  if (!(error instanceof LogLineError))
    return { title: 'Something went wrong in this page', advice: visible(String(error)) };
  const { status, message, requestId } = error;
  const said = visible(message);
  if (status === 0)
    return {
      title: 'The ledger does not answer',
      advice: 'Check that it runs and that you are online; then try again.',
    };
  if (status === 401)
    return {
      title: 'The ledger does not take this token',
      advice: 'Give a token that has not expired, at the top of the page.',
    };
  if (status === 403)
    return { title: 'This token does not allow that', advice: `${said} Ask for a token with that scope.` };
  if (status === 404)
    return { title: 'Not found', advice: 'It does not exist, or this token may not see it.' };
  if (status === 429) return { title: 'Too much at once', advice: `${said} Wait a moment, then try again.` };
  return {
    title: status >= 500 ? 'The ledger has trouble' : 'The ledger refused this',
    advice: requestId === undefined ? said : `${said} Request ${requestId}, to find it in the server's log.`,
  };
}

/** {@link explained} on one line. */
export function explainedShort(error: unknown): string {
  const { title, advice } = explained(error);
  return `${title}. ${advice}`;
}
