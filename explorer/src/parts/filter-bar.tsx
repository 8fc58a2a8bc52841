import { h } from 'preact';
import { useState } from 'preact/hooks';
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
import { NARROW } from '../listener';
import { go, hrefOf, spanHref } from '../route';
import { forgetFilter, savedFilters, saveFilter } from '../saved-filters';
import { usePage } from '../session';
import { visible } from '../text';
import { localOfUtc, localTime, utcOfLocal } from '../time';

interface FilterBarProps {
  readonly filter: Filter;
}

/** Suggested values by filter. */
const SUGGESTIONS: Readonly<Record<string, readonly string[]>> = {
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

/** The filter in use and the form that changes it. Every change is a new history entry. */
export function FilterBar({ filter }: FilterBarProps) {
  const show = (next: Filter): void => go(hrefOf('', undefined, searchOf(next)));
  return (
    <section class="filters" aria-label="Filters">
      <details class="form" open={!NARROW.matches}>
        <summary>Filter</summary>
        <div>
          <AddValue filter={filter} show={show} />
          <TimeRange filter={filter} show={show} />
          <Saved filter={filter} />
        </div>
      </details>
      <Chips filter={filter} show={show} />
    </section>
  );
}

interface PartProps extends FilterBarProps {
  readonly show: (next: Filter) => void;
}

function AddValue({ filter, show }: PartProps) {
  const [name, setName] = useState<ValueFilter | 'id'>('entity_type');
  const [value, setValue] = useState('');
  const [fault, setFault] = useState('');
  const add = (event: Event): void => {
    event.preventDefault();
    const trimmed = value.trim();
    const found = valueFault(name, trimmed);
    setFault(found ?? '');
    if (found !== undefined) return;
    setValue('');
    // An id names one entity, whose page shows more than a list.
    if (name === 'id') go(spanHref(trimmed.toLowerCase()));
    else show(withValue(filter, name, trimmed));
  };
  return (
    <form class="add" onSubmit={add}>
      <label for="filter-name">Filter</label>
      <select
        id="filter-name"
        value={name}
        onChange={(event) => {
          const chosen = event.currentTarget.value;
          if (chosen === 'id' || isValueFilter(chosen)) setName(chosen);
        }}
      >
        {[...VALUE_FILTERS, 'id'].map((one) => (
          <option value={one}>{one}</option>
        ))}
      </select>
      <label for="filter-value">is</label>
      <input
        id="filter-value"
        type="text"
        value={value}
        list="suggested"
        maxlength={255}
        autocapitalize="off"
        spellcheck={false}
        aria-invalid={fault !== ''}
        aria-describedby="filter-fault"
        onInput={(event) => setValue(event.currentTarget.value)}
      />
      <datalist id="suggested">
        {SUGGESTIONS[name]?.map((one) => (
          <option value={one} />
        ))}
      </datalist>
      <button type="submit">Add</button>
      <span class="fault-text" id="filter-fault" role="alert">
        {fault}
      </span>
    </form>
  );
}

function TimeRange({ filter, show }: PartProps) {
  const bound = (name: 'since' | 'until', label: string) => (
    <label>
      {label}{' '}
      <input
        type="datetime-local"
        step="1"
        value={localOfUtc(filter[name] ?? '')}
        onChange={(event) => show({ ...filter, [name]: utcOfLocal(event.currentTarget.value) })}
      />
    </label>
  );
  return (
    <div class="range" role="group" aria-label="Time range, local time">
      {bound('since', 'from')}
      {bound('until', 'to')}
    </div>
  );
}

function Chips({ filter, show }: PartProps) {
  const chips = VALUE_FILTERS.flatMap((name) =>
    (filter.values[name] ?? []).map((value) => ({ name, value })),
  );
  const { since, until } = filter;
  if (chips.length === 0 && since === undefined && until === undefined) return null;
  return (
    <ul class="chips" aria-label="Filters in use">
      {chips.map(({ name, value }) =>
        chip(`${name} = ${visible(value)}`, () => show(withoutValue(filter, name, value))),
      )}
      {since === undefined
        ? null
        : chip(`from ${localTime(since)}`, () => show({ ...filter, since: undefined }))}
      {until === undefined
        ? null
        : chip(`to ${localTime(until)}`, () => show({ ...filter, until: undefined }))}
      <li>
        <button type="button" class="plain" onClick={() => show(NO_FILTER)}>
          Clear all
        </button>
      </li>
    </ul>
  );
}

function chip(text: string, remove: () => void) {
  return (
    <li class="chip">
      <bdi>{text}</bdi>
      <button type="button" aria-label={`Remove ${text}`} onClick={remove}>
        ×
      </button>
    </li>
  );
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
  return (
    <details class="saved" onToggle={() => setSaved(savedFilters(caller))}>
      <summary>Saved filters</summary>
      <div class="menu">
        {saved.length === 0 && <p>None yet. Give the filter in use a name to keep it in this browser.</p>}
        <ul>
          {saved.map((one) => (
            <li>
              <a href={hrefOf('', undefined, new URLSearchParams(one.query))}>
                <bdi>{visible(one.name)}</bdi>
              </a>
              <button
                type="button"
                aria-label={`Forget ${visible(one.name)}`}
                onClick={() => setSaved(forgetFilter(caller, one.name))}
              >
                ×
              </button>
            </li>
          ))}
        </ul>
        <form onSubmit={save}>
          <label>
            Name{' '}
            <input
              type="text"
              maxlength={60}
              value={name}
              onInput={(event) => setName(event.currentTarget.value)}
            />
          </label>
          <button type="submit">Save</button>
        </form>
      </div>
    </details>
  );
}
