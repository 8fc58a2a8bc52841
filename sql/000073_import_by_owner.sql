-- An import in the order of a log takes its owners by turns, which was a statement for each span: one for each owner of a
-- request now, and the order is kept by numbering the rows first.
--
-- batches: [{"user_id", "tenant_id", "places": [0, 3, …], "spans": […]}, …]: `places` say where in the order of the request
-- each span stands. Without them the order is that of the batches. How many spans are new.
CREATE OR REPLACE FUNCTION ledger.import_spans(batches json) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
  batch record;
  added integer;
  total integer := 0;
  taken record;
  moves_in boolean;
  ordinals bigint[];
  places integer[];
  done integer := 0;
  numbers regclass := pg_get_serial_sequence('ledger.universal_registry', 'ordinal');
BEGIN
  SELECT array_agg(nextval(numbers)) INTO ordinals
    FROM json_array_elements(batches) AS b, generate_series(1, json_array_length(b->'spans'));
  FOR batch IN
    SELECT * FROM json_to_recordset(batches) AS b(user_id text, tenant_id text, places integer[], spans json)
  LOOP
    moves_in := EXISTS (SELECT FROM app.frozen_tenant f WHERE f.tenant_id = batch.tenant_id);
    PERFORM set_config('app.importing', CASE WHEN moves_in THEN '' ELSE 'on' END, true),
            set_config('app.user_id', batch.user_id, true), set_config('app.tenant_id', batch.tenant_id, true);
    places := coalesce(batch.places, ARRAY(SELECT generate_series(done, done + json_array_length(batch.spans) - 1)));
    done := done + json_array_length(batch.spans);
    INSERT INTO ledger.universal_registry (
      id, seq, entity_type, who, did, this, at, parent_id, related_to, owner_id, tenant_id, visibility,
      status, is_deleted, name, description, code, language, runtime, input, output, error, metadata,
      duration_ms, trace_id, prev_hash, curr_hash, signature, public_key, ordinal)
    OVERRIDING SYSTEM VALUE
    SELECT
      id, seq, entity_type, who, did, this, at, parent_id, related_to, owner_id, tenant_id, visibility,
      status, is_deleted, name, description, code, language, runtime, input, output, error, metadata,
      duration_ms, trace_id, prev_hash, curr_hash, signature, public_key, ordinals[place + 1]
    FROM ROWS FROM (json_populate_recordset(NULL::ledger.universal_registry, batch.spans), unnest(places))
      AS s(id, seq, entity_type, who, did, this, at, parent_id, related_to, owner_id, tenant_id, visibility, status,
           is_deleted, name, description, code, language, runtime, input, output, error, metadata, duration_ms, trace_id,
           prev_hash, curr_hash, signature, public_key, audience, tx_id, ordinal, place)
    ON CONFLICT (id, seq) DO NOTHING;
    GET DIAGNOSTICS added = ROW_COUNT;
    total := total + added;
    IF moves_in AND added > 0 THEN
      UPDATE app.function_schedule s SET done_until = now()
        FROM json_to_recordset(batch.spans) AS f(id uuid) WHERE s.function_id = f.id AND NOT s.once;
      UPDATE app.ruling_queue q SET ruled_on = (now() AT TIME ZONE 'Europe/Paris')::date
        FROM json_to_recordset(batch.spans) AS f(id uuid) WHERE q.subject_id = f.id;
      -- Behind all that this transaction writes.
      UPDATE app.policy_cursor c SET tx_id = pg_current_xact_id(), ordinal = 9223372036854775807
       WHERE c.tenant_id = batch.tenant_id;
    END IF;
    IF added < json_array_length(batch.spans) THEN
      -- Read as the owner, so an id that somebody else took counts as taken.
      SELECT s.id, s.seq INTO taken
        FROM json_populate_recordset(NULL::ledger.universal_registry, batch.spans) AS s
       WHERE NOT EXISTS (SELECT FROM ledger.universal_registry r
                          WHERE r.id = s.id AND r.seq = s.seq AND r.curr_hash = s.curr_hash)
       LIMIT 1;
      IF FOUND THEN
        RAISE EXCEPTION 'span % has a version % with other content', taken.id, taken.seq
          USING ERRCODE = 'LL005';
      END IF;
    END IF;
  END LOOP;
  PERFORM set_config('app.importing', '', true);
  RETURN total;
END
$$;

-- Which of some spans the ledger holds with the same hash, each read as its owner; in the order of the places.
-- batches: [{"user_id", "tenant_id", "places": […], "ids": […], "seqs": […], "hashes": […]}, …]
CREATE FUNCTION ledger.held_spans(batches json) RETURNS boolean[]
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog
AS $$
DECLARE
  batch record;
  found record;
  held boolean[] := '{}';
BEGIN
  FOR batch IN
    SELECT * FROM json_to_recordset(batches)
      AS b(user_id text, tenant_id text, places integer[], ids uuid[], seqs integer[], hashes text[])
  LOOP
    PERFORM set_config('app.user_id', batch.user_id, true), set_config('app.tenant_id', batch.tenant_id, true);
    FOR found IN
      SELECT s.place, r.id IS NOT NULL AS held
        FROM unnest(batch.places, batch.ids, batch.seqs, batch.hashes) AS s(place, id, seq, hash)
        LEFT JOIN ledger.universal_registry r ON r.id = s.id AND r.seq = s.seq AND r.curr_hash = s.hash
    LOOP
      held[found.place] := found.held;
    END LOOP;
  END LOOP;
  RETURN held;
END
$$;
REVOKE ALL ON FUNCTION ledger.held_spans(json) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.held_spans(json) TO logline_app;
