//! What the shop sells: departments and the kinds of product in them, with price, season, demand and how soon a kind is bought again.

use Department::*;
use Season::*;
use Variant::*;

/// The first level of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Department {
    Camping,
    Hiking,
    Running,
    Cycling,
    Climbing,
    Snow,
    Water,
    Garden,
    Kitchen,
    Home,
    Dogs,
    Family,
}

/// The departments in the order of their discriminants.
pub const DEPARTMENTS: [(Department, &str); 12] = [
    (Camping, "Camping"),
    (Hiking, "Hiking"),
    (Running, "Running"),
    (Cycling, "Cycling"),
    (Climbing, "Climbing"),
    (Snow, "Snow Sports"),
    (Water, "Water Sports"),
    (Garden, "Garden"),
    (Kitchen, "Kitchen & Coffee"),
    (Home, "Home & Gifts"),
    (Dogs, "Dogs"),
    (Family, "Family"),
];

impl Department {
    /// The name in the catalogue.
    pub fn name(self) -> &'static str {
        DEPARTMENTS[self as usize].1
    }
}

/// When in the year a kind sells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Season {
    Even,
    Spring,
    Summer,
    Autumn,
    Winter,
    Christmas,
}

impl Season {
    /// Demand on a day of the year (1 to 366) relative to an average day of about 1.
    pub fn factor(self, day_of_year: u32) -> f64 {
        let (peak, strength) = match self {
            Even => return 1.0,
            Spring => (115.0, 1.4),
            Summer => (187.0, 1.3),
            Autumn => (285.0, 1.1),
            Winter => (5.0, 1.7),
            Christmas => {
                let rush = (322..=358).contains(&day_of_year);
                return if rush { 7.0 } else { 0.4 };
            }
        };
        let angle = (f64::from(day_of_year) - peak) / 365.25 * std::f64::consts::TAU;
        (strength * angle.cos()).exp() / (1.0 + strength * strength / 4.0)
    }
}

/// How the products of one kind differ from each other, and what their size says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// Colours; one size.
    Colour,
    /// Colours; sizes of clothing.
    Clothing,
    /// Colours; sizes of shoes.
    Shoes,
    /// Packs from 250 g to 1 kg.
    Weight,
    /// Packs from 60 g to 220 g.
    Grams,
    /// Packs from 2 kg to 12 kg.
    Sack,
    /// Bottles from 100 ml to 500 ml.
    Volume,
    /// Bags from 10 l to 40 l.
    Litres,
    /// Packs of 6 to 24.
    Pieces,
    /// Packets of seeds.
    Packets,
    /// Ropes from 30 m to 70 m.
    Length,
    /// 150 cm to 190 cm.
    Centimetres,
    /// Wheel sizes.
    Inches,
    /// The age from which on a game is fun.
    Ages,
    /// A region that a map or a guide is about.
    Place,
}

/// A kind of product: the second level of the catalogue.
pub struct Kind {
    /// Three letters; the head of its SKUs.
    pub code: &'static str,
    pub department: Department,
    pub name: &'static str,
    pub season: Season,
    pub variant: Variant,
    /// Median days until a buyer buys the same product again; 0 for what lasts.
    pub again_days: u16,
    /// Demand relative to the other kinds of the department.
    pub demand: f64,
    /// Euros, lowest and highest before the brand's factor.
    pub price: (f64, f64),
    pub nouns: &'static [&'static str],
    pub materials: &'static [&'static str],
}

macro_rules! kinds {
    ($($code:literal $department:ident $name:literal $season:ident $variant:ident $again:literal $demand:literal $low:literal $high:literal
        [$($noun:literal),+] [$($material:literal),+];)+) => {
        &[$(Kind {
            code: $code, department: $department, name: $name, season: $season, variant: $variant, again_days: $again,
            demand: $demand, price: ($low, $high), nouns: &[$($noun),+], materials: &[$($material),+],
        }),+]
    };
}

/// Every kind, by department.
//  code, department, name, season, variant, bought again after days, demand, price from, to, [nouns], [materials]
pub const KINDS: &[Kind] = kinds! {
    "TNT" Camping "Tents" Summer Colour 0 0.9 119.0 520.0 ["2-Person Trekking Tent", "Family Dome Tent", "Ultralight Tent", "Tunnel Tent"] ["ripstop nylon", "polycotton", "recycled polyester"];
    "SLB" Camping "Sleeping Bags" Summer Colour 0 0.9 59.0 340.0 ["Down Sleeping Bag", "3-Season Sleeping Bag", "Summer Sleeping Bag", "Sleeping Quilt"] ["goose down", "hollow fibre", "brushed microfibre"];
    "SLM" Camping "Sleeping Mats" Summer Colour 0 0.8 25.0 170.0 ["Self-Inflating Mat", "Insulated Air Mat", "Foam Mat"] ["closed-cell foam", "laminated polyester", "nylon"];
    "STV" Camping "Camping Stoves" Summer Colour 0 0.7 29.0 160.0 ["Folding Gas Stove", "Windproof Stove", "Two-Burner Stove", "Wood Stove"] ["stainless steel", "titanium", "aluminium"];
    "GAS" Camping "Gas Cartridges" Summer Grams 55 1.3 5.0 16.0 ["Four-Season Gas Cartridge", "Summer Gas Cartridge", "Valve Gas Cartridge"] ["butane and propane mix"];
    "CKW" Camping "Camp Cookware" Summer Colour 0 0.8 15.0 90.0 ["Nesting Pot Set", "Camp Frying Pan", "Enamel Plate Set", "Titanium Mug"] ["hard-anodised aluminium", "enamelled steel", "titanium"];
    "LMP" Camping "Headlamps & Lanterns" Autumn Colour 0 0.8 14.0 95.0 ["Rechargeable Headlamp", "Camping Lantern", "Trail Headlamp", "Pocket Torch"] ["aluminium", "impact-proof plastic"];
    "FRM" Camping "Trail Meals" Summer Grams 32 1.4 5.0 13.0 ["Lentil Dal Trail Meal", "Mushroom Risotto Trail Meal", "Berry Muesli Trail Meal", "Vegetable Chili Trail Meal", "Pasta Bolognese Trail Meal"] ["freeze-dried ingredients"];
    "BOT" Hiking "Hiking Boots" Autumn Shoes 0 1.0 89.0 290.0 ["Mid Hiking Boots", "Leather Trekking Boots", "Light Hiking Shoes", "Winter Hiking Boots"] ["waxed nubuck", "full-grain leather", "recycled mesh"];
    "SCK" Hiking "Hiking Socks" Even Clothing 150 1.3 9.0 29.0 ["Merino Hiking Socks", "Cushioned Trekking Socks", "Liner Socks", "Knee-High Hiking Socks"] ["merino wool", "wool and silk", "quick-dry polyamide"];
    "RKS" Hiking "Rucksacks" Summer Colour 0 0.9 49.0 240.0 ["Day Rucksack 24 l", "Trekking Rucksack 55 l", "Roll-Top Rucksack", "Summit Rucksack 32 l"] ["recycled polyester", "ripstop nylon", "waxed canvas"];
    "RJK" Hiking "Rain Jackets" Autumn Clothing 0 1.0 69.0 380.0 ["3-Layer Rain Jacket", "Packable Rain Jacket", "Trekking Shell Jacket"] ["three-layer laminate", "recycled nylon"];
    "TRK" Hiking "Trekking Poles" Summer Colour 0 0.7 29.0 150.0 ["Folding Trekking Poles", "Cork-Grip Trekking Poles", "Carbon Trekking Poles"] ["carbon fibre", "aluminium 7075"];
    "BTL" Hiking "Bottles & Flasks" Even Colour 0 1.0 12.0 48.0 ["Insulated Flask 750 ml", "Drinking Bottle 1 l", "Tea Flask 500 ml", "Folding Bottle"] ["stainless steel", "BPA-free plastic", "borosilicate glass"];
    "MAP" Hiking "Maps & Guides" Spring Place 0 0.8 9.0 32.0 ["Walking Map 1:25,000", "Hut-to-Hut Guide", "Day Walks Guide", "Long-Distance Trail Map"] ["waterproof paper", "recycled paper"];
    "BAR" Hiking "Energy Bars" Even Pieces 24 1.5 8.0 32.0 ["Oat & Apricot Bars", "Almond Energy Bars", "Date & Cocoa Bars", "Hazelnut Bars", "Cranberry Bars"] ["whole grain oats", "nuts and dried fruit"];
    "RSH" Running "Running Shoes" Spring Shoes 240 1.4 69.0 210.0 ["Trail Running Shoes", "Road Running Shoes", "Long-Run Shoes", "Racing Shoes"] ["engineered mesh", "knitted upper"];
    "RTS" Running "Running Shirts" Summer Clothing 0 1.1 24.0 79.0 ["Running T-Shirt", "Long-Sleeve Running Shirt", "Running Singlet", "Half-Zip Running Shirt"] ["recycled polyester", "merino blend"];
    "RTI" Running "Running Tights & Shorts" Even Clothing 0 1.0 29.0 99.0 ["Running Tights", "2-in-1 Running Shorts", "Thermal Running Tights", "Split Shorts"] ["stretch polyamide", "recycled elastane blend"];
    "GPS" Running "Sports Watches" Christmas Colour 0 0.6 129.0 520.0 ["GPS Running Watch", "Multisport Watch", "Heart Rate Chest Belt"] ["fibre-reinforced polymer", "stainless steel"];
    "GEL" Running "Energy Gels" Summer Pieces 26 1.5 9.0 42.0 ["Lemon Energy Gels", "Salted Caramel Energy Gels", "Berry Energy Gels", "Cola Energy Gels"] ["maltodextrin and fruit"];
    "HYD" Running "Hydration Vests" Summer Clothing 0 0.6 49.0 150.0 ["Hydration Vest 5 l", "Race Vest 8 l", "Soft-Flask Belt"] ["stretch mesh", "ripstop nylon"];
    "REF" Running "Reflective Gear" Winter Clothing 0 0.7 12.0 69.0 ["Reflective Running Vest", "LED Arm Band", "Reflective Beanie"] ["reflective polyester", "merino wool"];
    "BHL" Cycling "Bike Helmets" Spring Colour 0 0.9 39.0 190.0 ["City Bike Helmet", "Road Bike Helmet", "Gravel Helmet"] ["in-mould foam", "ABS shell"];
    "BLT" Cycling "Bike Lights" Winter Colour 0 1.0 17.0 110.0 ["USB Bike Light Set", "Commuter Front Light", "Rear Light"] ["aluminium", "impact-proof plastic"];
    "LCK" Cycling "Bike Locks" Even Colour 0 0.8 19.0 120.0 ["Folding Lock", "Chain Lock", "U-Lock"] ["hardened steel", "textile-wrapped steel"];
    "PAN" Cycling "Panniers & Bags" Spring Colour 0 0.8 35.0 180.0 ["Rear Pannier Pair", "Handlebar Bag", "Commuter Pannier", "Saddle Bag"] ["PVC-free tarpaulin", "waxed canvas"];
    "TYR" Cycling "Tyres & Tubes" Spring Inches 130 1.2 6.0 59.0 ["Touring Tyre", "Gravel Tyre", "Puncture-Proof Tyre"] ["natural rubber", "butyl rubber"];
    "LUB" Cycling "Chain & Bike Care" Even Volume 70 1.3 6.0 24.0 ["Dry Chain Lube", "Wet Chain Lube", "Bike Cleaner", "Chain Degreaser"] ["plant-based oil", "biodegradable surfactants"];
    "JRS" Cycling "Cycling Clothing" Summer Clothing 0 1.0 35.0 140.0 ["Cycling Jersey", "Bib Shorts", "Wind Gilet", "Cycling Gloves"] ["recycled polyester", "merino blend"];
    "PMP" Cycling "Pumps & Tools" Spring Colour 0 0.8 12.0 85.0 ["Mini Pump", "Floor Pump", "17-Function Multitool", "Tyre Repair Kit"] ["aluminium", "tool steel"];
    "HRN" Climbing "Harnesses" Even Clothing 0 0.8 49.0 140.0 ["Sport Climbing Harness", "All-Round Harness", "Via Ferrata Harness"] ["woven polyamide", "recycled polyester"];
    "RPE" Climbing "Ropes" Spring Length 0 0.7 89.0 250.0 ["Single Rope 9.8 mm", "Gym Rope 10 mm", "Half Rope 8.2 mm"] ["polyamide"];
    "SHO" Climbing "Climbing Shoes" Even Shoes 260 1.1 69.0 170.0 ["Bouldering Shoes", "Beginner Climbing Shoes", "Crack Climbing Shoes"] ["microfibre", "suede leather"];
    "CHK" Climbing "Chalk & Skin Care" Even Grams 45 1.5 5.0 19.0 ["Loose Chalk", "Chunky Chalk", "Climber's Hand Balm"] ["magnesium carbonate", "beeswax"];
    "CAR" Climbing "Quickdraws & Carabiners" Spring Pieces 0 1.0 9.0 130.0 ["Quickdraw Set", "Screwgate Carabiners", "Belay Device Set"] ["forged aluminium"];
    "HLM" Climbing "Climbing Helmets" Summer Colour 0 0.6 49.0 120.0 ["Light Climbing Helmet", "Mountaineering Helmet"] ["in-mould foam", "ABS shell"];
    "CRP" Climbing "Bouldering Mats" Summer Colour 0 0.4 119.0 290.0 ["Folding Crash Pad", "Starter Crash Pad", "Landing Mat"] ["ballistic nylon", "layered foam"];
    "SKI" Snow "Skis" Winter Centimetres 0 0.5 249.0 680.0 ["Touring Skis", "All-Mountain Skis", "Cross-Country Skis"] ["ash and carbon", "poplar core"];
    "SBT" Snow "Ski Boots" Winter Shoes 0 0.6 159.0 450.0 ["Touring Ski Boots", "Comfort Ski Boots", "Cross-Country Boots"] ["polyurethane shell", "heat-mouldable liner"];
    "GOG" Snow "Goggles" Winter Colour 0 0.9 35.0 190.0 ["Ski Goggles", "Photochromic Goggles", "Over-Glasses Goggles"] ["cylindrical polycarbonate", "recycled plastic"];
    "SJK" Snow "Ski Clothing" Winter Clothing 0 1.1 99.0 420.0 ["Insulated Ski Jacket", "Ski Trousers", "Touring Softshell"] ["two-layer laminate", "recycled insulation"];
    "GLV" Snow "Gloves & Hats" Winter Clothing 0 1.3 15.0 110.0 ["Leather Ski Gloves", "Merino Beanie", "Down Mittens", "Ribbed Wool Hat"] ["goatskin", "merino wool", "goose down"];
    "WAX" Snow "Ski Wax & Care" Winter Grams 38 1.2 8.0 28.0 ["All-Temperature Ski Wax", "Cold Snow Wax", "Skin Care Wax"] ["fluorine-free wax", "plant wax"];
    "BSL" Snow "Base Layers" Winter Clothing 0 1.2 35.0 119.0 ["Merino Base Layer Top", "Merino Base Layer Leggings", "Thermal Half-Zip"] ["merino wool", "bamboo viscose"];
    "SNO" Snow "Snowshoes" Winter Colour 0 0.5 89.0 260.0 ["Tour Snowshoes", "Light Snowshoes", "Alpine Snowshoes"] ["aluminium frame", "glass-fibre nylon"];
    "KYK" Water "Kayaks" Summer Colour 0 0.4 249.0 690.0 ["Inflatable Kayak", "Folding Kayak", "Packraft"] ["PVC-free tarpaulin", "drop-stitch fabric"];
    "SUP" Water "Paddle Boards" Summer Colour 0 0.6 199.0 590.0 ["Touring Paddle Board", "All-Round Paddle Board", "Wide Paddle Board"] ["drop-stitch fabric"];
    "PDL" Water "Paddles" Summer Centimetres 0 0.7 39.0 210.0 ["Two-Part Kayak Paddle", "Adjustable Board Paddle", "Canoe Paddle"] ["carbon fibre", "ash wood", "glass fibre"];
    "LFJ" Water "Buoyancy Vests" Summer Clothing 0 0.7 45.0 140.0 ["Touring Buoyancy Vest", "Children's Life Jacket", "Belt Buoyancy Aid"] ["soft foam and nylon"];
    "DRY" Water "Dry Bags" Summer Litres 0 1.1 9.0 69.0 ["Roll-Top Dry Bag", "Dry Backpack", "Phone Dry Pouch"] ["welded tarpaulin", "recycled nylon"];
    "WET" Water "Wetsuits" Summer Clothing 0 0.6 69.0 320.0 ["Long-Sleeve Wetsuit", "Shorty Wetsuit", "Open-Water Swim Suit"] ["limestone neoprene", "yulex rubber"];
    "SWM" Water "Swimwear" Summer Clothing 0 1.3 19.0 79.0 ["Swim Shorts", "Sports Swimsuit", "Swim Goggles", "Quick-Dry Poncho"] ["recycled polyamide", "cotton terry"];
    "WPC" Water "Boat & Suit Care" Summer Volume 60 0.9 8.0 26.0 ["Neoprene Wash", "Boat Seam Sealer", "Board Cleaner"] ["plant-based surfactants"];
    "SED" Garden "Seeds" Spring Packets 40 1.6 2.0 9.0 ["Tomato Seeds", "Wildflower Seeds", "Salad Leaf Seeds", "Sunflower Seeds", "Herb Garden Seeds", "Radish Seeds"] ["organic seed"];
    "PTS" Garden "Pots & Planters" Spring Colour 0 1.0 8.0 89.0 ["Terracotta Pot", "Balcony Planter", "Zinc Planter", "Hanging Basket"] ["terracotta", "zinc", "woven seagrass"];
    "SOL" Garden "Soil & Fertiliser" Spring Litres 36 1.5 5.0 24.0 ["Peat-Free Potting Soil", "Tomato Fertiliser", "Herb Soil", "Worm Compost"] ["composted bark", "sheep's wool pellets"];
    "TLS" Garden "Garden Tools" Spring Colour 0 1.0 12.0 79.0 ["Hand Trowel", "Bypass Secateurs", "Garden Fork", "Weeding Knife"] ["forged steel and ash", "stainless steel"];
    "HOS" Garden "Watering" Summer Colour 0 0.9 12.0 98.0 ["Watering Can 9 l", "Garden Hose Set", "Drip Watering Kit"] ["galvanised steel", "recycled rubber"];
    "FUR" Garden "Garden Furniture" Summer Colour 0 0.5 59.0 420.0 ["Folding Bistro Chair", "Garden Bench", "Hammock", "Bistro Table"] ["acacia wood", "powder-coated steel", "cotton rope"];
    "GRL" Garden "Grills" Summer Colour 0 0.6 49.0 390.0 ["Kettle Grill", "Table Grill", "Fire Bowl"] ["enamelled steel", "cast iron", "corten steel"];
    "CHC" Garden "Charcoal & Firelighters" Summer Sack 28 1.2 6.0 24.0 ["Beech Charcoal", "Coconut Briquettes", "Wood-Wool Firelighters"] ["beech wood", "coconut shell"];
    "BRD" Garden "Wild Birds" Winter Sack 30 1.2 5.0 28.0 ["Sunflower Heart Bird Food", "Suet Balls", "Winter Bird Mix"] ["sunflower hearts", "suet and grain"];
    "BNS" Kitchen "Coffee Beans" Even Weight 25 2.2 7.0 24.0 ["House Espresso", "Ethiopia Filter Roast", "Colombia Roast", "Decaf Espresso", "Breakfast Roast"] ["arabica beans", "arabica and robusta beans"];
    "GRD" Kitchen "Coffee Grinders" Christmas Colour 0 0.7 39.0 330.0 ["Hand Coffee Grinder", "Electric Burr Grinder", "Espresso Grinder"] ["stainless steel", "beech wood and steel"];
    "ESP" Kitchen "Coffee Makers" Christmas Colour 0 0.8 25.0 560.0 ["Stovetop Espresso Maker", "Espresso Machine", "Pour-Over Set", "French Press"] ["stainless steel", "borosilicate glass", "aluminium"];
    "FLT" Kitchen "Filters & Descaler" Even Pieces 48 1.3 4.0 17.0 ["Unbleached Coffee Filters", "Descaling Tablets", "Cloth Coffee Filters"] ["unbleached paper", "citric acid", "organic cotton"];
    "CUP" Kitchen "Cups & Mugs" Christmas Colour 0 1.1 8.0 45.0 ["Stoneware Mug", "Espresso Cup Pair", "Enamel Mug", "Latte Bowl"] ["stoneware", "porcelain", "enamelled steel"];
    "KNF" Kitchen "Knives & Boards" Christmas Colour 0 0.8 19.0 180.0 ["Chef's Knife", "Paring Knife", "Bread Knife", "Chopping Board"] ["carbon steel", "stainless steel and oak", "oiled walnut"];
    "PNS" Kitchen "Pots & Pans" Even Colour 0 0.9 29.0 230.0 ["Cast-Iron Casserole", "Carbon Steel Pan", "Saucepan", "Cast-Iron Skillet"] ["cast iron", "carbon steel", "copper-bottomed steel"];
    "TEA" Kitchen "Tea" Winter Grams 42 1.5 5.0 22.0 ["Darjeeling First Flush", "Mountain Herb Tea", "Earl Grey", "Rooibos Orange", "Jasmine Green Tea"] ["whole leaf tea", "organic herbs"];
    "BAK" Kitchen "Baking" Christmas Colour 0 1.0 9.0 69.0 ["Loaf Tin", "Proofing Basket", "Biscuit Cutter Set", "Cake Ring"] ["tinplate", "rattan", "stainless steel"];
    "BLK" Home "Blankets & Throws" Winter Colour 0 1.1 29.0 170.0 ["Lambswool Throw", "Cotton Waffle Blanket", "Recycled Wool Blanket"] ["lambswool", "organic cotton", "recycled wool"];
    "CND" Home "Candles" Christmas Pieces 45 1.4 6.0 42.0 ["Beeswax Candles", "Pine Scented Candle", "Dinner Candles", "Fig Scented Candle"] ["beeswax", "rapeseed wax"];
    "LGT" Home "Lamps" Autumn Colour 0 0.7 29.0 220.0 ["Table Lamp", "Reading Lamp", "Paper Pendant Lamp"] ["turned oak", "powder-coated steel", "rice paper"];
    "GFT" Home "Gift Sets" Christmas Colour 0 1.1 15.0 89.0 ["Tea Lover's Gift Set", "Gardener's Gift Box", "Winter Evening Gift Box", "Pocket Tool Gift Set"] ["recycled card and wood wool"];
    "TWL" Home "Towels" Even Colour 0 0.9 9.0 69.0 ["Waffle Towel", "Hammam Towel", "Bath Towel", "Linen Tea Towel Pair"] ["organic cotton", "linen"];
    "XMS" Home "Christmas Decorations" Christmas Pieces 0 1.3 5.0 49.0 ["Straw Stars", "Glass Baubles", "Paper Lantern Stars", "Wooden Tree Ornaments"] ["wheat straw", "mouth-blown glass", "birch plywood"];
    "BKS" Home "Nature Books" Christmas Place 0 0.9 12.0 48.0 ["Field Guide to Birds", "Wild Plants Handbook", "Cabin Cookery Book", "Night Sky Atlas"] ["recycled paper"];
    "DFD" Dogs "Dog Food" Even Sack 28 2.2 9.0 62.0 ["Salmon Dry Dog Food", "Lamb & Rice Dog Food", "Grain-Free Dog Food", "Puppy Food"] ["free-range meat and rice", "sustainable fish"];
    "LSH" Dogs "Leads & Harnesses" Even Colour 0 1.0 12.0 69.0 ["Rope Dog Lead", "Padded Dog Harness", "Leather Collar", "Bungee Running Lead"] ["climbing rope", "full-grain leather", "air mesh"];
    "DBD" Dogs "Dog Beds" Autumn Colour 0 0.6 29.0 170.0 ["Orthopaedic Dog Bed", "Travel Dog Bed", "Woven Dog Basket"] ["memory foam and canvas", "recycled felt", "willow"];
    "TOY" Dogs "Dog Toys" Christmas Colour 90 1.1 5.0 29.0 ["Rope Tug Toy", "Rubber Treat Ball", "Floating Fetch Toy", "Squeaky Fox"] ["natural rubber", "cotton rope", "recycled felt"];
    "TRT" Dogs "Dog Treats" Even Grams 22 1.6 3.0 16.0 ["Dried Beef Strips", "Salmon Training Treats", "Dental Chews", "Pumpkin Biscuits"] ["air-dried meat", "oats and vegetables"];
    "DCT" Dogs "Dog Coats" Winter Clothing 0 0.7 25.0 110.0 ["Waxed Dog Coat", "Fleece Dog Jumper", "Dog Rain Coat"] ["waxed cotton", "recycled fleece"];
    "KBT" Family "Children's Shoes" Autumn Shoes 180 1.1 29.0 89.0 ["Children's Hiking Boots", "Children's Wellies", "Toddler Barefoot Shoes"] ["natural rubber", "suede and mesh"];
    "CRR" Family "Child Carriers" Spring Colour 0 0.5 79.0 320.0 ["Hiking Child Carrier", "Baby Sling", "Bike Trailer"] ["aluminium and canvas", "organic cotton"];
    "KRJ" Family "Children's Outdoor Clothing" Autumn Clothing 170 1.3 19.0 110.0 ["Children's Rain Suit", "Toddler Fleece Overall", "Children's Sun Hat", "Children's Softshell Jacket"] ["recycled polyester", "merino fleece"];
    "PZL" Family "Games & Puzzles" Christmas Ages 0 1.3 9.0 59.0 ["Forest Animals Puzzle", "Cooperative Board Game", "Mountain Hut Card Game", "Wooden Memory Game"] ["recycled board", "beech wood"];
    "KBK" Family "Children's Bikes & Scooters" Spring Colour 0 0.6 59.0 330.0 ["Balance Bike", "Children's Bike 16 inch", "Folding Scooter"] ["aluminium", "birch plywood"];
    "SND" Family "Outdoor Toys" Summer Colour 0 1.1 6.0 69.0 ["Sandpit Set", "Kite", "Den-Building Kit", "Pocket Microscope"] ["recycled plastic", "beech wood", "ripstop nylon"];
    "SUN" Family "Sun & Insect Care" Summer Volume 34 1.3 6.0 25.0 ["Mineral Sun Cream", "Children's Sun Lotion", "Lemon Insect Spray"] ["mineral filter", "plant oils"];
};

/// What is bought after what: the kind bought first, the kind that follows, its probability, and after how many days at the earliest and latest.
pub struct Sequel {
    pub first: &'static str,
    pub then: &'static str,
    pub chance: f64,
    pub days: (i64, i64),
}

macro_rules! sequels {
    ($($first:literal $then:literal $chance:literal $low:literal $high:literal;)+) => {
        &[$(Sequel { first: $first, then: $then, chance: $chance, days: ($low, $high) }),+]
    };
}

/// The complements, in the order in which people buy them. No pair appears the other way round.
pub const SEQUELS: &[Sequel] = sequels! {
    "TNT" "SLB" 0.55 2 14;  "SLB" "SLM" 0.50 2 18;  "SLM" "STV" 0.35 4 25;  "STV" "GAS" 0.70 1 10;  "STV" "CKW" 0.45 3 20;  "CKW" "FRM" 0.35 3 20;  "TNT" "LMP" 0.25 5 30;
    "BOT" "SCK" 0.55 1 12;  "RKS" "RJK" 0.30 5 35;  "RKS" "BTL" 0.35 2 15;  "BOT" "TRK" 0.25 7 35;  "MAP" "BAR" 0.35 2 18;  "TRK" "MAP" 0.25 4 25;
    "RSH" "RTS" 0.40 2 20;  "RTS" "RTI" 0.35 3 25;  "RSH" "GEL" 0.35 5 30;  "GPS" "RSH" 0.30 5 35;  "HYD" "GEL" 0.45 2 15;  "RTI" "REF" 0.20 5 40;
    "BHL" "BLT" 0.40 2 20;  "BLT" "LCK" 0.30 3 25;  "LCK" "PAN" 0.25 6 40;  "TYR" "PMP" 0.35 1 12;  "PMP" "LUB" 0.40 2 20;  "JRS" "BHL" 0.20 4 30;
    "HRN" "SHO" 0.50 2 16;  "SHO" "CHK" 0.60 1 14;  "HRN" "RPE" 0.35 6 35;  "RPE" "CAR" 0.50 2 18;  "CAR" "HLM" 0.30 4 28;  "CRP" "CHK" 0.40 1 12;
    "SKI" "SBT" 0.55 1 10;  "SBT" "GOG" 0.40 2 16;  "SKI" "WAX" 0.45 4 24;  "SJK" "GLV" 0.45 2 18;  "GLV" "BSL" 0.30 3 22;  "SNO" "GLV" 0.35 2 16;
    "KYK" "PDL" 0.60 1 9;   "PDL" "LFJ" 0.45 2 14;  "SUP" "PDL" 0.50 1 10;  "LFJ" "DRY" 0.40 2 18;  "WET" "WPC" 0.45 3 25;  "SWM" "DRY" 0.20 4 25;
    "PTS" "SOL" 0.55 1 9;   "SOL" "SED" 0.35 2 14;  "SED" "HOS" 0.15 8 35;  "GRL" "CHC" 0.65 1 10;  "TLS" "PTS" 0.25 4 25;  "FUR" "GRL" 0.25 5 35;
    "ESP" "GRD" 0.45 3 22;  "GRD" "BNS" 0.65 1 9;   "ESP" "CUP" 0.35 2 16;  "BNS" "FLT" 0.15 3 20;  "PNS" "KNF" 0.35 4 28;  "CUP" "TEA" 0.25 2 18;  "KNF" "BAK" 0.15 6 40;
    "BLK" "CND" 0.40 2 18;  "LGT" "BLK" 0.25 5 35;  "XMS" "CND" 0.35 1 12;  "GFT" "XMS" 0.20 1 12;  "TWL" "CND" 0.15 4 30;
    "DBD" "LSH" 0.35 2 18;  "LSH" "TRT" 0.50 1 12;  "TRT" "DFD" 0.25 3 20;  "LSH" "DCT" 0.20 8 45;  "DFD" "TOY" 0.10 4 25;
    "CRR" "KRJ" 0.45 3 22;  "KRJ" "KBT" 0.35 2 20;  "KBK" "SND" 0.30 3 25;  "SND" "SUN" 0.35 2 16;  "PZL" "BKS" 0.20 2 20;
};

/// Where in [`KINDS`] the kind with this code stands.
pub fn index_of(code: &str) -> Option<usize> {
    KINDS.iter().position(|kind| kind.code == code)
}
