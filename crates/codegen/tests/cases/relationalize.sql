-- Job relationalize: one CTE per node of its graph.
-- A statement for each target; the lines "-- target:" say which, so keep them.

-- target: t3 (T0)
WITH
  -- People (n1, CatalogSource)
  people AS (
    SELECT *
    FROM crm.people
  ),

  -- Tables: root (n2, Relationalize)
  tables_root AS (
    SELECT
      id,
      address['city'] AS "address.city",
      address['geo']['lat'] AS "address.geo.lat",
      address['geo']['lon'] AS "address.geo.lon",
      CASE WHEN tags IS NOT NULL THEN relational_id END AS tags,
      CASE WHEN items IS NOT NULL THEN relational_id END AS items
    FROM (
      SELECT
        *,
        ROW_NUMBER() OVER (ORDER BY id NULLS FIRST, address NULLS FIRST, tags NULLS FIRST, items NULLS FIRST) AS relational_id
      FROM people
    ) AS numbered
  ),

  -- root (n3, SelectFromCollection)
  root AS (
    SELECT *
    FROM tables_root
  )
SELECT *
FROM root
;

-- target: t4 (T1)
WITH
  -- People (n1, CatalogSource)
  people AS (
    SELECT *
    FROM crm.people
  ),

  -- Tables: root_tags (n2, Relationalize)
  tables_root_tags AS (
    SELECT
      id,
      "index",
      val AS "tags.val"
    FROM (
      SELECT
        id,
        place - 1 AS "index",
        elements[place] AS val
      FROM (
        SELECT
          id,
          elements,
          UNNEST(generate_series(1, CAST(CARDINALITY(elements) AS BIGINT))) AS place
        FROM (
          SELECT
            relational_id AS id,
            tags AS elements
          FROM (
            SELECT
              *,
              ROW_NUMBER() OVER (ORDER BY id NULLS FIRST, address NULLS FIRST, tags NULLS FIRST, items NULLS FIRST) AS relational_id
            FROM people
          ) AS numbered
        ) AS lists
        WHERE CARDINALITY(elements) > 0
      ) AS places
    ) AS found
  ),

  -- root_tags (n4, SelectFromCollection)
  root_tags AS (
    SELECT *
    FROM tables_root_tags
  )
SELECT *
FROM root_tags
;

-- target: t5 (T2)
WITH
  -- People (n1, CatalogSource)
  people AS (
    SELECT *
    FROM crm.people
  ),

  -- Tables: root_items (n2, Relationalize)
  tables_root_items AS (
    SELECT
      id,
      "index",
      val['sku'] AS "items.val.sku",
      val['qty'] AS "items.val.qty",
      CASE WHEN val['notes'] IS NOT NULL THEN relational_id END AS "items.val.notes"
    FROM (
      SELECT
        *,
        ROW_NUMBER() OVER (ORDER BY id, "index") AS relational_id
      FROM (
        SELECT
          id,
          place - 1 AS "index",
          elements[place] AS val
        FROM (
          SELECT
            id,
            elements,
            UNNEST(generate_series(1, CAST(CARDINALITY(elements) AS BIGINT))) AS place
          FROM (
            SELECT
              relational_id AS id,
              items AS elements
            FROM (
              SELECT
                *,
                ROW_NUMBER() OVER (ORDER BY id NULLS FIRST, address NULLS FIRST, tags NULLS FIRST, items NULLS FIRST) AS relational_id
              FROM people
            ) AS numbered
          ) AS lists
          WHERE CARDINALITY(elements) > 0
        ) AS places
      ) AS found
    ) AS numbered
  ),

  -- root_items (n5, SelectFromCollection)
  root_items AS (
    SELECT *
    FROM tables_root_items
  )
SELECT *
FROM root_items
;

-- target: t6 (T3)
WITH
  -- People (n1, CatalogSource)
  people AS (
    SELECT *
    FROM crm.people
  ),

  -- Tables: root_items.val.notes (n2, Relationalize)
  tables_root_items_val_notes AS (
    SELECT
      id,
      "index",
      val AS "items.val.notes.val"
    FROM (
      SELECT
        id,
        place - 1 AS "index",
        elements[place] AS val
      FROM (
        SELECT
          id,
          elements,
          UNNEST(generate_series(1, CAST(CARDINALITY(elements) AS BIGINT))) AS place
        FROM (
          SELECT
            relational_id AS id,
            val['notes'] AS elements
          FROM (
            SELECT
              *,
              ROW_NUMBER() OVER (ORDER BY id, "index") AS relational_id
            FROM (
              SELECT
                id,
                place - 1 AS "index",
                elements[place] AS val
              FROM (
                SELECT
                  id,
                  elements,
                  UNNEST(generate_series(1, CAST(CARDINALITY(elements) AS BIGINT))) AS place
                FROM (
                  SELECT
                    relational_id AS id,
                    items AS elements
                  FROM (
                    SELECT
                      *,
                      ROW_NUMBER() OVER (ORDER BY id NULLS FIRST, address NULLS FIRST, tags NULLS FIRST, items NULLS FIRST) AS relational_id
                    FROM people
                  ) AS numbered
                ) AS lists
                WHERE CARDINALITY(elements) > 0
              ) AS places
            ) AS found
          ) AS numbered
        ) AS lists
        WHERE CARDINALITY(elements) > 0
      ) AS places
    ) AS found
  ),

  -- root_items val notes (n6, SelectFromCollection)
  root_items_val_notes AS (
    SELECT *
    FROM tables_root_items_val_notes
  )
SELECT *
FROM root_items_val_notes
