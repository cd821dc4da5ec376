//! Charts as inline SVG; colours come from the page's style.

use evaluate::{Figure, Interval};

use super::{add, escape};

/// One line of a chart of ranges.
pub(super) struct Row {
    pub label: String,
    /// Below the label; may be empty.
    pub note: String,
    pub figure: Figure,
}

const WIDTH: f64 = 880.0;
/// Where the axis begins and ends; labels stand before it, numbers behind.
const LEFT: f64 = 180.0;
const RIGHT: f64 = 720.0;
const TOP: f64 = 26.0;

/// Means with intervals, ours above theirs, on one axis from 0.
pub(super) fn ranges(rows: &[Row]) -> String {
    let greatest = rows.iter().flat_map(|row| [row.figure.model.high, row.figure.baseline.high]).fold(0.0, f64::max);
    let axis = Axis::to(greatest);
    let height: f64 = rows.iter().map(height_of).sum::<f64>() + TOP + 6.0;
    let mut svg = open(height, "Means with 95 % intervals, this recipe and best-sellers");
    axis.draw(&mut svg, height);
    let mut top = TOP;
    for row in rows {
        let middle = top + 18.0;
        add(&mut svg, format_args!("<text x=\"0\" y=\"{:.1}\">{}</text>", middle + 4.0, escape(&row.label)));
        if !row.note.is_empty() {
            add(&mut svg, format_args!("<text class=\"small\" x=\"0\" y=\"{:.1}\">{}</text>", middle + 24.0, escape(&row.note)));
        }
        axis.range(&mut svg, "ours", row.figure.model, middle - 6.0);
        axis.range(&mut svg, "theirs", row.figure.baseline, middle + 6.0);
        let word = if row.figure.is_significant { "" } else { ", chance?" };
        let text = format!("{:.3} / {:.3}{word}", row.figure.model.mean, row.figure.baseline.mean);
        add(&mut svg, format_args!("<text class=\"small\" x=\"{:.1}\" y=\"{:.1}\">{text}</text>", RIGHT + 12.0, middle + 4.0));
        top += height_of(row);
    }
    svg.push_str("</svg>");
    svg
}

/// One column a score; `best` stands out.
pub(super) fn bars(scores: &[f64], best: usize) -> String {
    let axis = Axis::to(scores.iter().copied().fold(0.0, f64::max));
    let height = TOP + 20.0 * scores.len() as f64 + 6.0;
    let mut svg = open(height, "NDCG@10 of every trial");
    axis.draw(&mut svg, height);
    for (at, score) in scores.iter().enumerate() {
        let top = TOP + 20.0 * at as f64 + 4.0;
        let (class, word) = if at == best { ("ours", ", chosen") } else { ("theirs", "") };
        add(
            &mut svg,
            format_args!(
                "<text x=\"0\" y=\"{:.1}\">Trial {}{word}</text><rect class=\"{class}\" x=\"{LEFT}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"10\"/>\
                 <text class=\"small\" x=\"{:.1}\" y=\"{:.1}\">{score:.4}</text>",
                top + 10.0,
                at + 1,
                axis.x(*score) - LEFT,
                RIGHT + 12.0,
                top + 10.0
            ),
        );
    }
    svg.push_str("</svg>");
    svg
}

fn height_of(row: &Row) -> f64 {
    if row.note.is_empty() { 34.0 } else { 54.0 }
}

fn open(height: f64, title: &str) -> String {
    format!("<svg viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-label=\"{title}\">")
}

/// From 0 to a round number.
struct Axis {
    end: f64,
    step: f64,
}

impl Axis {
    fn to(greatest: f64) -> Self {
        let greatest = if greatest.is_finite() && greatest > 0.0 { greatest } else { 1.0 };
        let power = 10f64.powf((greatest / 4.0).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|one| one * power).into_iter().find(|step| step * 5.0 >= greatest).unwrap_or(10.0 * power);
        Self { end: step * (greatest / step).ceil(), step }
    }

    fn x(&self, value: f64) -> f64 {
        let place = if value.is_finite() { (value / self.end).clamp(0.0, 1.0) } else { 0.0 };
        LEFT + place * (RIGHT - LEFT)
    }

    fn draw(&self, svg: &mut String, height: f64) {
        let steps = (self.end / self.step).round() as u32;
        let digits = if self.step < 0.01 {
            3
        } else if self.step < 0.1 {
            2
        } else {
            1
        };
        for step in 0..=steps {
            let value = f64::from(step) * self.step;
            let x = self.x(value);
            add(
                svg,
                format_args!(
                    "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{height:.0}\"/>\
                     <text class=\"small\" x=\"{x:.1}\" y=\"16\" text-anchor=\"middle\">{value:.digits$}</text>"
                ),
            );
        }
    }

    fn range(&self, svg: &mut String, class: &str, interval: Interval, y: f64) {
        let (low, mean, high) = (self.x(interval.low), self.x(interval.mean), self.x(interval.high));
        add(
            svg,
            format_args!(
                "<line class=\"{class}\" stroke-width=\"3\" stroke-linecap=\"round\" x1=\"{low:.1}\" x2=\"{high:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <circle class=\"{class}\" cx=\"{mean:.1}\" cy=\"{y:.1}\" r=\"4.5\"/>"
            ),
        );
    }
}
