-- Every version of every entity whose newest version is not deleted, under the reader's own rights.

CREATE VIEW ledger.visible_timeline WITH (security_invoker = true) AS
SELECT
  id, seq, entity_type, who, did, this, at, parent_id, related_to, owner_id, tenant_id, visibility, status,
  is_deleted, name, description, code, language, runtime, input, output, error, metadata, duration_ms,
  trace_id, prev_hash, curr_hash, signature, public_key
FROM ledger.universal_registry r
WHERE NOT EXISTS (
  SELECT FROM app.deletion d
  WHERE d.id = r.id AND d.is_deleted
    AND NOT EXISTS (SELECT FROM app.deletion later WHERE later.id = d.id AND later.seq > d.seq)
);

GRANT SELECT ON ledger.visible_timeline TO logline_app;
