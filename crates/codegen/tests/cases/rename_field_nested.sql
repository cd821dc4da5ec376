-- Job rename_field_nested: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- People (n1, CatalogSource)
  people AS (
    SELECT *
    FROM crm.people
  ),

  -- Rename field nested (n2, RenameField)
  rename_field_nested AS (
    SELECT
      id,
      CASE WHEN address IS NULL THEN NULL ELSE named_struct('town', address['city'], 'geo', address['geo']) END AS address,
      tags,
      items
    FROM people
  )
SELECT *
FROM rename_field_nested
