-- Runs of a tenant in one UTC day. The row is the lock: two runs cannot both take the last place.
CREATE TABLE app.execution_quota (
  tenant_id text    NOT NULL,
  day       date    NOT NULL,
  used      integer NOT NULL,
  PRIMARY KEY (tenant_id, day)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.execution_quota TO logline_app;

-- The last run of each scheduled job, for `logline status`, the smoke test and the missing-tick alarm.
CREATE TABLE app.job_run (
  job         text        PRIMARY KEY,
  started_at  timestamptz NOT NULL,
  ended_at    timestamptz,
  outcome     text        CHECK (outcome IN ('ok', 'error')),
  -- Counts only.
  detail      jsonb
);
GRANT SELECT, INSERT, UPDATE ON app.job_run TO logline_app;
