-- Job apply_mapping_nested: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- People (n1, CatalogSource)
  people AS (
    SELECT *
    FROM crm.people
  ),

  -- Apply mapping nested (n2, ApplyMapping)
  apply_mapping_nested AS (
    SELECT
      CAST(id AS VARCHAR) AS "USER_ID",
      address['city'] AS "CITY",
      CASE WHEN address IS NULL THEN NULL ELSE named_struct('town', address['city'], 'latitude', CAST(address['geo']['lat'] AS VARCHAR)) END AS place,
      tags
    FROM people
  )
SELECT *
FROM apply_mapping_nested
