//! The words of the shop: brands, colours, sizes, people's names and the phrases of product descriptions. All of them invented or common.

use crate::kinds::Department::{self, *};
use crate::kinds::Variant;

/// What a brand stands for. Customers have a favourite; it binds their purchases together across kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Plain,
    Classic,
    Technical,
    Design,
}

pub const STYLES: [Style; 4] = [Style::Plain, Style::Classic, Style::Technical, Style::Design];

impl Style {
    /// What the brand's prices are multiplied by.
    pub fn price_factor(self) -> f64 {
        match self {
            Style::Plain => 0.65,
            Style::Classic => 1.0,
            Style::Technical => 1.3,
            Style::Design => 1.15,
        }
    }
}

/// A brand: its name, its style and the departments that it makes things for.
pub struct Brand {
    pub name: &'static str,
    pub style: Style,
    pub departments: &'static [Department],
}

macro_rules! brands {
    ($($name:literal $style:ident [$($department:ident),+];)+) => {
        &[$(Brand { name: $name, style: Style::$style, departments: &[$($department),+] }),+]
    };
}

/// Every department has at least one brand of each style.
pub const BRANDS: &[Brand] = brands! {
    "Norrvik" Technical [Camping, Hiking, Snow];
    "Tarnfell" Classic [Camping, Hiking, Climbing];
    "Hollowpine" Plain [Camping, Hiking];
    "Fernlight" Design [Camping, Hiking, Family];
    "Skarvhult" Technical [Camping, Water];
    "Brackenby" Classic [Hiking, Dogs, Family];
    "Fleetmark" Technical [Running, Cycling];
    "Lope & Stride" Design [Running];
    "Roadkin" Plain [Running, Cycling];
    "Harrier Mill" Classic [Running, Hiking];
    "Speichenwerk" Technical [Cycling];
    "Pedal & Thread" Design [Cycling];
    "Oldbury Cycle Co." Classic [Cycling, Family];
    "Cragmoor" Classic [Climbing];
    "Steilhang" Technical [Climbing, Snow];
    "Chockstone" Plain [Climbing];
    "Granit & Garn" Design [Climbing, Snow];
    "Firnline" Plain [Snow];
    "Wintervale" Classic [Snow, Home];
    "Skerrie" Classic [Water];
    "Tidewrack" Plain [Water];
    "Lagunda" Design [Water];
    "Rowan Acre" Classic [Garden];
    "Beetwerk" Technical [Garden];
    "Potting & Co." Plain [Garden];
    "Verdance" Design [Garden, Home];
    "Mill Lane" Classic [Kitchen];
    "Kupferkrug" Technical [Kitchen];
    "Daily Pantry" Plain [Kitchen];
    "Atelier Brume" Design [Kitchen, Home];
    "Hearth & Hazel" Classic [Home, Kitchen];
    "Simplestead" Plain [Home, Family, Dogs];
    "Lumenfold" Technical [Home];
    "Pfotenpfad" Technical [Dogs];
    "Barker & Burr" Design [Dogs];
    "Good Hound" Classic [Dogs];
    "Kleine Fuchs" Design [Family];
    "Puddlejump" Classic [Family];
    "Knirps & Kraxe" Technical [Family];
    "Tannentier" Plain [Family, Dogs];
};

/// The names of product lines; a product is `{brand} {line} {noun}, {variant}`.
pub const LINES: &[&str] = &[
    "Ridge", "Drift", "Ember", "Fjord", "Alder", "Merle", "Tarn", "Juniper", "Cinder", "Sorrel", "Heron", "Moss", "Aspen", "Larch",
    "Flint", "Birch", "Kite", "Otter", "Quill", "Raven", "Skye", "Thistle", "Umbra", "Vale", "Willow", "Yarrow", "Zephyr", "Bracken",
    "Copper", "Dune", "Elm", "Fern", "Gale", "Hazel", "Isle", "Kestrel", "Lupin", "Marten", "Nettle", "Oriole", "Pike", "Reed", "Sedge",
    "Tern", "Vesper", "Wren", "Arc", "Basalt", "Cove", "Delta",
];

const COLOURS: &[&str] = &[
    "moss green",
    "slate grey",
    "ochre",
    "night blue",
    "rust red",
    "charcoal",
    "sand",
    "pine green",
    "sky blue",
    "berry",
    "oatmeal",
    "black",
    "terracotta",
    "ice blue",
    "sunflower yellow",
    "plum",
];
const PLACES: &[&str] = &[
    "Black Forest",
    "Dolomites",
    "Lake District",
    "Harz",
    "Bernese Oberland",
    "Pyrenees",
    "Tatra",
    "Jura",
    "Eifel",
    "Snowdonia",
    "Vosges",
    "Allgäu",
    "Cairngorms",
    "Lofoten",
    "Karwendel",
    "Bohemian Forest",
];

/// What may stand after the comma in a product's name.
pub fn variants(variant: Variant) -> &'static [&'static str] {
    match variant {
        Variant::Colour | Variant::Clothing | Variant::Shoes => COLOURS,
        Variant::Weight => &["250 g", "500 g", "1 kg"],
        Variant::Grams => &["60 g", "120 g", "220 g"],
        Variant::Sack => &["2 kg", "6 kg", "12 kg"],
        Variant::Volume => &["100 ml", "250 ml", "500 ml"],
        Variant::Litres => &["10 l", "20 l", "40 l"],
        Variant::Pieces => &["pack of 6", "pack of 12", "pack of 24"],
        Variant::Packets => &["1 packet", "3 packets", "8 packets"],
        Variant::Length => &["30 m", "40 m", "60 m", "70 m"],
        Variant::Centimetres => &["150 cm", "160 cm", "170 cm", "180 cm", "190 cm"],
        Variant::Inches => &["26 inch", "27.5 inch", "28 inch"],
        Variant::Ages => &["ages 3+", "ages 5+", "ages 8+"],
        Variant::Place => PLACES,
    }
}

/// Whether the word after the comma is a colour.
pub fn is_coloured(variant: Variant) -> bool {
    matches!(variant, Variant::Colour | Variant::Clothing | Variant::Shoes)
}

/// The sizes in which a product with this variant comes, where the name does not say it.
pub fn sizes(variant: Variant) -> &'static [&'static str] {
    match variant {
        Variant::Clothing => &["XS-L", "S-XL", "M-XXL"],
        Variant::Shoes => &["EU 28-36", "EU 36-42", "EU 39-47"],
        _ => &["one size"],
    }
}

pub const FIRST_NAMES: &[&str] = &[
    "Anna", "Ben", "Clara", "David", "Elif", "Felix", "Greta", "Hannah", "Ivan", "Jana", "Karl", "Lena", "Malik", "Nora", "Oskar", "Paula",
    "Quentin", "Rosa", "Samuel", "Tilda", "Ugo", "Vera", "Wanda", "Xenia", "Yusuf", "Zoë", "Amir", "Birgit", "Cem", "Dora", "Emil",
    "Frieda", "Gustav", "Hugo", "Ines", "Jonas", "Klara", "Levi", "Mira", "Nils", "Olga", "Piotr", "Renate", "Søren", "Theo", "Ursula",
    "Viktor", "Wilma", "Yara", "Jürgen",
];

pub const LAST_NAMES: &[&str] = &[
    "Albrecht",
    "Berg",
    "Costa",
    "Dietrich",
    "Eriksen",
    "Fischer",
    "Grünwald",
    "Haas",
    "Ivanova",
    "Jansen",
    "Keller",
    "Lindqvist",
    "Moreau",
    "Novak",
    "Okafor",
    "Petersen",
    "Quist",
    "Rossi",
    "Schneider",
    "Tanaka",
    "Ulrich",
    "Vogel",
    "Wagner",
    "Yildiz",
    "Zimmer",
    "Arnold",
    "Baumann",
    "Cooper",
    "Dahl",
    "Engel",
    "Fuchs",
    "Graf",
    "Hartmann",
    "Ibrahim",
    "Jung",
    "Kowalski",
    "Lang",
    "Meyer",
    "Nielsen",
    "Ortega",
    "Pohl",
    "Reuter",
    "Sommer",
    "Thomsen",
    "Unger",
    "Vidal",
    "Weber",
    "Young",
    "Zeller",
    "Adler",
    "Brandt",
    "Conti",
    "Duarte",
    "Ebert",
    "Frank",
    "Götz",
    "Huber",
    "Jakobsen",
    "Krüger",
    "Lorenz",
];

pub const REGIONS: [&str; 8] = ["Coast", "Lakeland", "Capital", "Midlands", "Uplands", "Alps", "Southlands", "Borders"];
pub const AGE_BANDS: [&str; 6] = ["18-24", "25-34", "35-44", "45-54", "55-64", "65+"];
/// The tiers in rising order, and what the acquired shop called them.
pub const TIERS: [(&str, &str); 3] = [("bronze", "Bronze"), ("silver", "Silber"), ("gold", "Gold")];
pub const RETURN_REASONS: [&str; 6] =
    ["does not fit", "colour differs from picture", "arrived damaged", "ordered two sizes", "changed my mind", ""];

/// The first words of a description.
pub const OPENINGS: &[&str] = &[
    "A dependable",
    "Our most asked-for",
    "A light and simple",
    "The thoughtful",
    "A generous",
    "An honest",
    "The well-made",
    "A compact",
    "The everyday",
    "A quietly clever",
];

/// Descriptions: something that the maker is proud of.
pub const FEATURES: &[&str] = &[
    "Every part can be replaced, and we keep the spares.",
    "Made in small batches by people who use it themselves.",
    "Weighs less than you expect and does more than it shows.",
    "Packed without plastic.",
    "The details were changed three times until our testers stopped complaining.",
    "Comes with a repair promise of five years.",
    "Cut and finished in a family workshop.",
    "Quick to set up, quicker to put away.",
    "The colour keeps even after many seasons outdoors.",
    "Made with electricity from the wind.",
];

/// Descriptions: the last sentence.
pub const CLOSINGS: &[&str] = &[
    "A good first one, and a good last one.",
    "Goes well with the rest of the line.",
    "Please follow the care label.",
    "A favourite of our own staff.",
    "Gift wrapping is free.",
    "Tested by two of our customers for a year.",
    "If it fails you, send it back.",
    "Best stored dry.",
];

/// Descriptions: what things of a department are good for.
pub fn uses(department: Department) -> &'static [&'static str] {
    match department {
        Camping => {
            &["long weekends under canvas", "wild nights far from the road", "campsites with children", "the first warm nights of the year"]
        }
        Hiking => &["hut-to-hut tours", "short walks in bad weather", "steep paths and long descents", "slow Sundays in the hills"],
        Running => &["morning rounds before work", "muddy forest trails", "the last ten kilometres of a marathon", "interval evenings"],
        Cycling => &["the daily way to work", "gravel roads and detours", "wet winter commutes", "tours with luggage"],
        Climbing => &["evenings at the wall", "long multi-pitch routes", "the first lead", "boulders in the forest"],
        Snow => &["fresh tracks at dawn", "cold lifts and long runs", "tours beyond the slopes", "winter walks"],
        Water => &[
            "calm lakes in the early morning",
            "rivers with a little white water",
            "long days at the beach",
            "islands within paddling distance",
        ],
        Garden => &["small balconies", "raised beds", "the long rows of an allotment", "evenings on the terrace"],
        Kitchen => &["the first cup of the day", "slow cooking with friends", "small kitchens", "Sunday breakfast"],
        Home => &["dark November evenings", "the guest room", "a corner that needs warmth", "people who have everything"],
        Dogs => &["long walks in any weather", "young dogs with much energy", "older dogs with stiff hips", "training in the park"],
        Family => &["puddles and playgrounds", "the way to nursery", "rainy afternoons indoors", "first steps outdoors"],
    }
}
