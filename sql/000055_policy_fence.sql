-- The cursor of a policy moves in a transaction that holds the lease of the policy agent's tick, as all else that a
-- tick writes of its own: a run that lost its lease moves none. Forward only, whoever else may have moved it.
CREATE FUNCTION app.advance_policy(policy_id uuid, tx_id xid8, ordinal bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
  UPDATE app.policy_cursor c SET tx_id = advance_policy.tx_id, ordinal = advance_policy.ordinal
   WHERE c.policy_id = advance_policy.policy_id
     AND (c.tx_id, c.ordinal) < (advance_policy.tx_id, advance_policy.ordinal);
END;
REVOKE ALL ON FUNCTION app.advance_policy(uuid, xid8, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.advance_policy(uuid, xid8, bigint) TO logline_kernel;
