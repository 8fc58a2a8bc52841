import { useState } from 'preact/hooks';
import { usePage } from '../context';
import {
  type Filter,
  isValueFilter,
  NO_FILTER,
  searchOf,
  VALUE_FILTERS,
  type ValueFilter,
  valueFault,
  withoutValue,
  withValue,
} from '../filter';
import { html } from '../html';
import { go, hrefOf } from '../route';
import { forgetFilter, savedFilters, saveFilter } from '../saved-filters';
import { visible } from '../text';
import { localOfUtc, localTime, utcOfLocal } from '../time';

interface FilterBarProps {
  readonly filter: Filter;
}

/** Where the form would fill the window, it opens on demand. */
const NARROW = window.matchMedia('(max-width: 760px)');

/** Values of each filter that need no typing. */
const SUGGESTIONS: Readonly<Partial<Record<ValueFilter, readonly string[]>>> = {
  entity_type: [
    'function',
    'execution',
    'request',
    'policy',
    'policy_error',
    'provider',
    'manifest',
    'checkpoint',
  ],
  status: ['active', 'scheduled', 'running', 'complete', 'error'],
  visibility: ['private', 'tenant', 'public'],
};

/** What is filtered, and the form that changes it. Every change is a new address. */
export function FilterBar({ filter }: FilterBarProps) {
  const show = (next: Filter): void => go(hrefOf('', undefined, searchOf(next)));
  return html`<section class="filters" aria-label="Filters">
    <details class="form" open=${!NARROW.matches}><summary>Filter</summary><div>
      <${AddValue} filter=${filter} show=${show} />
      <${TimeRange} filter=${filter} show=${show} />
      <${Saved} filter=${filter} />
    </div></details>
    <${Chips} filter=${filter} show=${show} />
  </section>`;
}

interface PartProps extends FilterBarProps {
  readonly show: (next: Filter) => void;
}

function AddValue({ filter, show }: PartProps) {
  const [name, setName] = useState<ValueFilter>('entity_type');
  const [value, setValue] = useState('');
  const [fault, setFault] = useState<string | undefined>(undefined);
  const add = (event: Event): void => {
    event.preventDefault();
    const trimmed = value.trim();
    const found = valueFault(name, trimmed);
    setFault(found);
    if (found !== undefined) return;
    setValue('');
    show(withValue(filter, name, trimmed));
  };
  return html`<form class="add" onSubmit=${add}>
    <label for="filter-name">Filter</label><select id="filter-name" value=${name} onChange=${(
      event: Event,
    ) => {
      const chosen = textIn(event);
      if (isValueFilter(chosen)) setName(chosen);
    }}>${VALUE_FILTERS.map((one) => html`<option value=${one}>${one}</option>`)}</select>
    <label for="filter-value">is</label><input id="filter-value" type="text" value=${value} list="suggested" maxlength="255" autocapitalize="off" spellcheck=${false}
      aria-invalid=${fault === undefined ? undefined : 'true'} aria-describedby=${fault === undefined ? undefined : 'filter-fault'}
      onInput=${(event: Event) => setValue(textIn(event))} />
    <datalist id="suggested">${(SUGGESTIONS[name] ?? []).map((one) => html`<option value=${one} />`)}</datalist>
    <button type="submit">Add</button>
    ${fault === undefined ? null : html`<span class="fault-text" id="filter-fault" role="alert">${fault}</span>`}
  </form>`;
}

function TimeRange({ filter, show }: PartProps) {
  const change = (name: 'since' | 'until') => (event: Event) => {
    const text = textIn(event);
    show({ ...filter, [name]: text === '' ? undefined : utcOfLocal(text) });
  };
  return html`<div class="range" role="group" aria-label="Time range, local time">
    <label>from <input type="datetime-local" step="1" value=${filter.since === undefined ? '' : localOfUtc(filter.since)} onChange=${change('since')} /></label>
    <label>to <input type="datetime-local" step="1" value=${filter.until === undefined ? '' : localOfUtc(filter.until)} onChange=${change('until')} /></label>
  </div>`;
}

function Chips({ filter, show }: PartProps) {
  const chips = VALUE_FILTERS.flatMap((name) =>
    (filter.values[name] ?? []).map((value) => ({ name, value })),
  );
  const { since, until } = filter;
  if (chips.length === 0 && since === undefined && until === undefined) return null;
  return html`<ul class="chips" aria-label="Filters in use">
    ${chips.map(({ name, value }) => chip(`${name} = ${visible(value)}`, () => show(withoutValue(filter, name, value))))}
    ${since === undefined ? null : chip(`from ${localTime(since)}`, () => show({ ...filter, since: undefined }))}
    ${until === undefined ? null : chip(`to ${localTime(until)}`, () => show({ ...filter, until: undefined }))}
    <li><button type="button" class="plain" onClick=${() => show(NO_FILTER)}>Clear all</button></li>
  </ul>`;
}

function chip(text: string, remove: () => void) {
  return html`<li class="chip"><bdi>${text}</bdi><button type="button" aria-label=${`Remove ${text}`} onClick=${remove}>×</button></li>`;
}

function Saved({ filter }: FilterBarProps) {
  const { me } = usePage();
  const caller = me === undefined ? '' : `${me.user}@${me.tenant}`;
  const [saved, setSaved] = useState(() => savedFilters(caller));
  const [name, setName] = useState('');
  const query = searchOf(filter).toString();
  const save = (event: Event): void => {
    event.preventDefault();
    if (name.trim() === '') return;
    setSaved(saveFilter(caller, { name: name.trim(), query }));
    setName('');
  };
  return html`<details class="saved" onToggle=${() => setSaved(savedFilters(caller))}><summary>Saved filters</summary>
    <div class="menu">
      ${saved.length === 0 ? html`<p>None yet. Give the filter in use a name to keep it in this browser.</p>` : null}
      <ul>${saved.map(
        (
          one,
        ) => html`<li><a href=${hrefOf('', undefined, new URLSearchParams(one.query))}><bdi>${visible(one.name)}</bdi></a>
        <button type="button" aria-label=${`Forget ${visible(one.name)}`} onClick=${() => setSaved(forgetFilter(caller, one.name))}>×</button></li>`,
      )}</ul>
      <form onSubmit=${save}><label>Name <input type="text" maxlength="60" value=${name} onInput=${(event: Event) => setName(textIn(event))} /></label>
        <button type="submit">Save</button></form>
    </div></details>`;
}

/** What was typed or chosen. */
export function textIn(event: Event): string {
  const { target } = event;
  return target instanceof HTMLInputElement ||
    target instanceof HTMLSelectElement ||
    target instanceof HTMLTextAreaElement
    ? target.value
    : '';
}
