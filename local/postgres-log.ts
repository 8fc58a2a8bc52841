/** Whether the server failed because another process has its TCP port. */
export function isPortTaken(log: string): boolean {
  return /could not bind .*(Address already in use|in use)|could not create any TCP\/IP sockets/i.test(log);
}

/** Whether sessions of a killed server still hold its shared memory. */
export function isMemoryHeld(log: string): boolean {
  return /pre-existing shared memory block .* is still in use/i.test(log);
}

/**
 * Explains the log of a failed initdb or server start to the operator, in one line with advice.
 */
export function explainPostgresLog(log: string, dataDir: string, logFile: string): string {
  const known = KNOWN_FAULTS.find(({ pattern }) => pattern.test(log));
  const detail = lastFault(log);
  const because = detail === undefined ? '' : ` (${detail})`;
  if (known !== undefined) return known.explain(dataDir, because);
  return `the embedded PostgreSQL did not start${because}; see ${logFile}`;
}

const KNOWN_FAULTS: readonly {
  readonly pattern: RegExp;
  readonly explain: (dataDir: string, because: string) => string;
}[] = [
  {
    pattern: /No space left on device/i,
    explain: (dataDir) =>
      `the disk that holds ${dataDir} is full; free some space, then start again (nothing acknowledged is lost)`,
  },
  {
    pattern: /Permission denied|has wrong ownership|has invalid permissions/i,
    explain: (dataDir, because) =>
      `PostgreSQL may not use ${dataDir}${because}; give that folder back to the user who created it, with mode 0700`,
  },
  {
    pattern: /database files are incompatible|initialized by PostgreSQL version/i,
    explain: (dataDir, because) =>
      `the database in ${dataDir} was made by another PostgreSQL version${because}; move that folder away to begin with an empty ledger`,
  },
  {
    pattern: /error while loading shared libraries|cannot open shared object|GLIBC|not found \(required by/i,
    explain: (_dataDir, because) =>
      `the embedded PostgreSQL cannot run on this system${because}; set DATABASE_URL to a server of your own`,
  },
  {
    pattern: /could not create shared memory|could not resize shared memory|Cannot allocate memory/i,
    explain: (_dataDir, because) =>
      `this machine gives PostgreSQL too little memory${because}; free some, or set DATABASE_URL to a server of your own`,
  },
  {
    pattern:
      /PANIC|could not (open|read|find|locate|access|stat)|corrupt|invalid (data|checkpoint|primary)|configuration file .* contains errors|is not a database cluster/i,
    explain: (dataDir, because) =>
      `the database folder ${dataDir} is broken${because}; restore it from a backup, or move it away to begin with an empty ledger`,
  },
];

/** The text of the last PANIC, FATAL or error line, without its timestamp. */
function lastFault(log: string): string | undefined {
  const lines = log
    .split('\n')
    .filter((line) => /PANIC:|FATAL:|error:|No such file|cannot|could not/i.test(line));
  const panic = lines.find((line) => /PANIC:/.test(line));
  const line = panic ?? lines.at(-1);
  return line?.replace(/^.*?(PANIC|FATAL|ERROR|LOG|error):\s*/, '').trim();
}
