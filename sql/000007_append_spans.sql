-- Appending in one round trip: identity and rows travel together, and several callers can share one commit
-- (DESIGN.md section 4 and 12).

-- Remembered Idempotency-Key headers, written with the spans they stand for, so that a failed request
-- leaves no key behind.
CREATE TABLE app.idempotency_key (
  tenant_id   text        NOT NULL,
  key         text        NOT NULL,
  fingerprint text        NOT NULL,
  span_ids    uuid[]      NOT NULL,
  span_seqs   integer[]   NOT NULL,
  at          timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, key)
);
CREATE INDEX idempotency_key_at ON app.idempotency_key (at);
ALTER TABLE app.idempotency_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.idempotency_key FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON app.idempotency_key
  USING (tenant_id = (SELECT ledger.session_tenant_id()))
  WITH CHECK (tenant_id = (SELECT ledger.session_tenant_id()));
GRANT SELECT, INSERT ON app.idempotency_key TO logline_app;

-- batches: [{"user_id", "tenant_id", "spans": […], "idempotency": null |
--            {"key", "fingerprint", "span_ids", "span_seqs"}}, …]
-- Each batch is inserted under its own identity by the invoker, so row-level security checks every row.
-- All or nothing: the caller retries batch by batch to find out whose fault a refusal was.
CREATE FUNCTION ledger.append_spans(batches json) RETURNS void
LANGUAGE plpgsql SECURITY INVOKER
AS $$
DECLARE
  batch record;
BEGIN
  FOR batch IN
    SELECT * FROM json_to_recordset(batches) AS b(user_id text, tenant_id text, spans json, idempotency json)
  LOOP
    PERFORM set_config('app.user_id', batch.user_id, true), set_config('app.tenant_id', batch.tenant_id, true);

    IF json_typeof(batch.idempotency) = 'object' THEN
      INSERT INTO app.idempotency_key (tenant_id, key, fingerprint, span_ids, span_seqs)
      SELECT batch.tenant_id, batch.idempotency->>'key', batch.idempotency->>'fingerprint',
             ARRAY(SELECT id::uuid FROM json_array_elements_text(batch.idempotency->'span_ids') AS id),
             ARRAY(SELECT seq::integer FROM json_array_elements_text(batch.idempotency->'span_seqs') AS seq);
    END IF;

    INSERT INTO ledger.universal_registry (
      id, seq, entity_type, who, did, this, at, parent_id, related_to, owner_id, tenant_id, visibility,
      status, is_deleted, name, description, code, language, runtime, input, output, error, metadata,
      duration_ms, trace_id, prev_hash, curr_hash, signature, public_key)
    SELECT
      id, seq, entity_type, who, did, this, at, parent_id, related_to, owner_id, tenant_id, visibility,
      status, is_deleted, name, description, code, language, runtime, input, output, error, metadata,
      duration_ms, trace_id, prev_hash, curr_hash, signature, public_key
    FROM json_populate_recordset(NULL::ledger.universal_registry, batch.spans);
  END LOOP;
END
$$;

REVOKE ALL ON FUNCTION ledger.append_spans(json) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.append_spans(json) TO logline_app;
