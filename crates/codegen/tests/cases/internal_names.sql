-- Job internal_names: one CTE per node of its graph.
-- A statement for each target; the lines "-- target:" say which, so keep them.

-- target: n4 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Renamed (n2, SparkSQL)
  renamed AS (
    WITH
      o AS (SELECT * FROM orders)
    select order_id as column_name, item as frequency, price as "a b", quantity as a_b, status as place, note as unpivoted from o
  ),

  -- Numbers (n3, Unpivot)
  numbers AS (
    SELECT *
    FROM (
      SELECT
        l.column_name,
        l.frequency,
        l.place,
        l.unpivoted,
        unpivoted.column_name AS name,
        CASE unpivoted.column_name
          WHEN 'a b' THEN l."a b"
          WHEN 'a_b' THEN CAST(l.a_b AS DOUBLE)
        END AS "value"
      FROM renamed AS l
      CROSS JOIN (
        SELECT 'a b' AS column_name
        UNION ALL
        SELECT 'a_b' AS column_name
      ) AS unpivoted
    ) AS unpivoted_rows
    WHERE "value" IS NOT NULL
  )
SELECT *
FROM numbers
;

-- target: n7 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Renamed (n2, SparkSQL)
  renamed AS (
    WITH
      o AS (SELECT * FROM orders)
    select order_id as column_name, item as frequency, price as "a b", quantity as a_b, status as place, note as unpivoted from o
  ),

  -- Filled (n5, FillMissingValues)
  filled AS (
    SELECT
      l.column_name,
      l.frequency,
      l."a b",
      l.a_b,
      l.place,
      l.unpivoted,
      COALESCE(l.frequency, statistic.fill) AS frequency_filled
    FROM renamed AS l
    CROSS JOIN (
      SELECT MIN(frequency) AS fill
      FROM (
        SELECT frequency, RANK() OVER (ORDER BY frequency_ DESC) AS place_
        FROM (
          SELECT frequency, COUNT(*) AS frequency_
          FROM renamed
          WHERE frequency IS NOT NULL
          GROUP BY frequency
        ) AS counted
      ) AS ranked
      WHERE place_ = 1
    ) AS statistic
  ),

  -- Filled too (n6, FillMissingValues)
  filled_too AS (
    SELECT
      l.column_name,
      l.frequency,
      l."a b",
      l.a_b,
      COALESCE(l.place, statistic.fill) AS place,
      l.unpivoted,
      l.frequency_filled
    FROM filled AS l
    CROSS JOIN (
      SELECT MIN(place) AS fill
      FROM (
        SELECT place, RANK() OVER (ORDER BY frequency_ DESC) AS place_
        FROM (
          SELECT place, COUNT(*) AS frequency_
          FROM filled
          WHERE place IS NOT NULL
          GROUP BY place
        ) AS counted
      ) AS ranked
      WHERE place_ = 1
    ) AS statistic
  )
SELECT *
FROM filled_too
;

-- target: n9 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Renamed (n2, SparkSQL)
  renamed AS (
    WITH
      o AS (SELECT * FROM orders)
    select order_id as column_name, item as frequency, price as "a b", quantity as a_b, status as place, note as unpivoted from o
  ),

  -- Shape (n8, Aggregate)
  shape AS (
    SELECT
      frequency,
      COUNT(deviation_of_a_b) * SUM(deviation_of_a_b * deviation_of_a_b * deviation_of_a_b * deviation_of_a_b) / NULLIF(SUM(deviation_of_a_b * deviation_of_a_b) * SUM(deviation_of_a_b * deviation_of_a_b), 0) - 3 AS "kurtosis(a b)",
      SUM(deviation_of_a_b_ * deviation_of_a_b_ * deviation_of_a_b_) / NULLIF(SUM(deviation_of_a_b_ * deviation_of_a_b_) * STDDEV_POP(deviation_of_a_b_), 0) AS "skewness(a_b)"
    FROM (
      SELECT
        *,
        CAST("a b" AS DOUBLE) - AVG(CAST("a b" AS DOUBLE)) OVER (PARTITION BY frequency) AS deviation_of_a_b,
        CAST(a_b AS DOUBLE) - AVG(CAST(a_b AS DOUBLE)) OVER (PARTITION BY frequency) AS deviation_of_a_b_
      FROM renamed
    ) AS numbered
    GROUP BY frequency
  )
SELECT *
FROM shape
;

-- target: p5 (Out)
WITH
  -- People (p1, CatalogSource)
  people AS (
    SELECT *
    FROM crm.people
  ),

  -- Numbered (p2, RenameField)
  numbered AS (
    SELECT
      id AS relational_id,
      address,
      tags,
      items
    FROM people
  ),

  -- Flat: root (p3, Relationalize)
  flat_root AS (
    SELECT
      relational_id,
      address['city'] AS "address.city",
      address['geo']['lat'] AS "address.geo.lat",
      address['geo']['lon'] AS "address.geo.lon",
      CASE WHEN tags IS NOT NULL THEN relational_id_ END AS tags,
      CASE WHEN items IS NOT NULL THEN relational_id_ END AS items
    FROM (
      SELECT
        *,
        ROW_NUMBER() OVER (ORDER BY relational_id NULLS FIRST, address NULLS FIRST, tags NULLS FIRST, items NULLS FIRST) AS relational_id_
      FROM numbered
    ) AS numbered
  ),

  -- Root (p4, SelectFromCollection)
  root AS (
    SELECT *
    FROM flat_root
  )
SELECT *
FROM root
;

-- target: p7 (Out)
WITH
  -- People (p1, CatalogSource)
  people AS (
    SELECT *
    FROM crm.people
  ),

  -- Numbered (p2, RenameField)
  numbered AS (
    SELECT
      id AS relational_id,
      address,
      tags,
      items
    FROM people
  ),

  -- Flat: root_items.val.notes (p3, Relationalize)
  flat_root_items_val_notes AS (
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
            relational_id_ AS id,
            val['notes'] AS elements
          FROM (
            SELECT
              *,
              ROW_NUMBER() OVER (ORDER BY id, "index") AS relational_id_
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
                    relational_id_ AS id,
                    items AS elements
                  FROM (
                    SELECT
                      *,
                      ROW_NUMBER() OVER (ORDER BY relational_id NULLS FIRST, address NULLS FIRST, tags NULLS FIRST, items NULLS FIRST) AS relational_id_
                    FROM numbered
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

  -- Notes (p6, SelectFromCollection)
  notes AS (
    SELECT *
    FROM flat_root_items_val_notes
  )
SELECT *
FROM notes
