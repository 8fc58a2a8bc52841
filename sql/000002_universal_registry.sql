-- The ledger: one row is one version of one entity (DESIGN.md section 3).

-- Who may read a row, as one comparable word. A tenant's length stands before its name, so that
-- tenant 'a' with user 'bc' and tenant 'ab' with user 'c' stay different.
CREATE FUNCTION ledger.audience_of(visibility text, tenant_id text, owner_id text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE visibility
  WHEN 'public' THEN 'public'
  WHEN 'tenant' THEN 'tenant:' || tenant_id
  ELSE 'owner:' || length(tenant_id) || ':' || tenant_id || ':' || owner_id
END;

CREATE TABLE ledger.universal_registry (
  id          uuid           NOT NULL,
  seq         integer        NOT NULL CHECK (seq >= 0),
  entity_type text           NOT NULL CHECK (entity_type <> ''),
  who         text           NOT NULL CHECK (who <> ''),
  did         text,
  this        text           NOT NULL CHECK (this <> ''),
  -- What RFC 3339 can write: no infinity, no year BC.
  at          timestamptz(3) NOT NULL CHECK (at >= '0001-01-01T00:00:00Z' AND at < '10000-01-01T00:00:00Z'),
  parent_id   uuid,
  related_to  uuid[],
  owner_id    text           NOT NULL CHECK (owner_id <> ''),
  tenant_id   text           NOT NULL CHECK (tenant_id <> ''),
  visibility  text           NOT NULL DEFAULT 'private' CHECK (visibility IN ('private', 'tenant', 'public')),
  status      text,
  is_deleted  boolean        NOT NULL DEFAULT false,
  name        text,
  description text,
  code        text,
  language    text,
  runtime     text,
  input       jsonb,
  output      jsonb,
  error       jsonb,
  metadata    jsonb,
  duration_ms integer        CHECK (duration_ms >= 0),
  trace_id    text,
  prev_hash   text           CHECK (length(prev_hash) = 64),
  curr_hash   text           NOT NULL CHECK (length(curr_hash) = 64),
  signature   text           NOT NULL CHECK (length(signature) = 128),
  public_key  text           NOT NULL CHECK (length(public_key) = 64),

  -- Not part of the span. tx_id and ordinal give the feed its order: readers stay below the oldest
  -- transaction still open, so a late commit is never jumped over (DESIGN.md section 5).
  audience    text COLLATE "C" NOT NULL
              GENERATED ALWAYS AS (ledger.audience_of(visibility, tenant_id, owner_id)) STORED,
  tx_id       xid8           NOT NULL DEFAULT pg_current_xact_id(),
  ordinal     bigint         GENERATED ALWAYS AS IDENTITY,

  PRIMARY KEY (id, seq),
  CONSTRAINT first_version_has_no_prev_hash CHECK ((seq = 0) = (prev_hash IS NULL))
);

-- One ordered range per audience serves a page in any direction (DESIGN.md section 12).
CREATE INDEX universal_registry_timeline ON ledger.universal_registry (audience, at, id, seq);
CREATE INDEX universal_registry_feed ON ledger.universal_registry (audience, tx_id, ordinal);
CREATE INDEX universal_registry_entity_type ON ledger.universal_registry (audience, entity_type, at, id, seq);
CREATE INDEX universal_registry_status ON ledger.universal_registry (audience, status, at, id, seq)
  WHERE status IS NOT NULL;
CREATE INDEX universal_registry_name ON ledger.universal_registry (audience, name, at, id, seq)
  WHERE name IS NOT NULL;
CREATE INDEX universal_registry_parent_id ON ledger.universal_registry (audience, parent_id, at, id, seq)
  WHERE parent_id IS NOT NULL;
CREATE INDEX universal_registry_trace_id ON ledger.universal_registry (audience, trace_id, at, id, seq)
  WHERE trace_id IS NOT NULL;
CREATE INDEX universal_registry_related_to ON ledger.universal_registry USING gin (related_to)
  WHERE related_to IS NOT NULL;

GRANT SELECT ON ledger.universal_registry TO logline_app;
-- Column by column: tx_id must be the transaction that really wrote the row.
GRANT INSERT (
  id, seq, entity_type, who, did, this, at, parent_id, related_to, owner_id, tenant_id, visibility, status,
  is_deleted, name, description, code, language, runtime, input, output, error, metadata, duration_ms,
  trace_id, prev_hash, curr_hash, signature, public_key
) ON ledger.universal_registry TO logline_app;
