-- The common append, made cheaper: all spans of one writer. The general function below it reads its argument
-- twice, once to part the writers and once for the spans. Measured with 100 spans of 638 bytes in a
-- statement, best of 60: 89 µs a span instead of 115; the rows as 21 parameters each 103, as arrays for
-- unnest() 82 but with quoting that costs the client more than that.
CREATE FUNCTION ledger.append_spans(writer_user text, writer_tenant text, spans json) RETURNS void
LANGUAGE plpgsql SECURITY INVOKER
AS $$
BEGIN
  PERFORM set_config('app.user_id', writer_user, true), set_config('app.tenant_id', writer_tenant, true);
  INSERT INTO ledger.universal_registry (
    id, seq, entity_type, who, did, this, at, parent_id, related_to, owner_id, tenant_id, visibility,
    status, is_deleted, name, description, code, language, runtime, input, output, error, metadata,
    duration_ms, trace_id, prev_hash, curr_hash, signature, public_key)
  SELECT
    id, seq, entity_type, who, did, this, at, parent_id, related_to, owner_id, tenant_id, visibility,
    status, is_deleted, name, description, code, language, runtime, input, output, error, metadata,
    duration_ms, trace_id, prev_hash, curr_hash, signature, public_key
  FROM json_populate_recordset(NULL::ledger.universal_registry, spans);
END
$$;

REVOKE ALL ON FUNCTION ledger.append_spans(text, text, json) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.append_spans(text, text, json) TO logline_app;
