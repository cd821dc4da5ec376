-- Job rename_field_out: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- People (n1, CatalogSource)
  people AS (
    SELECT *
    FROM crm.people
  ),

  -- Rename field out (n2, RenameField)
  rename_field_out AS (
    SELECT
      id,
      CASE WHEN address IS NULL THEN NULL ELSE named_struct('geo', address['geo']) END AS address,
      tags,
      items,
      address['city'] AS city
    FROM people
  )
SELECT *
FROM rename_field_out
