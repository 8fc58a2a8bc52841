-- What sealing and auditing remember between batches. Names no span; rebuildable from the log.

-- One row: how far the feed is sealed. The digest is that of the batch's (log_no, size, root): the record outside the
-- database (the rollback guard) holds the same.
CREATE TABLE app.seal_cursor (
  is_only  boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  batch    bigint  NOT NULL DEFAULT 0,
  tx_id    xid8    NOT NULL DEFAULT '0',
  ordinal  bigint  NOT NULL DEFAULT 0,
  digest   bytea   NOT NULL DEFAULT '\x',
  -- When the last batch was looked for; tells whether anybody seals.
  sealed_at timestamptz NOT NULL DEFAULT now(),
  -- The database was found older than what was signed; health says so.
  restore_needed boolean NOT NULL DEFAULT false
);
INSERT INTO app.seal_cursor DEFAULT VALUES;

-- The end of each log: its size, and the hashes of the complete subtrees there, largest first.
CREATE TABLE app.log_head (
  log_no          integer PRIMARY KEY,
  size            bigint  NOT NULL CHECK (size >= 0),
  frontier        bytea   NOT NULL CHECK (length(frontier) % 32 = 0),
  checkpoint_size bigint  NOT NULL DEFAULT 0,
  -- Size of the checkpoint that a span of the tenant keeps.
  kept_size       bigint  NOT NULL DEFAULT 0,
  -- Set when the audit found what the log does not bear; nothing of this tenant is sealed from then on.
  stopped_at      timestamptz,
  stop_reason     text
) WITH (fillfactor = 50);

-- Spans of stopped logs that the cursor has passed: sealed in this order once the log goes on.
CREATE TABLE app.unsealed (
  log_no  integer NOT NULL,
  tx_id   xid8    NOT NULL,
  ordinal bigint  NOT NULL,
  id      uuid    NOT NULL,
  seq     integer NOT NULL,
  PRIMARY KEY (log_no, tx_id, ordinal)
);

-- One row: how far the feed is audited.
CREATE TABLE app.audit_cursor (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  tx_id   xid8    NOT NULL DEFAULT '0',
  ordinal bigint  NOT NULL DEFAULT 0
);
INSERT INTO app.audit_cursor DEFAULT VALUES;

CREATE TABLE app.log_audit (
  log_no       integer PRIMARY KEY,
  audited_size bigint  NOT NULL
) WITH (fillfactor = 50);

-- One row: the name that all origins begin with. Stored at the first sealing and never changed.
CREATE TABLE app.log_instance (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  origin text    NOT NULL CHECK (origin <> '')
);

-- The keys that sign checkpoints, public halves only.
CREATE TABLE app.checkpoint_key (
  public_key text        PRIMARY KEY CHECK (length(public_key) = 64),
  since      timestamptz NOT NULL DEFAULT now(),
  -- From when on it signs no more.
  until      timestamptz
);

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['seal_cursor', 'log_head', 'unsealed', 'audit_cursor', 'log_audit', 'log_instance',
                              'checkpoint_key'] LOOP
    EXECUTE format('ALTER TABLE app.%I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY seal ON app.%I TO logline_sealer USING (true) WITH CHECK (true)', name);
    EXECUTE format('CREATE POLICY audit ON app.%I TO logline_auditor USING (true) WITH CHECK (true)', name);
    EXECUTE format('CREATE POLICY back_up_all ON app.%I FOR SELECT TO logline_backup USING (true)', name);
    EXECUTE format('GRANT SELECT ON app.%I TO logline_backup, logline_auditor', name);
  END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE ON app.seal_cursor, app.log_head, app.checkpoint_key TO logline_sealer;
GRANT SELECT, INSERT, DELETE ON app.unsealed TO logline_sealer;
GRANT SELECT, INSERT ON app.log_instance TO logline_sealer;
GRANT SELECT ON app.log_audit, app.audit_cursor TO logline_sealer;
GRANT UPDATE ON app.audit_cursor TO logline_auditor;
GRANT INSERT, UPDATE ON app.log_audit TO logline_auditor;
GRANT UPDATE (stopped_at, stop_reason) ON app.log_head TO logline_auditor;

-- Stage-0 tells anybody the origin and the keys, health whether sealing stands still, and a tenant how far its log is.
CREATE POLICY read_all ON app.log_instance FOR SELECT TO logline_app USING (true);
CREATE POLICY read_all ON app.checkpoint_key FOR SELECT TO logline_app USING (true);
CREATE POLICY read_all ON app.seal_cursor FOR SELECT TO logline_app USING (true);
GRANT SELECT ON app.log_instance, app.checkpoint_key, app.seal_cursor TO logline_app;
CREATE POLICY read_own_tenant ON app.log_head FOR SELECT TO logline_app
  USING (log_no = (SELECT l.log_no FROM ledger.log l WHERE l.tenant_id = ledger.session_tenant_id()));
CREATE POLICY read_own_tenant ON app.log_audit FOR SELECT TO logline_app
  USING (log_no = (SELECT l.log_no FROM ledger.log l WHERE l.tenant_id = ledger.session_tenant_id()));
GRANT SELECT ON app.log_head, app.log_audit TO logline_app;
-- Health tells that a log is stopped, not whose.
CREATE POLICY read_stopped ON app.log_head FOR SELECT TO logline_app USING (stopped_at IS NOT NULL);

-- The rollback guard names the feed epoch that it belongs to.
CREATE POLICY read_by_sealer ON app.feed_epoch FOR SELECT TO logline_sealer, logline_auditor USING (true);
GRANT SELECT ON app.feed_epoch TO logline_sealer, logline_auditor;
