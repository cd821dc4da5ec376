-- Job select_fields: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- People (n1, CatalogSource)
  people AS (
    SELECT *
    FROM crm.people
  ),

  -- Select fields (n2, SelectFields)
  select_fields AS (
    SELECT
      CASE WHEN address IS NULL THEN NULL ELSE named_struct('geo', CASE WHEN address['geo'] IS NULL THEN NULL ELSE named_struct('lat', address['geo']['lat']) END) END AS address,
      id
    FROM people
  )
SELECT *
FROM select_fields
