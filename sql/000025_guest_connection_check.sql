-- A statement of user code ends soon after whoever asked is gone, and not only at its time limit: its connection is cut
-- when its run is over. A system that cannot look at an open connection (Windows), or an owner who may not change the
-- role, is left with the time limit.
DO $$
BEGIN
  ALTER ROLE logline_guest SET client_connection_check_interval = '100ms';
EXCEPTION WHEN OTHERS THEN
  RAISE NOTICE 'client_connection_check_interval is not set: %', SQLERRM;
END
$$;
