-- Job drop_fields: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- People (n1, CatalogSource)
  people AS (
    SELECT *
    FROM crm.people
  ),

  -- Drop fields (n2, DropFields)
  drop_fields AS (
    SELECT
      id,
      CASE WHEN address IS NULL THEN NULL ELSE named_struct('city', address['city']) END AS address
    FROM people
  )
SELECT *
FROM drop_fields
