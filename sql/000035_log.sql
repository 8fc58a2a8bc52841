-- One append-only Merkle log for each tenant: RFC 6962 trees over the hashes of its spans, in feed order. Rows are written
-- once and never changed; what changes (heads, cursors) lies in app and can be made anew from here.

CREATE TABLE ledger.log (
  log_no    integer PRIMARY KEY CHECK (log_no > 0),
  tenant_id text    NOT NULL UNIQUE CHECK (tenant_id <> ''),
  -- The name of the log on its checkpoints; never another, or proofs of before would be of another log.
  origin    text    NOT NULL UNIQUE CHECK (origin <> '')
);

-- Which span a position holds. Leaf hashes are not stored: they follow from these columns.
CREATE TABLE ledger.log_entry (
  position  bigint  NOT NULL CHECK (position >= 0),
  log_no    integer NOT NULL,
  seq       integer NOT NULL,
  id        uuid    NOT NULL,
  curr_hash bytea   NOT NULL CHECK (length(curr_hash) = 32),
  PRIMARY KEY (log_no, position),
  UNIQUE (id, seq)
);

-- Full tiles of 256 hashes (tlog-tiles), written when the last hash is known. A partial tile of level 0 follows from
-- the entries, one of a level above from the roots of the level below it. Five layouts were measured: those that update a
-- partial tile or a head write 6 to 15 times the WAL.
CREATE TABLE ledger.log_tile (
  index  bigint   NOT NULL CHECK (index >= 0),
  log_no integer  NOT NULL,
  level  smallint NOT NULL CHECK (level >= 0),
  root   bytea    NOT NULL CHECK (length(root) = 32),
  hashes bytea    NOT NULL CHECK (length(hashes) = 8192),
  PRIMARY KEY (log_no, level, index)
);
-- Hashes do not compress.
ALTER TABLE ledger.log_tile ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- A signed state of a log. Kept in parts, as the note's text follows from them.
CREATE TABLE ledger.checkpoint (
  size      bigint         NOT NULL CHECK (size > 0),
  at        timestamptz(3) NOT NULL DEFAULT now(),
  log_no    integer        NOT NULL,
  root      bytea          NOT NULL CHECK (length(root) = 32),
  -- Key id (4 bytes) and Ed25519 signature, as the signature line has them.
  signature bytea          NOT NULL CHECK (length(signature) = 68),
  PRIMARY KEY (log_no, size)
);

-- Further signature lines of a checkpoint: of a key that is being rotated, of witnesses.
CREATE TABLE ledger.checkpoint_line (
  log_no integer NOT NULL,
  size   bigint  NOT NULL,
  line   text    NOT NULL CHECK (line LIKE '— %' AND length(line) <= 4096),
  PRIMARY KEY (log_no, size, line)
);

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['log', 'log_entry', 'log_tile', 'checkpoint', 'checkpoint_line'] LOOP
    EXECUTE format('ALTER TABLE ledger.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
    EXECUTE format(
      'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.%I
         FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()', name);
    EXECUTE format('ALTER TABLE ledger.%I ENABLE ALWAYS TRIGGER append_only', name);
    EXECUTE format('GRANT SELECT ON ledger.%I TO logline_app, logline_auditor, logline_backup', name);
    EXECUTE format('GRANT SELECT, INSERT ON ledger.%I TO logline_sealer', name);
    EXECUTE format('CREATE POLICY seal_read ON ledger.%I FOR SELECT TO logline_sealer USING (true)', name);
    EXECUTE format('CREATE POLICY seal ON ledger.%I FOR INSERT TO logline_sealer WITH CHECK (log_no > 0)', name);
    EXECUTE format('CREATE POLICY audit_all ON ledger.%I FOR SELECT TO logline_auditor USING (true)', name);
    EXECUTE format('CREATE POLICY back_up_all ON ledger.%I FOR SELECT TO logline_backup USING (true)', name);
  END LOOP;
END
$$;

-- Stage-0 reads the log of the tenant in whose name it asks.
CREATE POLICY read_own_tenant ON ledger.log FOR SELECT TO logline_app
  USING (tenant_id = (SELECT ledger.session_tenant_id()));
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['log_entry', 'log_tile', 'checkpoint', 'checkpoint_line'] LOOP
    EXECUTE format(
      'CREATE POLICY read_own_tenant ON ledger.%I FOR SELECT TO logline_app
         USING (log_no = (SELECT l.log_no FROM ledger.log l WHERE l.tenant_id = ledger.session_tenant_id()))', name);
  END LOOP;
END
$$;
