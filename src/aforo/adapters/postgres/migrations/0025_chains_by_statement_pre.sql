-- A statement that tells facts grows each order's chain once, however many of its facts it tells (told_facts in facts.sql).
-- A fact that comes without its link, as older processes tell theirs, is still chained by the trigger, which costs a statement for each.
CREATE FUNCTION next_link(link bytea, head bytea, digest bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN sha256(COALESCE(link, head) || digest);
END $$;
CREATE AGGREGATE link_of(head bytea, digest bytea) (SFUNC = next_link, STYPE = bytea, PARALLEL = SAFE);

DROP TRIGGER facts_are_chained ON facts;
CREATE TRIGGER facts_are_chained BEFORE INSERT ON facts FOR EACH ROW WHEN (NEW.link IS NULL) EXECUTE FUNCTION chain_fact();
