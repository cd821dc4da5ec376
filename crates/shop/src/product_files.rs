//! The catalogue as JSON lines.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use serde::Serialize;

use crate::calendar::Calendar;
use crate::catalogue::{Catalogue, Product};
use crate::dirt::{self, Dirt};
use crate::draw::Draw;
use crate::kinds::{KINDS, Season};
use crate::{Result, unwritable};

/// Number of files.
const FILES: usize = 4;

#[derive(Serialize)]
struct Row<'a> {
    sku: &'a str,
    title: &'a str,
    category: Category,
    attributes: Attributes,
    price: Option<f64>,
    availability: &'static str,
    description: &'a str,
    created: String,
    tags: Vec<&'static str>,
}

#[derive(Serialize)]
struct Category {
    department: &'static str,
    kind: &'static str,
}

#[derive(Serialize)]
struct Attributes {
    brand: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    colour: Option<&'static str>,
    material: &'static str,
    size: &'static str,
}

/// Writes the catalogue into `folder`, an equal part of it into each file.
pub fn write(folder: &Path, catalogue: &Catalogue, calendar: &Calendar, dirt: &mut Dirt, draw: &mut Draw) -> Result<()> {
    fs::create_dir_all(folder).map_err(|cause| unwritable(folder, cause))?;
    let part = catalogue.products.len().div_ceil(FILES);
    for (number, products) in catalogue.products.chunks(part).enumerate() {
        let path = folder.join(format!("products_{}.jsonl", number + 1));
        let mut bytes = Vec::new();
        for product in products {
            serde_json::to_writer(&mut bytes, &row(product, calendar, dirt, draw)).map_err(|cause| unwritable(&path, cause))?;
            bytes.push(b'\n');
        }
        File::create(&path)
            .and_then(|file| {
                let mut out = BufWriter::new(file);
                out.write_all(&bytes)?;
                out.flush()
            })
            .map_err(|cause| unwritable(&path, cause))?;
    }
    Ok(())
}

fn row<'a>(product: &'a Product, calendar: &Calendar, dirt: &mut Dirt, draw: &mut Draw) -> Row<'a> {
    let kind = &KINDS[product.kind];
    let price = if draw.chance(dirt::NO_PRICE) {
        dirt.missing_prices += 1;
        None
    } else {
        Some(product.price)
    };
    Row {
        sku: &product.sku,
        title: &product.name,
        category: Category { department: kind.department.name(), kind: kind.name },
        attributes: Attributes { brand: product.brand, colour: product.colour, material: product.material, size: product.size },
        price,
        availability: availability(product, draw),
        description: dirt::blank(&product.description, dirt::BLANK_DESCRIPTION, &mut dirt.blank_descriptions, draw),
        created: calendar.date(product.created).to_string(),
        tags: tags(product),
    }
}

/// What falls out of favour goes out of the shop.
fn availability(product: &Product, draw: &mut Draw) -> &'static str {
    let falling = product.trend < -1.0;
    match draw.unit() {
        chance if falling && chance < 0.25 => "discontinued",
        chance if chance < 0.05 => "out_of_stock",
        chance if chance < 0.14 => "low_stock",
        _ => "in_stock",
    }
}

fn tags(product: &Product) -> Vec<&'static str> {
    let kind = &KINDS[product.kind];
    let mut tags = vec![match kind.season {
        Season::Even => "all year",
        Season::Spring => "spring",
        Season::Summer => "summer",
        Season::Autumn => "autumn",
        Season::Winter => "winter",
        Season::Christmas => "gift",
    }];
    if kind.again_days > 0 {
        tags.push("refill");
    }
    if product.material.contains("recycled") || product.material.contains("organic") {
        tags.push("better choice");
    }
    tags
}
