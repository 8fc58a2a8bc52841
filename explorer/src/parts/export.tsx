import { Fragment, h } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Filter } from '../filter';
import { type ExportFormat, exportSpans } from '../ledger/export';
import { usePage } from '../session';
import { bytesText, counted } from '../text';
import { explainedShort } from './notice';

/** Saves the filtered spans as a file. */
export function Export({ filter }: { readonly filter: Filter }) {
  const { ledger } = usePage();
  const running = useRef<AbortController | undefined>(undefined);
  const [said, setSaid] = useState('');
  const [isRunning, setRunning] = useState(false);
  useEffect(() => () => running.current?.abort(), []);
  const start = async (format: ExportFormat): Promise<void> => {
    const ended = new AbortController();
    running.current = ended;
    setRunning(true);
    setSaid('Reading…');
    try {
      const file = await exportSpans(ledger, filter, format, ended.signal, (spans, bytes) =>
        setSaid(`${counted(spans, 'span')}, ${bytesText(bytes)}…`),
      );
      save(file.blob, file.name);
      setSaid(
        `Saved ${counted(file.spans, 'span')}${file.isCut ? '; cut at 100 MiB, so narrow the filter for the rest' : ''}.`,
      );
    } catch (error) {
      setSaid(ended.signal.aborted ? 'Stopped.' : explainedShort(error));
    } finally {
      setRunning(false);
    }
  };
  return (
    <div class="export" role="group" aria-label="Export what is filtered">
      {isRunning ? (
        <button type="button" onClick={() => running.current?.abort()}>
          Stop
        </button>
      ) : (
        <>
          <button
            type="button"
            title="One span a line, as logline verify --file takes it"
            onClick={() => start('ndjson')}
          >
            Export NDJSON
          </button>
          <button type="button" title="A table for spreadsheets" onClick={() => start('csv')}>
            Export CSV
          </button>
        </>
      )}
      <span role="status" class="said">
        {said}
      </span>
    </div>
  );
}

function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has started to read the blob by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
