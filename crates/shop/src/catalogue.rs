//! The catalogue: products with names, prices, popularity, trend, the day they came in and what goes with them.

use std::collections::BTreeSet;

use crate::draw::Draw;
use crate::kinds::{KINDS, Kind, SEQUELS, Season, Variant, index_of};
use crate::words::{self, BRANDS, Brand, Style};

/// Share of the products that come into the shop in the last 90 days.
pub const NEW_PRODUCTS: f64 = 0.06;
/// Within a kind, the product of rank `r` sells in proportion to `r` to the power of minus this.
const ZIPF: f64 = 1.0;

/// One product.
pub struct Product {
    pub sku: String,
    pub name: String,
    /// Index into [`KINDS`].
    pub kind: usize,
    pub brand: &'static str,
    pub style: Style,
    /// Colour, or nothing where the kind has none.
    pub colour: Option<&'static str>,
    pub material: &'static str,
    pub size: &'static str,
    pub price: f64,
    pub description: String,
    /// Day on which it came in, counted from the first day of the shop's window; negative before.
    pub created: i64,
    /// Demand within its kind.
    pub weight: f64,
    /// Logarithm of the demand at the end of the window over that at the start.
    pub trend: f64,
    /// What its buyers buy next, by sequel.
    pub sequels: Vec<Follow>,
}

/// The products of one other kind that follow a product: the first is the usual one.
pub struct Follow {
    /// Index into [`SEQUELS`].
    pub sequel: usize,
    pub products: Vec<usize>,
}

/// All products, and which of them belong to which kind.
pub struct Catalogue {
    pub products: Vec<Product>,
    pub by_kind: Vec<Vec<usize>>,
}

impl Catalogue {
    /// `count` products for a window of `days` days.
    pub fn new(count: usize, days: i64, draw: &mut Draw) -> Self {
        let mut products = Vec::with_capacity(count);
        let mut by_kind = vec![Vec::new(); KINDS.len()];
        let mut names = BTreeSet::new();
        for (kind, size) in sizes(count).into_iter().enumerate() {
            let mut ranks: Vec<usize> = (1..=size).collect();
            draw.shuffle(&mut ranks);
            for (number, rank) in ranks.into_iter().enumerate() {
                by_kind[kind].push(products.len());
                let mut product = product(kind, number, &mut names, draw);
                product.weight = (rank as f64).powf(-ZIPF);
                product.created = created(days, rank == 1, draw);
                product.trend = trend(draw);
                products.push(product);
            }
        }
        let mut catalogue = Self { products, by_kind };
        catalogue.link(draw);
        catalogue
    }

    /// Chooses, for each product and each sequel of its kind, the three products that follow: of the same style if there are any, the popular ones sooner.
    fn link(&mut self, draw: &mut Draw) {
        for index in 0..self.products.len() {
            let first = KINDS[self.products[index].kind].code;
            for (number, sequel) in SEQUELS.iter().enumerate().filter(|(_, sequel)| sequel.first == first) {
                let Some(then) = index_of(sequel.then) else { continue };
                let style = self.products[index].style;
                let candidates = &self.by_kind[then];
                let mut weights: Vec<f64> = candidates
                    .iter()
                    .map(|&other| {
                        let other = &self.products[other];
                        let match_of_styles = if other.style == style { 5.0 } else { 1.0 };
                        other.weight.sqrt() * match_of_styles
                    })
                    .collect();
                let mut products = Vec::new();
                while products.len() < 3 {
                    let Some(chosen) = draw.weighted(&weights) else { break };
                    weights[chosen] = 0.0;
                    products.push(candidates[chosen]);
                }
                self.products[index].sequels.push(Follow { sequel: number, products });
            }
        }
    }

    /// The kind of a product.
    pub fn kind(&self, product: usize) -> &'static Kind {
        &KINDS[self.products[product].kind]
    }
}

/// How many products each kind gets: more where there are more nouns, and all together exactly `count`.
fn sizes(count: usize) -> Vec<usize> {
    let shares: Vec<f64> = KINDS.iter().map(|kind| 2.0 + kind.nouns.len() as f64).collect();
    let total: f64 = shares.iter().sum();
    let mut given = 0;
    let mut so_far = 0.0;
    let mut sizes = Vec::with_capacity(shares.len());
    for share in shares {
        so_far += share;
        let upto = (so_far / total * count as f64).round() as usize;
        sizes.push(upto - given);
        given = upto;
    }
    sizes
}

fn product(kind: usize, number: usize, names: &mut BTreeSet<String>, draw: &mut Draw) -> Product {
    let spec = &KINDS[kind];
    let brands: Vec<&Brand> = BRANDS.iter().filter(|brand| brand.departments.contains(&spec.department)).collect();
    let (brand, noun, variant, name) = loop {
        let (brand, noun) = (draw.pick(&brands), draw.pick(spec.nouns));
        let variant = draw.pick(words::variants(spec.variant));
        let line = draw.pick(words::LINES);
        let name = format!("{} {line} {noun}, {variant}", brand.name);
        if names.insert(name.clone()) {
            break (brand, noun, variant, name);
        }
    };
    let material = draw.pick(spec.materials);
    let (low, high) = spec.price;
    let price = (low + (high - low) * draw.unit().powi(2)) * brand.style.price_factor();
    let coloured = words::is_coloured(spec.variant);
    Product {
        sku: format!("{}-{:04}", spec.code, number + 1),
        name,
        kind,
        brand: brand.name,
        style: brand.style,
        colour: coloured.then_some(variant),
        material,
        size: if coloured || spec.variant == Variant::Place { draw.pick(words::sizes(spec.variant)) } else { variant },
        price: shelf_price(price),
        description: description(spec, noun, material, draw),
        created: 0,
        weight: 0.0,
        trend: 0.0,
        sequels: Vec::new(),
    }
}

/// A price as shops write it: ending in 5 cents where it is small, in 90 cents where it is not.
fn shelf_price(price: f64) -> f64 {
    let cents = if price < 20.0 { (price * 10.0).floor() * 10.0 + 5.0 } else { price.floor() * 100.0 + 90.0 };
    cents / 100.0
}

fn description(kind: &Kind, noun: &str, material: &str, draw: &mut Draw) -> String {
    let season = match kind.season {
        Season::Even => "",
        Season::Spring => " Asked for most in spring.",
        Season::Summer => " At its best in summer.",
        Season::Autumn => " Ready for autumn.",
        Season::Winter => " Made for winter.",
        Season::Christmas => " A welcome present.",
    };
    format!(
        "{} {} of {material}, for {}. {}{season} {}",
        draw.pick(words::OPENINGS),
        noun.to_lowercase(),
        draw.pick(words::uses(kind.department)),
        draw.pick(words::FEATURES),
        draw.pick(words::CLOSINGS)
    )
}

/// The day a product came in: long ago for most and for the leader of each kind, in the last 90 days for some, in the window for the rest.
fn created(days: i64, leader: bool, draw: &mut Draw) -> i64 {
    let chance = if leader { 1.0 } else { draw.unit() };
    if chance < NEW_PRODUCTS {
        draw.between((days - 90).max(0), days - 1 - days.min(14) / 2)
    } else if chance < 0.25 {
        draw.between(0, (days - 91).max(0))
    } else {
        draw.between(-1500, -1)
    }
}

/// One in eight rises, one in eight falls, the rest stays about level.
fn trend(draw: &mut Draw) -> f64 {
    let chance = draw.unit();
    let strength = 1.2 + draw.unit();
    if chance < 0.125 {
        strength
    } else if chance < 0.25 {
        -strength
    } else {
        0.3 * (draw.unit() - 0.5)
    }
}
