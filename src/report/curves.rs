//! Curves as SVG: numbers by step.

use super::bars::figure;
use super::html::{escape, local, number};
use crate::plan::quantity::Lang;
use serde_json::json;

/// A curve.
pub struct Curve {
    /// What it is.
    pub name: String,
    /// Step and number, by step.
    pub points: Vec<(f64, f64)>,
}

/// Points of a curve that are drawn: more than a screen has columns for.
const MOST_POINTS: usize = 400;
/// Where the drawing is: left, right, top, bottom.
const BOX: [f64; 4] = [40.0, 356.0, 8.0, 180.0];

/// The means of neighbouring points, so that at most [`MOST_POINTS`] are left.
#[must_use]
pub fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let each = points.len().div_ceil(MOST_POINTS).max(1);
    let mean = |part: &[(f64, f64)]| {
        let n = part.len() as f64;
        let sum = part.iter().fold((0.0, 0.0), |s, p| (s.0 + p.0, s.1 + p.1));
        (sum.0 / n, sum.1 / n)
    };
    points.chunks(each).map(mean).collect()
}

/// A figure of curves over the same steps; `id` is unique on the page.
#[must_use]
pub fn curves(id: &str, title: &str, step: &str, curves: &[Curve], lang: Lang) -> String {
    let all = || curves.iter().flat_map(|curve| &curve.points);
    let range = |of: fn(&(f64, f64)) -> f64| {
        let values = all().map(of).filter(|value| value.is_finite());
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        })
    };
    let (x_low, x_high) = range(|point| point.0);
    let (y_low, y_high) = range(|point| point.1);
    if !(x_low.is_finite() && y_low.is_finite()) {
        return String::new();
    }
    let ticks = ticks(y_low, y_high);
    let (y_low, y_high) = (
        y_low.min(ticks[0]),
        y_high.max(ticks[ticks.len() - 1]).max(y_low + 1e-12),
    );
    let [left, right, top, bottom] = BOX;
    let x_span = (x_high - x_low).max(1.0);
    let x = |value: f64| left + (right - left) * (value - x_low) / x_span;
    let y = |value: f64| bottom - (bottom - top) * (value - y_low) / (y_high - y_low);
    let mut drawing = String::new();
    for tick in ticks {
        let at = y(tick);
        drawing += &format!(
            "<line class=\"grid\" x1=\"{left}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/><text class=\"soft\" x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            left - 5.0,
            at + 4.0,
            local(short_number(tick), lang)
        );
    }
    for (value, anchor) in [(x_low, "start"), (x_high, "end")] {
        drawing += &format!(
            "<text class=\"soft\" x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"{anchor}\">{} {value:.0}</text>",
            x(value),
            bottom + 15.0,
            escape(step),
        );
    }
    let (mut key, mut described) = (String::from("<ul class=\"key\">"), Vec::new());
    for (place, curve) in curves.iter().enumerate() {
        let points = thinned(&curve.points);
        let colour = place % 8;
        let drawn: Vec<String> = points
            .iter()
            .map(|&(step, value)| format!("{:.1},{:.1}", x(step), y(value)))
            .collect();
        drawing += &if let [one] = &drawn[..] {
            let (cx, cy) = one.split_once(',').unwrap_or_default();
            format!(
                "<circle class=\"f{}\" cx=\"{cx}\" cy=\"{cy}\" r=\"3\"/>",
                colour % 4
            )
        } else {
            format!(
                "<polyline class=\"l l{colour}\" points=\"{}\"/>",
                drawn.join(" ")
            )
        };
        key += &format!(
            "<li><svg viewBox=\"0 0 26 8\" aria-hidden=\"true\"><line class=\"l l{colour}\" x1=\"0\" x2=\"26\" y1=\"4\" y2=\"4\"/></svg>{}</li>",
            escape(&curve.name)
        );
        if let (Some(first), Some(last)) = (curve.points.first(), curve.points.last()) {
            described.push(format!(
                "{}: {} → {}",
                curve.name,
                number(&json!(first.1), lang),
                number(&json!(last.1), lang)
            ));
        }
    }
    key += "</ul>";
    // One curve is named by the title.
    let key = if curves.len() > 1 { key } else { String::new() };
    figure(id, title, 200.0, &described.join("; "), &drawing, &key)
}

/// Round numbers that span a range: 1, 2 or 5 times a power of ten apart.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let rough = ((high - low) / 4.0).max(high.abs() * 1e-6).max(1e-12);
    let power = 10_f64.powf(rough.log10().floor());
    let apart = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|apart| *apart >= rough)
        .unwrap_or(10.0 * power);
    let first = (low / apart).floor();
    let count = ((high / apart).ceil() - first) as usize;
    (0..=count.clamp(1, 12))
        .map(|i| (first + i as f64) * apart)
        .collect()
}

fn short_number(value: f64) -> String {
    if value == 0.0 {
        "0".to_owned()
    } else if (0.01..10_000.0).contains(&value.abs()) {
        let text = format!("{value:.3}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        format!("{value:.1e}")
    }
}
